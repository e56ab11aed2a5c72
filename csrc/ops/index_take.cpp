#include <algorithm>

#include "kernels/kernels.h"
#include "ops/index.h"
#include "ops/linear.h"

// Reading and writing along one axis, and finding what is not zero.
namespace pyautograd::ops {

namespace {

Tensors all_in_front(int64_t size, TensorSpan values, std::span<const int> dims) {
  Tensors front;
  for (size_t i = 0; i < values.size(); ++i) {
    front.push_back(mapped_or_broadcast(values[i], dims[i], size));
  }
  return front;
}

Tensor put(const Tensor& x, const Tensor& updates, const Tensor& indices, int64_t axis, bool add);

// Inputs are x and the indices; they agree in every axis but `axis`.
class TakeAlongAxis final : public Linear {
 public:
  explicit TakeAlongAxis(int64_t axis) : axis_(axis) {}
  std::string_view name() const override { return "take_along_axis"; }
  bool takes_halves(TensorSpan) const override { return true; }
  Dependence dependence(const DependenceArgs&) const override { return {Dependence::Kind::Picks}; }
  Specs infer(TensorSpan inputs) const override {
    return {Spec{inputs[1].shape(), inputs[0].dtype(), inputs[0].device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    const Ref<Array> index = checked_indices(inputs[1], inputs[0].shape()[axis_], name(), axis_);
    kernels::take_along_axis(out->device_view(), inputs[0].device_view(), index->device_view(),
                             static_cast<int>(axis_));
    return Tensors::of(Tensor(std::move(out)));
  }
  Saves saves() const override { return {.inputs = 2, .specs = true}; }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor& g = args.cotangents[0];
    const Tensor zeros = zeros_view(args.input_specs[0].shape, g.dtype());
    return {put(zeros, g, args.inputs[1], axis_, true), Tensor()};
  }
  BatchResult batch(int64_t size, TensorSpan values, std::span<const int> dims) const override {
    const Tensors front = all_in_front(size, values, dims);
    return {{apply1(make_ref<TakeAlongAxis>(axis_ + 1), front)}, {0}};
  }

 protected:
  size_t linear_inputs(size_t) const override { return 1; }

 private:
  const int64_t axis_;
};

Tensor read(const Tensor& x, const Tensor& indices, int64_t axis) {
  return apply1(make_ref<TakeAlongAxis>(axis), Borrowed<2>(x, index_beside(x, indices)));
}

// Inputs are x, updates and the indices. With add, and over zeros, it is the transpose of
// take_along_axis.
class PutAlongAxis final : public Linear {
 public:
  PutAlongAxis(int64_t axis, bool add) : axis_(axis), add_(add) {}
  std::string_view name() const override { return "put_along_axis"; }
  Dependence dependence(const DependenceArgs&) const override {
    return {Dependence::Kind::Collects};
  }
  Specs infer(TensorSpan inputs) const override { return {inputs[0].spec()}; }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    const Ref<Array> index = checked_indices(inputs[2], inputs[0].shape()[axis_], name(), axis_);
    Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    kernels::copy(out->device_view(), inputs[0].device_view());
    kernels::put_along_axis(out->device_view(), inputs[1].device_view(), index->device_view(),
                            static_cast<int>(axis_), add_);
    return Tensors::of(Tensor(std::move(out)));
  }
  Saves saves() const override { return {.inputs = 4, .specs = true}; }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor& g = args.cotangents[0];
    const Tensor& indices = args.inputs[2];
    Tensors result(3);
    if (args.wants[0]) {
      const Tensor zeros = zeros_view(indices.shape(), g.dtype());
      result[0] = add_ ? g : put(g, zeros, indices, axis_, false);
    }
    if (args.wants[1]) {
      const Tensor mine = read(g, indices, axis_);
      result[1] = add_ ? mine
                       : where(last_writers(args.input_specs[0].shape, indices), mine,
                               zeros_view({}, g.dtype()));
    }
    return result;
  }
  BatchResult batch(int64_t size, TensorSpan values, std::span<const int> dims) const override {
    const Tensors front = all_in_front(size, values, dims);
    return {{put(front[0], front[1], front[2], axis_ + 1, add_)}, {0}};
  }

