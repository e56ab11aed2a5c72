#include <array>
#include <cstdlib>
#include <mutex>
#include <new>

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

// Free lists of threads that ended, handed to the next thread that needs a block of that class.
struct Orphans {
  std::mutex mutex;
  std::array<Block*, kClasses> lists{};
};

Orphans& orphans() {
  static Orphans* instance = new Orphans;  // outlives every thread-local destructor
  return *instance;
}

struct FreeLists {
  std::array<Block*, kClasses> lists{};
  ~FreeLists();
};

thread_local FreeLists free_lists;
thread_local bool thread_ended = false;

FreeLists::~FreeLists() {
  thread_ended = true;
  std::lock_guard lock(orphans().mutex);
  for (size_t i = 0; i < kClasses; ++i) {
    if (!lists[i]) continue;
    Block* last = lists[i];
    while (last->next) last = last->next;
    last->next = orphans().lists[i];
    orphans().lists[i] = lists[i];
    lists[i] = nullptr;
  }
}

Block* refill(size_t index) {
  {
    std::lock_guard lock(orphans().mutex);
    if (Block* adopted = std::exchange(orphans().lists[index], nullptr)) return adopted;
  }
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

}  // namespace

void* pool_allocate(size_t bytes) {
  const size_t index = (bytes + kGranule - 1) / kGranule;
  if (!kRecycle) return ::operator new(bytes);
  // Rounded up, as a block made while a thread ends is later handed out as one of its class.
  if (index >= kClasses || thread_ended) return ::operator new(index * kGranule);
  Block*& list = free_lists.lists[index];
  if (!list) list = refill(index);
  Block* block = list;
  list = block->next;
  return block;
}

void pool_free(void* memory, size_t bytes) noexcept {
  const size_t index = (bytes + kGranule - 1) / kGranule;
  if (!kRecycle || index >= kClasses) return ::operator delete(memory);
  if (thread_ended) {
    // Block may lie inside a chunk: it can only go back to a list, never to malloc.
    std::lock_guard lock(orphans().mutex);
    orphans().lists[index] = new (memory) Block{orphans().lists[index]};
    return;
  }
  Block*& list = free_lists.lists[index];
  list = new (memory) Block{list};
}

}  // namespace pyautograd
