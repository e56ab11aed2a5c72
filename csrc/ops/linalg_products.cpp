// multi_dot, kron, cross, and the array API's diagonal, trace and outer.

#include <algorithm>
#include <limits>

#include "ops/linalg.h"
#include "ops/shape.h"

namespace pyautograd::ops::linalg {

namespace {

// In which order to multiply a chain of matrices with the fewest operations (Cormen et al.,
// section 15.2).
class Chain {
 public:
  explicit Chain(TensorSpan matrices) : matrices_(matrices), count_(matrices.size()) {
    for (const Tensor& x : matrices) sizes_.push_back(static_cast<double>(rows(x)));
    sizes_.push_back(static_cast<double>(columns(matrices.back())));
    cost_.resize(count_ * count_, 0);
    split_.resize(count_ * count_, 0);
    for (size_t length = 1; length < count_; ++length)
      for (size_t i = 0; i + length < count_; ++i) choose(i, i + length);
  }
  Tensor product() const { return product(0, count_ - 1); }

 private:
  void choose(size_t i, size_t j) {
    double best = std::numeric_limits<double>::infinity();
    for (size_t k = i; k < j; ++k) {
      const double cost = cost_[i * count_ + k] + cost_[(k + 1) * count_ + j] +
                          sizes_[i] * sizes_[k + 1] * sizes_[j + 1];
      if (cost >= best) continue;
      best = cost;
      split_[i * count_ + j] = k;
    }
    cost_[i * count_ + j] = best;
  }
  Tensor product(size_t i, size_t j) const {
    if (i == j) return matrices_[i];
    const size_t k = split_[i * count_ + j];
    return matmul(product(i, k), product(k + 1, j));
  }

