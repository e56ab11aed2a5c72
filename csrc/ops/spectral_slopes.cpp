#include "ops/spectral_slopes.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/kernels.h"
#include "ops/elementwise.h"
#include "ops/linalg.h"
#include "ops/spectral_derivatives.h"

namespace pyautograd::ops::linalg {

namespace {

Tensor nan_like(const Tensor& x) {
  return constant_like(x, std::numeric_limits<double>::quiet_NaN());
}

// Every pair of values, their differences or their sums, and which of those divide nothing: pairs
// that are equal within rounding, or sums that are zero.
struct Pairs {
  Tensor divisors, singular;
};
Pairs differences_of(const Tensor& w) {
  const Tensor own = identity_matrix(w.shape().back(), DType::Bool, w.device());
  const Tensor divisors = expand_dims(w, {-1}) - expand_dims(w, {-2});
  return {where(own, constant_like(w, 1), divisors), equal_pairs(w)};
}
Pairs sums_of(const Tensor& w) {
  const Tensor divisors = expand_dims(w, {-1}) + expand_dims(w, {-2});
  return {divisors, equal(divisors, constant_like(w, 0))};
}

// Products of two directions over the pairs, summed over the second of each: what belongs to a
// singular pair is nan unless one of the directions does not move at all.
Tensor over_pairs(const Tensor& products, const Pairs& pairs, const Tensor& moving) {
  const Tensor one = constant_like(products, 1), zero = constant_like(products, 0);
  const Tensor regular =
      call<kernels::ScaleOver>(products, where(pairs.singular, one, pairs.divisors));
  // A sum with nan, not nan itself: its derivatives must be nan, too.
  const Tensor unknown = where(moving, products + nan_like(products), zero);
  return sum(where(pairs.singular, unknown, regular), Dims{-1});
}

Tensor both_move(const Tensor& s, const Tensor& t) { return logical_and(moves(s), moves(t)); }

// The real parts of x conj(y).
Tensor real_products(const Tensor& x, const Tensor& y) { return real(x * conj(y)); }

// (c[i] - c[j]) / (w[i] - w[j]), or with the sums of both. Where the divisor is zero it is nan, but
// zero where both c are: values that nothing asks for spoil no derivative of the others. Elsewhere
// what is linear in c stays so at zero: higher derivatives are those by a c that is zero, too.
Tensor quotients(const Tensor& c, const Tensor& w, bool sums) {
  const Tensor ci = expand_dims(c, {-1}), cj = expand_dims(c, {-2}), zero = constant_like(w, 0);
  const auto [divisors, singular] = sums ? sums_of(w) : differences_of(w);
  const Tensor regular =
      (sums ? ci + cj : ci - cj) / where(singular, constant_like(w, 1), divisors);
  const Tensor unknown =
      call<kernels::Scale>(ci, nan_like(w)) + call<kernels::Scale>(cj, nan_like(w));
  const Tensor all = where(singular, unknown, regular);
  if (sums) return all;
  return where(identity_matrix(w.shape().back(), DType::Bool, w.device()), zero, all);
}

// Element by element, but nan altogether if x is not zero and a quotient is not known: V x V^H
// needs all of them.
Tensor times_quotients(const Tensor& x, const Tensor& quotients) {
  const Tensor unknown = logical_and(isnan(quotients), moves(x));
  return call<kernels::Scale>(x, quotients) +
         where(unknown, nan_like(quotients), constant_like(quotients, 0));
}

Tensor turned(const Tensor& u, const Tensor& x, const Tensor& v) {
  return matmul(matmul(adjoint(u), x), v);
}

// The inputs of these ops are the matrix, one more, and what is known of the matrix, which has no
// derivative of its own: all of it is that of the matrix.
class SpectralSlope : public OnMatrices {
 public:
  Saves saves() const override { return {.inputs = Saves::kAll}; }
  Dependence dependence(const DependenceArgs& args) const override {
    if (args.input >= 2) return {Dependence::Kind::None};
    return OnMatrices::dependence(args);
  }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor t = conj(args.cotangents[0]);
    Tensors out(args.inputs.size());
    if (args.wants[0]) out[0] = conj(pulled_to_matrix(args.inputs, t));
    if (args.wants[1]) out[1] = conj(transposed(args.inputs, t));
    return out;
  }
  Tensors jvp(TensorSpan x, TensorSpan t, TensorSpan) const override {
    Tensor by_matrix, by_other;
    if (t[0]) by_matrix = moved_by_matrix(x, t[0]);
    if (t[1]) {
      Tensors inputs(x.begin(), x.end());
      inputs[1] = t[1];
      by_other = apply1(Ref<const Primitive>(this), inputs);
    }
    return {total({by_matrix, by_other})};
  }

