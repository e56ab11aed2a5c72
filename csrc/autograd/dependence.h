#pragma once

#include <vector>

#include "core/array.h"

namespace pyautograd {

// Which elements of one input the derivatives of an op's outputs depend on: an op's part in the
// pattern of a Jacobian (autograd/sparsity.h). It may name too many elements, never too few.
struct Dependence {
  enum class Kind : uint8_t {
    Dense,     // every element of the output on every element of the input
    None,      // the derivative is zero wherever it exists
    Axes,      // along the axes named in `places` on the element at the same place
    Running,   // along axis places[0] on all elements up to its own
    Backward,  // on all from its own on
    Picks,     // on one element or none: found by evaluating the op on element numbers. For ops
               // whose other inputs, if any, are saved
    Collects,  // every input element goes into one output element or none: found by pulling element
               // numbers back
    Links,     // output element i on input elements columns[rows[i]] to columns[rows[i + 1] - 1]
  };
  // An axis along which an output element depends on all elements.
  static constexpr int64_t kAll = -1;

  Kind kind = Kind::Dense;
  // Axes: for each axis of the input the output's axis that it lies along (an input axis of size
  // one broadcasts), or kAll.
  Dims places = {};
  std::vector<int64_t> rows = {}, columns = {};

  // Aligned at the last axis, as broadcasting does.
  static Dependence elementwise(const Spec& x, const Spec& y) {
    return over({}, x.shape.size(), y.shape.size() - x.shape.size());
  }
  // The same, but on all elements along `axes`, which are sorted. `lead`: how many axes the output
  // has in front of the input's.
  static Dependence over(const Dims& axes, size_t ndim, size_t lead = 0) {
    Dependence out{Kind::Axes};
    for (size_t i = 0; i < ndim; ++i) out.places.push_back(static_cast<int64_t>(i + lead));
    for (int64_t axis : axes) out.places[axis] = kAll;
    return out;
  }
};

}  // namespace pyautograd
