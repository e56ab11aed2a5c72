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

// Allocations that would take live tensor bytes past the limit raise Error{Memory}; 0 lifts the
// limit.
void set_data_limit(size_t bytes) noexcept;
extern std::atomic<size_t> data_limit;
void enforce_data_limit(size_t limit, size_t bytes);
inline void check_data_limit(size_t bytes) {
  if (const size_t limit = data_limit.load(std::memory_order_relaxed))
    enforce_data_limit(limit, bytes);
}

}  // namespace pyautograd
