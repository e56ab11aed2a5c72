#pragma once

#include <type_traits>
#include <utility>
#include <vector>

#include "core/allocator.h"

namespace pyautograd {

// Memory of the caching allocator for vectors. Elements that no value is given for are left as they
// are: what is written over anyway need not be cleared.
template <class T>
struct CachedMemory {
  static_assert(std::is_trivially_copyable_v<T>);
  using value_type = T;

  CachedMemory() = default;
  template <class U>
  CachedMemory(const CachedMemory<U>&) noexcept {}
  T* allocate(size_t count) { return static_cast<T*>(allocate_data(count * sizeof(T))); }
  void deallocate(T* memory, size_t count) noexcept { free_data(memory, count * sizeof(T)); }
  template <class U, class... Args>
  void construct(U* place, Args&&... args) {
    if constexpr (sizeof...(Args) > 0) {
      ::new (static_cast<void*>(place)) U(std::forward<Args>(args)...);
    } else {
      ::new (static_cast<void*>(place)) U;
    }
  }
  bool operator==(const CachedMemory&) const = default;
};

// Large and short-lived: its pages stay warm from one use to the next.
template <class T>
using CachedVector = std::vector<T, CachedMemory<T>>;

}  // namespace pyautograd
