// lstsq, pinv, matrix_rank.

#include <algorithm>
#include <limits>

#include "kernels/kernels.h"
#include "ops/elementwise.h"
#include "ops/linalg.h"

namespace pyautograd::ops::linalg {

namespace {

// The default of NumPy's lstsq and the array API's pinv: roundoff of the larger size.
double default_rcond(const Tensor& a) {
  const double epsilon = real_of(a.dtype()) == DType::Float32
                             ? std::numeric_limits<float>::epsilon()
                             : std::numeric_limits<double>::epsilon();
  return static_cast<double>(std::max(rows(a), columns(a))) * epsilon;
}

// Q and R of the taller one of a and its adjoint.
Tensors factors_of_taller(const Tensor& a) {
  return qr(rows(a) >= columns(a) ? a.untracked() : adjoint(a.untracked()));
}

// Which singular values do not count as zero, and their inverses, or zero.
Tensor kept_values(const Tensor& s, double rcond) {
  return greater(s, max(s, Dims{-1}, true) * rcond);
}
Tensor inverse_of_kept(const Tensor& s, const Tensor& kept) {
  const Tensor zero = scalar(0, s.dtype()), one = scalar(1, s.dtype());
  return where(kept, reciprocal(where(kept, s, one)), zero);
}

// Golub and Pereyra 1973, equation 4.12, for perturbations that keep the rank. Matrices known to
// have full rank need no singular values.
class Pinv final : public OnMatrices {
 public:
  Pinv(double rcond, bool full_rank) : rcond_(rcond), full_rank_(full_rank) {}
  std::string_view name() const override { return "linalg.pinv"; }
  Saves saves() const override { return {.inputs = 1, .outputs = 1}; }

