#include <algorithm>

#include "kernels/array_kernel.h"
#include "kernels/kernels.h"
#include "ops/index.h"
#include "ops/linear.h"
#include "ops/shape.h"

// Joining and its transpose, splitting.
namespace pyautograd::ops {

namespace {

// Whether parts lie along an axis they have (concat) or along one of their own (stack).
enum class Joint : bool { Along, Fresh };

Spec joined_spec(std::string_view op, Joint joint, int64_t axis, TensorSpan parts) {
  Spec spec = parts[0].spec();
  if (joint == Joint::Fresh) spec.shape.insert(static_cast<size_t>(axis), 1);
  for (const Tensor& part : parts.subspan(1)) {
    Dims shape = part.shape();
    if (joint == Joint::Fresh) shape.insert(static_cast<size_t>(axis), 1);
    bool fits = shape.size() == spec.shape.size();
    for (size_t i = 0; fits && i < shape.size(); ++i) {
      fits = shape[i] == spec.shape[i] || static_cast<int64_t>(i) == axis;
    }
    if (!fits) {
      value_error(
          "[", op, "] shapes ", shape_string(parts[0].shape()), " and ", shape_string(part.shape()),
          joint == Joint::Fresh ? " must be equal" : " may differ along the joined axis only");
    }
    spec.shape[axis] += shape[axis];
    spec.dtype = promote(spec.dtype, part.dtype());
  }
  return spec;
}

class Join final : public Linear {
 public:
  Join(Joint joint, int64_t axis) : joint_(joint), axis_(axis) {}
  std::string_view name() const override { return joint_ == Joint::Fresh ? "stack" : "concat"; }
  bool takes_halves(TensorSpan) const override { return true; }
  Dependence dependence(const DependenceArgs&) const override {
    return {Dependence::Kind::Collects};
  }
  Specs infer(TensorSpan inputs) const override {
    return {joined_spec(name(), joint_, axis_, inputs)};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    SmallVector<View, 4> parts;
    for (const Tensor& part : inputs) parts.push_back(part.device_view());
    join(out->device_view(), parts);
    return Tensors::of(Tensor(std::move(out)));
  }
  bool find_kernel(TensorSpan inputs, const Specs& specs,
                   kernels::ArrayKernel& kernel) const override {
    using Layout = kernels::ArrayKernel::Layout;
    SmallVector<Layout, 2> parts;
    for (const Tensor& part : inputs) {
      const Array& x = part.array();
      parts.push_back({x.dtype, x.shape, x.strides});
    }
    kernel = {{specs[0].dtype, specs[0].shape, contiguous_strides(specs[0].shape)},
              std::move(parts),
              [self = Ref<const Join>(this)](const View& out, std::span<const View> given) {
                self->join(out, given);
              }};
    return true;
  }
  Saves saves() const override { return {.specs = true}; }
  Tensors vjp(const VjpArgs& args) const override {
    Dims sizes;
    for (const Spec& spec : args.input_specs) sizes.push_back(size_of(spec.shape));
    return split_sizes(args.cotangents[0], sizes, axis_, joint_ == Joint::Fresh);
  }
  BatchResult batch(int64_t size, TensorSpan values, std::span<const int> dims) const override {
    Tensors parts;
    for (size_t i = 0; i < values.size(); ++i) {
      parts.push_back(mapped_or_broadcast(values[i], dims[i], size));
    }
    return {{apply1(make_ref<Join>(joint_, axis_ + 1), parts)}, {0}};
  }

