// Entropies, and products with logarithms.

#include "ops/special.h"

namespace pyautograd::ops {

namespace {

// Where the difference of x1 and x2 is exact.
Tensor is_near(X x) { return logical_and(greater(x[0] * 2.0, x[1]), less(x[0], x[1] * 2.0)); }
// (x1 - x2) / x2 there, and 0 elsewhere.
Tensor relative_difference(X x, const Tensor& near) {
  const Tensor far = logical_not(near), second = fill_where(far, 1, x[1]);
  return (fill_where(far, 1, x[0]) - second) / second;
}

// log(x1 / x2), and 0 at (0, 0). At x1 = 0 as a difference, whose part of x2 has a derivative, and
// as one where the ratio and its derivatives could over- or underflow.
Tensor log_ratio(X x) {
  const DType dtype = x[0].dtype();
  const Tensor absent = both_zero(x), near = is_near(x);
  const Tensor quotient = x[0] / fill_where(absent, 1, x[1]);
  const Tensor far =
      logical_or(less(quotient, scalar(1e-20, dtype)), greater(quotient, scalar(1e20, dtype)));
  const Tensor apart = logical_or(far, absent), others = logical_or(apart, near);
  const auto logarithm = [&](size_t i) {
    return log(fill_where(logical_or(absent, logical_not(far)), 1, x[i]));
  };
  const Tensor regular = log(fill_where(others, 1, x[0]) / fill_where(others, 1, x[1]));
  const Tensor close = call<kernels::Log1p>(relative_difference(x, near));
  return where(apart, logarithm(0) - logarithm(1), where(near, close, regular));
}
// x1 / x2, and 0 at (0, 0) with all its derivatives, as those of the logarithm are.
Tensor ratio(X x) {
  const Tensor absent = both_zero(x);
  return fill_where(absent, 0, x[0]) / fill_where(absent, 1, x[1]);
}

constexpr SpecialRow kEntr{"special.entr",
                           on_one<formula::entr>,
                           1,
                           {{{[](T t, X x, T, N) { return -scale(t, log(x[0]) + 1.0); }, 1}}},
                           SpecialVector::Entr};
constexpr SpecialRow kRelEntr{"special.rel_entr",
                              on_two<formula::rel_entr>,
                              2,
                              {{{[](T t, X x, T, N) { return scale(t, log_ratio(x) + 1.0); }, 3},
                                {[](T t, X x, T, N) { return -scale(t, ratio(x)); }, 3}}}};
constexpr SpecialRow kKlDiv{"special.kl_div",
                            on_two<formula::kl_div>,
                            2,
                            {{{[](T t, X x, T, N) { return scale(t, log_ratio(x)); }, 3},
                              {[](T t, X x, T, N) { return scale(t, 1.0 - ratio(x)); }, 3}}}};

// As xlogy: what is absent at x1 = 0 has the derivative 0.
Tensor xlog1py_in_x(T t, X x, T, N) {
  const Tensor minus_one = scalar(-1, x[1].dtype());
  const Tensor absent = logical_and(is_value(x[0], 0), less_equal(x[1], minus_one));
  return scale(t, call<kernels::Log1p>(fill_where(absent, 0, x[1])));
}
Tensor xlog1py_in_y(T t, X x, T, N) {
  const Tensor absent = logical_and(is_value(x[0], 0), less_equal(x[1], scalar(-1, x[1].dtype())));
  return scale(t, fill_where(absent, 0, x[0]) / (fill_where(absent, 0, x[1]) + 1.0));
}
constexpr SpecialRow kXlog1py{
    "special.xlog1py", on_two<formula::xlog1py>, 2, {{{xlog1py_in_x, 3}, {xlog1py_in_y, 3}}}};

Tensor entr(T x) { return apply_special(kEntr, Borrowed<1>(x)); }
template <const SpecialRow& row>
Tensor two(T x1, T x2) {
  return apply_special(row, Borrowed<2>(x1, x2));
}

Tensor xlog1py(T x, T y) {
  if (!is_complex(x.dtype()) && !is_complex(y.dtype())) return two<kXlog1py>(x, y);
  const Tensor singular = logical_or(is_value(y, -1), call<kernels::IsInf>(y));
  return x * log1p(fill_where(logical_and(is_value(x, 0), singular), 0, y));
}

constexpr const char* kPair = ":param x: tensor\n:param y: tensor that broadcasts with x";

}  // namespace

void register_entropies(Registry& registry) {
  registry.add("special.entr", &entr, "x, /",
               special_doc("-x log(x), which is 0 at 0, and -inf for negative x.",
                           ":param x: tensor of any shape"));
  registry.add("special.rel_entr", &two<kRelEntr>, "x, y, /",
               special_doc("x log(x / y), which is 0 where x is 0, and inf outside the domain. The "
                           "derivatives of the logarithm at (0, 0) are taken as 0.",
                           kPair));
  registry.add("special.kl_div", &two<kKlDiv>, "x, y, /",
               special_doc("x log(x / y) - x + y, which is y where x is 0, and inf outside the "
                           "domain. The derivatives of the logarithm at (0, 0) are taken as 0.",
                           kPair));
  registry.add("special.xlog1py", &xlog1py, "x, y, /",
               special_doc("x log(1 + y), and 0 where x = 0. Derivatives at (0, -1) are taken as "
                           "0.",
                           kPair));
}

}  // namespace pyautograd::ops
