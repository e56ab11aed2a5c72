#pragma once

#include "ops/ops.h"

// What the index family offers beyond ops/ops.h.
namespace pyautograd::ops {

// The slice that takes all of an array.
Slice whole(const Dims& shape);
// A slice that drops every axis, as a number of its own: later writes to x do not change it.
Tensor element(const Tensor& x, const Slice& slice);
// A copy of x with x[slice] = value; value has the slice's shape and x's dtype.
Tensor slice_update(const Tensor& x, const Tensor& value, const Slice& slice);

// What the user indexed, for errors: the op, and the axis that each index array goes with.
struct IndexLabels {
  std::string_view op;  // a literal
  Dims axes;
};
// out[j..., r...] = x[indices[0][j...], ..., indices[k-1][j...], r...]; indices broadcast to each
// other.
Tensor gather(const Tensor& x, TensorSpan indices, const IndexLabels& labels);
// A copy of x with x[indices..., r...] = updates[j..., r...], the last of equal indices winning, or
// += with add.
Tensor scatter(const Tensor& x, const Tensor& updates, TensorSpan indices,
               const IndexLabels& labels, bool add);
// x[indices..., r...] = updates[j..., r...] in place, at level 0; every index is checked before
// anything is written.
void write_at(const Tensor& x, const Tensor& updates, TensorSpan indices,
              const IndexLabels& labels);
// Indices of the host go along with data on any device.
Tensor index_beside(const Tensor& x, const Tensor& index);
// The common shape of index arrays, or an IndexError.
Dims index_shape(std::string_view op, TensorSpan indices);
// Indices of an axis as int64 in [0, size), or an IndexError.
Ref<Array> checked_indices(const Tensor& index, int64_t size, std::string_view op, int64_t axis);

Tensor take(const Tensor& x, const Tensor& indices, std::optional<int64_t> axis);
// A copy of x with values put where take_along_axis would read, the last of equal indices winning,
// or += with add.
Tensor put_along_axis(const Tensor& x, const Tensor& indices, const Tensor& values, int64_t axis,
                      bool add = false);
// The positions of the non-zero elements, one int64 vector per axis. The number depends on the
// values.
Tensors nonzero(const Tensor& x);

// An index, taken apart: first a view of x (slices, integers, new axes), then arrays that index
// some of its axes.
struct IndexPlan {
  Slice slice;                     // of x; integers are dropped axes
  bool slices = false;             // whether the slice leaves anything out
  std::optional<Dims> view_shape;  // the slice's, with new axes put in
  Dims front;      // of the view: the permutation that brings indexed axes to the front
  Tensors arrays;  // one for each indexed axis
  IndexLabels labels;
  Dims array_shape;   // broadcast
  int64_t place = 0;  // where the arrays' axes lie in the result
};
IndexPlan plan_index(std::string_view op, const Dims& shape, const Index& index);

}  // namespace pyautograd::ops
