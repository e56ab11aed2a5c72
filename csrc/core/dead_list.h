#pragma once

#include <utility>

#include "core/per_thread.h"

namespace pyautograd {

// Deletes objects whose last reference is gone, those that go with them from a list: a chain is
// freed link by link, never by recursion. T has a `T* next_dead_` and this class for a friend.
template <class T>
class DeadList {
 public:
  static void add(T* object) noexcept { PerThread<DeadList>::get().drain(object); }

 private:
  void drain(T* object) noexcept {
    object->next_dead_ = std::exchange(head_, object);
    if (draining_) return;
    draining_ = true;
    while (T* next = head_) {
      head_ = next->next_dead_;
      delete next;
    }
    draining_ = false;
  }

  T* head_ = nullptr;
  bool draining_ = false;
};

}  // namespace pyautograd
