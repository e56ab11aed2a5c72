#pragma once

#include <functional>
#include <memory>

#include "core/counters.h"
#include "core/dtype.h"
#include "core/ref.h"

namespace pyautograd {

class Storage;

// How the numbers of a storage are made: kept by what makes them when they are wanted
// (autograd/deferral.h), or may drop them and make them again (autograd/recipe.h), or says that a
// later run makes them (autograd/capture.h).
class Lineage {
 public:
  enum class Kind : uint8_t { Provenance, Deferral, Capture };
  const Kind kind;

  // Makes numbers that are not there.
  virtual void restore(Storage& storage) = 0;
  // The memory is about to be written: nothing may be made from it later as if it were not.
  virtual void before_write(Storage& storage) = 0;
  // Nobody refers to the storage any more.
  virtual void forget(Storage& storage) noexcept = 0;

 protected:
  explicit Lineage(Kind kind) noexcept : kind(kind) {}
  ~Lineage() = default;
};

// A buffer with a version counter. Memory comes from our allocator (small buffers lie behind the
// header, in the same block), from that of another device, or belongs to somebody else: a NumPy
// array, a DLPack capsule.
class Storage final : public RefCounted {
 public:
  static Ref<Storage> allocate(size_t bytes, Device device = {});
  // Without memory, which the lineage gives to it when somebody asks.
  static Ref<Storage> absent(size_t bytes, Lineage& lineage);
  // Memory to adopt_data: never behind the header.
  static Ref<Storage> allocate_apart(size_t bytes);
  // `release` runs once, when nobody refers to the memory any more.
  static Ref<Storage> wrap(void* data, size_t bytes, Device device, bool writable,
                           std::function<void()> release);

  // Dropped numbers are made again. Where somebody may drop them, the pointer holds until the next
  // allocation, unless a Pins (autograd/rematerialise.h) or a handle keeps it.
  void* data() const {
    void* data = data_.load(std::memory_order_acquire);
    return data ? data : restored();
  }
  size_t bytes() const noexcept { return bytes_; }
  Device device() const noexcept { return device_; }
  bool writable() const noexcept { return writable_; }
  bool owned() const noexcept { return !release_; }

  // Somebody can write the memory without our noticing: its owner, or who it was exported to.
  bool exposed() const noexcept { return exposed_; }
  void expose() noexcept { exposed_ = true; }

  bool present() const noexcept { return data_.load(std::memory_order_acquire) != nullptr; }
  // Gives the memory back and keeps the rest. Only for memory of our own that is not inline.
  void drop_data() noexcept;
  // Takes the memory of an equally large storage, in place of dropped memory.
  void adopt_data(Storage& other) noexcept;
  static bool droppable(size_t bytes) noexcept;

  Lineage* lineage() const noexcept { return lineage_.load(std::memory_order_acquire); }
  void set_lineage(Lineage* lineage) noexcept {
    lineage_.store(lineage, std::memory_order_release);
  }
  // Where there is none, or no other.
  bool take_lineage(Lineage& lineage) noexcept {
    Lineage* expected = nullptr;
    return lineage_.compare_exchange_strong(expected, &lineage) || expected == &lineage;
  }
  void drop_lineage(Lineage& lineage) noexcept {
    Lineage* expected = &lineage;
    lineage_.compare_exchange_strong(expected, nullptr);
  }
  // To be called before the memory is written, and before any pointer to it is taken for that.
  void prepare_write() {
    if (Lineage* lineage = this->lineage()) lineage->before_write(*this);
  }

  uint32_t version() const noexcept { return version_.load(std::memory_order_relaxed); }
  void bump_version() noexcept { version_.fetch_add(1, std::memory_order_relaxed); }

  // How many tensors that a user holds read this memory; values saved for backward do not count.
  int32_t handles() const noexcept { return handles_.load(std::memory_order_relaxed); }
  void add_handle(int32_t amount) noexcept {
    handles_.store(handles() + amount, std::memory_order_relaxed);
  }

 private:
  Storage(void* data, size_t bytes, Device device) noexcept;
  ~Storage() override;
  void destroy() noexcept override;
  bool is_inline() const noexcept {
    return data_.load(std::memory_order_relaxed) == static_cast<const void*>(this + 1);
  }
  void* restored() const;
  static Ref<Storage> allocate_elsewhere(size_t bytes, Device device);
  void release_memory() noexcept;
  static void* operator new(size_t, void* place) noexcept { return place; }

  std::atomic<void*> data_;
  size_t bytes_;
  std::unique_ptr<std::function<void()>> release_;
  std::atomic<Lineage*> lineage_{nullptr};
  std::atomic<uint32_t> version_{0};
  std::atomic<int32_t> handles_{0};
  Device device_;
  bool writable_ = true;
  bool exposed_ = false;
};

}  // namespace pyautograd