 protected:
  size_t linear_inputs(size_t) const override { return 2; }

 private:
  // As for scatter: who reads his own number back was the last to write.
  Tensor last_writers(const Dims& shape, const Tensor& indices) const {
    const int64_t count = indices.shape()[axis_];
    Dims column(shape.size(), 1);
    column[axis_] = count;
    const Tensor line = arange(0, static_cast<double>(count), 1, DType::Int64, indices.device());
    const Tensor numbers = broadcast_to(reshape(line, column), indices.shape());
    const Tensor board = put(zeros_view(shape, DType::Int64), numbers, indices, axis_, false);
    return equal(read(board, indices, axis_), numbers);
  }

  const int64_t axis_;
  const bool add_;
};

Tensor put(const Tensor& x, const Tensor& updates, const Tensor& indices, int64_t axis, bool add) {
  const Tensor& place = is_on_host(x) ? updates : x;
  return apply1(make_ref<PutAlongAxis>(axis, add),
                Borrowed<3>(x, updates, index_beside(place, indices)));
}

// Brings x and the indices to equal sizes in every axis but one.
struct Aligned {
  Tensor x, indices;
  int64_t axis;
};
Aligned align(std::string_view op, const Tensor& x, const Tensor& indices, int64_t axis) {
  if (x.ndim() != indices.ndim()) {
    value_error("[", op, "] indices of shape ", shape_string(indices.shape()),
                " must have as many dimensions as the array of shape ", shape_string(x.shape()));
  }
  if (!is_integer(indices.dtype())) {
    index_error("[", op, "] indices must be integers, got dtype ", name_of(indices.dtype()));
  }
  const int64_t along = normalize_axis(op, axis, x.ndim());
  Dims rest = x.shape(), own = indices.shape();
  rest[along] = own[along] = 1;
  for (size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] != own[i] && rest[i] != 1 && own[i] != 1) {
      index_error("[", op, "] indices of shape ", shape_string(indices.shape()),
                  " do not broadcast with the array of shape ", shape_string(x.shape()),
                  " beside axis ", along);
    }
  }
  Dims shape = broadcast_shapes(op, rest, own);
  shape[along] = x.shape()[along];
  Tensor wide = shape == x.shape() ? x : broadcast_to(x, shape);
  shape[along] = indices.shape()[along];
  return {std::move(wide), shape == indices.shape() ? indices : broadcast_to(indices, shape),
          along};
}

Tensor take_along_axis_op(const Tensor& x, const Tensor& indices, std::optional<int64_t> axis) {
  return axis ? take_along_axis(x, indices, *axis)
              : take_along_axis(reshape(x, {x.size()}), indices, 0);
}

}  // namespace

Tensor take(const Tensor& x, const Tensor& indices, std::optional<int64_t> axis) {
  // NumPy reads [] as no positions rather than as floats.
  if (is_inexact(indices.dtype()) && indices.size() == 0)
    return take(x, astype(indices, DType::Int64), axis);
  if (is_inexact(indices.dtype())) {
    type_error("[take] indices must be integers, got dtype ", name_of(indices.dtype()));
  }
  if (!axis) return take(reshape(x, {x.size()}), indices, 0);
  const int64_t along = normalize_axis("take", *axis, x.ndim());
  const Tensor integers = is_bool(indices.dtype()) ? astype(indices, DType::Int64) : indices;
  const Tensor out =
      gather(along == 0 ? x : moveaxis(x, along, 0), TensorSpan(&integers, 1), {"take", {along}});
  if (along == 0) return out;
  Dims axes;
  for (int64_t i = 0; i < along; ++i) axes.push_back(indices.ndim() + i);
  for (int64_t i = 0; i < indices.ndim(); ++i) axes.push_back(i);
  for (int64_t i = indices.ndim() + along; i < out.ndim(); ++i) axes.push_back(i);
  return permute_dims(out, axes);
}

