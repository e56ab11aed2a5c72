#include "ops/shape.h"

#include <algorithm>

#include "autograd/layout.h"
#include "kernels/kernels.h"
#include "ops/linear.h"

// The views: ops that read the same memory under another shape and other strides.
namespace pyautograd::ops {

namespace {

// The strides under which x reads as `target` without a copy, if there are any: runs of axes with
// equal products are matched, and each run of x must be contiguous in itself.
std::optional<Dims> strides_as(const Array& x, const Dims& target) {
  if (x.contiguous()) return contiguous_strides(target);
  Dims shape, strides;
  for (size_t i = 0; i < x.shape.size(); ++i) {
    if (x.shape[i] == 1) continue;
    shape.push_back(x.shape[i]);
    strides.push_back(x.strides[i]);
  }
  Dims result(target.size(), 1);
  size_t to = 0;
  for (size_t from = 0; from < shape.size();) {
    int64_t have = shape[from++], want = target[to++];
    while (have != want) {
      if (want < have) {
        want *= target[to++];
      } else {
        if (strides[from - 1] != shape[from] * strides[from]) return std::nullopt;
        have *= shape[from++];
      }
    }
    int64_t step = strides[from - 1];
    for (size_t i = to; want > 1; --i) {
      result[i - 1] = step;
      step *= target[i - 1];
      want /= target[i - 1];
    }
  }
  return result;
}

class Reshape final : public Linear {
 public:
  explicit Reshape(Dims shape) : shape_(std::move(shape)) {}
  std::string_view name() const override { return "reshape"; }
  bool may_view() const override { return true; }
  bool takes_halves(TensorSpan) const override { return true; }
  Dependence dependence(const DependenceArgs&) const override { return {Dependence::Kind::Picks}; }
  Specs infer(TensorSpan inputs) const override {
    return {Spec{shape_, inputs[0].dtype(), inputs[0].device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs&) const override {
    const Array& x = inputs[0].array();
    if (std::optional<Dims> strides = strides_as(x, shape_)) {
      return Tensors::of(Tensor(x.with_layout(shape_, std::move(*strides), x.offset)));
    }
    Ref<Array> out = Array::empty(x.shape, x.dtype, x.device);
    kernels::copy(out->device_view(), x.device_view());
    return Tensors::of(Tensor(out->with_layout(shape_, contiguous_strides(shape_), 0)));
  }
  bool find_kernel(TensorSpan inputs, const Specs&, kernels::ArrayKernel& kernel) const override {
    const Array& x = inputs[0].array();
    if (strides_as(x, shape_)) return false;
    kernel = kernel_on(x, x.dtype, x.shape, kernels::copy);
    return true;
  }
  Saves saves() const override { return {.specs = true}; }
  Tensors vjp(const VjpArgs& args) const override {
    return Tensors::of(reshape(args.cotangents[0], args.input_specs[0].shape));
  }
  BatchResult batch(int64_t size, TensorSpan values, std::span<const int> dims) const override {
    Dims shape = shape_;
    shape.insert(0, size);
    return {{reshape(mapped_to_front(values[0], dims[0]), shape)}, {0}};
  }

 private:
  const Dims shape_;
};

class PermuteDims final : public Linear {
 public:
  explicit PermuteDims(Dims axes) : axes_(std::move(axes)) {}
  std::string_view name() const override { return "permute_dims"; }
  bool may_view() const override { return true; }
  bool takes_halves(TensorSpan) const override { return true; }
  Dependence dependence(const DependenceArgs&) const override { return {Dependence::Kind::Picks}; }
  Specs infer(TensorSpan inputs) const override {
    return {Spec{pick(inputs[0].shape()), inputs[0].dtype(), inputs[0].device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    const Array& x = inputs[0].array();
    return Tensors::of(Tensor(x.with_layout(specs[0].shape, pick(x.strides), x.offset)));
  }
  Tensors vjp(const VjpArgs& args) const override {
    Dims inverse(axes_.size());
    for (size_t i = 0; i < axes_.size(); ++i) inverse[axes_[i]] = static_cast<int64_t>(i);
    return Tensors::of(permute_dims(args.cotangents[0], inverse));
  }
  BatchResult batch(int64_t, TensorSpan values, std::span<const int> dims) const override {
    Dims axes{dims[0]};
    for (int64_t axis : axes_) axes.push_back(axis + (axis >= dims[0]));
    return {{permute_dims(values[0], axes)}, {0}};
  }

 private:
  Dims pick(const Dims& values) const {
    Dims picked;
    for (int64_t axis : axes_) picked.push_back(values[axis]);
    return picked;
  }
  const Dims axes_;
};

class BroadcastTo final : public Linear {
 public:
  explicit BroadcastTo(Dims shape) : shape_(std::move(shape)) {}
  std::string_view name() const override { return "broadcast_to"; }
  bool may_view() const override { return true; }
  bool takes_halves(TensorSpan) const override { return true; }
  Dependence dependence(const DependenceArgs&) const override { return {Dependence::Kind::Picks}; }
  Specs infer(TensorSpan inputs) const override {
    return {Spec{shape_, inputs[0].dtype(), inputs[0].device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs&) const override {
    const Array& x = inputs[0].array();
    return Tensors::of(
        Tensor(x.with_layout(shape_, broadcast_strides(x.shape, x.strides, shape_), x.offset)));
  }
  Saves saves() const override { return {.specs = true}; }
  Tensors vjp(const VjpArgs& args) const override {
    return Tensors::of(sum_to(args.cotangents[0], args.input_specs[0].shape));
  }
  BatchResult batch(int64_t size, TensorSpan values, std::span<const int> dims) const override {
    Dims shape = shape_;
    shape.insert(0, size);
    const int64_t ndim = static_cast<int64_t>(shape_.size());
    return {{broadcast_to(align_mapped(values[0], dims[0], ndim), shape)}, {0}};
  }

 private:
  const Dims shape_;
};

class Flip final : public Linear {
 public:
  explicit Flip(Dims axes) : axes_(std::move(axes)) {}
  std::string_view name() const override { return "flip"; }
  bool may_view() const override { return true; }
  bool takes_halves(TensorSpan) const override { return true; }
  Dependence dependence(const DependenceArgs&) const override { return {Dependence::Kind::Picks}; }
  Specs infer(TensorSpan inputs) const override { return {inputs[0].spec()}; }
  Tensors eval(TensorSpan inputs, const Specs&) const override {
    const Array& x = inputs[0].array();
    Dims strides = x.strides;
    int64_t offset = x.offset;
    for (int64_t axis : axes_) {
      offset += (std::max<int64_t>(x.shape[axis], 1) - 1) * strides[axis];
      strides[axis] = -strides[axis];
    }
    return {Tensor(x.with_layout(x.shape, std::move(strides), offset))};
  }
  Tensors vjp(const VjpArgs& args) const override { return {flip(args.cotangents[0], axes_)}; }
  BatchResult batch(int64_t, TensorSpan values, std::span<const int> dims) const override {
    Dims axes;
    for (int64_t axis : axes_) axes.push_back(axis + (axis >= dims[0]));
    return {{flip(values[0], axes)}, {dims[0]}};
  }

 private:
  const Dims axes_;
};

[[noreturn]] void cannot_reshape(const Tensor& x, const Dims& shape) {
  value_error("[reshape] cannot reshape an array of shape ", shape_string(x.shape()),
              " into shape ", shape_string(shape), ": the numbers of elements differ");
}

// Fills in the one entry that may be -1.
Dims resolve_shape(const Tensor& x, const Dims& shape) {
  Dims result = shape;
  int64_t known = 1;
  std::optional<size_t> open;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == -1) {
      if (open) value_error("[reshape] only one size may be -1, got ", shape_string(shape));
      open = i;
    } else if (shape[i] < 0) {
      value_error("[reshape] negative sizes are not allowed, got ", shape_string(shape));
    } else if (__builtin_mul_overflow(known, shape[i], &known)) {
      cannot_reshape(x, shape);
    }
  }
  if (open) {
    if (known == 0 || x.size() % known != 0) cannot_reshape(x, shape);
    result[*open] = x.size() / known;
  } else if (known != x.size()) {
    cannot_reshape(x, shape);
  }
  return result;
}

}  // namespace

Tensor reshape(const Tensor& x, const Dims& shape) {
  if (x.shape() == shape && !x.tracked()) return x;
  return apply1(make_ref<Reshape>(resolve_shape(x, shape)), x);
}

Tensor permute_dims(const Tensor& x, const Dims& axes) {
  const int64_t ndim = x.ndim();
  if (static_cast<int64_t>(axes.size()) != ndim) {
    value_error("[permute_dims] axes ", shape_string(axes), " do not match an array of dimension ",
                ndim);
  }
  Dims normal;
  for (int64_t axis : axes) normal.push_back(normalize_axis("permute_dims", axis, ndim));
  normalize_axes("permute_dims", normal, ndim);  // raises on a repeated axis
  return apply1(make_ref<PermuteDims>(std::move(normal)), x);
}

Tensor broadcast_to(const Tensor& x, const Dims& shape) {
  if (x.shape() == shape && !x.tracked()) return x;
  const size_t ndim = x.shape().size();
  bool fits = ndim <= shape.size();
  for (size_t i = 0; fits && i < ndim; ++i) {
    const int64_t have = x.shape()[i], want = shape[shape.size() - ndim + i];
    fits = have == want || have == 1;
  }
  if (!fits) {
    value_error("[broadcast_to] an array of shape ", shape_string(x.shape()),
                " cannot be broadcast to shape ", shape_string(shape));
  }
  check_shape("broadcast_to", shape, x.dtype());
  return apply1(make_ref<BroadcastTo>(shape), x);
}

Tensor flip(const Tensor& x, const Axes& axes) {
  return apply1(make_ref<Flip>(normalize_axes("flip", axes, x.ndim())), x);
}

Tensor moveaxes(const Tensor& x, const Dims& source, const Dims& destination) {
  const int64_t ndim = x.ndim();
  if (source.size() != destination.size()) {
    value_error("[moveaxis] source ", shape_string(source), " and destination ",
                shape_string(destination), " must have as many axes");
  }
  normalize_axes("moveaxis", source, ndim);
  normalize_axes("moveaxis", destination, ndim);
  Dims axes(static_cast<size_t>(ndim), -1);
  Dims rest;
  for (int64_t i = 0; i < ndim; ++i) rest.push_back(i);
  for (size_t i = 0; i < source.size(); ++i) {
    const int64_t from = normalize_axis("moveaxis", source[i], ndim);
    axes[normalize_axis("moveaxis", destination[i], ndim)] = from;
    rest.erase(static_cast<size_t>(std::find(rest.begin(), rest.end(), from) - rest.begin()));
  }
  const int64_t* next = rest.begin();
  for (int64_t& axis : axes) {
    if (axis < 0) axis = *next++;
  }
  return permute_dims(x, axes);
}

Tensor moveaxis(const Tensor& x, int64_t source, int64_t destination) {
  const int64_t from = normalize_axis("moveaxis", source, x.ndim());
  const int64_t to = normalize_axis("moveaxis", destination, x.ndim());
  Dims axes;
  for (int64_t i = 0; i < x.ndim(); ++i) {
    if (i != from) axes.push_back(i);
  }
  axes.insert(static_cast<size_t>(to), from);
  return permute_dims(x, axes);
}

Tensor swapaxes(const Tensor& x, int64_t axis1, int64_t axis2) {
  Dims axes = normalize_axes("swapaxes", std::nullopt, x.ndim());
  std::swap(axes[normalize_axis("swapaxes", axis1, x.ndim())],
            axes[normalize_axis("swapaxes", axis2, x.ndim())]);
  return permute_dims(x, axes);
}

Tensor transpose(const Tensor& x, const Axes& axes) {
  if (axes) return permute_dims(x, *axes);
  Dims reversed = normalize_axes("transpose", std::nullopt, x.ndim());
  std::reverse(reversed.begin(), reversed.end());
  return permute_dims(x, reversed);
}

Tensor matrix_transpose(const Tensor& x) {
  if (x.ndim() < 2) {
    value_error("[matrix_transpose] expected at least 2 dimensions, got shape ",
                shape_string(x.shape()));
  }
  return swapaxes(x, -2, -1);
}

Tensor expand_dims(const Tensor& x, const Dims& axes) {
  const int64_t ndim = x.ndim() + static_cast<int64_t>(axes.size());
  Dims shape = x.shape();
  for (int64_t axis : normalize_axes("expand_dims", axes, ndim)) {
    shape.insert(static_cast<size_t>(axis), 1);
  }
  return reshape(x, shape);
}

Tensor squeeze(const Tensor& x, const Axes& axes) {
  const bool sole = x.ndim() == 0 && axes && axes->size() == 1;
  if (sole && ((*axes)[0] == 0 || (*axes)[0] == -1)) return alias(x);  // as NumPy does
  const Dims normal = normalize_axes("squeeze", axes, x.ndim());
  Dims shape = x.shape();
  for (size_t i = normal.size(); i-- > 0;) {
    const int64_t axis = normal[i];
    if (shape[axis] == 1) {
      shape.erase(static_cast<size_t>(axis));
    } else if (axes) {
      value_error("[squeeze] axis ", axis, " of shape ", shape_string(x.shape()),
                  " has not size one");
    }
  }
  return reshape(x, shape);
}

Tensor ravel(const Tensor& x) { return reshape(x, {x.size()}); }

Tensors broadcast_arrays(TensorSpan tensors) {
  Dims shape;
  for (const Tensor& x : tensors) shape = broadcast_shapes("broadcast_arrays", shape, x.shape());
  const auto there = std::find_if_not(tensors.begin(), tensors.end(), &is_on_host);
  Tensors result;
  for (const Tensor& x : tensors) {
    // Numbers of the host go along with arrays of any device; what is broadcast would not.
    const bool moves = there != tensors.end() && is_on_host(x) && x.size() <= 1;
    result.push_back(broadcast_to(moves ? to_device(x, there->device()) : x, shape));
  }
  return result;
}

Tensor atleast_1d(const Tensor& x) { return x.ndim() >= 1 ? alias(x) : reshape(x, {1}); }
Tensor atleast_2d(const Tensor& x) { return x.ndim() >= 2 ? alias(x) : reshape(x, {1, x.size()}); }
Tensor atleast_3d(const Tensor& x) {
  if (x.ndim() >= 3) return alias(x);
  return x.ndim() == 2 ? expand_dims(x, {2}) : reshape(x, {1, x.size(), 1});
}

}  // namespace pyautograd::ops
