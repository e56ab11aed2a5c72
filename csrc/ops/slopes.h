#pragma once

#include <optional>

#include "kernels/functors.h"
#include "ops/ops.h"

namespace pyautograd::ops {

// t times the slope of expm1, tanh or sigmoid at x, whose result there is y: to all digits, also
// where y is next to a limit and no longer tells how far x is. Derivatives go through y alone.
// The argument may be absent where no result is near a limit.
Tensor scale_expm1(const Tensor& t, const Tensor& x, const Tensor& y);
Tensor scale_tanh(const Tensor& t, const Tensor& x, const Tensor& y);
Tensor scale_sigmoid(const Tensor& t, const Tensor& x, const Tensor& y);

// Of a function with such a slope; absent for others.
std::optional<kernels::FnId> slope_of(kernels::FnId fn);
// Whether the slope may need the argument for one of these results. Nobody waits for numbers that
// are not there yet.
bool near_limit(kernels::FnId slope, const Tensor& y);

}  // namespace pyautograd::ops