 private:
  int64_t size_of(std::span<const int64_t> shape) const {
    return joint_ == Joint::Fresh ? 1 : shape[static_cast<size_t>(axis_)];
  }
  void join(const View& out, std::span<const View> parts) const {
    Dims strides(out.strides);
    if (joint_ == Joint::Fresh) strides.erase(static_cast<size_t>(axis_));
    int64_t offset = 0;
    for (const View& part : parts) {
      void* place = static_cast<std::byte*>(out.data) + offset * itemsize(out.dtype);
      kernels::copy({place, out.dtype, part.shape, strides, out.device}, part);
      offset += size_of(part.shape) * out.strides[static_cast<size_t>(axis_)];
    }
  }
  const Joint joint_;
  const int64_t axis_;
};

// The transpose of Join: every output is a view of the input, or of a copy.
class Split final : public Linear {
 public:
  Split(int64_t axis, Dims sizes, bool drop, bool copies)
      : axis_(axis), sizes_(std::move(sizes)), drop_(drop), copies_(copies) {}
  std::string_view name() const override { return drop_ ? "unstack" : "split"; }
  bool may_view() const override { return !copies_; }
  bool takes_halves(TensorSpan) const override { return true; }
  Dependence dependence(const DependenceArgs&) const override { return {Dependence::Kind::Picks}; }
  Specs infer(TensorSpan inputs) const override {
    Specs specs;
    for (int64_t size : sizes_) {
      specs.push_back(
          Spec{part_shape(inputs[0].shape(), size), inputs[0].dtype(), inputs[0].device()});
    }
    return specs;
  }
  Tensors eval(TensorSpan inputs, const Specs&) const override {
    if (!copies_) return shown(inputs);
    const Array& x = inputs[0].array();
    const Tensor copied(Array::empty(x.shape, x.dtype, x.device));
    kernels::copy(copied.array().device_view(), x.device_view());
    return shown(TensorSpan(&copied, 1));
  }
  Tensors shown(TensorSpan inputs) const override {
    const Array& x = inputs[0].array();
    Dims strides = x.strides;
    if (drop_) strides.erase(static_cast<size_t>(axis_));
    Tensors parts;
    int64_t offset = x.offset;
    for (int64_t size : sizes_) {
      parts.push_back(Tensor(x.with_layout(part_shape(x.shape, size), strides, offset)));
      offset += size * x.strides[axis_];
    }
    return parts;
  }
  Saves saves() const override { return {.specs = true}; }
  Tensors vjp(const VjpArgs& args) const override {
    const Spec& spec = args.input_specs[0];
    Tensors parts;
    for (size_t i = 0; i < sizes_.size(); ++i) {
      const Tensor& part = args.cotangents[i];
      parts.push_back(part ? part : zeros_view(part_shape(spec.shape, sizes_[i]), spec.dtype));
    }
    return {drop_ ? stack(parts, axis_) : ops::concat(parts, axis_)};
  }
  BatchResult batch(int64_t, TensorSpan values, std::span<const int> dims) const override {
    BatchResult result;
    const Tensor x = mapped_to_front(values[0], dims[0]);
    const auto split = make_ref<Split>(axis_ + 1, sizes_, drop_, copies_);
    result.outputs = pyautograd::apply(split, TensorSpan(&x, 1));
    result.dims.resize(sizes_.size(), 0);
    return result;
  }

