#pragma once

#include <array>
#include <optional>

#include "kernels/functors.h"
#include "ops/ops.h"
#include "ops/origin.h"
#include "ops/spectrum.h"

namespace pyautograd::ops {

// t times the partial derivative of y = f(x...) for one argument: a tangent forward, a cotangent
// backward, for the Jacobian of an elementwise op is diagonal. Absent: the derivative is zero
// everywhere it exists.
using Partial = Tensor (*)(const Tensor& t, TensorSpan x, const Tensor& y);

// The partial of what is constant in pieces: zero.
Tensor flat(const Tensor& t, TensorSpan x, const Tensor& y);

// Which values a partial reads.
enum Reads : uint8_t { kNothing = 0, kX1 = 1, kX2 = 2, kBoth = 3, kY = 4 };

struct Derivative {
  Partial partial = nullptr;
  uint8_t reads = kNothing;
  // Backward, where that is another function: for a map of complex numbers that is linear over the
  // real numbers only.
  Partial transpose = nullptr;
};

// One elementwise op: a row of the table in elementwise_table.cpp. Everything else about the op is
// derived from it.
struct ElementwiseRow {
  const char* name;
  kernels::FnId fn;
  uint8_t arity;
  // Bool and integer inputs are computed in float64.
  bool floating;
  // What NumPy does with bool where the formula has no bool form: an error, or int8.
  bool rejects_bool;
  std::array<Derivative, 2> derivatives;
  const char* summary;
};

const Ref<const Primitive>& elementwise_primitive(kernels::FnId fn);

// The real number in a 0-d array of the host that cannot be differentiated.
std::optional<double> constant_of(const Tensor& x);

// The op of a row. A function of a spectrum, of an exponential or of a root remembers which
// (ops/origin.h).
inline Tensor apply_row(kernels::FnId fn, TensorSpan x) {
  Tensor y = apply1(elementwise_primitive(fn), x);
  if (any_origin(x)) {
    remember_function(fn, x, y);
    remember_exponential_of(fn, x, y);
    return through_root(fn, x, std::move(y));
  }
  return y;
}

// Where it underflows, its logarithm has derivatives still (ops/origin.h).
Tensor sigmoid(const Tensor& x);

// Real x as a constant where it is infinite, without its sign: for slopes that vanish there, whose
// own derivatives by the chain rule would be inf * 0.
Tensor still_at_infinity(const Tensor& x);

// The op as users call it, which may be more than its row.
Tensor apply_op(kernels::FnId fn, TensorSpan x);

// The op of any functor of kernels/scalar.h that has a row in the table.
template <class Functor>
Tensor call(const Tensor& x) {
  return apply_row(kernels::fn_id<Functor>(), Borrowed<1>(x));
}
template <class Functor>
Tensor call(const Tensor& x1, const Tensor& x2) {
  return apply_row(kernels::fn_id<Functor>(), Borrowed<2>(x1, x2));
}

// Products of a tangent or cotangent t with a slope, of two such t, and a quotient; a zero t
// absorbs whatever it meets (kernels/scalar/binary.h).
inline Tensor scale(const Tensor& t, const Tensor& p) { return call<kernels::Scale>(t, p); }
inline Tensor scale_both(const Tensor& a, const Tensor& b) {
  return call<kernels::ScaleBoth>(a, b);
}
inline Tensor scale_over(const Tensor& t, const Tensor& p) {
  return call<kernels::ScaleOver>(t, p);
}
// where(mask, value, x) with a constant: replaces the entries at which a formula is singular.
inline Tensor fill_where(const Tensor& mask, double value, const Tensor& x) {
  return where(mask, scalar(value, x.dtype()), x);
}

// The rows, in the order of the documentation (ops/elementwise_table.cpp).
std::span<const ElementwiseRow> elementwise_rows();

}  // namespace pyautograd::ops
