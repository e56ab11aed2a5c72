#pragma once

#include <optional>
#include <variant>

#include "autograd/algebra.h"
#include "autograd/primitive.h"
#include "ops/registry.h"

// The public ops, as rules and C++ users call them. Each runs at the highest level among its inputs
// and records there. Names and semantics follow NumPy and the array API. namespace ops keeps sin,
// exp and the like apart from libm.
namespace pyautograd::ops {

// creation
Tensor zeros(const Dims& shape, DType dtype = DType::Float64, Device device = {});
Tensor ones(const Dims& shape, DType dtype = DType::Float64, Device device = {});
Tensor full(const Dims& shape, double value, DType dtype = DType::Float64);
Tensor zeros_like(const Tensor& x);  // level 0, logical shape and device of x
Tensor ones_like(const Tensor& x);
Tensor scalar(double value, DType dtype);  // 0-d
Tensor scalar(std::complex<double> value, DType dtype);
Tensor arange(double start, double stop, double step, DType dtype, Device device = {});
Tensor eye(int64_t rows, std::optional<int64_t> columns, int64_t k, DType dtype);
Tensor astype(const Tensor& x, DType dtype);
Tensor copy(const Tensor& x);
Tensor to_device(const Tensor& x, Device device);

// elementwise (ops/elementwise.cpp): every functor of kernels/scalar.h is reachable as call<F>
Tensor add(const Tensor& x1, const Tensor& x2);
Tensor subtract(const Tensor& x1, const Tensor& x2);
Tensor multiply(const Tensor& x1, const Tensor& x2);
Tensor divide(const Tensor& x1, const Tensor& x2);
Tensor power(const Tensor& x1, const Tensor& x2);
Tensor maximum(const Tensor& x1, const Tensor& x2);
Tensor minimum(const Tensor& x1, const Tensor& x2);
Tensor negative(const Tensor& x);
Tensor reciprocal(const Tensor& x);
Tensor square(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor cbrt(const Tensor& x);
Tensor acos(const Tensor& x);
Tensor acosh(const Tensor& x);
Tensor cosh(const Tensor& x);
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor log1p(const Tensor& x);
Tensor hypot(const Tensor& x1, const Tensor& x2);
Tensor absolute(const Tensor& x);
Tensor sign(const Tensor& x);
Tensor isnan(const Tensor& x);
// Parts of complex numbers; a real tensor is its own real part and conjugate.
Tensor conj(const Tensor& x);
Tensor real(const Tensor& x);
Tensor imag(const Tensor& x);
Tensor make_complex(const Tensor& re, const Tensor& im);
Tensor equal(const Tensor& x1, const Tensor& x2);
Tensor not_equal(const Tensor& x1, const Tensor& x2);
Tensor less(const Tensor& x1, const Tensor& x2);
Tensor less_equal(const Tensor& x1, const Tensor& x2);
Tensor greater(const Tensor& x1, const Tensor& x2);
Tensor greater_equal(const Tensor& x1, const Tensor& x2);
Tensor logical_and(const Tensor& x1, const Tensor& x2);
Tensor logical_or(const Tensor& x1, const Tensor& x2);
Tensor logical_not(const Tensor& x);
Tensor where(const Tensor& condition, const Tensor& x1, const Tensor& x2);

// shape
Tensor reshape(const Tensor& x, const Dims& shape);  // one entry may be -1
Tensor permute_dims(const Tensor& x, const Dims& axes);
Tensor moveaxis(const Tensor& x, int64_t source, int64_t destination);
Tensor matrix_transpose(const Tensor& x);
Tensor broadcast_to(const Tensor& x, const Dims& shape);
Tensor sum_to(const Tensor& x, const Dims& shape);  // the transpose of broadcast_to
Tensor expand_dims(const Tensor& x, const Dims& axes);
Tensor squeeze(const Tensor& x, const Axes& axes);
Tensor flip(const Tensor& x, const Axes& axes);
Tensor concat(TensorSpan tensors, int64_t axis);
Tensor stack(TensorSpan tensors, int64_t axis);

// index
// Python slices with everything resolved: one start, size and step (never zero) per axis.
struct Slice {
  Dims start, size, step;
  Dims drop = {};  // ascending; axes of size one that the result leaves out
};
Tensor slice(const Tensor& x, const Slice& slice);
// The transpose of slice: x in the slice's place of zeros(shape).
Tensor slice_scatter_zeros(const Tensor& x, const Slice& slice, const Dims& shape);
Tensor select(const Tensor& x, int64_t axis, int64_t index);
Tensor item_at(const Tensor& x, int64_t index);  // x[index]

// One entry of x[...]: an integer, a slice, None, an ellipsis, or an integer or boolean array.
struct SliceRange {
  std::optional<int64_t> start, stop, step;
};
struct NewAxis {};
struct Ellipsis {};
using IndexItem = std::variant<int64_t, SliceRange, NewAxis, Ellipsis, Tensor>;
using Index = SmallVector<IndexItem, 4>;
Tensor getitem(const Tensor& x, const Index& index);  // NumPy's rules: basic parts as views, one
                                                      // element as a number of its own
// A copy of x with x[index] = value (or += with add); differentiable in both. The engine of `x[i] =
// v` where something records.
Tensor setitem(const Tensor& x, const Index& index, const Tensor& value, bool add = false);
// x[index] = value in place, level 0, nothing records; bumps the version.
void setitem_inplace(const Tensor& x, const Index& index, const Tensor& value);
Tensor take_along_axis(const Tensor& x, const Tensor& indices, int64_t axis);

// reduce
Tensor sum(const Tensor& x, const Axes& axis = {}, std::optional<DType> dtype = {},
           bool keepdims = false);
Tensor mean(const Tensor& x, const Axes& axis = {}, bool keepdims = false);
Tensor prod(const Tensor& x, const Axes& axis = {}, std::optional<DType> dtype = {},
            bool keepdims = false);
Tensor max(const Tensor& x, const Axes& axis = {}, bool keepdims = false);
Tensor min(const Tensor& x, const Axes& axis = {}, bool keepdims = false);
Tensor argmax(const Tensor& x, std::optional<int64_t> axis = {}, bool keepdims = false);
Tensor argmin(const Tensor& x, std::optional<int64_t> axis = {}, bool keepdims = false);
Tensor any(const Tensor& x, const Axes& axis = {}, bool keepdims = false);
Tensor all(const Tensor& x, const Axes& axis = {}, bool keepdims = false);
Tensor cumsum(const Tensor& x, std::optional<int64_t> axis);

// matmul
Tensor matmul(const Tensor& x1, const Tensor& x2);

// in place, level 0, nothing records: x's dtype and shape are kept; the caller has checked sharing
void copy_inplace(const Tensor& x, const Tensor& y);

// Helpers for rules
Tensor sum_leading(const Tensor& x, int64_t count);  // over the first `count` axes
// Python's axis rules: -n <= axis < n, else IndexError naming op and axis.
int64_t normalize_axis(std::string_view op, int64_t axis, int64_t ndim);
// Sorted, unique; None means all.
Dims normalize_axes(std::string_view op, const Axes& axes, int64_t ndim);
// The common shape, or an error naming both.
Dims broadcast_shapes(std::string_view op, std::span<const int64_t> a, std::span<const int64_t> b);
// Brings the mapped dimension to the front; an unmapped value stays as it is.
Tensor mapped_to_front(const Tensor& x, int dim);
// Mapped dimension in front whatever it was: unmapped values are broadcast to `size` (a view).
Tensor mapped_or_broadcast(const Tensor& x, int dim, int64_t size);
// Mapped in front and, behind it, logical dimensions padded on the left with ones to `ndim`;
// unmapped values stay.
Tensor align_mapped(const Tensor& x, int dim, int64_t ndim);
// The batching rule of an op whose inputs broadcast against each other, but for the last `others`,
// which nobody maps.
BatchResult batch_broadcasting(const Primitive& op, TensorSpan values, std::span<const int> dims,
                               size_t others = 0);

inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return subtract(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return multiply(a, b); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return divide(a, b); }
inline Tensor operator-(const Tensor& a) { return negative(a); }
inline Tensor operator+(const Tensor& a, double b) { return add(a, scalar(b, a.dtype())); }
inline Tensor operator-(const Tensor& a, double b) { return subtract(a, scalar(b, a.dtype())); }
inline Tensor operator*(const Tensor& a, double b) { return multiply(a, scalar(b, a.dtype())); }
inline Tensor operator/(const Tensor& a, double b) { return divide(a, scalar(b, a.dtype())); }
inline Tensor operator+(double a, const Tensor& b) { return add(scalar(a, b.dtype()), b); }
inline Tensor operator-(double a, const Tensor& b) { return subtract(scalar(a, b.dtype()), b); }
inline Tensor operator*(double a, const Tensor& b) { return multiply(scalar(a, b.dtype()), b); }
inline Tensor operator/(double a, const Tensor& b) { return divide(scalar(a, b.dtype()), b); }

}  // namespace pyautograd::ops
