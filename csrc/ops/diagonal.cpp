// diagonal and its transpose, trace, tril, triu.

#include <algorithm>
#include <cstring>

#include "kernels/kernels.h"
#include "ops/matmul.h"

namespace pyautograd {

namespace ops {

namespace {

// Where a diagonal lies in matrices over two axes.
struct Place {
  int64_t offset, axis1, axis2;

  // Elements on the diagonal.
  int64_t length(std::span<const int64_t> shape) const {
    const int64_t rows = shape[axis1] - std::max<int64_t>(0, -offset);
    const int64_t columns = shape[axis2] - std::max<int64_t>(0, offset);
    return std::max<int64_t>(0, std::min(rows, columns));
  }
  // dims without the two axes, and `last` behind the others.
  Dims replace(const Dims& dims, int64_t last) const {
    Dims out;
    for (size_t i = 0; i < dims.size(); ++i)
      if (int64_t axis = static_cast<int64_t>(i); axis != axis1 && axis != axis2)
        out.push_back(dims[i]);
    out.push_back(last);
    return out;
  }
  Ref<Array> view(const Array& x) const {
    const int64_t n = length(x.shape);
    const int64_t start = offset >= 0 ? offset * x.strides[axis2] : -offset * x.strides[axis1];
    return x.with_layout(replace(x.shape, n),
                         replace(x.strides, x.strides[axis1] + x.strides[axis2]),
                         n == 0 ? x.offset : x.offset + start);
  }
  Place behind_mapped() const { return {offset, axis1 + 1, axis2 + 1}; }
};

Tensor take_diagonal(const Tensor& x, const Place& place);
Tensor put_diagonal(const Tensor& x, const Place& place, const Dims& shape);

class Diagonal final : public Linear {
 public:
  explicit Diagonal(Place place) : place_(place) {}
  std::string_view name() const override { return "diagonal"; }
  bool may_view() const override { return true; }
  bool takes_halves(TensorSpan) const override { return true; }
  Dependence dependence(const DependenceArgs&) const override { return {Dependence::Kind::Picks}; }
  Saves saves() const override { return {.specs = true}; }