 protected:
  // What a cotangent t, conjugated, is for the matrix, and for the other input.
  virtual Tensor pulled_to_matrix(TensorSpan x, const Tensor& t) const = 0;
  virtual Tensor transposed(TensorSpan x, const Tensor& t) const = 0;
  virtual Tensor moved_by_matrix(TensorSpan x, const Tensor& t) const = 0;
};

// Of Hermitian matrices. The derivative of V diag(c) V^H by the matrix is a product with quotients
// of c element by element (Higham 2008, "Functions of Matrices", section 3.2), and its own
// transpose.
class OfEigenvalues : public SpectralSlope {
 public:
  std::string_view name() const override { return "linalg.eigvalsh"; }

 protected:
  static Tensor rotated(TensorSpan x, const Tensor& t) {
    return turned(x[3], hermitian_part(t), x[3]);
  }
  static Tensor with_quotients(TensorSpan x, const Tensor& c, const Tensor& t) {
    if (repeats(x[2])) return with_eigenvalues_along(x[0], c, {x[2], x[3]}, Borrowed<1>(t));
    const Tensor core = times_quotients(rotated(x, t), quotients(c, x[2], false));
    return matmul(matmul(x[3], core), adjoint(x[3]));
  }
};

class WithEigenvalues final : public OfEigenvalues {
 public:
  Specs infer(TensorSpan x) const override {
    const Dims batch = broadcast_shapes(name(), lead(x[0]), lead(x[1], 1));
    return {Spec{with_core(batch, {rows(x[0]), rows(x[0])}), promote(x[0].dtype(), x[1].dtype()),
                 x[0].device()}};
  }
  Tensors eval(TensorSpan x, const Specs&) const override {
    const Tensor v = x[3].untracked();
    return {hermitian_part(matmul(scale_columns(v, x[1].untracked()), adjoint(v)))};
  }

 protected:
  int64_t core_rank(size_t input) const override { return input % 3 == 0 ? 2 : 1; }
  Tensor pulled_to_matrix(TensorSpan x, const Tensor& t) const override {
    return with_quotients(x, x[1], t);
  }
  Tensor transposed(TensorSpan x, const Tensor& t) const override {
    return eigenvalues_moved(x[0], t, {x[2], x[3]});
  }
  Tensor moved_by_matrix(TensorSpan x, const Tensor& t) const override {
    return with_quotients(x, x[1], t);
  }
};

class EigenvaluesMoved final : public OfEigenvalues {
 public:
  Specs infer(TensorSpan x) const override {
    const Dims batch = broadcast_shapes(name(), lead(x[0]), lead(x[1]));
    return {Spec{with_core(batch, {rows(x[0])}), real_of(promote(x[0].dtype(), x[1].dtype())),
                 x[0].device()}};
  }
  Tensors eval(TensorSpan x, const Specs&) const override {
    const Tensor v = x[3].untracked();
    return {real(sum(conj(v) * matmul(hermitian_part(x[1].untracked()), v), Dims{-2}))};
  }

 protected:
  int64_t core_rank(size_t input) const override { return input == 2 ? 1 : 2; }
  Tensor pulled_to_matrix(TensorSpan x, const Tensor& t) const override {
    return with_quotients(x, t, x[1]);
  }
  Tensor transposed(TensorSpan x, const Tensor& t) const override {
    return with_eigenvalues(x[0], t, {x[2], x[3]});
  }
  // Of an eigenvalue, the sum over the others of what both directions mix, by the distances.
  Tensor moved_by_matrix(TensorSpan x, const Tensor& t) const override {
    if (repeats(x[2])) return eigenvalues_moved_along(x[0], x[1], {x[2], x[3]}, Borrowed<1>(t));
    const Tensor products = real_products(rotated(x, x[1]), rotated(x, t));
    const Tensor own = identity_matrix(rows(x[0]), DType::Bool, x[0].device());
    return 2.0 * over_pairs(where(own, constant_like(products, 0), products), differences_of(x[2]),
                            both_move(x[1], t));
  }
};

// Where singular values repeat, as eigenvalues of a Hermitian matrix: these are, rising, minus the
// singular values, zeros, and the values. The derivative of U diag(c) V^H along t, and that of all
// values along x and t.
Tensor with_values_along(const Tensor& a, const Tensor& c, const Tensor& t) {
  const int64_t m = rows(a), n = columns(a);
  const Tensor none = broadcast_to(constant_like(c, 0), with_core(lead(c, 1), {std::abs(m - n)}));
  const Tensor odd = ops::concat(Tensors{-c, none, flip(c, Dims{-1})}, -1);
  const Tensor matrix = jordan_wielandt(a), along = jordan_wielandt(t);
  const Tensor out =
      with_eigenvalues_along(matrix, odd, spectrum_of_jordan_wielandt(a), Borrowed<1>(along));
  return column_range(row_range(out, 0, m), m, m + n);
}
Tensor values_moved_along(const Tensor& a, const Tensor& x, const Tensor& t) {
  const int64_t all = rows(a) + columns(a), k = std::min(rows(a), columns(a));
  const Tensor matrix = jordan_wielandt(a), along = jordan_wielandt(t);
  const Tensor out = eigenvalues_moved_along(matrix, jordan_wielandt(x),
                                             spectrum_of_jordan_wielandt(a), Borrowed<1>(along));
  return flip(column_range(out, all - k, all), Dims{-1});
}

// Of any matrices, likewise: the Hermitian part of U^H t V meets the quotients of differences, the
// rest those of sums.
class OfSingularValues : public SpectralSlope {
 public:
  std::string_view name() const override { return "linalg.svdvals"; }

