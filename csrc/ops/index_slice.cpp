#include <algorithm>
#include <cstring>
#include <utility>

#include "kernels/fused.h"
#include "ops/index.h"
#include "ops/linear.h"

// Slices and their transpose.
namespace pyautograd::ops {

namespace {

Dims sliced_shape(const Slice& slice) {
  Dims shape = slice.size;
  for (size_t i = slice.drop.size(); i-- > 0;) shape.erase(static_cast<size_t>(slice.drop[i]));
  return shape;
}

// Where a slice lies in an array of these strides.
kernels::Placement placement(const Slice& slice, const Dims& strides, int64_t first) {
  kernels::Placement place{first, {}};
  const bool empty = std::find(slice.size.begin(), slice.size.end(), 0) != slice.size.end();
  for (size_t i = 0; i < slice.start.size(); ++i) {
    if (!empty) place.first += slice.start[i] * strides[i];
    place.strides.push_back(slice.size[i] > 1 ? slice.step[i] * strides[i] : strides[i]);
  }
  for (size_t i = slice.drop.size(); i-- > 0;)
    place.strides.erase(static_cast<size_t>(slice.drop[i]));
  return place;
}

Ref<Array> sliced_view(const Array& x, const Slice& slice) {
  kernels::Placement place = placement(slice, x.strides, x.offset);
  return x.with_layout(sliced_shape(slice), std::move(place.strides), place.first);
}

// The same slice under vmap: the mapped dimension is taken whole.
struct Mapped {
  Slice slice;
  int dim;  // of the mapped dimension in the result
};
Mapped mapped(const Slice& slice, int dim, int64_t size) {
  Mapped result{slice, dim};
  const size_t at = static_cast<size_t>(dim);
  result.slice.start.insert(at, 0);
  result.slice.size.insert(at, size);
  result.slice.step.insert(at, 1);
  for (int64_t& axis : result.slice.drop) {
    if (axis < dim) {
      --result.dim;
    } else {
      ++axis;
    }
  }
  return result;
}

class SliceOp final : public Linear {
 public:
  SliceOp(Slice slice, bool copies) : slice_(std::move(slice)), copies_(copies) {}
  std::string_view name() const override { return "slice"; }
  bool may_view() const override { return !copies_; }
  bool takes_halves(TensorSpan) const override { return true; }
  Dependence dependence(const DependenceArgs&) const override { return {Dependence::Kind::Picks}; }
  Specs infer(TensorSpan inputs) const override {
    return {Spec{sliced_shape(slice_), inputs[0].dtype(), inputs[0].device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    if (!copies_) return shown(inputs);
    const Array& x = inputs[0].array();
    Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    if (out->shape.empty() && is_on_host(inputs[0])) {
      copy_one(x, *out);
    } else {
      kernels::copy(out->device_view(), sliced_view(x, slice_)->device_view());
    }
    return Tensors::of(Tensor(std::move(out)));
  }
  Tensors shown(TensorSpan inputs) const override {
    return Tensors::of(Tensor(sliced_view(inputs[0].array(), slice_)));
  }
  Saves saves() const override { return {.specs = true}; }
  Tensors vjp(const VjpArgs& args) const override {
    return Tensors::of(slice_scatter_zeros(args.cotangents[0], slice_, args.input_specs[0].shape));
  }
  BatchResult batch(int64_t size, TensorSpan values, std::span<const int> dims) const override {
    const Mapped outer = mapped(slice_, dims[0], size);
    return {{apply1(make_ref<SliceOp>(outer.slice, copies_), values[0])}, {outer.dim}};
  }

 private:
  void copy_one(const Array& x, const Array& out) const {
    int64_t place = x.offset;
    for (size_t i = 0; i < slice_.start.size(); ++i) place += slice_.start[i] * x.strides[i];
    const int64_t bytes = itemsize(x.dtype);
    std::memcpy(out.address(), static_cast<const std::byte*>(x.storage->data()) + place * bytes,
                static_cast<size_t>(bytes));
  }

  const Slice slice_;
  const bool copies_;
};

// What a slice leaves of an array, without overlaps: along each axis what lies before and behind,
// within the slice along the axes before that. All of it where steps leave gaps, or where the slice
// is empty, which may begin anywhere.
SmallVector<Slice, 2> parts_around(const Slice& slice, const Dims& shape) {
  Slice part = whole(shape);
  SmallVector<Slice, 2> parts;
  for (size_t i = 0; i < shape.size(); ++i) {
    const int64_t start = slice.start[i], end = start + slice.size[i];
    if (slice.size[i] == 0 || (slice.step[i] != 1 && slice.size[i] > 1)) return {whole(shape)};
    for (const auto& [from, to] : {std::pair(int64_t{0}, start), std::pair(end, shape[i])}) {
      if (from >= to) continue;
      part.start[i] = from;
      part.size[i] = to - from;
      parts.push_back(part);
    }
    part.start[i] = start;
    part.size[i] = slice.size[i];
  }
  return parts;
}

// Linear in both x and the value; over zeros it is the transpose of slice.
class SliceUpdate final : public Linear {
 public:
  explicit SliceUpdate(Slice slice) : slice_(std::move(slice)) {}
  std::string_view name() const override { return "slice_update"; }
  bool takes_halves(TensorSpan) const override { return true; }
  Dependence dependence(const DependenceArgs&) const override {
    return {Dependence::Kind::Collects};
  }
  Specs infer(TensorSpan inputs) const override { return {inputs[0].spec()}; }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    const Array& x = inputs[0].array();
    SmallVector<Slice, 2> parts = parts_around(slice_, x.shape);
    // A device takes longer to begin with a part than to copy most of them twice.
    if (parts.size() > 2 && !is_on_host(inputs[0])) parts = {whole(x.shape)};
    for (const Slice& part : parts)
      kernels::copy(sliced_view(*out, part)->device_view(), sliced_view(x, part)->device_view());
    kernels::copy(sliced_view(*out, slice_)->device_view(), inputs[1].device_view());
    return Tensors::of(Tensor(std::move(out)));
  }
  bool find_loop(TensorSpan inputs, kernels::ElementLoop& loop) const override {
    if (inputs[0].dtype() != inputs[1].dtype()) return false;
    for (int64_t step : slice_.step) {
      if (step < 1) return false;
    }
    loop.splice = placement(slice_, contiguous_strides(inputs[0].shape()), 0);
    return true;
  }
  Saves saves() const override { return {.specs = true}; }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor& g = args.cotangents[0];
    const Spec& value = args.input_specs[1];
    return {args.wants[0] ? slice_update(g, zeros_view(value.shape, g.dtype(), g.device()), slice_)
                          : Tensor(),
            args.wants[1] ? slice(g, slice_) : Tensor()};
  }
  BatchResult batch(int64_t size, TensorSpan values, std::span<const int> dims) const override {
    const Mapped outer = mapped(slice_, 0, size);
    return {{slice_update(mapped_or_broadcast(values[0], dims[0], size),
                          mapped_or_broadcast(values[1], dims[1], size), outer.slice)},
            {0}};
  }

