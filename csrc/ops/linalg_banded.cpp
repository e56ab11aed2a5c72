// solve_banded, solveh_banded: matrices as their diagonals, a[i, j] in row upper + i - j, column j.

#include <algorithm>
#include <cstdlib>

#include "kernels/kernels.h"
#include "ops/linalg.h"

namespace pyautograd::ops::linalg {

namespace {

// y[i] = x[i + by] along an axis that is counted from the end; zero where there is no such place.
Tensor shifted(const Tensor& x, int64_t by, int64_t axis) {
  const auto at = static_cast<size_t>(x.ndim() + axis);
  const auto ndim = static_cast<size_t>(x.ndim());
  const int64_t n = x.shape()[at];
  Slice part{Dims(ndim, 0), x.shape(), Dims(ndim, 1)};
  part.size[at] = std::max<int64_t>(0, n - std::abs(by));
  part.start[at] = std::clamp<int64_t>(by, 0, n);
  const Tensor kept = slice(x, part);
  part.start[at] = std::clamp<int64_t>(-by, 0, n);
  return slice_scatter_zeros(kept, part, x.shape());
}

Tensor diagonal_of(const Tensor& ab, int64_t row) { return select(ab, ab.ndim() - 2, row); }

// a x = b or a^T x = b, for inputs ab, b.
class SolveBanded final : public OnMatrices {
 public:
  SolveBanded(std::string_view op, kernels::Band band) : op_(op), band_(band) {}
  std::string_view name() const override { return op_; }
  Saves saves() const override { return {.inputs = 1, .outputs = 1}; }