 protected:
  static Tensor rotated(TensorSpan x, const Tensor& t) { return turned(x[2], t, adjoint(x[4])); }
  // What t makes of the columns of v and u outside of the spans of u and v; absent where there is
  // nothing.
  static Tensor above(TensorSpan x, const Tensor& t) {
    const Tensor& u = x[2];
    if (rows(u) == columns(u)) return {};
    return outside(matmul(t, adjoint(x[4])), u);
  }
  static Tensor beside(TensorSpan x, const Tensor& t) {
    const Tensor v = adjoint(x[4]);
    if (rows(v) == columns(v)) return {};
    return outside(matmul(adjoint(t), x[2]), v);
  }
  static Tensor with_quotients(TensorSpan x, const Tensor& c, const Tensor& t) {
    if (repeats(x[3])) return with_values_along(x[0], c, t);
    const Tensor inside = rotated(x, t), &u = x[2], &s = x[3], &vh = x[4];
    const Tensor core = times_quotients(hermitian_part(inside), quotients(c, s, false)) +
                        times_quotients(skew_part(inside), quotients(c, s, true));
    const Tensor rates = expand_dims(call<kernels::ScaleOver>(c, s), {-2});
    Tensor left = above(x, t), right = beside(x, t);
    if (left) left = matmul(call<kernels::Scale>(left, rates), vh);
    if (right) right = matmul(u, adjoint(call<kernels::Scale>(right, rates)));
    return total({matmul(matmul(u, core), vh), left, right});
  }
};

class WithSingularValues final : public OfSingularValues {
 public:
  Specs infer(TensorSpan x) const override {
    const Dims batch = broadcast_shapes(name(), lead(x[0]), lead(x[1], 1));
    return {Spec{with_core(batch, {rows(x[0]), columns(x[0])}), promote(x[0].dtype(), x[1].dtype()),
                 x[0].device()}};
  }
  Tensors eval(TensorSpan x, const Specs&) const override {
    return {matmul(scale_columns(x[2].untracked(), x[1].untracked()), x[4].untracked())};
  }

 protected:
  int64_t core_rank(size_t input) const override { return input % 2 == 0 ? 2 : 1; }
  Tensor pulled_to_matrix(TensorSpan x, const Tensor& t) const override {
    return with_quotients(x, x[1], t);
  }
  Tensor transposed(TensorSpan x, const Tensor& t) const override {
    return singular_values_moved(x[0], t, {x[2], x[3], x[4]});
  }
  Tensor moved_by_matrix(TensorSpan x, const Tensor& t) const override {
    return with_quotients(x, x[1], t);
  }
};

class SingularValuesMoved final : public OfSingularValues {
 public:
  Specs infer(TensorSpan x) const override {
    const Dims batch = broadcast_shapes(name(), lead(x[0]), lead(x[1]));
    const int64_t k = std::min(rows(x[0]), columns(x[0]));
    return {
        Spec{with_core(batch, {k}), real_of(promote(x[0].dtype(), x[1].dtype())), x[0].device()}};
  }
  Tensors eval(TensorSpan x, const Specs&) const override {
    const Tensor turned_by_v = matmul(x[1].untracked(), adjoint(x[4].untracked()));
    return {real(sum(conj(x[2].untracked()) * turned_by_v, Dims{-2}))};
  }

