#include "ops/spectral_derivatives.h"

#include <limits>

#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/linalg.h"
#include "ops/matrix_function.h"
#include "ops/rising_tuples.h"

namespace pyautograd::ops::linalg {

namespace {

Tensor nan_of(const Tensor& x) {
  return constant_like(x, std::numeric_limits<double>::quiet_NaN());
}

// Divided differences over all tuples of k + 1 eigenvalues of a function with one value per
// eigenvalue, which is constant near each. Newton's quotients over rising arguments: what is equal
// within rounding is next to each other, and nothing is divided by a difference of these.
class DividedDifferences {
 public:
  DividedDifferences(const Tensor& w, size_t k)
      : tuples_(w.shape().back(), k, w.device()), slack_(rounding_of(w)) {
    for (const Tensor& places : tuples_.places()) arguments_.push_back(take(w, places, -1));
  }

  Tensor of(const Tensor& c) const {
    Tensors values;
    for (const Tensor& places : tuples_.places()) values.push_back(take(c, places, -1));
    for (size_t order = 1; order < values.size(); ++order)
      for (size_t i = 0; i + order < values.size(); ++i)
        values[i] = divided(values[i + 1] - values[i], i, i + order);
    return tuples_.for_all(values[0]);
  }
  // The transposed map, from one number per tuple to one per eigenvalue.
  Tensor transposed(const Tensor& x, int64_t n) const {
    Tensors parts{tuples_.over_orders(x)};
    for (size_t order = arguments_.size() - 1; order > 0; --order) {
      Tensors next(parts.size() + 1);
      for (size_t i = 0; i < parts.size(); ++i) {
        const Tensor part = divided(parts[i], i, i + order);
        next[i] = total({next[i], -part});
        next[i + 1] = part;
      }
      parts = std::move(next);
    }
    Tensor out = zeros(with_core(lead(parts[0], 1), {n}), x.dtype(), x.device());
    for (size_t j = 0; j < parts.size(); ++j)
      out = setitem(out, Index{Ellipsis{}, tuples_.places()[j]}, parts[j], true);
    return out;
  }

 private:
  Tensor divided(const Tensor& x, size_t first, size_t last) const {
    const Tensor gap = arguments_[last] - arguments_[first], same = less_equal(gap, slack_);
    return where(same, constant_like(x, 0), x / where(same, constant_like(gap, 1), gap));
  }

  const RisingTuples tuples_;
  const Tensor slack_;
  Tensors arguments_;
};

Tensor rotated(const Tensor& t, const Tensor& v) {
  return matmul(matmul(adjoint(v), hermitian_part(t)), v);
}

// The inputs are the matrix, one more, what is known of the matrix, without a derivative of its
// own, and further ones.
class BesideRepeated : public OnMatrices {
 public:
  Saves saves() const override { return {.inputs = Saves::kAll}; }
  Dependence dependence(const DependenceArgs& args) const override {
    if (args.input == 2 || args.input == 3) return {Dependence::Kind::None};
    return OnMatrices::dependence(args);
  }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor t = conj(args.cotangents[0]);
    Tensors out(args.inputs.size());
    for (size_t i = 0; i < out.size(); ++i)
      if (args.wants[i] && i != 2 && i != 3) out[i] = conj(pulled(args.inputs, i, t));
    return out;
  }
  Tensors jvp(TensorSpan x, TensorSpan t, TensorSpan) const override {
    Tensor sum;
    for (size_t i = 0; i < x.size(); ++i)
      if (t[i] && i != 2 && i != 3) sum = total({sum, moved(x, i, t[i])});
    return {sum};
  }

 protected:
  static Eigen known(TensorSpan x) { return {x[2], x[3]}; }
  // The derivative along t of one input, and what of t, the conjugate of a cotangent, belongs to
  // it.
  virtual Tensor moved(TensorSpan x, size_t input, const Tensor& t) const = 0;
  virtual Tensor pulled(TensorSpan x, size_t input, const Tensor& t) const = 0;
};

// With directions behind: linear in each, and in the second input.
class Along : public BesideRepeated {
 public:
  std::string_view name() const override { return "linalg.eigvalsh"; }

