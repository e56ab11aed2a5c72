#include "kernels/cuda/pinned.h"

#include <algorithm>

#include "kernels/cuda/memory.h"

namespace pyautograd::kernels::cuda {

PinnedPool::Block* PinnedPool::around(const void* place) {
  const auto* at = static_cast<const char*>(place);
  auto after = blocks_.upper_bound(at);
  if (after == blocks_.begin()) return nullptr;
  auto& [data, block] = *std::prev(after);
  return block.live && at < data + block.bytes ? &block : nullptr;
}

bool PinnedPool::is_idle(Block& block, const Finished& finished) {
  if (block.live) return false;
  std::erase_if(block.read, [&](const auto& use) { return finished(use.first, use.second); });
  return block.read.empty();
}

void* PinnedPool::allocate(size_t bytes, const Finished& finished, const Take& take) {
  const size_t rounded = CachingAllocator::size_class(bytes);
  const std::lock_guard lock(mutex_);
  for (auto& [data, block] : blocks_) {
    if (block.bytes != rounded || !is_idle(block, finished)) continue;
    block.live = true;
    return const_cast<char*>(data);
  }
  void* data = take(rounded);
  if (data) blocks_[static_cast<char*>(data)] = {rounded, true, {}};
  return data;
}

void PinnedPool::free(void* data) noexcept {
  const std::lock_guard lock(mutex_);
  if (Block* block = around(data)) block->live = false;
}

void PinnedPool::release(const Finished& finished, const std::function<void(void* data)>& give) {
  const std::lock_guard lock(mutex_);
  for (auto entry = blocks_.begin(); entry != blocks_.end();) {
    auto& [data, block] = *entry;
    const bool idle = is_idle(block, finished);
    if (idle) give(const_cast<char*>(data));
    entry = idle ? blocks_.erase(entry) : std::next(entry);
  }
}

bool PinnedPool::is_one(const void* place) {
  const std::lock_guard lock(mutex_);
  return around(place) != nullptr;
}

void PinnedPool::note(const void* place, int device, Use use) {
  const std::lock_guard lock(mutex_);
  Block* block = around(place);
  if (!block) return;
  for (auto& [where, known] : block->read) {
    if (where == device && known.stream == use.stream) {
      known.tick = use.tick;
      return;
    }
  }
  block->read.emplace_back(device, use);
}

}  // namespace pyautograd::kernels::cuda
