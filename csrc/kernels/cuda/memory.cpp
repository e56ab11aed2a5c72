#include "kernels/cuda/memory.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "core/error.h"

namespace pyautograd::kernels::cuda {

// Four classes between powers of two: at most a quarter of a block is slack.
size_t CachingAllocator::size_class(size_t bytes) {
  if (bytes <= 512) return 512;
  const size_t step = std::bit_floor(bytes - 1) / 4;
  return (bytes + step - 1) / step * step;
}

void* CachingAllocator::take_cached(size_t bytes) {
  const auto found = blocks_.find(bytes);
  if (found == blocks_.end() || found->second.empty()) return nullptr;
  void* block = found->second.back();
  found->second.pop_back();
  counted_.cached -= static_cast<int64_t>(bytes);
  return block;
}

void* CachingAllocator::allocate(int device, size_t bytes) {
  const size_t rounded = size_class(bytes);
  const std::lock_guard lock(mutex_);
  void* block = take_cached(rounded);
  if (!block) block = raw_.take(rounded);
  if (!block && release_locked() > 0) block = raw_.take(rounded);
  if (!block) {
    const DeviceMemory totals = raw_.totals();
    fail(Error::Kind::Memory, "cannot allocate ", bytes, " bytes on cuda:", device, ": ",
         totals.free, " of ", totals.total, " bytes are free, tensors hold ", counted_.live);
  }
  counted_.live += static_cast<int64_t>(bytes);
  counted_.peak = std::max(counted_.peak, counted_.live);
  return block;
}

void CachingAllocator::free(void* data, size_t bytes) noexcept {
  const size_t rounded = size_class(bytes);
  const std::lock_guard lock(mutex_);
  counted_.live -= static_cast<int64_t>(bytes);
  try {
    blocks_[rounded].push_back(data);
    counted_.cached += static_cast<int64_t>(rounded);
  } catch (const std::bad_alloc&) {
    raw_.give(data);
  }
}

size_t CachingAllocator::release_locked() {
  raw_.wait();
  for (auto& [bytes, list] : blocks_) {
    for (void* block : list) raw_.give(block);
  }
  blocks_.clear();
  return static_cast<size_t>(std::exchange(counted_.cached, 0));
}

size_t CachingAllocator::release_cached() {
  const std::lock_guard lock(mutex_);
  return release_locked();
}

DeviceMemory CachingAllocator::memory() {
  DeviceMemory out = raw_.totals();
  const std::lock_guard lock(mutex_);
  out.live = counted_.live;
  out.peak = counted_.peak;
  out.cached = counted_.cached;
  return out;
}

void CachingAllocator::reset_peak() {
  const std::lock_guard lock(mutex_);
  counted_.peak = counted_.live;
}

}  // namespace pyautograd::kernels::cuda