 protected:
  static TensorSpan directions(TensorSpan x) { return x.subspan(4); }
  static Tensors directions_and(TensorSpan x, const Tensor& one_more) {
    Tensors out(x.begin() + 4, x.end());
    out.push_back(one_more);
    return out;
  }
  // With t in the place of one direction.
  static Tensors directions_with(TensorSpan x, size_t input, const Tensor& t) {
    Tensors out(x.begin() + 4, x.end());
    out[input - 4] = t;
    return out;
  }
  static Tensors rotated_directions(TensorSpan x) {
    Tensors out;
    for (const Tensor& t : directions(x)) out.push_back(rotated(t.untracked(), x[3].untracked()));
    return out;
  }
  static Tensor all_move(TensorSpan directions) {
    Tensor moving = moves(directions[0].untracked());
    for (const Tensor& t : directions) moving = logical_and(moving, moves(t.untracked()));
    return moving;
  }
  Dims common_batch(TensorSpan x) const {
    Dims batch;
    for (size_t i = 0; i < x.size(); ++i)
      batch = broadcast_shapes(name(), batch, lead(x[i], core_rank(i)));
    return batch;
  }
  static DType common_dtype(TensorSpan x) {
    DType dtype = x[0].dtype();
    for (const Tensor& input : x) dtype = promote(dtype, input.dtype());
    return dtype;
  }
};

class WithEigenvaluesAlong final : public Along {
 public:
  Specs infer(TensorSpan x) const override {
    const int64_t n = rows(x[0]);
    return {Spec{with_core(common_batch(x), {n, n}), common_dtype(x), x[0].device()}};
  }
  Tensors eval(TensorSpan x, const Specs& specs) const override {
    const Tensor c = x[1].untracked(), w = x[2].untracked(), v = x[3].untracked();
    const Tensors factors = rotated_directions(x);
    const Tensor differences = DividedDifferences(w, factors.size()).of(c);
    const Tensor core = contract_in_all_orders(differences, factors);
    const Tensor value = hermitian_part(matmul(matmul(v, core), adjoint(v)));
    // Functions that tell equal values apart, or whose slope there is not known to be zero.
    const Tensor counts = not_equal(c, constant_like(c, 0));
    const Tensor pairs = logical_and(equal_pairs(w), expand_dims(counts, {-1}));
    const Tensor unknown = logical_and(any(pairs, Dims{-2, -1}, true), all_move(directions(x)));
    return {copy(broadcast_to(where(unknown, nan_of(value), value), specs[0].shape))};
  }

 protected:
  int64_t core_rank(size_t input) const override { return input == 1 || input == 2 ? 1 : 2; }
  Tensor moved(TensorSpan x, size_t input, const Tensor& t) const override {
    if (input == 0) return with_eigenvalues_along(x[0], x[1], known(x), directions_and(x, t));
    if (input == 1) return with_eigenvalues_along(x[0], t, known(x), directions(x));
    return with_eigenvalues_along(x[0], x[1], known(x), directions_with(x, input, t));
  }
  Tensor pulled(TensorSpan x, size_t input, const Tensor& t) const override {
    if (input == 1) return eigenvalues_moved_along(x[0], t, known(x), directions(x));
    return moved(x, input, t);  // symmetric in all directions
  }
};

class EigenvaluesMovedAlong final : public Along {
 public:
  Specs infer(TensorSpan x) const override {
    return {
        Spec{with_core(common_batch(x), {rows(x[0])}), real_of(common_dtype(x)), x[0].device()}};
  }
  Tensors eval(TensorSpan x, const Specs& specs) const override {
    const Tensor w = x[2].untracked(), v = x[3].untracked();
    const Tensors factors = rotated_directions(x);
    const Tensor paths = closed_paths(rotated(x[1].untracked(), v), factors);
    const Tensor value = DividedDifferences(w, factors.size()).transposed(paths, rows(x[0]));
    const Tensor moving =
        squeeze(logical_and(all_move(directions(x)), moves(x[1].untracked())), Dims{-1});
    const Tensor unknown = logical_and(any(equal_pairs(w), Dims{-1}), moving);
    return {copy(broadcast_to(where(unknown, nan_of(value), value), specs[0].shape))};
  }

