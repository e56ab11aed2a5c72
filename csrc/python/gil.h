#pragma once

#include <pybind11/pybind11.h>

#include "autograd/deferral.h"

namespace pyautograd::python {

// Around a call of a user's function that may write arrays.
struct CallOfUsers {
  Deferral::Interlude interlude;
  pybind11::gil_scoped_acquire locked;
};

// Above this many elements an op runs without the GIL; below, taking it back would cost more than
// the op.
inline constexpr int64_t kReleaseAbove = int64_t{1} << 16;

// The inputs of `op` must be the caller's own copies: without the GIL any handle may be rebound.
template <class F>
auto run_op(int64_t elements, F&& op) {
  if (elements <= kReleaseAbove) return op();
  pybind11::gil_scoped_release unlocked;
  return op();
}

// An op on what handles show, of which it takes copies of its own only where they are needed.
template <class F, class... Shown>
Tensor run_on_handles(F function, const Shown&... shown) {
  const int64_t elements = (shown.size() + ...);
  if (elements <= kReleaseAbove) return function(shown...);
  const auto on_copies = [&](const Shown... own) {
    return run_op(elements, [&] { return function(own...); });
  };
  return on_copies(shown...);
}

}  // namespace pyautograd::python
