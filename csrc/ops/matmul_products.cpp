// Products made of matmul: tensordot, vecdot, outer, inner, dot, matvec, vecmat.

#include <algorithm>

#include "ops/matmul.h"
#include "ops/spectrum.h"

namespace pyautograd::ops {

namespace {

// The axes of x that are not contracted, in order.
Dims free_axes(int64_t ndim, const Dims& contracted) {
  Dims free;
  for (int64_t axis = 0; axis < ndim; ++axis)
    if (std::find(contracted.begin(), contracted.end(), axis) == contracted.end())
      free.push_back(axis);
  return free;
}

Dims normalize_pairs(const Tensor& x, const Dims& axes) {
  Dims out;
  for (int64_t axis : axes) out.push_back(normalize_axis("tensordot", axis, x.ndim()));
  Dims sorted = out;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    value_error("[tensordot] repeated axis in ", shape_string(axes));
  return out;
}

// x with its axes in the order first, second, each flattened to one.
Tensor as_matrix(const Tensor& x, const Dims& first, const Dims& second) {
  Dims order = first;
  int64_t rows = 1, columns = 1;
  for (int64_t axis : first) rows *= x.shape()[axis];
  for (int64_t axis : second) {
    columns *= x.shape()[axis];
    order.push_back(axis);
  }
  return reshaped(permuted(x, order), {rows, columns});
}

Tensor tensordot_pairs(const Tensor& x1, const Tensor& x2, const AxisPairs& axes) {
  if (!axes.count) return tensordot(x1, x2, axes.first, axes.second);
  const int64_t n = *axes.count;
  if (n < 0) value_error("[tensordot] axes must not be negative, got ", n);
  if (n > std::min(x1.ndim(), x2.ndim())) {
    index_error("[tensordot] axes=", n, " is more than the dimensions of shapes ",
                shape_string(x1.shape()), " and ", shape_string(x2.shape()));
  }
  Dims first, second;
  for (int64_t i = 0; i < n; ++i) {
    first.push_back(x1.ndim() - n + i);
    second.push_back(i);
  }
  return tensordot(x1, x2, first, second);
}

void require_axes(std::string_view op, const char* name, const Tensor& x, int64_t ndim) {
  if (x.ndim() >= ndim) return;
  value_error("[", op, "] ", name, " must have at least ", ndim, " dimension", ndim > 1 ? "s" : "",
              ", got shape ", shape_string(x.shape()));
}

}  // namespace

Tensor tensordot(const Tensor& x1, const Tensor& x2, const Dims& axes1, const Dims& axes2) {
  const Dims a = normalize_pairs(x1, axes1), b = normalize_pairs(x2, axes2);
  bool match = a.size() == b.size();
  for (size_t i = 0; match && i < a.size(); ++i) match = x1.shape()[a[i]] == x2.shape()[b[i]];
  if (!match) {
    value_error("[tensordot] shapes ", shape_string(x1.shape()), " and ", shape_string(x2.shape()),
                " do not match over axes ", shape_string(axes1), " and ", shape_string(axes2));
  }
  const Dims rows = free_axes(x1.ndim(), a), columns = free_axes(x2.ndim(), b);
  Dims shape;
  for (int64_t axis : rows) shape.push_back(x1.shape()[axis]);
  for (int64_t axis : columns) shape.push_back(x2.shape()[axis]);
  return reshaped(matmul(as_matrix(x1, rows, a), as_matrix(x2, b, columns)), shape);
}

Tensor vecdot(const Tensor& x1, const Tensor& x2, int64_t axis) {
  require_axes("vecdot", "x1", x1, 1);
  require_axes("vecdot", "x2", x2, 1);
  const int64_t a = normalize_axis("vecdot", axis, x1.ndim());
  const int64_t b = normalize_axis("vecdot", axis, x2.ndim());
  if (x1.shape()[a] != x2.shape()[b]) {
    value_error("[vecdot] shapes ", shape_string(x1.shape()), " and ", shape_string(x2.shape()),
                " do not match: the sizes along axis ", axis, " must be equal");
  }
  const Tensor left = conj(x1);
  if (x1.ndim() == 1 && x2.ndim() == 1) return matmul(left, x2);
  const Tensor rows = expand_dims(a == x1.ndim() - 1 ? left : moveaxis(left, a, -1), {-2});
  const Tensor columns = expand_dims(b == x2.ndim() - 1 ? x2 : moveaxis(x2, b, -1), {-1});
  Tensor y = squeeze(matmul(rows, columns), Dims{-2, -1});
  // As in matmul.
  if (x1.body()->origin && x2.body()->origin && a == x1.ndim() - 1 && b == x2.ndim() - 1)
    return value_of(y, sum(left * x2, Dims{-1}));
  return y;
}

Tensor outer(const Tensor& x1, const Tensor& x2) {
  return multiply(reshape(x1, {x1.size(), 1}), reshaped(x2, {x2.size()}));
}

Tensor inner(const Tensor& x1, const Tensor& x2) {
  if (x1.ndim() == 0 || x2.ndim() == 0) return multiply(x1, x2);
  if (x1.shape().back() != x2.shape().back()) {
    value_error("[inner] shapes ", shape_string(x1.shape()), " and ", shape_string(x2.shape()),
                " do not match: the last axes must be equal");
  }
  if (x2.ndim() == 1) return matmul(x1, x2);
  return x1.ndim() == 1 ? matmul(x2, x1) : tensordot(x1, x2, {-1}, {-1});
}

Tensor dot(const Tensor& x1, const Tensor& x2) {
  if (x1.ndim() == 0 || x2.ndim() == 0) return multiply(x1, x2);
  const int64_t axis = x2.ndim() == 1 ? 0 : x2.ndim() - 2;
  if (x1.shape().back() != x2.shape()[axis]) {
    value_error("[dot] shapes ", shape_string(x1.shape()), " and ", shape_string(x2.shape()),
                " do not match: the last axis of x1 must equal the ",
                x2.ndim() == 1 ? "only" : "second last", " of x2");
  }
  return x2.ndim() <= 2 ? matmul(x1, x2) : tensordot(x1, x2, {-1}, {axis});
}

Tensor matvec(const Tensor& x1, const Tensor& x2) {
  require_axes("matvec", "x1", x1, 2);
  require_axes("matvec", "x2", x2, 1);
  if (x2.ndim() == 1) return matmul(x1, x2);
  return squeeze(matmul(x1, expand_dims(x2, {-1})), Dims{-1});
}

Tensor vecmat(const Tensor& x1, const Tensor& x2) {
  require_axes("vecmat", "x1", x1, 1);
  require_axes("vecmat", "x2", x2, 2);
  const Tensor left = conj(x1);
  if (x1.ndim() == 1) return matmul(left, x2);
  return squeeze(matmul(expand_dims(left, {-2}), x2), Dims{-2});
}

void register_products_of_matrices(Registry& registry) {
  registry.add("tensordot", &tensordot_pairs, "x1, x2, /, axes=2",
               "The sum of products over pairs of axes; the other axes of x1, then those of x2, "
               "remain.\n\n:param x1: tensor\n:param x2: tensor\n"
               ":param axes: how many of the last axes of x1 and the first of x2, or a pair of "
               "sequences of axes\n\n"
               ">>> pa.tensordot(pa.ones((2, 3, 4)), pa.ones((3, 4, 5))).shape\n(2, 5)");
  registry.add(
      "vecdot", &vecdot, "x1, x2, /, *, axis=-1",
      "The dot product of vectors along an axis; the other axes broadcast. Complex x1 is "
      "conjugated.\n\n"
      ":param x1: tensor\n:param x2: tensor\n:param axis: int\n\n"
      ">>> pa.vecdot(pa.tensor([[1.0, 2.0], [3.0, 4.0]]), pa.tensor([1.0, 1.0])).tolist()\n"
      "[3.0, 7.0]");
  registry.add("outer", &outer, "x1, x2, /",
               "All products of an element of x1 with one of x2, both flattened.\n\n"
               ":param x1: tensor of m elements\n:param x2: tensor of n elements\n"
               ":returns: tensor of shape (m, n)\n\n"
               ">>> pa.outer(pa.tensor([1.0, 2.0]), pa.tensor([3.0, 4.0])).tolist()\n"
               "[[3.0, 4.0], [6.0, 8.0]]");
  registry.add("inner", &inner, "x1, x2, /",
               "The sum of products over the last axes; the product, if one is 0-d.\n\n"
               ":param x1: tensor of shape (..., k)\n:param x2: tensor of shape (..., k)\n\n"
               ">>> pa.inner(pa.ones((2, 3)), pa.ones((4, 3))).shape\n(2, 4)");
  registry.add("dot", &dot, "x1, x2, /",
               "The sum of products over the last axis of x1 and the second last of x2, or its "
               "only one; the product, if one is 0-d. Unlike matmul, leading axes do not "
               "broadcast.\n\n:param x1: tensor\n:param x2: tensor\n\n"
               ">>> pa.dot(pa.tensor([1.0, 2.0]), pa.tensor([3.0, 4.0])).item()\n11.0");
  registry.add("matvec", &matvec, "x1, x2, /",
               "Matrices times vectors; leading axes broadcast.\n\n"
               ":param x1: tensor of shape (..., m, k)\n:param x2: tensor of shape (..., k)\n"
               ":returns: tensor of shape (..., m)\n\n"
               ">>> pa.matvec(pa.ones((5, 2, 3)), pa.ones(3)).shape\n(5, 2)");
  registry.add("vecmat", &vecmat, "x1, x2, /",
               "Vectors times matrices; leading axes broadcast. Complex vectors are conjugated, as "
               "in NumPy.\n\n"
               ":param x1: tensor of shape (..., k)\n:param x2: tensor of shape (..., k, n)\n"
               ":returns: tensor of shape (..., n)");
}

}  // namespace pyautograd::ops
