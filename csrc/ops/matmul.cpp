#include "ops/matmul.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "kernels/array_kernel.h"
#include "kernels/kernels.h"
#include "ops/elementwise.h"
#include "ops/origin.h"
#include "ops/series.h"
#include "ops/spectrum.h"

namespace pyautograd {

namespace ops {

namespace {

// Shape of an operand as a stack of matrices: a vector is one row on the left, one column on the
// right.
Dims as_matrices(Dims shape, bool left) {
  if (shape.size() == 1) shape.insert(left ? 0 : 1, 1);
  return shape;
}

Tensor as_matrices(const Tensor& x, bool left) {
  return x.ndim() == 1 ? expand_dims(x, {left ? 0 : 1}) : x;
}

std::span<const int64_t> leading(const Dims& matrices) {
  return std::span<const int64_t>(matrices).first(matrices.size() - 2);
}

// Rows, or columns, of every matrix one after the other: (batch..., m, n) as (batch * m, n).
Tensor stack_rows(const Tensor& x) {
  const Dims& shape = x.shape();
  return reshaped(x, {count_elements(std::span(shape).first(shape.size() - 1)), shape.back()});
}

// (batch..., m, n) as (m, batch * n).
Tensor stack_columns(const Tensor& x) {
  const Dims& shape = x.shape();
  const int64_t rows = shape[shape.size() - 2];
  const Tensor front = x.ndim() > 2 ? moveaxis(x, -2, 0) : x;
  return reshaped(front, {rows, count_elements(leading(shape)) * shape.back()});
}

// What the rules need to know of an operand's rank: more than two dimensions are a batch.
enum Rank : uint8_t { kVector = 1, kMatrix, kBatch };

Rank rank_of(const Tensor& x) {
  return static_cast<Rank>(std::clamp<int64_t>(x.ndim(), kVector, kBatch));
}

class MatMul final : public Primitive {
 public:
  MatMul(Rank a, Rank b) : a_(a), b_(b) {}
  std::string_view name() const override { return "matmul"; }
  bool may_wait() const override { return true; }
  // Devices multiply halves and add in float32.
  bool takes_halves(TensorSpan x) const override {
    return x[0].device().kind != Device::Kind::CPU && x[0].dtype() == x[1].dtype();
  }
  Specs infer(TensorSpan x) const override;
  Tensors eval(TensorSpan x, const Specs& specs) const override;
  bool find_kernel(TensorSpan x, const Specs& specs, kernels::ArrayKernel& kernel) const override;
  Tensors vjp(const VjpArgs& args) const override;
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override;
  std::optional<Tensors> taylor(const TaylorArgs& args) const override {
    return Tensors::of(product_series(args, &matmul));
  }
  BatchResult batch(int64_t size, TensorSpan values, std::span<const int> dims) const override;
  Dependence dependence(const DependenceArgs& args) const override;

  Saves saves() const override { return {.inputs = 3}; }
  Saves saves_for(std::span<const bool> tracked) const override {
    return {.inputs = (tracked[0] ? 2u : 0u) | (tracked[1] ? 1u : 0u)};
  }

