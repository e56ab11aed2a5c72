#pragma once

// The door to the kernels. They know nothing of tensors or derivatives, check no shapes, and never
// fail but for lack of memory; whoever calls has validated. An output may be one of its inputs
// (same memory, same strides) in elementwise kernels; partial overlap is never allowed.

#include <cstdint>
#include <span>
#include <string_view>

#include "core/view.h"
#include "kernels/functors.h"
#include "kernels/parallel.h"

namespace pyautograd::kernels {

// unary to where, copy, fill, arange, reduce, arg_reduce, scan, recurrence, softmax, logsumexp,
// indexing, matmul and any_nan to any_infinite serve every device (kernels/device.h); the others
// take views of the host.

// Elementwise: every view has out's shape (broadcast inputs have stride 0), inputs share one
// dtype.

void unary(FnId fn, const View& out, const View& x);
void binary(FnId fn, const View& out, const View& x, const View& y);
bool supports(FnId fn, DType input);
// The input's dtype; or bool, its real or its complex dtype, as the functor's ResultKind says.
DType result_dtype(FnId fn, DType input);

// The bare loops, for small contiguous work. A scalar input is read at its first element only.
using Loop1 = void (*)(void* out, const void* x, int64_t n);
using Loop2 = void (*)(void* out, const void* x, const void* y, int64_t n, bool x_scalar,
                       bool y_scalar);
using Loop3 = void (*)(void* out, const void* x, const void* y, const void* z, int64_t n,
                       bool y_scalar, bool z_scalar);
Loop3 where_loop(int64_t itemsize);  // of the condition, which is bool, and the branches
// Whether one of n results is near a limit.
using NearLimit = bool (*)(const void* y, int64_t n);
NearLimit near_limit_loop(FnId slope, DType dtype);
Loop3 slope_loop(FnId fn, DType dtype);       // nullptr when not supported
Loop1 unary_loop(FnId fn, DType input);       // nullptr when not supported
Loop1 conversion_loop(DType to, DType from);  // nullptr for halves
Loop2 binary_loop(FnId fn, DType input);

void where(const View& out, const View& condition, const View& x, const View& y);
// t times the slope at x, whose result there is y, of the function that fn belongs to, one
// of Slopes.
void scale_by_slope(FnId fn, const View& out, const View& x, const View& t, const View& y);

// Filling and copying.

// Converts between any two dtypes; float to integer saturates and takes nan to 0, complex to real
// drops the imaginary part.
void copy(const View& out, const View& x);
void fill(const View& out, double value);
void fill_int(const View& out, int64_t value);
void arange(const View& out, double start, double step);  // start + i * step, out 1-D

// Reductions: x and out have equal rank, reduced axes have size 1 in out.

enum class Reduce {
  Sum,
  Prod,
  Max,
  Min,
  Any,
  All,
  SumOfSquares,
  SumOfTinySquares,  // of numbers and of sums that are scaled as scalar/norm.h says
  SumOfHugeSquares,
  Norm
};
// x has out's dtype, except that Any and All take every dtype and give bool. The sums of squares
// and Norm take real floating dtypes.
// Nan wins in Max and Min, which are not defined over nothing nor for complex dtypes.
void reduce(Reduce kind, const View& out, const View& x);
// The root of the sum of squares, without over- or underflow in between. x is inexact, out of its
// real dtype and contiguous.
void norm(const View& out, const View& x);
// out[r] = the sum of the squared deviations of the elements of row r of x from their mean; both
// are contiguous, x of shape (rows, n) and real floating.
void squared_deviations(const View& out, const View& x);
// The first of equals; the first nan wins. out is int64; x is not complex.
void arg_reduce(bool maximum, const View& out, const View& x, int axis);

// Max and Min not for complex dtypes, LogSumExp for floating ones only.
enum class Scan { Sum, Prod, Max, Min, LogSumExp };
void scan(Scan kind, const View& out, const View& x, int axis, bool reverse);
// out[i] = a[i] out[i - 1] + b[i] along the axis, from nothing; backwards if `reverse`. Inexact
// dtypes only.
void recurrence(const View& out, const View& a, const View& b, int axis, bool reverse);

// Real floating dtypes only.
void softmax(const View& out, const View& x, int axis, bool log);
void logsumexp(const View& out, const View& x, int axis);  // out has size 1 along axis

int64_t count_nonzero(const View& x);
// Row-major order; out holds one int64 1-D view per axis, each of count_nonzero(x) elements.
void nonzero(std::span<const View> out, const View& x);
// Of inexact elements; false for other dtypes.
bool any_nan(const View& x);
// The same, and true in captured calls, where there may be some: for rules that are right either
// way, and faster without.
bool any_zero(const View& x);
bool any_infinite(const View& x);
// Whether the slope that fn, one of Slopes, scales by needs the argument for some of these results;
// true where looking is more
// than one pass, as on a device.
bool any_near_limit(FnId fn, const View& y);
bool all_equal(const View& a, const View& b);  // equal shapes and dtypes; nan differs from itself

// Indexing: indices are int64 in [0, size), as normalize_index makes them.

// Whether int64 numbers lie in [0, size).
bool all_below(const View& index, int64_t size);
// Negative indices count from the end. False, and the culprit in *bad, if one is out of range.
bool normalize_index(const View& out, const View& index, int64_t size, int64_t* bad);
// out[j..., r...] = x[index[0][j...], ..., index[k-1][j...], r...], every index of one shape.
void gather(const View& out, const View& x, std::span<const View> index);
// out[index..., r...] = updates[j..., r...], or += ; in row-major order of j, so the last write
// wins.
void scatter(const View& out, const View& updates, std::span<const View> index, bool add);
void take_along_axis(const View& out, const View& x, const View& index, int axis);
void put_along_axis(const View& out, const View& updates, const View& index, int axis, bool add);
// out[index[i]] += 1 for every i; both int64 with one axis, out packed.
void count_at(const View& out, const View& index);

// Matrix products.

// out = a @ b over the last two axes; leading axes already broadcast. All of one dtype.
void matmul(const View& out, const View& a, const View& b);
// The OpenBLAS to open at first use (symbols prefixed scipy_); everything works without one.
void set_blas_library(const char* path);
const char* blas_name();

std::string_view instruction_set();  // "x86-64-v4", ..., "portable"

}  // namespace pyautograd::kernels