Tensor take_along_axis(const Tensor& x, const Tensor& indices, int64_t axis) {
  const Aligned aligned = align("take_along_axis", x, indices, axis);
  return read(aligned.x, aligned.indices, aligned.axis);
}

Tensor put_along_axis(const Tensor& x, const Tensor& indices, const Tensor& values, int64_t axis,
                      bool add) {
  const Aligned aligned = align("put_along_axis", x, indices, axis);
  if (aligned.x.shape() != x.shape()) {
    value_error("[put_along_axis] indices of shape ", shape_string(indices.shape()),
                " do not broadcast to the array of shape ", shape_string(x.shape()));
  }
  const Tensor updates = broadcast_to(cast(values, x.dtype()), aligned.indices.shape());
  return put(x, updates, aligned.indices, aligned.axis, add);
}

Tensors nonzero(const Tensor& x) {
  if (x.ndim() == 0)
    value_error("[nonzero] a 0-d array has no axes to count along: use atleast_1d first");
  const Array& values = concrete_array(
      "nonzero", x, "how many elements are not zero depends on them; use where instead");
  // Their number is needed at once, and finding it takes the host no longer than waiting for it.
  if (!is_on_host(x)) {
    Tensors there;
    for (const Tensor& places : nonzero(to_device(x.untracked(), {})))
      there.push_back(to_device(places, x.device()));
    return there;
  }
  if (is_half(x.dtype())) return nonzero(astype(x.untracked(), DType::Bool));
  const int64_t count = kernels::count_nonzero(values.view());
  Tensors positions;
  SmallVector<View, 4> views;
  for (int64_t i = 0; i < x.ndim(); ++i) {
    positions.push_back(Tensor(Array::empty({count}, DType::Int64)));
    views.push_back(positions.back().view());
  }
  kernels::nonzero(views, values.view());
  return positions;
}

}  // namespace pyautograd::ops

namespace pyautograd {

void register_index(Registry& registry) {
  registry.add("take", ops::take, "x, indices, /, axis=None",
               R"(The elements of ``x`` at ``indices`` along ``axis``.

``indices`` is an integer array of any shape, which takes the place of ``axis`` in the result; negative ones count from
the end. Without an axis ``x`` is flattened first. An index out of range raises ``IndexError``. The derivative adds up
where an index occurs more than once.

>>> pa.take(pa.tensor([[1.0, 2.0], [3.0, 4.0]]), pa.tensor([1, 1]), axis=1).tolist()
[[2.0, 2.0], [4.0, 4.0]])");
  registry.add("take_along_axis", ops::take_along_axis_op, "x, indices, /, axis=-1",
               R"(For every line of ``x`` along ``axis``, its elements at the line of ``indices``.

``indices`` is an integer array with as many dimensions as ``x``; the axes other than ``axis`` broadcast. With
``axis=None`` both are one-dimensional. An index out of range raises ``IndexError``.

>>> x = pa.tensor([[3.0, 1.0], [2.0, 4.0]])
>>> pa.take_along_axis(x, pa.tensor([[1], [0]]), axis=1).tolist()
[[1.0], [2.0]])");
  registry.add(
      "nonzero", ops::nonzero, "x, /",
      R"(The positions of the elements that are not zero, in row-major order: one integer vector per axis.

How many there are depends on the values, so this raises ``RuntimeError`` for values that ``vmap`` maps. A 0-d array
raises ``ValueError``. Nothing is recorded.

>>> [i.tolist() for i in pa.nonzero(pa.tensor([[0, 1], [2, 0]]))]
[[0, 1], [1, 0]])",
      Returns::Tuple);
}

}  // namespace pyautograd
