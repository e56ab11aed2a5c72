#include "core/allocator.h"

#include <malloc.h>
#include <sys/mman.h>

#include <atomic>
#include <bit>
#include <cstdlib>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "core/counters.h"
#include "core/error.h"
#include "core/ref.h"

namespace pyautograd {

namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kHugeThreshold = size_t{1} << 22;
constexpr size_t kHugePage = size_t{1} << 21;
constexpr size_t kCacheCapacity = size_t{1} << 30;

// Four classes between powers of two: at most a quarter of a block is slack.
size_t size_class(size_t bytes) {
  if (bytes <= 256) return 256;
  const size_t step = std::bit_floor(bytes - 1) / 4;
  return (bytes + step - 1) / step * step;
}

void* system_allocate(size_t bytes) {
  if (bytes < kHugeThreshold) return std::aligned_alloc(kAlignment, (bytes + 63) / 64 * 64);
  void* block = std::aligned_alloc(kHugePage, (bytes + kHugePage - 1) / kHugePage * kHugePage);
  if (block) madvise(block, bytes, MADV_HUGEPAGE);
  return block;
}

class Cache {
 public:
  void* take(size_t bytes) {
    std::lock_guard lock(mutex_);
    auto found = blocks_.find(bytes);
    if (found == blocks_.end() || found->second.empty()) return nullptr;
    void* block = found->second.back();
    found->second.pop_back();
    held_ -= bytes;
    return block;
  }
  bool keep(void* block, size_t bytes) noexcept {
    std::lock_guard lock(mutex_);
    if (held_ + bytes > kCacheCapacity) return false;
    try {
      blocks_[bytes].push_back(block);
    } catch (const std::bad_alloc&) {
      return false;
    }
    held_ += bytes;
    return true;
  }
  size_t release() noexcept {
    std::lock_guard lock(mutex_);
    for (auto& [bytes, list] : blocks_) {
      for (void* block : list) std::free(block);
    }
    blocks_.clear();
    return std::exchange(held_, 0);
  }
  size_t held() noexcept {
    std::lock_guard lock(mutex_);
    return held_;
  }

 private:
  std::mutex mutex_;
  std::map<size_t, std::vector<void*>> blocks_;
  size_t held_ = 0;
};

std::atomic<size_t> data_limit{0};
constinit thread_local RoomMaker* room_maker = nullptr;

Cache& cache() {
  static Cache* instance = new Cache;
  return *instance;
}

}  // namespace

std::atomic<int> data_guards{0};

void guard_allocation(size_t bytes) {
  if (room_maker) room_maker->make_room(bytes);
  const size_t limit = data_limit.load(std::memory_order_relaxed);
  if (limit && static_cast<size_t>(live(Live::Bytes)) + bytes > limit) {
    fail(Error::Kind::Memory, "allocating ", bytes, " bytes would pass the limit of ", limit,
         " bytes (", live(Live::Bytes), " live)");
  }
}

void* allocate_data(size_t bytes) {
  count_allocation();
  const size_t rounded = size_class(bytes);
  void* block = cache().take(rounded);
  if (!block) block = system_allocate(rounded);
  if (!block && release_cached_data() > 0) block = system_allocate(rounded);
  if (!block) fail(Error::Kind::Memory, "cannot allocate ", bytes, " bytes for a tensor");
  return block;
}

void free_data(void* data, size_t bytes) noexcept {
  if (!cache().keep(data, size_class(bytes))) std::free(data);
}

size_t release_cached_data() noexcept {
  const size_t released = cache().release();
#ifdef __GLIBC__
  malloc_trim(0);  // free() alone keeps what lies below a block that is in use
#endif
  return released;
}
size_t cached_data_bytes() noexcept { return cache().held(); }

void set_data_limit(size_t bytes) noexcept {
  const size_t former = data_limit.exchange(bytes, std::memory_order_relaxed);
  data_guards.fetch_add((bytes > 0) - (former > 0), std::memory_order_relaxed);
}

RoomMaker* set_room_maker(RoomMaker* maker) noexcept {
  RoomMaker* former = std::exchange(room_maker, maker);
  data_guards.fetch_add((maker != nullptr) - (former != nullptr), std::memory_order_relaxed);
  return former;
}

}  // namespace pyautograd
