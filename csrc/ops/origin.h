#pragma once

#include "kernels/functors.h"
#include "ops/linear.h"

// Some results forget what the derivative of a later op depends on. |x| has no derivative at 0 and
// e**x may overflow, but |x|**2 is smooth there and log1p(e**x) has slope 1: the chain rule through
// the result in between gives 0 * inf. So where a result is singular it remembers its origin, and
// an op that finds one is differentiated with respect to that instead: in every mode and order
// alike, since to the engine it is one more primitive.
namespace pyautograd::ops {

struct Origin : RefCounted {
  enum class Kind : uint8_t { Root, Exponential, Spectrum, Picked };
  Origin(const Tensor& y, Kind kind, const Tensor& operand)
      : kind(kind),
        operand(operand),
        tracked(y.tracked()),
        operand_version(version_of(*operand.body())),
        own_version(version_of(*y.body())) {}

  const Kind kind;
  const Tensor operand;
  const bool tracked;
  const uint32_t operand_version, own_version;
};

// Null unless x remembers an origin of this kind that still holds.
const Origin* origin_of(const Tensor& x, Origin::Kind kind);

// What a root makes of negative operands: nan (sqrt), the root of their size (abs), or that with
// their sign (cbrt).
enum class RootOf : uint8_t { Positive, Size, Signed };
// Says that y = |operand|**exponent, but for signs, if y has zeros and can be differentiated.
void remember_root(const Tensor& y, double exponent, const Tensor& operand,
                   RootOf of = RootOf::Positive);
// Says that y is acos(x) or acosh(x), 2 asin(r) or 2 asinh(r) of the root r of |1 - x| / 2.
void remember_inverse_cosine(const Tensor& y, const Tensor& x, kernels::FnId inverse_sine);
// What an op takes the root of by the way: the same op of the same tensors has the same root.
struct RootSource {
  std::string_view op;
  Tensors inputs;
  Dims options = {};
};
// Says that y, whose slopes at 0 are taken as 0, is the root of what `make` makes of the source.
template <class Make, class Source>
void remember_square_root_of(const Tensor& y, Make&& make, Source&& source);
void remember_square_root(const Tensor& y, const Tensor& square, RootSource source);
// Says that y = e**operand, if y overflows and can be differentiated.
void remember_exponential(const Tensor& y, const Tensor& operand);
// Says that y = cosh(operand) is one, if it overflows and can be differentiated.
void remember_cosh(const Tensor& y, const Tensor& operand);
// Says that y = sigmoid(operand) is an exponential, if it underflows and can be differentiated.
void remember_sigmoid(const Tensor& y, const Tensor& operand);
// Says that y, an op of an overflowing exponential and a positive constant, is one, too.
void remember_exponential_of(kernels::FnId op, TensorSpan x, const Tensor& y);
// Says the same of sums y over sorted axes of x, divided by `count`.
void remember_exponential_sum(const Tensor& x, const Dims& axes, bool keepdims, double count,
                              const Tensor& y);

// y**exponent through y's origin, or nothing where y has none that helps.
std::optional<Tensor> power_of_root(const Tensor& y, double exponent);
// x * y, for roots of the same.
std::optional<Tensor> product_of_roots(const Tensor& x, const Tensor& y);
// The same y = op(x), where an argument is a root, or a function of one: at zeros of the root, y is
// differentiated as its power series in the root. Even powers are smooth functions of the root's
// operand, and only they count where the slope of the root is taken as zero.
using Operation = std::variant<kernels::FnId, Ref<const Primitive>>;
Tensor through_root(const Operation& op, TensorSpan x, Tensor y);
// log1p(y) and log(y) likewise.
std::optional<Tensor> log1p_of_exponential(const Tensor& y);
std::optional<Tensor> log_of_exponential(const Tensor& y);
// A constant over y.
std::optional<Tensor> quotient_by_exponential(const Tensor& numerator, const Tensor& y);

// x**exponent for x >= 0, with derivative zero at zero.
Tensor root(const Tensor& x, double exponent);

// Whether anybody may differentiate with respect to x: a wrapper or a tracked tensor.
inline bool differentiable(const Tensor& x) { return x.tracked() || !x.is_array(); }
// Of a tensor of bools. In a captured call: false, and true.
bool holds_everywhere(const Tensor& truth);
bool holds_anywhere(const Tensor& truth);
// Whether it holds anywhere. A captured call takes it not to hold, and is not run where it does;
// one of a device takes it to hold.
bool may_hold(const Tensor& truth);

inline bool any_origin(TensorSpan x) {
  bool found = false;
  for (const Tensor& argument : x) found |= static_cast<bool>(argument.body()->origin);
  return found;
}

// Whether a root has zeros: at these kinks derivatives are a convention, which must not depend on
// whether anything is known yet.
bool vanishes(const Tensor& y);

template <class Make, class Source>
void remember_square_root_of(const Tensor& y, Make&& make, Source&& source) {
  if (differentiable(y) && vanishes(y)) remember_square_root(y, make(), source());
}

}  // namespace pyautograd::ops
