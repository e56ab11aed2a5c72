#pragma once

#include "core/view.h"

namespace pyautograd::kernels {

// out[..., t] = sum_j y[..., j] x[..., t + start - j] over the j for which both exist, by rising j.
// All of one dtype, which is not bool; leading axes already broadcast; last axes contiguous.
void convolve(const View& out, const View& x, const View& y, int64_t start);

}  // namespace pyautograd::kernels