 private:
  const Slice slice_;
};

// The slice that takes one entry along an axis.
Slice slice_of_one(const Tensor& x, int64_t axis, int64_t index) {
  const int64_t along = normalize_axis("select", axis, x.ndim());
  const int64_t size = x.shape()[along];
  if (index < -size || index >= size) {
    index_error("[getitem] index ", index, " is out of bounds for axis ", along, " with size ",
                size);
  }
  Slice one = whole(x.shape());
  one.start[along] = index < 0 ? index + size : index;
  one.size[along] = 1;
  one.drop.push_back(along);
  return one;
}

}  // namespace

Slice whole(const Dims& shape) { return {Dims(shape.size(), 0), shape, Dims(shape.size(), 1)}; }

Tensor slice(const Tensor& x, const Slice& slice) {
  return apply1(make_ref<SliceOp>(slice, false), x);
}

Tensor element(const Tensor& x, const Slice& slice) {
  return apply1(make_ref<SliceOp>(slice, true), x);
}

Tensor slice_update(const Tensor& x, const Tensor& value, const Slice& slice) {
  const Tensor inputs[] = {x, value};
  return apply1(make_ref<SliceUpdate>(slice), inputs);
}

Tensor slice_scatter_zeros(const Tensor& x, const Slice& slice, const Dims& shape) {
  return slice_update(zeros_view(shape, x.dtype(), x.device()), x, slice);
}

Tensor select(const Tensor& x, int64_t axis, int64_t index) {
  return slice(x, slice_of_one(x, axis, index));
}

Tensor item_at(const Tensor& x, int64_t index) {
  const Slice one = slice_of_one(x, 0, index);
  return x.ndim() == 1 ? element(x, one) : slice(x, one);
}

}  // namespace pyautograd::ops

namespace pyautograd::algebra {

Tensor select(const Tensor& x, int axis, int64_t index) { return ops::select(x, axis, index); }

}  // namespace pyautograd::algebra
