// NumPy's where and initial of the reductions.

#include <algorithm>
#include <limits>

#include "autograd/capture.h"
#include "ops/linear.h"
#include "ops/origin.h"
#include "ops/reduce.h"

namespace pyautograd::ops {

namespace {

void require_mask(std::string_view op, const Tensor& x, const Tensor& where) {
  if (!is_bool(where.dtype()))
    type_error("[", op, "] where must be of bools, not of dtype ", name_of(where.dtype()));
  if (broadcast_shapes(op, x.shape(), where.shape()) != x.shape()) {
    value_error("[", op, "] where of shape ", shape_string(where.shape()),
                " does not broadcast to x of shape ", shape_string(x.shape()));
  }
}

// x where the mask holds, or all of it; elsewhere what makes no difference.
Tensor chosen(std::string_view op, const Tensor& x, const Masked& mask, double otherwise) {
  if (!mask) return x;
  require_mask(op, x, *mask);
  return where(*mask, x, scalar(otherwise, x.dtype()));
}

// Whether an integer dtype holds the number; not known of one that lies on a device, in a level or
// in a captured call.
bool can_hold(DType dtype, const Tensor& number) {
  if (!number.is_array() || !is_on_host(number) || Capture::unknown(number.array())) return true;
  const int64_t value = *cast(number, DType::Int64).array().data<int64_t>();
  if (number.dtype() == DType::UInt64 && value < 0) return dtype == DType::UInt64;
  if (!is_signed_integer(dtype) && value < 0) return false;
  const int64_t bits = 8 * itemsize(dtype) - is_signed_integer(dtype);
  return bits >= 63 || (value < 0 ? ~value : value) >> bits == 0;
}

Tensor start_of(std::string_view op, const Tensor& initial, DType dtype) {
  if (initial.ndim() != 0)
    value_error("[", op, "] initial must be a number, not of shape ",
                shape_string(initial.shape()));
  if (is_complex(initial.dtype()) && !is_complex(dtype)) {
    type_error("[", op, "] initial of dtype ", name_of(initial.dtype()),
               " does not fit a result of dtype ", name_of(dtype));
  }
  if (is_integer(dtype) && is_integer(initial.dtype()) && !can_hold(dtype, initial)) {
    fail(Error::Kind::Overflow, "[", op, "] initial is out of bounds for a result of dtype ",
         name_of(dtype));
  }
  return cast(initial, dtype);
}

Tensor extremum_where(const Tensor& x, const Axes& axis, bool keepdims, const Masked& initial,
                      const Masked& mask, bool maximum) {
  const std::string_view op = maximum ? "max" : "min";
  require_real(op, x);
  if (mask) require_mask(op, x, *mask);
  if (mask && !initial)
    value_error("[", op, "] an operation without a neutral element needs initial= beside where=");
  if (!initial) return maximum ? max(x, axis, keepdims) : min(x, axis, keepdims);
  const Tensor start = start_of(op, *initial, x.dtype());
  const Tensor given = mask ? where(*mask, x, start) : x;
  const ReducedAxes over = ReducedAxes::of_ufunc(op, x, axis, keepdims);
  if (over.count(x.shape()) == 0) return start + sum(x, over.axes, x.dtype(), keepdims);
  return maximum ? ops::maximum(max(given, over.axes, keepdims), start)
                 : minimum(min(given, over.axes, keepdims), start);
}

// How many elements count, in the dtype of their real parts.
Tensor count_where(const Tensor& x, const Axes& axis, bool keepdims, const Tensor& mask) {
  return sum(broadcast_to(mask, x.shape()), axis, real_of(x.dtype()), keepdims);
}

}  // namespace

Tensor sum_where(const Tensor& x, const Axes& axis, std::optional<DType> dtype, bool keepdims,
                 const Masked& initial, const Masked& where) {
  const Tensor out = sum(chosen("sum", x, where, 0), axis, dtype, keepdims);
  return initial ? out + start_of("sum", *initial, out.dtype()) : out;
}

Tensor prod_where(const Tensor& x, const Axes& axis, std::optional<DType> dtype, bool keepdims,
                  const Masked& initial, const Masked& where) {
  const Tensor out = prod(chosen("prod", x, where, 1), axis, dtype, keepdims);
  return initial ? out * start_of("prod", *initial, out.dtype()) : out;
}

Tensor max_where(const Tensor& x, const Axes& axis, bool keepdims, const Masked& initial,
                 const Masked& where) {
  return extremum_where(x, axis, keepdims, initial, where, true);
}
Tensor min_where(const Tensor& x, const Axes& axis, bool keepdims, const Masked& initial,
                 const Masked& where) {
  return extremum_where(x, axis, keepdims, initial, where, false);
}

Tensor any_where(const Tensor& x, const Axes& axis, bool keepdims, const Masked& where) {
  return any(chosen("any", x, where, 0), axis, keepdims);
}
Tensor all_where(const Tensor& x, const Axes& axis, bool keepdims, const Masked& where) {
  return all(chosen("all", x, where, 1), axis, keepdims);
}

Tensor mean_where(const Tensor& given, const Axes& axis, bool keepdims, const Tensor& where) {
  if (is_half(given.dtype()))
    return cast(mean_where(cast(given, DType::Float32), axis, keepdims, where), given.dtype());
  const Tensor x = cast(given, to_floating(given.dtype()));
  const Tensor total = sum(chosen("mean", x, where, 0), axis, {}, keepdims);
  return total / count_where(x, axis, keepdims, where);
}

// From var and std of the deviations, all of which count there: that is made up for by a factor.
// It goes inside of a std, so that the square of the result has its derivatives where that is 0.
Tensor spread_where(std::string_view op, const Tensor& given, const Axes& axis, double correction,
                    bool keepdims, const Tensor& mask) {
  if (is_half(given.dtype())) {
    const Tensor wide = cast(given, DType::Float32);
    return cast(spread_where(op, wide, axis, correction, keepdims, mask), given.dtype());
  }
  const Tensor x = cast(given, to_floating(given.dtype()));
  require_mask(op, x, mask);
  const ReducedAxes over = ReducedAxes::of(op, x, axis, keepdims);
  const Tensor numbers = count_where(x, over.axes, true, mask);
  const Tensor less = scalar(correction, numbers.dtype());
  const Tensor every = scalar(std::max<double>(1, over.count(x.shape())), numbers.dtype());
  const Tensor enough = greater(numbers, less),
               ratio = every / where(enough, numbers - less, every);
  const Tensor centered = x - mean_where(x, over.axes, true, mask);
  const Tensor deviations = where(mask, centered, scalar(0, x.dtype()));
  const Dims shape = over.shape(x.shape());
  const Tensor spread = op == "std"
                            ? std(deviations * sqrt(ratio), over.axes, 0, keepdims)
                            : var(deviations, over.axes, 0, keepdims) * reshape(ratio, shape);
  // The square of a std has its derivatives where it is 0, as long as nothing stands before it.
  if (enough.is_array() && holds_everywhere(enough)) return spread;
  const Tensor infinity = scalar(std::numeric_limits<double>::infinity(), spread.dtype());
  return where(reshape(enough, shape), spread, spread * infinity);
}

}  // namespace pyautograd::ops
