#include <algorithm>

#include "ops/ops.h"

// The helpers that rules of every family share: axes, shapes, and where the mapped dimension lies.
namespace pyautograd::ops {

int64_t normalize_axis(std::string_view op, int64_t axis, int64_t ndim) {
  if (axis < -ndim || axis >= ndim) {
    axis_error("[", op, "] axis ", axis, " is out of bounds for array of dimension ", ndim);
  }
  return axis < 0 ? axis + ndim : axis;
}

Dims normalize_axes(std::string_view op, const Axes& axes, int64_t ndim) {
  Dims result;
  if (!axes) {
    for (int64_t i = 0; i < ndim; ++i) result.push_back(i);
    return result;
  }
  for (int64_t axis : *axes) result.push_back(normalize_axis(op, axis, ndim));
  std::sort(result.begin(), result.end());
  if (std::adjacent_find(result.begin(), result.end()) != result.end()) {
    value_error("[", op, "] repeated axis in ", shape_string(*axes));
  }
  return result;
}

Dims broadcast_shapes(std::string_view op, std::span<const int64_t> a, std::span<const int64_t> b) {
  const std::span<const int64_t> longer = a.size() >= b.size() ? a : b;
  const std::span<const int64_t> shorter = a.size() >= b.size() ? b : a;
  Dims result(longer);
  const size_t lead = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    int64_t& n = result[lead + i];
    if (n == 1) {
      n = shorter[i];
    } else if (shorter[i] != 1 && shorter[i] != n) {
      value_error("[", op, "] shapes ", shape_string(a), " and ", shape_string(b),
                  " do not broadcast: aligned from the right, sizes must be equal or one");
    }
  }
  return result;
}

Tensor mapped_to_front(const Tensor& x, int dim) { return dim <= 0 ? x : moveaxis(x, dim, 0); }

Tensor mapped_or_broadcast(const Tensor& x, int dim, int64_t size) {
  if (dim != kNotMapped) return mapped_to_front(x, dim);
  Dims shape = x.shape();
  shape.insert(0, size);
  return broadcast_to(x, shape);
}

Tensor align_mapped(const Tensor& x, int dim, int64_t ndim) {
  if (dim == kNotMapped) return x;
  Tensor front = mapped_to_front(x, dim);
  const int64_t missing = ndim - (x.ndim() - 1);
  if (missing <= 0) return front;
  Dims shape{front.shape()[0]};
  shape.resize(static_cast<size_t>(1 + missing), 1);
  for (int64_t i = 1; i < front.ndim(); ++i) shape.push_back(front.shape()[i]);
  return reshape(front, shape);
}

BatchResult batch_broadcasting(const Primitive& op, TensorSpan values, std::span<const int> dims,
                               size_t others) {
  const size_t count = values.size() - others;
  int64_t ndim = 0;
  for (size_t i = 0; i < count; ++i)
    ndim = std::max(ndim, values[i].ndim() - (dims[i] != kNotMapped));
  Tensors aligned;
  for (size_t i = 0; i < count; ++i) aligned.push_back(align_mapped(values[i], dims[i], ndim));
  for (const Tensor& x : values.subspan(count)) aligned.push_back(x);
  return {apply(Ref<const Primitive>(&op), aligned), {0}};
}

}  // namespace pyautograd::ops
