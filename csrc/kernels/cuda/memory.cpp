#include "kernels/cuda/memory.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "core/error.h"

namespace pyautograd::kernels::cuda {

void Block::note_read(Use use) {
  for (Use& known : read) {
    if (known.stream == use.stream) {
      known.tick = use.tick;
      return;
    }
  }
  read.push_back(use);
}

// Four classes between powers of two: at most a quarter of a block is slack.
size_t CachingAllocator::size_class(size_t bytes) {
  if (bytes <= 512) return 512;
  const size_t step = std::bit_floor(bytes - 1) / 4;
  return (bytes + step - 1) / step * step;
}

bool CachingAllocator::all_of(const Block& block, const auto& condition) {
  return condition(block.written) && std::all_of(block.read.begin(), block.read.end(), condition);
}

// The one that was freed last, of those for which the condition holds.
template <class Condition>
Block* CachingAllocator::take_cached(size_t bytes, const Condition& condition) {
  const auto found = cached_.find(bytes);
  if (found == cached_.end()) return nullptr;
  std::vector<Block*>& list = found->second;
  for (size_t i = list.size(); i-- > 0;) {
    if (!all_of(*list[i], condition)) continue;
    Block* block = list[i];
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
    counted_.cached -= static_cast<int64_t>(bytes);
    return block;
  }
  return nullptr;
}

Block* CachingAllocator::take_spare(size_t bytes, Capture& capture) {
  std::vector<Block*>& list = capture.spare[bytes];
  if (list.empty()) return nullptr;
  Block* block = list.back();
  list.pop_back();
  counted_.captured -= static_cast<int64_t>(bytes);
  return block;
}

Block* CachingAllocator::take_new(size_t bytes) {
  auto* data = static_cast<char*>(system_.take(bytes));
  if (!data) return nullptr;
  Block& block = blocks_[data];
  block.data = data;
  block.bytes = bytes;
  return &block;
}

Block& CachingAllocator::allocate(int device, size_t bytes, int stream, Capture* capture) {
  const size_t rounded = size_class(bytes);
  const auto ordered = [&](Use use) { return timeline_.ordered(stream, use); };
  const auto finished = [&](Use use) { return ordered(use) || timeline_.finished(use); };
  const auto any = [](Use) { return true; };
  Block* block = capture ? take_spare(rounded, *capture) : nullptr;
  // A graph comes after all uses of its memory each time it is replayed.
  if (!block && capture) block = take_cached(rounded, any);
  if (!block) block = take_cached(rounded, ordered);
  if (!block) block = take_cached(rounded, finished);
  if (!block) block = take_new(rounded);
  // Rather wait for another stream than fail.
  if (!block) block = take_cached(rounded, any);
  if (!block && release_cached() > 0) block = take_new(rounded);
  if (!block) {
    const DeviceMemory totals = system_.totals();
    fail(Error::Kind::Memory, "cannot allocate ", bytes, " bytes on cuda:", device, ": ",
         totals.free, " of ", totals.total, " bytes are free, tensors hold ", counted_.live,
         ", captured graphs ", counted_.captured);
  }
  block->live = true;
  counted_.live += static_cast<int64_t>(bytes);
  counted_.peak = std::max(counted_.peak, counted_.live);
  if (capture) {
    block->capture = capture;
    hold(*capture, *block);
  } else {
    (void)all_of(*block, [&](Use use) { return timeline_.order(stream, use), true; });
    block->written = timeline_.now(stream);
    block->read.clear();
  }
  return *block;
}

// What the stream was asked since its last note, as with the scratch memory of a kernel.
void CachingAllocator::refresh(Block& block, int stream) {
  const Use now = timeline_.now(stream);
  if (block.written.stream == stream) block.written = now;
  for (Use& use : block.read)
    if (use.stream == stream) use = now;
}

void CachingAllocator::free(void* data, size_t bytes, int stream) noexcept {
  Block& block = blocks_.find(static_cast<char*>(data))->second;
  counted_.live -= static_cast<int64_t>(bytes);
  block.live = false;
  if (block.holds > 0) counted_.captured += static_cast<int64_t>(block.bytes);
  if (Capture* capture = block.capture) {
    capture->spare[block.bytes].push_back(&block);
  } else if (block.holds == 0) {
    if (stream >= 0) refresh(block, stream);
    cache(block);
  }
}

void CachingAllocator::cache(Block& block) noexcept {
  cached_[block.bytes].push_back(&block);
  counted_.cached += static_cast<int64_t>(block.bytes);
}

Block* CachingAllocator::find(const void* place) {
  const auto* at = static_cast<const char*>(place);
  auto after = blocks_.upper_bound(at);
  if (after == blocks_.begin()) return nullptr;
  Block& block = std::prev(after)->second;
  return at < block.data + block.bytes ? &block : nullptr;
}

void CachingAllocator::note_all(int stream) {
  for (auto& [data, block] : blocks_) {
    block.written = timeline_.now(stream);
    block.read.clear();
  }
}

void CachingAllocator::hold(Capture& capture, Block& block) {
  if (capture.held.insert(&block).second) ++block.holds;
}

void CachingAllocator::end(Capture& capture) noexcept {
  // Nobody frees the flags of a capture: the graph alone holds them.
  capture.flags->live = false;
  counted_.live -= static_cast<int64_t>(Capture::kFlagBytes);
  counted_.captured += static_cast<int64_t>(capture.flags->bytes);
  for (Block* block : capture.held) block->capture = nullptr;
}

void CachingAllocator::release(const std::unordered_set<Block*>& held) noexcept {
  for (Block* block : held) {
    if (--block->holds > 0 || block->live) continue;
    counted_.captured -= static_cast<int64_t>(block->bytes);
    cache(*block);
  }
}

size_t CachingAllocator::release_cached() {
  timeline_.wait_for_all();
  for (auto& [bytes, list] : cached_) {
    for (Block* block : list) {
      system_.give(block->data);
      blocks_.erase(block->data);
    }
  }
  cached_.clear();
  return static_cast<size_t>(std::exchange(counted_.cached, 0));
}

DeviceMemory CachingAllocator::memory() {
  DeviceMemory out = system_.totals();
  out.live = counted_.live;
  out.peak = counted_.peak;
  out.cached = counted_.cached;
  out.captured = counted_.captured;
  return out;
}

}  // namespace pyautograd::kernels::cuda