  TensorSpan matrices_;
  size_t count_;
  std::vector<double> sizes_, cost_;
  std::vector<size_t> split_;
};

Tensor multi_dot(TensorSpan arrays) {
  constexpr std::string_view op = "linalg.multi_dot";
  if (arrays.size() < 2) value_error("[", op, "] expected at least two arrays");
  // Each level of the product is a call of its own, and the table is quadratic.
  constexpr size_t kMost = 1000;
  if (arrays.size() > kMost) value_error("[", op, "] takes at most ", kMost, " arrays");
  Tensors chain;
  const bool row = arrays.front().ndim() == 1, column = arrays.back().ndim() == 1;
  for (size_t i = 0; i < arrays.size(); ++i) {
    const bool end = i == 0 || i + 1 == arrays.size();
    Tensor x = arrays[i];
    if (end && x.ndim() == 1) x = expand_dims(x, {i == 0 ? 0 : 1});
    if (x.ndim() != 2) {
      linalg_error(op,
                   pyautograd::concat("array ", i, " must be a matrix", end ? " or a vector" : "",
                                      ", got shape ", shape_string(arrays[i].shape())));
    }
    if (i > 0 && columns(chain.back()) != rows(x)) {
      value_error("[", op, "] shapes ", shape_string(arrays[i - 1].shape()), " and ",
                  shape_string(arrays[i].shape()), " do not match");
    }
    chain.push_back(std::move(x));
  }
  const Tensor out = Chain(chain).product();
  Dims dropped;
  if (row) dropped.push_back(0);
  if (column) dropped.push_back(1);
  return dropped.empty() ? out : squeeze(out, dropped);
}

// Axes of one size are put in front of the shorter one.
Tensor kron(const Tensor& a, const Tensor& b) {
  const int64_t ndim = std::max(a.ndim(), b.ndim());
  Dims left, right, shape;
  for (int64_t i = 0; i < ndim; ++i) {
    const int64_t at_a = i - (ndim - a.ndim()), at_b = i - (ndim - b.ndim());
    const int64_t m = at_a < 0 ? 1 : a.shape()[at_a], n = at_b < 0 ? 1 : b.shape()[at_b];
    left.push_back(m);
    left.push_back(1);
    right.push_back(1);
    right.push_back(n);
    shape.push_back(checked_product("linalg.kron", m, n));
  }
  return reshape(multiply(reshape(a, left), reshape(b, right)), shape);
}

Tensor cross(const Tensor& x1, const Tensor& x2, int64_t axis) {
  constexpr std::string_view op = "linalg.cross";
  const int64_t a = normalize_axis(op, axis, x1.ndim()), b = normalize_axis(op, axis, x2.ndim());
  if (x1.shape()[a] != 3 || x2.shape()[b] != 3) {
    value_error("[", op, "] shapes ", shape_string(x1.shape()), " and ", shape_string(x2.shape()),
                ": both must have size 3 along axis ", axis);
  }
  // c[i - 1] = a[i] b[i + 1] - a[i + 1] b[i]: few ops on whole arrays, whose derivatives are few.
  const auto along = [](const Tensor& a, const Tensor& b, int64_t place) {
    const auto next = [&](const Tensor& x) { return roll(x, Dims{-1}, Dims{place}); };
    return next(a * next(b) - next(a) * b);
  };
  if (a - x1.ndim() == b - x2.ndim()) return along(x1, x2, a - x1.ndim());
  return moveaxis(along(moveaxis(x1, a, -1), moveaxis(x2, b, -1), -1), -1, axis);
}

Tensor last_diagonal(const Tensor& x, int64_t offset) {
  require_matrices("linalg.diagonal", x, "x");
  return ops::diagonal(x, offset, -2, -1);
}

Tensor last_trace(const Tensor& x, int64_t offset, std::optional<DType> dtype) {
  require_matrices("linalg.trace", x, "x");
  return ops::trace(x, offset, -2, -1, dtype);
}

Tensor outer_of_vectors(const Tensor& x1, const Tensor& x2) {
  if (x1.ndim() != 1 || x2.ndim() != 1) {
    value_error("[linalg.outer] both must be vectors, got shapes ", shape_string(x1.shape()),
                " and ", shape_string(x2.shape()));
  }
  return outer(x1, x2);
}

}  // namespace

void register_matrix_products(Registry& registry) {
  registry.add("linalg.multi_dot", &multi_dot, "arrays",
               R"(The product of matrices in the order that takes the fewest operations.

:param arrays: sequence of two or more matrices; the first may be a row vector, the last a column
    vector

>>> pa.linalg.multi_dot([pa.ones((2, 3)), pa.ones((3, 4)), pa.ones(4)]).tolist()
[12.0, 12.0])");
  registry.add("linalg.kron", &kron, "a, b",
               R"(The Kronecker product: every element of a times all of b, as blocks.

:param a: tensor
:param b: tensor
:returns: tensor whose axes have the product of the sizes, aligned from the right

>>> pa.linalg.kron(pa.tensor([1.0, 2.0]), pa.tensor([1.0, 1.0])).tolist()
[1.0, 1.0, 2.0, 2.0])");
  registry.add("linalg.cross", &cross, "x1, x2, /, *, axis=-1",
               R"(The cross product of vectors along an axis of size 3; the other axes broadcast.

:param x1: tensor
:param x2: tensor
:param axis: int

>>> pa.linalg.cross(pa.tensor([1.0, 0.0, 0.0]), pa.tensor([0.0, 1.0, 0.0])).tolist()
[0.0, 0.0, 1.0])");
  registry.add("linalg.diagonal", &last_diagonal, "x, /, *, offset=0",
               R"(The diagonals of the matrices over the last two axes, as a view.

:param x: tensor of shape (..., m, n)
:param offset: how far above the main diagonal

>>> pa.linalg.diagonal(pa.ones((4, 2, 3))).shape
(4, 2))");
  registry.add("linalg.trace", &last_trace, "x, /, *, offset=0, dtype=None",
               R"(The sums of the diagonals of the matrices over the last two axes.

:param x: tensor of shape (..., m, n)
:param offset: how far above the main diagonal
:param dtype: dtype of the result, as in sum

>>> pa.linalg.trace(pa.ones((4, 2, 3))).tolist()
[2.0, 2.0, 2.0, 2.0])");
  registry.add("linalg.outer", &outer_of_vectors, "x1, x2, /",
               R"(All products of an element of one vector with one of another.

:param x1: tensor of shape (m,)
:param x2: tensor of shape (n,)
:returns: tensor of shape (m, n)

>>> pa.linalg.outer(pa.tensor([1.0, 2.0]), pa.tensor([1.0, 1.0])).tolist()
[[1.0, 1.0], [2.0, 2.0]])");
}

}  // namespace pyautograd::ops::linalg