 protected:
  int64_t core_rank(size_t input) const override { return input == 2 ? 1 : 2; }
  Tensor moved(TensorSpan x, size_t input, const Tensor& t) const override {
    if (input == 0) return eigenvalues_moved_along(x[0], x[1], known(x), directions_and(x, t));
    if (input == 1) return eigenvalues_moved_along(x[0], t, known(x), directions(x));
    return eigenvalues_moved_along(x[0], x[1], known(x), directions_with(x, input, t));
  }
  Tensor pulled(TensorSpan x, size_t input, const Tensor& t) const override {
    if (input == 0) return with_eigenvalues_along(x[0], t, known(x), directions_and(x, x[1]));
    if (input == 1) return with_eigenvalues_along(x[0], t, known(x), directions(x));
    return with_eigenvalues_along(x[0], t, known(x), directions_with(x, input, x[1]));
  }
};

// Columns: of y the i-th times the derivative of the projector onto the i-th eigenvector along the
// directions. Where the vector is not determined that is nan, but a column of zeros stays zero.
Tensor projected(TensorSpan x, TensorSpan directions, const Tensor& y) {
  const int64_t n = rows(x[0]);
  const Tensor identity = identity_matrix(n, x[2].dtype(), x[2].device());
  Tensors out;
  for (int64_t i = 0; i < n; ++i) {
    const Tensor projector =
        with_eigenvalues_along(x[0], select(identity, 0, i), {x[2], x[3]}, directions);
    const Tensor column = expand_dims(select(y, y.ndim() - 1, i), {-2});
    out.push_back(sum(call<kernels::Scale>(column, projector), Dims{-1}));
  }
  return stack(out, -1);
}

// Transposed: along y_i g_i^H, too, and summed over i.
Tensor projected_back(TensorSpan x, TensorSpan directions, const Tensor& y, const Tensor& g) {
  const int64_t n = rows(x[0]);
  const Tensor identity = identity_matrix(n, x[2].dtype(), x[2].device());
  Tensors all(directions.begin(), directions.end());
  all.push_back({});
  Tensor out;
  for (int64_t i = 0; i < n; ++i) {
    const Tensor left = expand_dims(select(y, y.ndim() - 1, i), {-1});
    const Tensor right = expand_dims(select(g, g.ndim() - 1, i), {-2});
    // Of a vector that is not known, nothing counts without a gradient.
    all.back() = call<kernels::ScaleBoth>(left, conj(right));
    out = total({out, with_eigenvalues_along(x[0], select(identity, 0, i), {x[2], x[3]}, all)});
  }
  return out;
}

// The further input is the eigenvectors once more, with their derivatives: of the i-th, v_i, the
// derivative along t is that of its projector, times v_i.
class OfEigenvectors : public BesideRepeated {
 public:
  std::string_view name() const override { return "linalg.eigh"; }
  Specs infer(TensorSpan x) const override {
    Dims batch;
    for (size_t i = 0; i < x.size(); ++i)
      batch = broadcast_shapes(name(), batch, lead(x[i], core_rank(i)));
    const int64_t n = rows(x[0]);
    return {Spec{with_core(batch, {n, n}), promote(x[0].dtype(), x[1].dtype()), x[0].device()}};
  }

 protected:
  int64_t core_rank(size_t input) const override { return input == 2 ? 1 : 2; }
  Tensor with_second(TensorSpan x, const Tensor& t) const {
    Tensors inputs(x.begin(), x.end());
    inputs[1] = t;
    return apply1(Ref<const Primitive>(this), inputs);
  }
};

class EigenvectorsMoved final : public OfEigenvectors {
 public:
  Tensors eval(TensorSpan x, const Specs&) const override {
    const Tensor t = x[1].untracked(), v = x[3].untracked();
    return {matmul(v, over_differences(rotated(t, v), x[2].untracked(), moves(t)))};
  }

