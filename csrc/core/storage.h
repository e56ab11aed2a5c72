#pragma once

#include <functional>
#include <memory>

#include "core/counters.h"
#include "core/dtype.h"
#include "core/ref.h"

namespace pyautograd {

// A buffer with a version counter. Memory comes from our allocator (small buffers lie behind the
// header, in the same block) or belongs to somebody else: a NumPy array, a DLPack capsule.
class Storage final : public RefCounted {
 public:
  static Ref<Storage> allocate(size_t bytes, Device device = {});
  // `release` runs once, when nobody refers to the memory any more.
  static Ref<Storage> wrap(void* data, size_t bytes, Device device, bool writable,
                           std::function<void()> release);

  void* data() const noexcept { return data_; }
  size_t bytes() const noexcept { return bytes_; }
  Device device() const noexcept { return device_; }
  bool writable() const noexcept { return writable_; }
  bool owned() const noexcept { return !release_; }

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
  bool is_inline() const noexcept { return data_ == this + 1; }
  static void* operator new(size_t, void* place) noexcept { return place; }

  void* data_;
  size_t bytes_;
  std::unique_ptr<std::function<void()>> release_;
  std::atomic<uint32_t> version_{0};
  std::atomic<int32_t> handles_{0};
  Device device_;
  bool writable_ = true;
};

}  // namespace pyautograd
