#include "python/autograd_held.h"

#include <atomic>
#include <mutex>
#include <new>
#include <vector>

namespace pyautograd::python {

namespace {

std::atomic<int64_t> held{0};

struct Queue {
  std::mutex mutex;
  std::vector<PyObject*> objects;
  std::atomic<bool> filled{false};
  std::atomic<bool> scheduled{false};  // the interpreter will call drop_pending
};

// Never destroyed: nodes may outlive every static.
Queue& queue() {
  static auto* queue = new Queue;
  return *queue;
}

int drop_pending(void*) {
  queue().scheduled = false;
  drop_released();
  return 0;
}

void drop_later(PyObject* object) noexcept {
  Queue& released = queue();
  try {
    std::lock_guard lock(released.mutex);
    released.objects.push_back(object);
    released.filled = true;
  } catch (const std::bad_alloc&) {
    return;  // better leaked than dropped without the GIL
  }
  if (released.scheduled.exchange(true)) return;
  // The interpreter's list of calls may be full: then the next release asks again.
  if (Py_AddPendingCall(drop_pending, nullptr) != 0) released.scheduled = false;
}

}  // namespace

HeldObject::HeldObject(PyObject* object) noexcept : object_(object) {
  if (!object) return;
  Py_INCREF(object);
  held.fetch_add(1, std::memory_order_relaxed);
}

void HeldObject::reset() noexcept {
  PyObject* object = std::exchange(object_, nullptr);
  if (!object) return;
  held.fetch_sub(1, std::memory_order_relaxed);
  drop_reference(object);
}

void drop_reference(PyObject* object) noexcept {
  if (!Py_IsInitialized()) return;
  if (PyGILState_Check()) {
    Py_DECREF(object);
  } else {
    drop_later(object);
  }
}

int64_t held_objects() noexcept { return held.load(std::memory_order_relaxed); }

void drop_released() noexcept {
  Queue& released = queue();
  while (released.filled.load(std::memory_order_relaxed)) {
    std::vector<PyObject*> objects;
    {
      std::lock_guard lock(released.mutex);
      objects.swap(released.objects);
      released.filled = false;
    }
    for (PyObject* object : objects) Py_DECREF(object);
  }
}

}  // namespace pyautograd::python
