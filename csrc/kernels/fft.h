#pragma once

// Discrete Fourier transforms along one axis, of float32 and float64 numbers and their complex
// ones. y[k] = scale * sum_j x[j] exp(∓2πi jk / n), minus unless `inverse`. Any length, by mixed
// radices or Bluestein's convolution. The view of the output may be that of the input.

#include "core/view.h"

namespace pyautograd::kernels {

struct Fourier {
  bool inverse;
  double scale;
};

void fft_c2c(const View& out, const View& x, int axis, const Fourier& how);
// The first n / 2 + 1 numbers of the transform of real x, of length n. Those that stand for two,
// themselves and their conjugate in the other half, are multiplied with `middle`.
void fft_r2c(const View& out, const View& x, int axis, const Fourier& how, double middle);
// The transpose: out[j] = scale * sum_k c[k] Re(x[k] exp(∓2πi jk / n)), k up to n / 2, where c[k]
// is `middle` for the numbers that stand for two and else 1. n is out's length.
void fft_c2r(const View& out, const View& x, int axis, const Fourier& how, double middle);

}  // namespace pyautograd::kernels