  Specs infer(TensorSpan inputs) const override {
    const Tensor& a = inputs[0];
    return {Spec{with_core(lead(a), {columns(a), rows(a)}), a.dtype(), a.device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    if (inputs[0].size() == 0) return {zeros(specs[0].shape, specs[0].dtype, specs[0].device)};
    if (full_rank_) return {of_full_rank(inputs[0])};
    const Tensors f = svd(inputs[0].untracked(), false);
    const Tensor inverse = inverse_of_kept(f[1], kept_values(f[1], rcond_));
    return {matmul(scale_columns(adjoint(f[2]), inverse), adjoint(f[0]))};
  }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor &a = args.inputs[0], &p = args.outputs[0], t = conj(args.cotangents[0]);
    const Tensor ph = adjoint(p), th = adjoint(t);
    const Tensor left = matmul(matmul(th, p), ph), right = matmul(ph, matmul(p, th));
    const Tensor through = matmul(matmul(ph, t), ph);
    return {
        conj(left - matmul(a, matmul(p, left)) + right - matmul(matmul(right, p), a) - through)};
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override {
    const Tensor &a = primals[0], &t = tangents[0], &p = outputs[0];
    const Tensor ph = adjoint(p), th = adjoint(t);
    const Tensor left = matmul(p, matmul(ph, th)), right = matmul(matmul(th, ph), p);
    return {left - matmul(matmul(left, a), p) + right - matmul(p, matmul(a, right)) -
            matmul(matmul(p, t), p)};
  }

 private:
  static Tensor of_full_rank(const Tensor& a) {
    const Tensors f = factors_of_taller(a);
    const Tensor p = solve_matrix(f[1], adjoint(f[0]), {});
    return rows(a) >= columns(a) ? p : adjoint(p);
  }

  const double rcond_;
  const bool full_rank_;
};

Tensor pinv_of(const Tensor& a, double rcond, bool full_rank) {
  return apply1(make_ref<Pinv>(rcond, full_rank), Borrowed<1>(a));
}

bool has_full_rank(const Tensor& rank, const Tensor& a) {
  const auto full = static_cast<double>(std::min(rows(a), columns(a)));
  return !surely(less(rank, scalar(full, DType::Int64)));
}

// x, rank and, as numbers without derivatives, the singular values.
class Lstsq final : public OnMatrices {
 public:
  explicit Lstsq(double rcond) : rcond_(rcond) {}
  std::string_view name() const override { return "linalg.lstsq"; }
  Saves saves() const override { return {.inputs = 3, .outputs = 3}; }

  Specs infer(TensorSpan inputs) const override {
    const Tensor &a = inputs[0], &b = inputs[1];
    const Dims batch = broadcast_shapes(name(), lead(a), lead(b));
    return {
        Spec{with_core(batch, {columns(a), columns(b)}), a.dtype(), a.device()},
        Spec{batch, DType::Int64, a.device()},
        Spec{with_core(batch, {std::min(rows(a), columns(a))}), real_of(a.dtype()), a.device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override;
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor &a = args.inputs[0], &b = args.inputs[1], t = conj(args.cotangents[0]);
    const Tensor p = inverse(a, args.outputs[1]), ph = adjoint(p), t_b = matmul(ph, t);
    const Tensor x = solution(args.outputs, p, b);
    if (!args.wants[0]) return {Tensor(), conj(t_b)};
    const Tensor residual = b - matmul(a, x), rest = t - matmul(adjoint(a), t_b);
    const Tensor t_a = matmul(residual, adjoint(matmul(p, t_b))) - matmul(t_b, adjoint(x)) +
                       matmul(matmul(ph, x), adjoint(rest));
    return {conj(t_a), args.wants[1] ? conj(t_b) : Tensor()};
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override {
    const Tensor &a = primals[0], &b = primals[1], p = inverse(a, outputs[1]);
    const Tensor x = solution(outputs, p, b);
    Tensor moved = tangents[1] ? matmul(p, tangents[1]) : Tensor();
    if (tangents[0]) {
      const Tensor &t = tangents[0], th = adjoint(t), ph = adjoint(p);
      const Tensor residual = b - matmul(a, x), outer = matmul(th, matmul(ph, x));
      moved = total({moved, -matmul(p, matmul(t, x)), matmul(p, matmul(ph, matmul(th, residual))),
                     outer - matmul(p, matmul(a, outer))});
    }
    return {moved, Tensor(), Tensor()};
  }

 private:
  Tensor inverse(const Tensor& a, const Tensor& rank) const {
    return pinv_of(a, rcond_, has_full_rank(rank, a));
  }
  // As a function of the inverse where the rank may fall or rise: then derivatives along changes
  // that do not keep it, which are a convention, have the convention of the inverse in every mode.
  Tensor solution(TensorSpan outputs, const Tensor& p, const Tensor& b) const {
    return has_full_rank(outputs[1], p) ? outputs[0] : matmul(p, b);
  }
  // Full ranks beyond doubt.
  bool is_regular(const Tensor& a, const Tensor& s) const;
  Tensors by_singular_values(TensorSpan inputs, const Specs& specs) const;
  Tensors by_singular_vectors(const Tensor& a, const Tensor& b, const Specs& specs) const;

  const double rcond_;
};

bool Lstsq::is_regular(const Tensor& a, const Tensor& s) const {
  const double least = std::max(2 * rcond_, 10 * default_rcond(a));
  return holds(all(greater(min(s, Dims{-1}), max(s, Dims{-1}) * least)));
}

// By orthogonal factors (Golub 1965), or by singular values where a rank may not be full.
Tensors Lstsq::eval(TensorSpan inputs, const Specs& specs) const {
  const Tensor a = inputs[0].untracked(), b = inputs[1].untracked();
  const int64_t m = rows(a), n = columns(a);
  Ref<Array> rank = Array::empty(specs[1].shape, DType::Int64, specs[1].device);
  if (m == 0 || n == 0 || rank->size() == 0) {
    kernels::fill_int(rank->device_view(), 0);
    return {zeros(specs[0].shape, specs[0].dtype, specs[0].device), Tensor(std::move(rank)),
            zeros(specs[2].shape, specs[2].dtype, specs[2].device)};
  }
  require_lapack(name(), specs[0].device);
  if (!holds(all(call<kernels::IsFinite>(a))) || !holds(all(call<kernels::IsFinite>(b))))
    linalg_error(name(), "the SVD did not converge: a or b is not finite");
  const Tensors f = factors_of_taller(a);
  // The triangle has the singular values, and fewer rows.
  const Tensor s = broadcast_to(svdvals(f[1]), specs[2].shape);
  if (!is_regular(a, s)) {
    Tensors found =
        is_on_host(a) ? by_singular_values(inputs, specs) : by_singular_vectors(a, b, specs);
    return {std::move(found[0]), std::move(found[1]), s};
  }
  kernels::fill_int(rank->device_view(), std::min(m, n));
  const Tensor x = m >= n ? solve_matrix(f[1], matmul(adjoint(f[0]), b), {})
                          : matmul(f[0], solve_matrix(f[1], b, {false, Transpose::Conjugate}));
  return {x, Tensor(std::move(rank)), s};
}

Tensors Lstsq::by_singular_values(TensorSpan inputs, const Specs& specs) const {
  const Tensor &a = inputs[0], &b = inputs[1];
  const Dims batch = specs[1].shape;
  const int64_t m = rows(a), n = columns(a), k = columns(b);
  const Device device = specs[0].device;
  Ref<Array> rank = Array::empty(batch, DType::Int64, device);
  Ref<Array> matrix = copy_by_columns(a, batch, device);
  // LAPACK returns x in the place of b, and does not see a right side without columns.
  Ref<Array> sides =
      empty_by_columns(batch, std::max(m, n), std::max<int64_t>(1, k), a.dtype(), device);
  kernels::fill(sides->device_view(), 0);
  const Tensor b_part = column_range(row_range(Tensor(sides), 0, m), 0, k);
  if (k > 0) {
    const Tensor filled = broadcast_to(b.untracked(), b_part.shape());
    kernels::copy(b_part.array().device_view(), filled.array().device_view());
  }
  Ref<Array> s = Array::empty(with_core(batch, {std::min(m, n)}), real_of(a.dtype()), device);
  std::vector<int32_t> info(static_cast<size_t>(rank->size()), 0);
  kernels::lstsq(matrices(*matrix), matrices(*sides), s->address(),
                 static_cast<int64_t*>(rank->address()), rcond_, info.data());
  raise_where_nonzero(name(), info, "the SVD did not converge");
  return {column_range(row_range(Tensor(std::move(sides)), 0, n), 0, k), Tensor(std::move(rank))};
}

// As a device computes it, which has no such routine.
Tensors Lstsq::by_singular_vectors(const Tensor& a, const Tensor& b, const Specs& specs) const {
  const Tensors f = svd(a, false);
  const Tensor kept = kept_values(f[1], rcond_);
  const Tensor x =
      matmul(scale_columns(adjoint(f[2]), inverse_of_kept(f[1], kept)), matmul(adjoint(f[0]), b));
  const Tensor rank = sum(astype(kept, DType::Int64), Dims{-1});
  return {copy(broadcast_to(x, specs[0].shape)), copy(broadcast_to(rank, specs[1].shape))};
}

Tensor matrix_rank(const Tensor& a, std::optional<double> tol, bool hermitian,
                   std::optional<double> rtol) {
  if (a.ndim() < 2) {
    const Tensor nonzero = any(not_equal(a, scalar(0, a.dtype())));
    return astype(nonzero, DType::Int64);
  }
  if (hermitian) require_square("linalg.matrix_rank", a, "A");
  const Tensor x = floating(a), s = svdvals(x);
  if (columns(s) == 0) return zeros(lead(x), DType::Int64, x.device());
  const Tensor threshold =
      tol ? scalar(*tol, s.dtype()) : max(s, Dims{-1}, true) * rtol.value_or(default_rcond(x));
  return sum(astype(greater(s, threshold), DType::Int64), Dims{-1});
}

}  // namespace

Tensor pinv(const Tensor& a, std::optional<double> rcond, bool hermitian,
            std::optional<double> rtol) {
  require_matrices("linalg.pinv", a);
  if (hermitian) require_square("linalg.pinv", a);
  if (rcond && rtol) value_error("[linalg.pinv] rcond and rtol are the same: give one");
  const Tensor x = floating(a);
  const double cutoff = rcond ? *rcond : rtol.value_or(default_rcond(x));
  return pinv_of(x, cutoff, false);
}

Tensors lstsq(const Tensor& a, const Tensor& b, std::optional<double> rcond) {
  constexpr std::string_view op = "linalg.lstsq";
  require_matrices(op, a);
  if (b.ndim() == 0) linalg_error(op, "b must have at least 1 dimension, got shape ()");
  const DType dtype = to_floating(promote(a.dtype(), b.dtype()));
  const bool vector = b.ndim() == 1;
  const Tensor matrix = cast(a, dtype);
  const Tensor sides = vector ? expand_dims(cast(b, dtype), {1}) : cast(b, dtype);
  require_matrices(op, sides, "b");
  const int64_t m = rows(matrix), n = columns(matrix);
  if (rows(sides) != m) {
    linalg_error(
        op, pyautograd::concat("shapes ", shape_string(a.shape()), " and ", shape_string(b.shape()),
                               " do not match: b must have as many rows as a"));
  }
  const double cutoff = rcond.value_or(default_rcond(matrix));
  const Tensors solved = apply(make_ref<Lstsq>(cutoff), Borrowed<2>(matrix, sides));
  Tensor residuals;
  if (m > n && has_full_rank(solved[1], matrix)) {
    residuals = sum(square(absolute(sides - matmul(matrix, solved[0]))), Dims{-2});
  } else {
    residuals = zeros(with_core(lead(solved[0]), {0}), real_of(dtype), solved[0].device());
  }
  const Tensor x = vector ? squeeze(solved[0], Dims{-1}) : solved[0];
  const Tensor& s = solved[2];
  const bool own = lead(s, 1) == lead(matrix);  // not of a larger batch of sides
  return {x, residuals, solved[1], own ? svdvals_known(matrix, s.untracked()) : svdvals(matrix)};
}

void register_least_squares(Registry& registry) {
  registry.add("linalg.lstsq", &lstsq, "a, b, rcond=None",
               R"(The x that minimises ``norm(a @ x - b)``, and of several the shortest.

Derivatives are those under changes of a that keep its rank (Golub and Pereyra 1973).

:param a: tensor of shape (..., m, n)
:param b: tensor of shape (m,), or (..., m, k)
:param rcond: singular values up to rcond times the largest count as zero; by default
    ``max(m, n) * eps``
:returns: list of x (..., n, k), the sums of squared residuals (..., k), or of shape (..., 0) where
    rank < n or m <= n, the rank, and the singular values of a
:raises LinAlgError: no convergence, or inf or nan

>>> x, residuals, rank, s = pa.linalg.lstsq(pa.tensor([[1.0], [1.0]]), pa.tensor([1.0, 3.0]))
>>> x.shape, rank.item()
((1,), 1))");
  registry.add("linalg.pinv", &pinv, "a, rcond=None, hermitian=False, *, rtol=None",
               R"(The Moore-Penrose inverse of every matrix.

Derivatives are those under changes of a that keep its rank (Golub and Pereyra 1973, equation 4.12).

:param a: tensor of shape (..., m, n)
:param rcond: singular values up to rcond times the largest count as zero; by default
    ``max(m, n) * eps``
:param hermitian: a promise that a is symmetric, of which no use is made
:param rtol: another name of rcond
:returns: tensor of shape (..., n, m)
:raises LinAlgError: no convergence, or a nan

>>> pa.linalg.pinv(pa.tensor([[2.0, 0.0], [0.0, 0.0]])).tolist()
[[0.5, 0.0], [0.0, 0.0]])");
  registry.add("linalg.matrix_rank", &matrix_rank, "A, tol=None, hermitian=False, *, rtol=None",
               R"(How many singular values are larger than a threshold.

:param A: tensor of shape (..., m, n); with fewer dimensions, whether anything is not zero
:param tol: the threshold
:param hermitian: a promise that A is symmetric, of which no use is made
:param rtol: the threshold over the largest value; by default ``max(m, n) * eps``
:returns: int64 tensor of shape (...), without derivative
:raises LinAlgError: no convergence, or a nan

>>> pa.linalg.matrix_rank(pa.tensor([[1.0, 2.0], [2.0, 4.0]])).item()
1)");
}

}  // namespace pyautograd::ops::linalg
