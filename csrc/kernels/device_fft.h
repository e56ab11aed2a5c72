#pragma once

#include "kernels/device.h"
#include "kernels/fft.h"

namespace pyautograd::kernels {

// The doors of fft.h for devices, by complex transforms of packed lines.
void fft_c2c_on_device(const View& out, const View& x, int axis, const Fourier& how);
void fft_r2c_on_device(const View& out, const View& x, int axis, const Fourier& how, double middle);
void fft_c2r_on_device(const View& out, const View& x, int axis, const Fourier& how, double middle);

}  // namespace pyautograd::kernels
