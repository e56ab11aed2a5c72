#pragma once

#include "kernels/cuda/queue.h"

namespace pyautograd::kernels::cuda {

// Transforms `lines` packed lines of n complex numbers in place, without a scale. cuFFT is opened
// when it is first needed. False where there is none.
bool run_cufft(const Queue& queue, void* data, bool single, int64_t lines, int64_t n, bool inverse);

}  // namespace pyautograd::kernels::cuda
