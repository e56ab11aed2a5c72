#pragma once

#include <atomic>
#include <cstddef>

namespace pyautograd {

// Caching allocator for tensor data. Freed blocks are kept by size class, so a loop over equal
// shapes faults in no fresh pages; large blocks ask for huge pages. Throws Error{Memory} after
// giving the cache back and trying again.
void* allocate_data(size_t bytes);
void free_data(void* data, size_t bytes) noexcept;

// Returns every cached block to the system; the number of bytes returned.
size_t release_cached_data() noexcept;
size_t cached_data_bytes() noexcept;

// A thread that lives on a budget sees every allocation before it is made, and may drop numbers to
// make room.
class RoomMaker {
 public:
  virtual void make_room(size_t bytes) = 0;

 protected:
  ~RoomMaker() = default;
};
// The one of this thread, or null; returns the former one.
RoomMaker* set_room_maker(RoomMaker* maker) noexcept;

// Allocations that would take live tensor bytes past the limit raise Error{Memory}; 0 lifts the
// limit.
void set_data_limit(size_t bytes) noexcept;
// How many limits and budgets there are.
extern std::atomic<int> data_guards;
void guard_allocation(size_t bytes);
inline void check_data_limit(size_t bytes) {
  if (data_guards.load(std::memory_order_relaxed)) guard_allocation(bytes);
}

}  // namespace pyautograd