  Specs infer(TensorSpan inputs) const override {
    const Tensor& x = inputs[0];
    return {Spec{place_.replace(x.shape(), place_.length(x.shape())), x.dtype(), x.device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs&) const override {
    return {Tensor(place_.view(inputs[0].array()))};
  }
  Tensors vjp(const VjpArgs& args) const override {
    return {put_diagonal(args.cotangents[0], place_, args.input_specs[0].shape)};
  }
  BatchResult batch(int64_t, TensorSpan values, std::span<const int> dims) const override {
    return {{take_diagonal(mapped_to_front(values[0], dims[0]), place_.behind_mapped())}, {0}};
  }

 private:
  const Place place_;
};

class PutDiagonal final : public Linear {
 public:
  PutDiagonal(Place place, Dims shape) : place_(place), shape_(std::move(shape)) {}
  std::string_view name() const override { return "put_diagonal"; }
  bool takes_halves(TensorSpan) const override { return true; }
  Dependence dependence(const DependenceArgs&) const override { return {Dependence::Kind::Picks}; }

  Specs infer(TensorSpan inputs) const override {
    return {Spec{shape_, inputs[0].dtype(), inputs[0].device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    Ref<Array> out = Array::empty(shape_, specs[0].dtype, specs[0].device);
    kernels::fill(out->device_view(), 0);
    kernels::copy(place_.view(*out)->device_view(), inputs[0].device_view());
    return Tensors::of(Tensor(std::move(out)));
  }
  Tensors vjp(const VjpArgs& args) const override {
    return {take_diagonal(args.cotangents[0], place_)};
  }
  BatchResult batch(int64_t size, TensorSpan values, std::span<const int> dims) const override {
    Dims shape = shape_;
    shape.insert(0, size);
    return {{put_diagonal(mapped_to_front(values[0], dims[0]), place_.behind_mapped(), shape)},
            {0}};
  }

 private:
  const Place place_;
  const Dims shape_;
};

Tensor take_diagonal(const Tensor& x, const Place& place) {
  return apply1(make_ref<Diagonal>(place), x);
}

Tensor put_diagonal(const Tensor& x, const Place& place, const Dims& shape) {
  return apply1(make_ref<PutDiagonal>(place, shape), x);
}

// Zeros on one side of a diagonal of the last two axes. Its own transpose.
class Triangle final : public Linear {
 public:
  Triangle(bool upper, int64_t k) : upper_(upper), k_(k) {}
  std::string_view name() const override { return upper_ ? "triu" : "tril"; }
  bool takes_halves(TensorSpan) const override { return true; }
  Dependence dependence(const DependenceArgs&) const override { return {Dependence::Kind::Picks}; }

  Specs infer(TensorSpan inputs) const override { return {inputs[0].spec()}; }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    const Array& x = inputs[0].array();
    const int64_t rows = x.shape[x.shape.size() - 2], columns = x.shape.back();
    if (x.contiguous() && x.device == Device()) {
      kept_rows(*out, x);
      return Tensors::of(Tensor(std::move(out)));
    }
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t split = first_right(i, rows, columns);
      const Part left{i, 0, split}, right{i, split, columns - split};
      const Part &kept = upper_ ? right : left, &cleared = upper_ ? left : right;
      kernels::copy(kept.of(*out)->device_view(), kept.of(x)->device_view());
      kernels::fill(cleared.of(*out)->device_view(), 0);
    }
    return Tensors::of(Tensor(std::move(out)));
  }
  Tensors vjp(const VjpArgs& args) const override {
    return {apply1(Ref<const Primitive>(this), args.cotangents[0])};
  }
  BatchResult batch(int64_t, TensorSpan values, std::span<const int> dims) const override {
    return {{apply1(Ref<const Primitive>(this), mapped_to_front(values[0], dims[0]))}, {0}};
  }

 private:
  // tril keeps the columns before this one, triu those from there on; far k must not overflow.
  int64_t first_right(int64_t row, int64_t rows, int64_t columns) const {
    const int64_t far = std::clamp(k_, -rows, columns) + row + (upper_ ? 0 : 1);
    return std::clamp<int64_t>(far, 0, columns);
  }

  void kept_rows(const Array& out, const Array& x) const {
    const int64_t rows = x.shape[x.shape.size() - 2], columns = x.shape.back();
    const int64_t size = itemsize(x.dtype), count = rows * columns == 0 ? 0 : x.size() / columns;
    kernels::parallel_for(count, 1 + 32768 / std::max<int64_t>(1, columns),
                          [&](int64_t i, int64_t end) {
                            for (; i < end; ++i) {
                              const int64_t left = first_right(i % rows, rows, columns) * size;
                              const int64_t right = columns * size - left;
                              std::byte* to = out.data<std::byte>() + i * columns * size;
                              const std::byte* from = x.data<std::byte>() + i * columns * size;
                              if (upper_) {
                                std::memset(to, 0, static_cast<size_t>(left));
                                std::memcpy(to + left, from + left, static_cast<size_t>(right));
                              } else {
                                std::memcpy(to, from, static_cast<size_t>(left));
                                std::memset(to + left, 0, static_cast<size_t>(right));
                              }
                            }
                          });
  }

  // Neighbours in one row of every matrix.
  struct Part {
    int64_t row, start, size;
    Ref<Array> of(const Array& x) const {
      Dims shape = x.shape, strides = x.strides;
      const size_t last = shape.size() - 1;
      shape[last - 1] = 1;
      shape[last] = size;
      const int64_t offset = row * strides[last - 1] + (size > 0 ? start * strides[last] : 0);
      return x.with_layout(std::move(shape), std::move(strides), x.offset + offset);
    }
  };

  const bool upper_;
  const int64_t k_;
};

Tensor triangle(const Tensor& x, bool upper, int64_t k) {
  if (x.ndim() == 0) {
    value_error("[", upper ? "triu" : "tril", "] x must have at least 1 dimension, got shape ()");
  }
  // As NumPy has it, a vector stands for a square matrix of equal rows.
  const Tensor matrix = x.ndim() == 1 ? broadcast_to(x, {x.size(), x.size()}) : x;
  return apply1(make_ref<Triangle>(upper, k), matrix);
}

}  // namespace

Tensor diagonal(const Tensor& x, int64_t offset, int64_t axis1, int64_t axis2) {
  if (x.ndim() < 2) {
    value_error("[diagonal] x must have at least 2 dimensions, got shape ",
                shape_string(x.shape()));
  }
  Place place{0, normalize_axis("diagonal", axis1, x.ndim()),
              normalize_axis("diagonal", axis2, x.ndim())};
  if (place.axis1 == place.axis2) {
    value_error("[diagonal] axis1 and axis2 must differ, got ", axis1, " and ", axis2);
  }
  place.offset = std::clamp(offset, -x.shape()[place.axis1], x.shape()[place.axis2]);
  return take_diagonal(x, place);
}

Tensor trace(const Tensor& x, int64_t offset, int64_t axis1, int64_t axis2,
             std::optional<DType> dtype) {
  return sum(diagonal(x, offset, axis1, axis2), Dims{-1}, dtype);
}

Tensor tril(const Tensor& x, int64_t k) { return triangle(x, false, k); }
Tensor triu(const Tensor& x, int64_t k) { return triangle(x, true, k); }

void register_diagonals(Registry& registry) {
  registry.add("diagonal", &diagonal, "x, /, offset=0, axis1=0, axis2=1",
               "The diagonals of the matrices over two axes, as a view; the diagonal becomes the "
               "last axis.\n\n:param x: tensor of two or more dimensions\n"
               ":param offset: how far above the main diagonal\n:param axis1: int\n"
               ":param axis2: int\n\n"
               ">>> pa.diagonal(pa.tensor([[1.0, 2.0], [3.0, 4.0]])).tolist()\n[1.0, 4.0]");
  registry.add("trace", &trace, "x, /, offset=0, axis1=0, axis2=1, dtype=None",
               "The sums of the diagonals of the matrices over two axes.\n\n"
               ":param x: tensor of two or more dimensions\n"
               ":param offset: how far above the main diagonal\n:param axis1: int\n"
               ":param axis2: int\n:param dtype: dtype of the result, as in sum\n\n"
               ">>> pa.trace(pa.tensor([[1.0, 2.0], [3.0, 4.0]])).item()\n5.0");
  registry.add(
      "tril", &tril, "x, /, k=0",
      "x with zeros above the k-th diagonal of the last two axes.\n\n"
      ":param x: tensor of shape (..., m, n)\n:param k: how far above the main diagonal\n\n"
      ">>> pa.tril(pa.tensor([[1.0, 2.0], [3.0, 4.0]])).tolist()\n"
      "[[1.0, 0.0], [3.0, 4.0]]");
  registry.add(
      "triu", &triu, "x, /, k=0",
      "x with zeros below the k-th diagonal of the last two axes.\n\n"
      ":param x: tensor of shape (..., m, n)\n:param k: how far above the main diagonal\n\n"
      ">>> pa.triu(pa.tensor([[1.0, 2.0], [3.0, 4.0]])).tolist()\n"
      "[[1.0, 2.0], [0.0, 4.0]]");
}

}  // namespace ops

}  // namespace pyautograd
