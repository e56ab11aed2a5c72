// A device that is this host, for tests: the kernels run as loops, and its memory can be touched by
// nothing else, so that host code that reads a device's memory crashes here as it would there.

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "kernels/cuda/memory.h"
#include "kernels/cuda/queue.h"
#include "kernels/cuda/tables.h"

namespace pyautograd::kernels::cuda {

namespace {

constexpr size_t kArena = size_t{1} << 26;
constexpr size_t kPage = 4096;
constexpr int kDevices = 2;

class Arena final : public RawMemory {
 public:
  Arena() {
    base_ =
        static_cast<char*>(mmap(nullptr, kArena, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  }
  void* take(size_t bytes) override {
    bytes = (bytes + kPage - 1) / kPage * kPage;
    size_t at = 0;
    for (const auto& [begin, size] : taken_) {
      if (begin - at >= bytes) break;
      at = begin + size;
    }
    if (at + bytes > kArena) return nullptr;
    taken_[at] = bytes;
    return base_ + at;
  }
  void give(void* data) noexcept override {
    const auto block = taken_.find(static_cast<size_t>(static_cast<char*>(data) - base_));
    // Every page that there is makes protecting the arena slower.
    madvise(data, block->second, MADV_DONTNEED);
    taken_.erase(block);
  }
  DeviceMemory totals() override {
    DeviceMemory out;
    out.total = out.free = kArena;
    for (const auto& [begin, size] : taken_) out.free -= static_cast<int64_t>(size);
    return out;
  }
  void wait() override {}
  void protect(int access) { mprotect(base_, kArena, access); }

  CachingAllocator allocator{*this};

 private:
  char* base_;
  std::map<size_t, size_t> taken_;
};

// Several threads may be in kernels at a time.
std::mutex users_mutex;
int users = 0;

class EmulatedBackend final : public Backend {
 public:
  int device_count() override { return kDevices; }
  std::string name(int) override { return "emulated on the host"; }
  void* allocate(int device, size_t bytes) override {
    return arenas_[device].allocator.allocate(device, bytes);
  }
  void free(int device, void* data, size_t bytes) noexcept override {
    arenas_[device].allocator.free(data, bytes);
  }
  size_t release_cached(int device) override { return arenas_[device].allocator.release_cached(); }
  DeviceMemory memory(int device) override { return arenas_[device].allocator.memory(); }
  void reset_peak(int device) override { arenas_[device].allocator.reset_peak(); }
  void to_device(int, void* to, const void* from, size_t bytes) override { copy(to, from, bytes); }
  void to_host(int, void* to, const void* from, size_t bytes) override { copy(to, from, bytes); }
  void between(int, void* to, int, const void* from, size_t bytes) override {
    copy(to, from, bytes);
  }
  void synchronize(int) override {}
  uintptr_t stream(int) override { return 1; }
  const DeviceKernels& kernels() const noexcept override { return kernels_; }
  void protect(int access) {
    for (Arena& arena : arenas_) arena.protect(access);
  }

 private:
  static void copy(void* to, const void* from, size_t bytes) {
    unlock_memory();
    std::memcpy(to, from, bytes);
    lock_memory();
  }
  const DeviceKernels kernels_ = all_kernels();
  Arena arenas_[kDevices];
};

EmulatedBackend& instance() {
  static EmulatedBackend* backend = new EmulatedBackend;
  return *backend;
}

}  // namespace

void unlock_memory() {
  const std::lock_guard lock(users_mutex);
  if (users++ == 0) instance().protect(PROT_READ | PROT_WRITE);
}
void lock_memory() {
  const std::lock_guard lock(users_mutex);
  if (--users == 0) instance().protect(PROT_NONE);
}

Queue::Queue(Device device) : device_(device.index) { unlock_memory(); }
Queue::~Queue() { lock_memory(); }

Scratch::Scratch(int device, size_t bytes)
    : device_(device), bytes_(bytes), data_(instance().allocate(device, bytes)) {}
Scratch::~Scratch() { instance().free(device_, data_, bytes_); }

}  // namespace pyautograd::kernels::cuda

extern "C" [[gnu::visibility("default")]] pyautograd::Backend* pyautograd_cuda_backend(
    uint32_t version) {
  if (version != pyautograd::kBackendVersion) return nullptr;
  return &pyautograd::kernels::cuda::instance();
}