 private:
  const Rank a_, b_;
};

Specs MatMul::infer(TensorSpan x) const {
  for (size_t i = 0; i < 2; ++i) {
    if (x[i].ndim() == 0) {
      value_error("[matmul] x", i + 1, " is 0-dimensional: use multiply for products with scalars");
    }
  }
  const Dims a = as_matrices(x[0].shape(), true), b = as_matrices(x[1].shape(), false);
  auto mismatch = [&](const auto&... rule) {
    value_error("[matmul] shapes ", shape_string(x[0].shape()), " and ", shape_string(x[1].shape()),
                " do not match: ", rule...);
  };
  if (a.back() != b[b.size() - 2]) {
    mismatch("the last axis of x1 must equal the ",
             x[1].ndim() == 1 ? "only axis of x2" : "second last of x2");
  }
  for (size_t i = 3; i <= std::min(a.size(), b.size()); ++i) {
    const int64_t m = a[a.size() - i], n = b[b.size() - i];
    if (m != n && m != 1 && n != 1) mismatch("leading axes must be equal or one");
  }
  Dims shape = broadcast_shapes(name(), leading(a), leading(b));
  if (x[0].ndim() > 1) shape.push_back(a[a.size() - 2]);
  if (x[1].ndim() > 1) shape.push_back(b.back());
  return {Spec{std::move(shape), x[0].dtype(), x[0].device()}};
}

using Layout = kernels::ArrayKernel::Layout;

// An operand as a stack of matrices, broadcast over `batch`.
Layout as_matrices(const Array& x, bool left, std::span<const int64_t> batch) {
  Dims strides = x.strides;
  if (x.shape.size() == 1) strides.insert(left ? 0 : 1, 0);
  const Dims shape = as_matrices(x.shape, left);
  Dims target(batch);
  target.push_back(shape[shape.size() - 2]);
  target.push_back(shape.back());
  strides = broadcast_strides(shape, strides, target);
  return {x.dtype, std::move(target), std::move(strides)};
}

struct ProductLayouts {
  Layout out, a, b;
};

ProductLayouts layouts_of_product(const Array& a, const Array& b, const Spec& spec) {
  const size_t vectors = (a.shape.size() == 1) + (b.shape.size() == 1);
  Dims shape(spec.shape.begin(), spec.shape.end() - (2 - vectors));
  Layout left = as_matrices(a, true, shape), right = as_matrices(b, false, shape);
  shape.push_back(left.shape[left.shape.size() - 2]);
  shape.push_back(right.shape.back());
  Dims strides = contiguous_strides(shape);
  return {{spec.dtype, std::move(shape), std::move(strides)}, std::move(left), std::move(right)};
}

Tensors MatMul::eval(TensorSpan x, const Specs& specs) const {
  const Array &a = x[0].array(), &b = x[1].array();
  Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
  const ProductLayouts layouts = layouts_of_product(a, b, specs[0]);
  kernels::matmul(layouts.out.view(out->address(), out->device),
                  layouts.a.view(a.address(), a.device), layouts.b.view(b.address(), b.device));
  return Tensors::of(Tensor(std::move(out)));
}

bool MatMul::find_kernel(TensorSpan x, const Specs& specs, kernels::ArrayKernel& kernel) const {
  ProductLayouts layouts = layouts_of_product(x[0].array(), x[1].array(), specs[0]);
  kernel = {std::move(layouts.out),
            {std::move(layouts.a), std::move(layouts.b)},
            [](const View& out, std::span<const View> views) {
              kernels::matmul(out, views[0], views[1]);
            }};
  return true;
}

// Of a product of two matrices, or of a matrix and a vector, where the other factor is the constant
// `factor`: only on what meets a number that is not zero.
Dependence through_constant(const Tensor& factor, bool left, const Dims& x, int64_t outputs) {
  const Dims f = as_matrices(factor.shape(), !left), own = as_matrices(x, left);
  const Tensor nonzero = copy(astype(factor, DType::Bool));
  const bool* there = nonzero.array().data<bool>();
  const int64_t k = left ? f[0] : f[1], columns = own[1], width = left ? f[1] : columns;
  Dependence out{Dependence::Kind::Links};
  out.rows.push_back(0);
  for (int64_t y = 0; y < outputs; ++y) {
    const int64_t i = y / width, j = y % width;
    for (int64_t l = 0; l < k; ++l) {
      if (there[left ? l * f[1] + j : i * f[1] + l])
        out.columns.push_back(left ? i * columns + l : l * columns + j);
    }
    out.rows.push_back(static_cast<int64_t>(out.columns.size()));
  }
  return out;
}

Dependence MatMul::dependence(const DependenceArgs& args) const {
  const bool left = args.input == 0;
  const Dims& y = args.outputs[0].shape;
  const Tensor& factor = args.constants[left ? 1 : 0];
  if (factor && a_ != kBatch && b_ != kBatch && has_zero(factor))
    return through_constant(factor, left, args.x.shape, count_elements(y));
  // Places in (batch..., m, n), before the axes that vectors lack are dropped.
  const int64_t ndim = args.x.shape.size(), m = a_ != kVector, n = b_ != kVector;
  const int64_t lead = static_cast<int64_t>(y.size()) - m - n;
  const int64_t matrix = std::min<int64_t>(ndim, 2);
  Dependence out{Dependence::Kind::Axes};
  for (int64_t i = 0; i < ndim - matrix; ++i) out.places.push_back(lead - (ndim - matrix) + i);
  if (left) {
    if (matrix == 2) out.places.push_back(lead);
    out.places.push_back(Dependence::kAll);
  } else {
    out.places.push_back(Dependence::kAll);
    if (matrix == 2) out.places.push_back(lead + m);
  }
  return out;
}

// Whether a factor is a transposed view, as in the gradient of a product. Its cotangent is then
// made as one, too, so that behind the transposition it lies like what it is added to.
bool lies_transposed(const Tensor& x, const Tensor& t) {
  if (!x || !x.is_array() || !t.is_array() || x.ndim() != 2 || t.ndim() != 2) return false;
  const Dims& strides = x.array().strides;
  return strides[0] == 1 && strides[1] > 1;
}

// The cotangent of x1. Where x1 has no batch of its own, one product sums over the batch of x2.
Tensor left_cotangent(const Tensor& t, const Tensor& b, bool batched) {
  if (batched || t.ndim() == 2) return matmul(t, matrix_transpose(b));
  return matmul(stack_columns(t), matrix_transpose(stack_columns(b)));
}

Tensor right_cotangent(const Tensor& t, const Tensor& a, bool batched) {
  if (batched || t.ndim() == 2) return matmul(matrix_transpose(a), t);
  return matmul(matrix_transpose(stack_rows(a)), stack_rows(t));
}

Tensors MatMul::vjp(const VjpArgs& args) const {
  const Tensor &t = args.cotangents[0], &a = args.inputs[0], &b = args.inputs[1];
  Tensors out(2);
  if (a_ == kVector && b_ == kVector) {
    if (args.wants[0]) out[0] = call<kernels::Scale>(t, b);
    if (args.wants[1]) out[1] = call<kernels::Scale>(t, a);
    return out;
  }
  // The axes that vectors lack: the row of x1, the column of x2.
  Tensor matrices = t;
  if (a_ == kVector) matrices = expand_dims(matrices, {matrices.ndim() - 1});
  if (b_ == kVector) matrices = expand_dims(matrices, {matrices.ndim()});
  if (args.wants[0]) {
    const Tensor g = lies_transposed(a, t) && b_ == kMatrix
                         ? matrix_transpose(matmul(b, matrix_transpose(t)))
                         : left_cotangent(matrices, as_matrices(b, false), a_ == kBatch);
    out[0] = a_ == kVector ? squeeze(g, Dims{-2}) : g;
  }
  if (args.wants[1]) {
    const Tensor g = lies_transposed(b, t) && a_ == kMatrix
                         ? matrix_transpose(matmul(matrix_transpose(t), a))
                         : right_cotangent(matrices, as_matrices(a, true), b_ == kBatch);
    out[1] = b_ == kVector ? squeeze(g, Dims{-1}) : g;
  }
  return out;
}

Tensors MatMul::jvp(TensorSpan primals, TensorSpan tangents, TensorSpan) const {
  Tensor out;
  if (tangents[0]) out = matmul(tangents[0], primals[1]);
  if (tangents[1]) {
    const Tensor moved = matmul(primals[0], tangents[1]);
    out = out ? out + moved : moved;
  }
  return {out};
}

// Only x1 is mapped, and x2 is one matrix or vector: the mapped dimension is one more of rows.
BatchResult batch_left(const Tensor& a, int dim, const Tensor& b) {
  const bool last = dim == a.ndim() - 1;
  return {{matmul(last ? mapped_to_front(a, dim) : a, b)}, {last ? 0 : dim}};
}

// Only x2 is mapped: vectors are rows of a transposed product; of matrices, the mapped dimension is
// one more of columns.
BatchResult batch_right(const Tensor& a, const Tensor& b, int dim) {
  if (b.ndim() == 2 && a.ndim() <= 2) {
    return {{matmul(mapped_to_front(b, dim), a.ndim() == 2 ? matrix_transpose(a) : a)}, {0}};
  }
  if (b.ndim() == 2) {
    Tensor out = matmul(a, dim == 0 ? matrix_transpose(b) : b);
    const int last = static_cast<int>(out.ndim()) - 1;
    return {{std::move(out)}, {last}};
  }
  const Tensor middle = dim == 1 ? b : moveaxis(b, dim, 1);
  const int64_t k = middle.shape()[0], size = middle.shape()[1], n = middle.shape()[2];
  const Tensor wide = matmul(a, reshape(middle, {k, size * n}));
  Dims shape(wide.shape().begin(), wide.shape().end() - 1);
  const int mapped = static_cast<int>(shape.size());
  shape.push_back(size);
  shape.push_back(n);
  return {{reshape(wide, shape)}, {mapped}};
}

// An operand as matrices behind the mapped dimension, with logical rank `ndim`.
Tensor align_matrices(const Tensor& x, int dim, bool left, int64_t ndim) {
  if (dim == kNotMapped) return as_matrices(x, left);
  Tensor front = mapped_to_front(x, dim);
  if (front.ndim() == 2) front = expand_dims(front, {left ? 1 : 2});
  return align_mapped(front, 0, ndim);
}

BatchResult MatMul::batch(int64_t, TensorSpan values, std::span<const int> dims) const {
  const int64_t a_ndim = values[0].ndim() - (dims[0] != kNotMapped);
  const int64_t b_ndim = values[1].ndim() - (dims[1] != kNotMapped);
  if (dims[1] == kNotMapped && b_ndim <= 2) return batch_left(values[0], dims[0], values[1]);
  if (dims[0] == kNotMapped && b_ndim <= 2) return batch_right(values[0], values[1], dims[1]);
  const int64_t ndim = std::max({a_ndim, b_ndim, int64_t{2}});
  Tensor out = matmul(align_matrices(values[0], dims[0], true, ndim),
                      align_matrices(values[1], dims[1], false, ndim));
  Dims inserted;
  if (a_ndim == 1) inserted.push_back(-2);
  if (b_ndim == 1) inserted.push_back(-1);
  return {{inserted.empty() ? out : squeeze(out, inserted)}, {0}};
}

const Ref<const Primitive>& primitive_for(Rank a, Rank b) {
  static const auto* table = [] {
    auto* primitives = new std::array<Ref<const Primitive>, 9>;
    for (int i = kVector; i <= kBatch; ++i)
      for (int j = kVector; j <= kBatch; ++j)
        (*primitives)[(i - 1) * 3 + j - 1] =
            make_ref<MatMul>(static_cast<Rank>(i), static_cast<Rank>(j));
    return primitives;
  }();
  return (*table)[(a - 1) * 3 + b - 1];
}

}  // namespace

Tensor matmul(const Tensor& x1, const Tensor& x2) {
  const DType dtype = promote(x1.dtype(), x2.dtype());
  const Tensor a = cast(x1, dtype), b = cast(x2, dtype);
  Tensor y = apply1(primitive_for(rank_of(a), rank_of(b)), Borrowed<2>(a, b));
  // What vectors come from (ops/origin.h) helps a product element by element.
  if (a.ndim() == 1 && b.ndim() == 1 && a.body()->origin && b.body()->origin)
    return value_of(y, sum(multiply(a, b), Dims{-1}));
  return y;
}

Tensor reshaped(const Tensor& x, const Dims& shape) {
  return x.shape() == shape ? x : reshape(x, shape);
}

Tensor permuted(const Tensor& x, const Dims& axes) {
  return std::is_sorted(axes.begin(), axes.end()) ? x : permute_dims(x, axes);
}

}  // namespace ops

void register_matmul(Registry& registry) {
  registry.add("matmul", &ops::matmul, "x1, x2, /",
               "The matrix product over the last two axes; leading axes broadcast. A vector on the "
               "left is a row, on the right a column, and its axis is dropped from the result.\n\n"
               ":param x1: tensor of shape (..., m, k) or (k,)\n"
               ":param x2: tensor of shape (..., k, n) or (k,)\n"
               ":returns: tensor of shape (..., m, n) and the promoted dtype\n\n"
               ">>> pa.matmul(pa.ones((5, 2, 3)), pa.ones((3, 4))).shape\n(5, 2, 4)");
  ops::register_products_of_matrices(registry);
  ops::register_einsum(registry);
  ops::register_diagonals(registry);
  ops::register_convolutions(registry);
  ops::register_windows(registry);
}

}  // namespace pyautograd
