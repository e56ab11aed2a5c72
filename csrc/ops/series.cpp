#include "ops/series.h"

#include "ops/linear.h"

namespace pyautograd::ops {

namespace {

using namespace kernels;

// Absent terms are zero.
void include(Tensor& sum, Tensor term) {
  if (term) sum = sum ? add(sum, term) : std::move(term);
}
Tensor negated(const Tensor& x) { return x ? -x : x; }
Tensor times(const Tensor& x, double factor) { return x ? x * factor : x; }

// The product of two coefficients above the constant terms. A zero absorbs the other factor.
Tensor both(const TaylorArgs& args, const Tensor& a, const Tensor& b) {
  if (!a || !b) return {};
  const Level* directions = args.directions();
  if (directions && a.level() == directions && b.level() == directions && a.shape() == b.shape()) {
    // In the mean over directions the product itself is not needed.
    const Batched &x = as_batched(a), &y = as_batched(b);
    if (x.dim != kNotMapped && x.dim == y.dim && a.dtype() == b.dtype())
      return products_along(x.value, y.value, x.dim) / static_cast<double>(directions->size);
  }
  return args.average(scale_both(a, b));
}

Tensor multiply_series(const TaylorArgs& args) {
  const size_t k = args.k;
  Tensor sum;
  if (const Tensor a = args.x(0, k)) include(sum, scale(a, args.x(1, 0)));
  if (const Tensor b = args.x(1, k)) include(sum, scale(b, args.x(0, 0)));
  for (size_t i = 1; i < k; ++i) include(sum, both(args, args.x(0, i), args.x(1, k - i)));
  return sum;
}

Tensor square_series(const TaylorArgs& args) {
  const size_t k = args.k;
  Tensor sum;
  if (const Tensor x = args.x(0, k)) include(sum, call<ScaleSquare>(x, args.x(0, 0)));
  for (size_t i = 1; 2 * i < k; ++i)
    include(sum, times(both(args, args.x(0, i), args.x(0, k - i)), 2));
  if (k % 2 == 0) {
    const Tensor middle = args.x(0, k / 2);
    include(sum, both(args, middle, middle));
  }
  return sum;
}

Tensor scale_square_series(const TaylorArgs& args) { return times(multiply_series(args), 2); }

// What a quotient y = a / b takes from its lower coefficients and those of b.
Tensor lower_part(const TaylorArgs& args, size_t b) {
  Tensor sum;
  for (size_t j = 1; j < args.k; ++j) include(sum, both(args, args.x(b, j), args.y(0, args.k - j)));
  if (const Tensor last = args.x(b, args.k)) include(sum, scale(last, args.y(0, 0)));
  return sum;
}

Tensor quotient_series(const TaylorArgs& args, double factor) {
  Tensor sum = args.x(0, args.k);
  if (factor != 1) sum = times(sum, factor);
  include(sum, negated(lower_part(args, 1)));
  return sum ? scale_over(sum, args.x(1, 0)) : sum;
}
Tensor divide_series(const TaylorArgs& args) { return quotient_series(args, 1); }
Tensor scale_sqrt_series(const TaylorArgs& args) { return quotient_series(args, 0.5); }

Tensor reciprocal_series(const TaylorArgs& args) {
  const Tensor sum = lower_part(args, 0);
  return sum ? -scale(sum, args.y(0, 0)) : sum;
}

using SeriesRule = Tensor (*)(const TaylorArgs& args);
SeriesRule rule_of(FnId fn) {
  static constexpr std::pair<FnId, SeriesRule> kRules[] = {
      {fn_id<Multiply>(), &multiply_series},        {fn_id<Scale>(), &multiply_series},
      {fn_id<ScaleBoth>(), &multiply_series},       {fn_id<Square>(), &square_series},
      {fn_id<ScaleSquare>(), &scale_square_series}, {fn_id<Divide>(), &divide_series},
      {fn_id<ScaleOver>(), &divide_series},         {fn_id<ScaleSqrt>(), &scale_sqrt_series},
      {fn_id<Reciprocal>(), &reciprocal_series},
  };
  for (const auto& [own, rule] : kRules)
    if (own == fn) return rule;
  return nullptr;
}

// No partial by what moves reads anything that moves.
bool is_linear(const ElementwiseRow& row, const TaylorArgs& args) {
  uint8_t reads = 0, moving = kY;
  for (size_t i = 0; i < row.arity; ++i) {
    if (!args.moves(i)) continue;
    moving |= i == 0 ? kX1 : kX2;
    reads |= row.derivatives[i].reads;
  }
  return !(reads & moving);
}

// Second derivatives of a map of complex numbers need not be a multiple of a product.
bool is_real(const ElementwiseRow& row, const TaylorArgs& args) {
  bool real = !is_complex(args.y(0, 0).dtype());
  for (size_t i = 0; i < row.arity; ++i) real &= !is_complex(args.x(i, 0).dtype());
  return real;
}

Tensors values_of(const ElementwiseRow& row, const TaylorArgs& args) {
  Tensors x;
  for (size_t i = 0; i < row.arity; ++i) x.push_back(args.x(i, 0));
  return x;
}

// The part of the coefficient that is linear in the inputs' coefficients of the same order.
Tensor linear_part(const ElementwiseRow& row, const TaylorArgs& args, TensorSpan x) {
  Tensor sum;
  for (size_t i = 0; i < row.arity; ++i) {
    const Tensor t = args.x(i, args.k);
    if (t && row.derivatives[i].partial)
      include(sum, row.derivatives[i].partial(t, x, args.y(0, 0)));
  }
  return sum;
}

// The second derivative by inputs i and j, times q: a tangent of the partial.
Tensor second_partial(const ElementwiseRow& row, TensorSpan x, const Tensor& y, size_t i, size_t j,
                      const Tensor& q) {
  const LevelScope scope(Level::Kind::Jvp);
  Tensors duals(x.begin(), x.end());
  duals[j] =
      make_dual(scope.level(), broadcast_to(x[j], y.shape()), algebra::expand_to(q, y.spec()));
  const Tensor slope = row.derivatives[j].partial(q, x, y);
  const Tensor moved = make_dual(scope.level(), y, algebra::expand_to(slope, y.spec()));
  const Tensor out = row.derivatives[i].partial(ones_like(y), duals, moved);
  return out.level() == scope.level().get() ? as_dual(out).tangent : Tensor();
}

// The mean over directions of a second coefficient: the products of first coefficients are averaged
// before anything is multiplied by them.
Tensor second_series(const ElementwiseRow& row, const TaylorArgs& args) {
  const Tensors x = values_of(row, args);
  Tensor sum = linear_part(row, args, x);
  for (size_t i = 0; i < row.arity; ++i) {
    if (!row.derivatives[i].partial) continue;
    for (size_t j = i; j < row.arity; ++j) {
      const Tensor q = both(args, args.x(i, 1), args.x(j, 1));
      if (!q || !row.derivatives[j].partial) continue;
      const Tensor part = second_partial(row, x, args.y(0, 0), i, j, q);
      include(sum, i == j ? times(part, 0.5) : part);
    }
  }
  return sum;
}

}  // namespace

Tensors linear_series(const Primitive& op, const TaylorArgs& args) {
  Tensors primals, tangents, outputs;
  bool moving = false;
  for (size_t i = 0; i < args.inputs(); ++i) {
    primals.push_back(args.x(i, 0));
    tangents.push_back(args.x(i, args.k));
    moving |= static_cast<bool>(tangents.back());
  }
  return moving ? op.jvp(primals, tangents, outputs) : Tensors();
}

Tensor product_series(const TaylorArgs& args, const Product& product) {
  const size_t k = args.k;
  Tensor sum;
  if (const Tensor a = args.x(0, k)) include(sum, product(a, args.x(1, 0)));
  if (const Tensor b = args.x(1, k)) include(sum, product(args.x(0, 0), b));
  for (size_t i = 1; i < k; ++i) {
    const Tensor a = args.x(0, i), b = args.x(1, k - i);
    if (a && b) include(sum, args.average(product(a, b)));
  }
  return sum;
}

Tensor implicit_series(const TaylorArgs& args, size_t a, const Product& product) {
  Tensor sum;
  for (size_t j = 1; j <= args.k; ++j) {
    const Tensor factor = args.x(a, j), y = args.y(0, args.k - j);
    if (factor && y) include(sum, args.average(product(factor, y)));
  }
  return sum;
}

std::optional<Tensors> elementwise_series(const ElementwiseRow& row, const TaylorArgs& args) {
  if (const SeriesRule rule = rule_of(row.fn)) return Tensors::of(rule(args));
  if (is_linear(row, args)) return Tensors::of(linear_part(row, args, values_of(row, args)));
  if (args.directions() && args.k == 2 && is_real(row, args))
    return Tensors::of(second_series(row, args));
  return {};
}

}  // namespace pyautograd::ops
