#include "memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "fault.h"

namespace ptx {

namespace {

constexpr size_t kAlignment = 256;  // of cudaMalloc

std::byte* map(int prot, int flags, int file, size_t bytes) {
  void* out = mmap(nullptr, bytes, prot, flags, file, 0);
  if (out == MAP_FAILED) fault("no address space for the memory of a device");
  return static_cast<std::byte*>(out);
}

std::mutex extents_mutex;
std::shared_ptr<const Extents> known_extents;
uint64_t generation = 0;  // of the extents

}  // namespace

Arena::Arena() {
  const int file = memfd_create("device", MFD_CLOEXEC);
  if (file < 0 || ftruncate(file, kArenaBytes) != 0) fault("no memory for a device");
  guarded_ = reinterpret_cast<uint64_t>(map(PROT_NONE, MAP_SHARED, file, kArenaBytes));
  open_ = map(PROT_READ | PROT_WRITE, MAP_SHARED, file, kArenaBytes);
  close(file);
  shadow_ = reinterpret_cast<Shadow*>(map(PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                                          kArenaBytes * sizeof(Shadow)));
}

void* Arena::take(size_t bytes) {
  const size_t reserved = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  const std::lock_guard lock(mutex_);
  size_t at = 0;
  for (const auto& [begin, block] : taken_) {
    if (begin - at >= reserved) break;
    at = begin + block.reserved;
  }
  if (at + reserved > kArenaBytes) return nullptr;
  taken_[at] = {reserved, bytes};
  // Not a number, and no index either.
  std::memset(open_ + at, 0xFF, reserved);
  forget_extents();
  return reinterpret_cast<void*>(guarded_ + at);
}

void Arena::give(void* data) noexcept {
  const std::lock_guard lock(mutex_);
  taken_.erase(reinterpret_cast<uint64_t>(data) - guarded_);
  forget_extents();
}

size_t Arena::free_bytes() {
  const std::lock_guard lock(mutex_);
  size_t out = kArenaBytes;
  for (const auto& [begin, block] : taken_) out -= block.reserved;
  return out;
}

void Arena::unlock(bool open) {
  mprotect(reinterpret_cast<void*>(guarded_), kArenaBytes,
           open ? PROT_READ | PROT_WRITE : PROT_NONE);
}

void Arena::collect(Extents& out) {
  const std::lock_guard lock(mutex_);
  for (const auto& [begin, block] : taken_)
    out.push_back({guarded_ + begin, guarded_ + begin + block.used});
}

bool Arena::has_block(uint64_t address, size_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto after = taken_.upper_bound(address - guarded_);
  if (!holds(address) || after == taken_.begin()) return false;
  const auto& [begin, block] = *std::prev(after);
  return address - guarded_ + bytes <= begin + block.reserved;
}

void Arena::limit(uint64_t address, size_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto found = taken_.find(address - guarded_);
  if (found == taken_.end() || bytes > found->second.reserved)
    fault("no block of ", bytes, " bytes at this address");
  found->second.used = bytes;
  forget_extents();
}

Arena& arena(int which) {
  static Arena* arenas = new Arena[kDevices + 1];
  return arenas[which];
}

Arena* arena_of(uint64_t address) {
  for (int which = 0; which <= kDevices; ++which)
    if (arena(which).holds(address)) return &arena(which);
  return nullptr;
}

std::shared_ptr<const Extents> live_extents() {
  uint64_t begun = 0;
  {
    const std::lock_guard lock(extents_mutex);
    if (known_extents) return known_extents;
    begun = generation;
  }
  auto found = std::make_shared<Extents>();
  for (int which = 0; which <= kDevices; ++which) arena(which).collect(*found);
  std::sort(found->begin(), found->end(),
            [](const Extent& a, const Extent& b) { return a.begin < b.begin; });
  const std::lock_guard lock(extents_mutex);
  if (generation == begun) known_extents = found;
  return found;
}

void forget_extents() {
  const std::lock_guard lock(extents_mutex);
  known_extents = nullptr;
  ++generation;
}

bool is_live(const void* data, size_t bytes) {
  const auto begin = reinterpret_cast<uint64_t>(data);
  const auto extents = live_extents();
  const auto after =
      std::upper_bound(extents->begin(), extents->end(), begin,
                       [](uint64_t at, const Extent& extent) { return at < extent.begin; });
  return after != extents->begin() && begin + bytes <= std::prev(after)->end;
}

}  // namespace ptx
