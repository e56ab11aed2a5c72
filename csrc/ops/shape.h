#pragma once

#include "ops/ops.h"

// What the shape family offers beyond ops/ops.h.
namespace pyautograd::ops {

// `source` and `destination` pair up.
Tensor moveaxes(const Tensor& x, const Dims& source, const Dims& destination);
Tensor swapaxes(const Tensor& x, int64_t axis1, int64_t axis2);
Tensor transpose(const Tensor& x, const Axes& axes);
Tensor ravel(const Tensor& x);
Tensors broadcast_arrays(TensorSpan tensors);
Tensors meshgrid(TensorSpan tensors, std::string_view indexing);
Tensor atleast_1d(const Tensor& x);
Tensor atleast_2d(const Tensor& x);
Tensor atleast_3d(const Tensor& x);

Tensor roll(const Tensor& x, const Dims& shift, const Axes& axis);
Tensor rot90(const Tensor& x, int64_t k, const Dims& axes);
Tensor tile(const Tensor& x, const Dims& repetitions);
Tensor repeat(const Tensor& x, const Tensor& repeats, std::optional<int64_t> axis);
// `width` broadcasts to (ndim, 2): how much to add before and after each axis.
Tensor pad(const Tensor& x, const Tensor& width, std::string_view mode, double constant);

// Parts of the given sizes along an axis, as views; with `drop`, sizes are one and the axis is left
// out.
Tensors split_sizes(const Tensor& x, const Dims& sizes, int64_t axis, bool drop = false);
Tensors split(const Tensor& x, const Tensor& indices_or_sections, int64_t axis);
Tensors array_split(const Tensor& x, const Tensor& indices_or_sections, int64_t axis);
Tensors unstack(const Tensor& x, int64_t axis);
// None: the flattened tensors.
Tensor concat_or_ravel(TensorSpan tensors, std::optional<int64_t> axis);
Tensor hstack(TensorSpan tensors);
Tensor vstack(TensorSpan tensors);

}  // namespace pyautograd::ops