 private:
  Dims part_shape(const Dims& whole, int64_t size) const {
    Dims shape = whole;
    shape[axis_] = size;
    if (drop_) shape.erase(static_cast<size_t>(axis_));
    return shape;
  }
  const int64_t axis_;
  const Dims sizes_;
  const bool drop_, copies_;
};

Tensor join(std::string_view op, Joint joint, TensorSpan tensors, int64_t axis) {
  if (tensors.empty()) value_error("[", op, "] need at least one array");
  const int64_t ndim = tensors[0].ndim();
  if (joint == Joint::Along && ndim == 0) {
    value_error("[", op, "] zero-dimensional arrays cannot be concatenated: use stack");
  }
  const int64_t normal = normalize_axis(op, axis, ndim + (joint == Joint::Fresh));
  return apply1(make_ref<Join>(joint, normal), tensors);
}

// x[0:c0], x[c0:c1], ..., as Python's slices take the cuts: one op where they ascend, as they
// nearly always do.
Tensors split_at(const Tensor& x, const Dims& cuts, int64_t axis) {
  const int64_t length = x.shape()[axis];
  Dims starts{0}, sizes;
  for (int64_t cut : cuts) {
    starts.push_back(std::clamp<int64_t>(cut < 0 ? cut + length : cut, 0, length));
  }
  for (size_t i = 0; i < starts.size(); ++i) {
    const int64_t stop = i + 1 < starts.size() ? starts[i + 1] : length;
    sizes.push_back(std::max<int64_t>(stop - starts[i], 0));
  }
  if (std::is_sorted(starts.begin(), starts.end())) return split_sizes(x, sizes, axis);
  Tensors parts;
  for (size_t i = 0; i < starts.size(); ++i) {
    Slice part = whole(x.shape());
    part.start[axis] = starts[i];
    part.size[axis] = sizes[i];
    parts.push_back(slice(x, part));
  }
  return parts;
}

Tensors split_as(std::string_view op, const Tensor& x, const Tensor& what, int64_t axis,
                 bool uneven) {
  const int64_t normal = normalize_axis(op, axis, x.ndim());
  const int64_t length = x.shape()[normal];
  const Dims numbers = concrete_integers(op, what);
  if (what.ndim() > 1) {
    value_error("[", op, "] expected a number of sections or a list of indices, got shape ",
                shape_string(what.shape()));
  }
  if (what.ndim() == 1) return split_at(x, numbers, normal);
  const int64_t sections = numbers[0];
  if (sections <= 0) value_error("[", op, "] number of sections, ", sections, ", must be positive");
  if (!uneven && length % sections != 0) {
    value_error("[", op, "] ", length, " elements along axis ", normal, " do not make ", sections,
                " equal parts");
  }
  Dims sizes;
  for (int64_t i = 0; i < sections; ++i)
    sizes.push_back(length / sections + (i < length % sections));
  return split_sizes(x, sizes, normal);
}

}  // namespace

Tensor concat(TensorSpan tensors, int64_t axis) {
  return join("concat", Joint::Along, tensors, axis);
}
Tensor stack(TensorSpan tensors, int64_t axis) {
  return join("stack", Joint::Fresh, tensors, axis);
}

Tensor concat_or_ravel(TensorSpan tensors, std::optional<int64_t> axis) {
  if (axis) return ops::concat(tensors, *axis);
  Tensors flat;
  for (const Tensor& x : tensors) flat.push_back(ravel(x));
  return ops::concat(flat, 0);
}

Tensor hstack(TensorSpan tensors) {
  Tensors parts;
  for (const Tensor& x : tensors) parts.push_back(atleast_1d(x));
  return join("hstack", Joint::Along, parts, !parts.empty() && parts[0].ndim() == 1 ? 0 : 1);
}

Tensor vstack(TensorSpan tensors) {
  Tensors parts;
  for (const Tensor& x : tensors) parts.push_back(atleast_2d(x));
  return join("vstack", Joint::Along, parts, 0);
}

Tensors split_sizes(const Tensor& x, const Dims& sizes, int64_t axis, bool drop) {
  return pyautograd::apply(make_ref<Split>(axis, sizes, drop, false), TensorSpan(&x, 1));
}

Tensors split(const Tensor& x, const Tensor& indices_or_sections, int64_t axis) {
  return split_as("split", x, indices_or_sections, axis, false);
}
Tensors array_split(const Tensor& x, const Tensor& indices_or_sections, int64_t axis) {
  return split_as("array_split", x, indices_or_sections, axis, true);
}

Tensors unstack(const Tensor& x, int64_t axis) {
  const int64_t normal = normalize_axis("unstack", axis, x.ndim());
  const Dims sizes(static_cast<size_t>(x.shape()[normal]), 1);
  const bool numbers = x.ndim() == 1;  // of their own, as item_at makes them
  return pyautograd::apply(make_ref<Split>(normal, sizes, true, numbers), TensorSpan(&x, 1));
}

}  // namespace pyautograd::ops

namespace pyautograd::algebra {

Tensor stack(TensorSpan tensors, int axis) { return ops::stack(tensors, axis); }

}  // namespace pyautograd::algebra