 protected:
  Tensor moved(TensorSpan x, size_t input, const Tensor& t) const override {
    if (input == 0) return projected(x, Borrowed<2>(x[1], t), x[4]);
    return input == 1 ? with_second(x, t) : projected(x, Borrowed<1>(x[1]), t);
  }
  Tensor pulled(TensorSpan x, size_t input, const Tensor& t) const override;
};

class EigenvectorsPulled final : public OfEigenvectors {
 public:
  Tensors eval(TensorSpan x, const Specs&) const override {
    const Tensor g = x[1].untracked(), v = x[3].untracked();
    const Tensor turn = skew_part(matmul(adjoint(v), g));
    const Tensor core = over_differences(turn, x[2].untracked(), moves_by_pairs(g));
    return {hermitian_part(matmul(matmul(v, core), adjoint(v)))};
  }

 protected:
  Tensor moved(TensorSpan x, size_t input, const Tensor& t) const override {
    if (input == 0) return projected_back(x, Borrowed<1>(t), x[4], x[1]);
    return input == 1 ? with_second(x, t) : projected_back(x, {}, t, x[1]);
  }
  Tensor pulled(TensorSpan x, size_t input, const Tensor& t) const override {
    if (input == 0) return projected_back(x, Borrowed<1>(t), x[4], x[1]);
    if (input == 4) return projected(x, Borrowed<1>(t), x[1]);
    return apply1(make_ref<EigenvectorsMoved>(), Tensors{x[0], t, x[2], x[3], x[4]});
  }
};

Tensor EigenvectorsMoved::pulled(TensorSpan x, size_t input, const Tensor& t) const {
  if (input == 0) return projected_back(x, Borrowed<1>(x[1]), x[4], t);
  if (input == 4) return projected(x, Borrowed<1>(x[1]), t);
  return apply1(make_ref<EigenvectorsPulled>(), Tensors{x[0], t, x[2], x[3], x[4]});
}

Tensors inputs_of(const Tensor& a, const Tensor& second, const Eigen& known, TensorSpan others) {
  Tensors inputs{a, second, known.values, known.vectors};
  for (const Tensor& other : others) inputs.push_back(other);
  return inputs;
}

// Behind every transform.
Tensor plain_numbers(const Tensor& values) { return plain(innermost_array(values)); }

Tensor gaps_of(const Tensor& w) {
  const int64_t n = w.shape().back();
  return absolute(column_range(w, 1, n) - column_range(w, 0, n - 1));
}

}  // namespace

Tensor are_close(const Tensor& values) {
  constexpr double kClose = 1e-3;
  const Tensor w = plain_numbers(values);
  return less_equal(gaps_of(w), max(absolute(w), Dims{-1}, true) * kClose);
}

// The work here grows with the order: large spectra come this way only where values are equal.
bool repeats(const Tensor& values) {
  constexpr int64_t kSmall = 64;
  const Tensor w = plain_numbers(values);
  if (w.shape().back() < 2 || w.size() == 0) return false;
  return surely(w.shape().back() > kSmall ? less_equal(gaps_of(w), rounding_of(w)) : are_close(w));
}

Tensor with_eigenvalues_along(const Tensor& a, const Tensor& c, const Eigen& known,
                              TensorSpan directions) {
  return apply1(make_ref<WithEigenvaluesAlong>(), inputs_of(a, c, known, directions));
}
Tensor eigenvalues_moved_along(const Tensor& a, const Tensor& first, const Eigen& known,
                               TensorSpan directions) {
  return apply1(make_ref<EigenvaluesMovedAlong>(), inputs_of(a, first, known, directions));
}
Tensor eigenvectors_moved(const Tensor& a, const Tensor& t, const Eigen& known) {
  return apply1(make_ref<EigenvectorsMoved>(), inputs_of(a, t, known, Borrowed<1>(known.vectors)));
}
Tensor eigenvectors_pulled(const Tensor& a, const Tensor& g, const Eigen& known) {
  return apply1(make_ref<EigenvectorsPulled>(), inputs_of(a, g, known, Borrowed<1>(known.vectors)));
}

}  // namespace pyautograd::ops::linalg
