// Fourier transforms of packed lines: through cuFFT where it is there, and a plain kernel.

#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/tables.h"

#ifndef PYAUTOGRAD_CUDA_EMULATION
#include "kernels/cuda/cufft.h"
#endif

namespace pyautograd::kernels::cuda {

namespace {

PYAUTOGRAD_HD std::complex<double> on_circle(double turns) {
#ifdef __CUDA_ARCH__
  double sine, cosine;
  sincospi(2 * turns, &sine, &cosine);
  return {cosine, sine};
#else
  const double angle = 2 * M_PI * turns;
  return {std::cos(angle), std::sin(angle)};
#endif
}

// One step of Stockham's autosort algorithm, decimating in frequency: transforms of length r m that
// lie s apart become r times as many of length m. An element is a sum over one of each of the r
// parts; any length goes, in time n times the sum of its prime factors.
template <class T>
struct FourierStep {
  std::complex<T>* to;
  const std::complex<T>* from;
  int64_t n, radix, m, apart;
  double sign;

  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const int64_t line = item / n * n, i = item - line;
    const int64_t q = i % apart, block = i / apart, k = block % radix, p = block / radix;
    const int64_t length = radix * m;
    double re = 0, im = 0;
    for (int64_t j = 0; j < radix; ++j) {
      const int64_t source = p + m * j;
      const auto turn =
          on_circle(sign * static_cast<double>(k * source % length) / static_cast<double>(length));
      const auto x = from[line + q + apart * source];
      re += x.real() * turn.real() - x.imag() * turn.imag();
      im += x.real() * turn.imag() + x.imag() * turn.real();
    }
    to[item] = {static_cast<T>(re), static_cast<T>(im)};
  }
};

int64_t least_factor(int64_t n) {
  if (n % 4 == 0) return 4;
  for (int64_t r = 2; r * r <= n; ++r)
    if (n % r == 0) return r;
  return n;
}

template <class T>
void plain_transform(Queue& queue, std::complex<T>* data, int64_t lines, int64_t n, bool inverse) {
  const Scratch scratch(queue.device(), static_cast<size_t>(lines * n) * sizeof(std::complex<T>));
  std::complex<T>* spare = scratch.as<std::complex<T>>();
  std::complex<T>*from = data, *to = spare;
  for (int64_t rest = n, apart = 1; rest > 1;) {
    const int64_t radix = least_factor(rest);
    rest /= radix;
    queue.each(lines * n, FourierStep<T>{to, from, n, radix, rest, apart, inverse ? 1.0 : -1.0});
    apart *= radix;
    std::swap(from, to);
  }
  if (from == data) return;
  const Dims shape{lines * n}, strides{1};
  const Device device{Device::Kind::CUDA, static_cast<uint8_t>(queue.device())};
  constexpr DType dtype = dtype_of<std::complex<T>>;
  copy_on_device({data, dtype, shape, strides, device}, {spare, dtype, shape, strides, device});
}

bool fft(const View& x, bool inverse) {
  const int64_t lines = x.shape[0], n = x.shape[1];
  Queue queue(x.device);
#ifndef PYAUTOGRAD_CUDA_EMULATION
  // A plan may be given up while a graph that was captured with it lives.
  if (!queue.captured() && run_cufft(queue, x.data, x.dtype == DType::Complex64, lines, n, inverse))
    return true;
#endif
  if (x.dtype == DType::Complex64)
    plain_transform(queue, static_cast<std::complex<float>*>(x.data), lines, n, inverse);
  else
    plain_transform(queue, static_cast<std::complex<double>*>(x.data), lines, n, inverse);
  return true;
}

}  // namespace

void install_fft(DeviceKernels& table) { table.fft = &fft; }

}  // namespace pyautograd::kernels::cuda