  Specs infer(TensorSpan inputs) const override {
    const Tensor &ab = inputs[0], &b = inputs[1];
    const Dims batch = broadcast_shapes(name(), lead(ab), lead(b));
    return {Spec{with_core(batch, {rows(b), columns(b)}), b.dtype(), b.device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    const Device device = specs[0].device;
    const Dims full(specs[0].shape.begin(), specs[0].shape.end() - 2);
    const Tensor ab = stored_by_rows(inputs[0], device);
    Ref<Array> x = copy_by_columns(inputs[1], full, device);
    std::vector<int32_t> info(static_cast<size_t>(count_elements(full)), 0);
    kernels::solve_banded(transposed_matrices(ab.array()), matrices(*x),
                          broadcast_numbers(lead(ab), full).data(), band_, info.data());
    raise_where_nonzero(op_, info,
                        band_.definite ? "the matrix is not positive definite" : kSingular);
    return {Tensor(std::move(x))};
  }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor& x = args.outputs[0];
    const Tensor b = solved(args.inputs[0], args.cotangents[0], !band_.transposed);
    if (!args.wants[0]) return {Tensor(), b};
    return {-(band_.transposed ? diagonals_of_product(x, b) : diagonals_of_product(b, x)), b};
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override {
    const Tensor moved = tangents[0] ? -product(tangents[0], outputs[0]) : Tensor();
    return {solved(primals[0], total({moved, tangents[1]}), band_.transposed)};
  }

 private:
  Tensor solved(const Tensor& ab, const Tensor& b, bool transposed) const {
    kernels::Band band = band_;
    band.transposed = transposed;
    return apply1(make_ref<SolveBanded>(op_, band), Borrowed<2>(ab, b));
  }
  // The diagonals that are kept, of p q^T.
  Tensor diagonals_of_product(const Tensor& p, const Tensor& q) const {
    Tensors out;
    for (int64_t r = 0; r <= band_.lower + band_.upper; ++r)
      out.push_back(sum(shifted(p, r - band_.upper, -2) * q, Axes(Dims{-1})));
    return stack(out, -2);
  }
  // a x, or a^T x.
  Tensor product(const Tensor& ab, const Tensor& x) const {
    Tensor sum;
    for (int64_t r = 0; r <= band_.lower + band_.upper; ++r) {
      const Tensor values = expand_dims(diagonal_of(ab, r), {-1});
      const int64_t down = r - band_.upper;
      sum = total(
          {sum, band_.transposed ? values * shifted(x, down, -2) : shifted(values * x, -down, -2)});
    }
    return sum;
  }

  const std::string_view op_;
  const kernels::Band band_;
};

// Only a 1-D b is a vector.
Tensor solve_diagonals(std::string_view op, const Tensor& ab, const Tensor& b, kernels::Band band) {
  const bool vector = b.ndim() == 1;
  const Tensor sides = vector ? expand_dims(b, {1}) : b;
  const Tensor x = apply1(make_ref<SolveBanded>(op, band), Borrowed<2>(ab, sides));
  return vector ? squeeze(x, Dims{-1}) : x;
}

DType require_sides(std::string_view op, const Tensor& ab, const Tensor& b) {
  require_matrices(op, ab, "ab");
  if (b.ndim() == 0) linalg_error(op, "b must have at least 1 dimension, got shape ()");
  if (columns(ab) != (b.ndim() == 1 ? b.shape()[0] : rows(b))) {
    value_error("[", op, "] shapes ", shape_string(ab.shape()), " and ", shape_string(b.shape()),
                " do not match: b must have as many rows as ab has columns");
  }
  return to_floating(promote(ab.dtype(), b.dtype()));
}

Tensor solve_banded(const Tensor& ab, const Tensor& b, int64_t lower, int64_t upper) {
  constexpr std::string_view op = "linalg.solve_banded";
  const DType dtype = require_sides(op, ab, b);
  if (lower < 0 || upper < 0 || rows(ab) != lower + upper + 1) {
    value_error("[", op, "] ", lower, " lower and ", upper, " upper diagonals and the main one ",
                "are not the ", rows(ab), " rows of ab");
  }
  return solve_diagonals(op, cast(ab, dtype), cast(b, dtype), {lower, upper, false, false});
}

// All diagonals of a Hermitian matrix, from those on one side.
Tensor mirrored(const Tensor& ab, bool lower) {
  const int64_t side = rows(ab) - 1;
  Tensors out;
  for (int64_t down = -side; down <= side; ++down) {
    const int64_t kept = lower ? std::abs(down) : side - std::abs(down);
    const Tensor given = diagonal_of(ab, kept);
    if (down == 0)
      out.push_back(cast(real(given), given.dtype()));
    else
      out.push_back((down > 0) == lower ? given : shifted(conj(given), down, -1));
  }
  return stack(out, -2);
}

Tensor solveh_banded(const Tensor& ab, const Tensor& b, bool lower) {
  constexpr std::string_view op = "linalg.solveh_banded";
  const DType dtype = require_sides(op, ab, b);
  if (rows(ab) == 0) value_error("[", op, "] ab has no diagonals");
  const int64_t side = rows(ab) - 1;
  return solve_diagonals(op, mirrored(cast(ab, dtype), lower), cast(b, dtype),
                         {side, side, false, true});
}

}  // namespace

void register_banded_solvers(Registry& registry) {
  registry.add("linalg.solve_banded", &solve_banded, "ab, b, lower, upper",
               R"(The x with ``a @ x = b``, for a matrix of which only some diagonals are not zero.

Time and memory grow with the number of rows, not with its square, and so do those of derivatives,
which are with respect to the diagonals. Partial pivoting.

:param l_and_u: how many diagonals there are below the main one, and above it
:param ab: tensor of shape (..., l + u + 1, n), the diagonals: ``ab[u + i - j, j] = a[i, j]``. What
    has no place in a is not read
:param b: tensor of shape (n,), or (..., n, k); leading axes broadcast
:returns: tensor of shape (n,) or (..., n, k), of the promoted floating dtype
:raises LinAlgError: a matrix is exactly singular

>>> ab = pa.tensor([[0.0, -1.0, -1.0], [2.0, 2.0, 2.0], [-1.0, -1.0, 0.0]])
>>> pa.linalg.solve_banded((1, 1), ab, pa.tensor([1.0, 0.0, 1.0])).numpy().round(12).tolist()
[1.0, 1.0, 1.0])");
  registry.add("linalg.solveh_banded", &solveh_banded, "ab, b, *, lower=False",
               R"(The x with ``a @ x = b``, for a symmetric (Hermitian) positive definite matrix of
which only some diagonals are not zero.

Otherwise as :func:`solve_banded`; without pivoting, which such matrices do not need.

:param ab: tensor of shape (..., u + 1, n), the main diagonal and those above: ``ab[u + i - j, j] =
    a[i, j]``, or those below, if lower: ``ab[i - j, j] = a[i, j]``. Of the main one the real part
    is read
:param b: tensor of shape (n,), or (..., n, k); leading axes broadcast
:param lower: whether ab holds the diagonals below the main one
:returns: tensor of shape (n,) or (..., n, k), of the promoted floating dtype
:raises LinAlgError: a matrix is not positive definite

>>> ab = pa.tensor([[0.0, -1.0, -1.0], [2.0, 2.0, 2.0]])
>>> pa.linalg.solveh_banded(ab, pa.tensor([1.0, 0.0, 1.0])).numpy().round(12).tolist()
[1.0, 1.0, 1.0])");
}

}  // namespace pyautograd::ops::linalg
