#pragma once

#include <Python.h>

#include <type_traits>

#include "python/last_moments.h"

namespace pyautograd::python {

extern PyObject* escaped_tensor_error;

// Call in a catch block: turns the exception in flight into a Python error.
void set_python_error() noexcept;
// For C APIs that reported an error: throws what Python has set.
[[noreturn]] void throw_python_error();

// Runs the body of a slot. Exceptions become Python errors and the result nullptr, or -1 for
// numbers.
template <class F>
auto guarded(F&& body) noexcept -> std::invoke_result_t<F> {
  try {
    return waiting_at_exit(body);
  } catch (...) {
    set_python_error();
    if constexpr (std::is_pointer_v<std::invoke_result_t<F>>) {
      return nullptr;
    } else {
      return -1;
    }
  }
}

}  // namespace pyautograd::python
