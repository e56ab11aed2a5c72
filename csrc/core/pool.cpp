#include <array>
#include <cstdlib>
#include <new>

#include "core/per_thread.h"
#include "core/ref.h"

namespace pyautograd {

namespace {

constexpr size_t kGranule = 16;
constexpr size_t kLargest = 1024;
constexpr size_t kClasses = kLargest / kGranule + 1;
constexpr size_t kChunk = size_t{1} << 16;

struct Block {
  Block* next;
};

struct FreeLists {
  std::array<Block*, kClasses> lists{};
  size_t pooled = kClasses;  // classes that come from the lists: none while a failure is awaited
  uint64_t until_failure = 0;
};

Block* refill(size_t index) {
  const size_t bytes = index * kGranule;
  char* chunk = static_cast<char*>(std::malloc(kChunk));
  if (!chunk) throw std::bad_alloc();
  Block* head = nullptr;
  for (size_t offset = kChunk / bytes * bytes; offset >= bytes; offset -= bytes) {
    head = new (chunk + offset - bytes) Block{head};
  }
  return head;
}

// A block that is recycled at once hides a use after free: the address sanitizer must see every
// free.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kRecycle = false;
#else
constexpr bool kRecycle = true;
#endif

// Whole granules: the block may be freed into a list.
[[gnu::noinline]] void* allocate_unpooled(size_t index) {
  count_allocation();
  return ::operator new(index * kGranule);
}

}  // namespace

void count_allocation() {
  uint64_t& left = PerThread<FreeLists>::get().until_failure;
  if (left > 0 && --left == 0) throw std::bad_alloc();
}

uint64_t fail_allocation(uint64_t n) {
  FreeLists& mine = PerThread<FreeLists>::get();
  mine.pooled = n == 0 ? kClasses : 0;
  return std::exchange(mine.until_failure, n);
}

void* pool_allocate(size_t bytes) {
  const size_t index = (bytes + kGranule - 1) / kGranule;
  FreeLists& mine = PerThread<FreeLists>::get();
  if (!kRecycle || index >= mine.pooled) return allocate_unpooled(index);
  Block*& list = mine.lists[index];
  if (!list) list = refill(index);
  Block* block = list;
  list = block->next;
  return block;
}

void pool_free(void* memory, size_t bytes) noexcept {
  const size_t index = (bytes + kGranule - 1) / kGranule;
  if (!kRecycle || index >= kClasses) return ::operator delete(memory);
  Block*& list = PerThread<FreeLists>::get().lists[index];
  list = new (memory) Block{list};
}

}  // namespace pyautograd
