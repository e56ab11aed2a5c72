#pragma once

#include <pybind11/pybind11.h>

#include <optional>

#include "autograd/deferral.h"
#include "python/last_moments.h"

namespace pyautograd::python {

class WithGil {
 public:
  WithGil() {
    waiting_at_exit([this] { held_.emplace(); });
  }

 private:
  std::optional<pybind11::gil_scoped_acquire> held_;
};

class WithoutGil {
 public:
  WithoutGil() : thread_(PyEval_SaveThread()) {}
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;
  ~WithoutGil() {
    waiting_at_exit([this] { PyEval_RestoreThread(thread_); });
  }

 private:
  PyThreadState* const thread_;
};

// A call of a function that may be the user's. Nothing but C frames is between the function and the
// wait for the end.
template <class... Args>
pybind11::object call_python(pybind11::handle function, Args&&... args) {
  const pybind11::tuple given = pybind11::make_tuple(std::forward<Args>(args)...);
  PyObject* const result =
      waiting_at_exit([&] { return PyObject_CallObject(function.ptr(), given.ptr()); });
  if (!result) throw pybind11::error_already_set();
  return pybind11::reinterpret_steal<pybind11::object>(result);
}

// Around a call of a user's function that may write arrays.
struct CallOfUsers {
  Deferral::Interlude interlude;
  WithGil locked;
};

// Above this many elements an op runs without the GIL; below, taking it back would cost more than
// the op.
inline constexpr int64_t kReleaseAbove = int64_t{1} << 16;

// The inputs of `op` must be the caller's own copies: without the GIL any handle may be rebound.
template <class F>
auto run_op(int64_t elements, F&& op) {
  if (elements <= kReleaseAbove) return op();
  const WithoutGil unlocked;
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