 protected:
  int64_t core_rank(size_t input) const override { return input == 3 ? 1 : 2; }
  Tensor pulled_to_matrix(TensorSpan x, const Tensor& t) const override {
    return with_quotients(x, t, x[1]);
  }
  Tensor transposed(TensorSpan x, const Tensor& t) const override {
    return with_singular_values(x[0], t, {x[2], x[3], x[4]});
  }
  // As for eigenvalues, of the Hermitian matrix with blocks x and x^H and zeros elsewhere.
  Tensor moved_by_matrix(TensorSpan x, const Tensor& t) const override {
    if (repeats(x[3])) return values_moved_along(x[0], x[1], t);
    const Tensor first = rotated(x, x[1]), second = rotated(x, t), moving = both_move(x[1], t);
    const Tensor products = real_products(hermitian_part(first), hermitian_part(second));
    const Tensor own = identity_matrix(columns(first), DType::Bool, first.device());
    const Tensor differences =
        over_pairs(where(own, constant_like(products, 0), products), differences_of(x[3]), moving);
    const Tensor sums =
        over_pairs(real_products(skew_part(first), skew_part(second)), sums_of(x[3]), moving);
    return total({2.0 * differences, 2.0 * sums, outer_part(x, above(x, x[1]), above(x, t)),
                  outer_part(x, beside(x, x[1]), beside(x, t))});
  }

 private:
  static Tensor outer_part(TensorSpan x, const Tensor& first, const Tensor& second) {
    if (!first) return {};
    return call<kernels::ScaleOver>(sum(real_products(first, second), Dims{-2}), x[3]);
  }
};

}  // namespace

Tensor skew_part(const Tensor& x) { return (x - adjoint(x)) * 0.5; }

Tensor outside(const Tensor& x, const Tensor& u) { return x - matmul(u, matmul(adjoint(u), x)); }

Tensor jordan_wielandt(const Tensor& x) {
  const auto none = [&](int64_t n) {
    return broadcast_to(scalar(0, x.dtype()), with_core(lead(x), {n, n}));
  };
  const Tensor above = ops::concat(Tensors{none(rows(x)), x}, -1);
  const Tensor below = ops::concat(Tensors{adjoint(x), none(columns(x))}, -1);
  return ops::concat(Tensors{above, below}, -2);
}

Eigen spectrum_of_jordan_wielandt(const Tensor& x) {
  const int64_t m = rows(x), n = columns(x), k = std::min(m, n);
  const Tensors found = svd(x, m != n, true, false);
  const Tensor u = found[0], s = found[1], v = adjoint(found[2]);
  const Tensor above = column_range(u, 0, k) * std::sqrt(0.5);
  const Tensor below = column_range(v, 0, k) * std::sqrt(0.5);
  const auto stacked = [](const Tensor& upper, const Tensor& lower) {
    return ops::concat(Tensors{upper, lower}, -2);
  };
  Tensors values{-s}, vectors{stacked(above, -below)};
  if (m != n) {
    const Tensor rest = column_range(m > n ? u : v, k, std::max(m, n));
    const Tensor none =
        broadcast_to(constant_like(rest, 0), with_core(lead(x), {k, std::abs(m - n)}));
    values.push_back(broadcast_to(constant_like(s, 0), with_core(lead(x), {std::abs(m - n)})));
    vectors.push_back(m > n ? stacked(rest, none) : stacked(none, rest));
  }
  values.push_back(flip(s, Dims{-1}));
  vectors.push_back(flip(stacked(above, below), Dims{-1}));
  return {ops::concat(values, -1), ops::concat(vectors, -1)};
}

Tensor with_eigenvalues(const Tensor& a, const Tensor& c, const Eigen& known) {
  return apply1(make_ref<WithEigenvalues>(), Borrowed<4>(a, c, known.values, known.vectors));
}
Tensor eigenvalues_moved(const Tensor& a, const Tensor& t, const Eigen& known) {
  return apply1(make_ref<EigenvaluesMoved>(), Borrowed<4>(a, t, known.values, known.vectors));
}
Tensor with_singular_values(const Tensor& a, const Tensor& c, const Singular& known) {
  return apply1(make_ref<WithSingularValues>(), Borrowed<5>(a, c, known.u, known.values, known.vh));
}
Tensor singular_values_moved(const Tensor& a, const Tensor& t, const Singular& known) {
  return apply1(make_ref<SingularValuesMoved>(),
                Borrowed<5>(a, t, known.u, known.values, known.vh));
}

}  // namespace pyautograd::ops::linalg
