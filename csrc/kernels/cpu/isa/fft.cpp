// The passes of Stockham's self-sorting transform. Real and imaginary parts are apart, and each
// element is a row of kFftLanes numbers or more, so that every operation is one of whole vectors.

#include <cstdint>

#include "kernels/cpu/isa/vector.h"
#include "kernels/cpu/loop_table.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

namespace {

template <class T>
struct Complex {
  using V = LooseVector<T>;
  V re, im;
  Complex operator+(const Complex& o) const { return {re + o.re, im + o.im}; }
  Complex operator-(const Complex& o) const { return {re - o.re, im - o.im}; }
  Complex times(T r, T i) const { return {re * r - im * i, re * i + im * r}; }
  Complex over_i() const { return {im, -re}; }
};

// Transforms of `Radix` numbers in place; `roots` are the powers of exp(-2πi / Radix).
template <class T>
inline void transform(Complex<T> (&z)[2], const T*) {
  const Complex<T> sum = z[0] + z[1];
  z[1] = z[0] - z[1];
  z[0] = sum;
}

template <class T>
inline void transform(Complex<T> (&z)[4], const T*) {
  const Complex<T> even = z[0] + z[2], odd = z[1] + z[3];
  const Complex<T> low = z[0] - z[2], high = (z[1] - z[3]).over_i();
  z[0] = even + odd;
  z[1] = low + high;
  z[2] = even - odd;
  z[3] = low - high;
}

template <class T>
inline void transform(Complex<T> (&z)[8], const T* roots) {
  Complex<T> even[4] = {z[0], z[2], z[4], z[6]}, odd[4] = {z[1], z[3], z[5], z[7]};
  transform(even, roots);
  transform(odd, roots);
  const T half = roots[2];  // the real part of exp(-πi / 4)
  odd[1] = odd[1].times(half, -half);
  odd[2] = odd[2].over_i();
  odd[3] = odd[3].times(-half, -half);
  for (int k = 0; k < 4; ++k) {
    z[k] = even[k] + odd[k];
    z[k + 4] = even[k] - odd[k];
  }
}

// Odd radices: elements i and radix - i have factors that are conjugate.
template <class T, int Most>
inline void transform_odd(Complex<T> (&z)[Most], const T* roots, int radix) {
  constexpr int kPairs = Most / 2;
  const int pairs = radix / 2;
  Complex<T> sum[kPairs], difference[kPairs];
  Complex<T> total = z[0];
  for (int i = 0; i < pairs; ++i) {
    sum[i] = z[i + 1] + z[radix - 1 - i];
    difference[i] = (z[i + 1] - z[radix - 1 - i]).over_i();
    total = total + sum[i];
  }
  for (int k = 1; k <= pairs; ++k) {
    Complex<T> even = z[0], odd{};
    int place = 0;
    for (int i = 0; i < pairs; ++i) {
      place = place + k < radix ? place + k : place + k - radix;
      const T cosine = roots[2 * place], sine = -roots[2 * place + 1];
      even.re += sum[i].re * cosine;
      even.im += sum[i].im * cosine;
      odd.re += difference[i].re * sine;
      odd.im += difference[i].im * sine;
    }
    z[k] = even + odd;
    z[radix - k] = even - odd;
  }
  z[0] = total;
}

// The butterflies of one p (see FftPass); `w` are the powers of its root of unity, but the zeroth.
template <class T, int Most, bool Fixed, bool Twisted>
inline void butterflies(const FftPass<T>& pass, int64_t p, const T* w) {
  using V = typename Complex<T>::V;
  const int radix = Fixed ? Most : pass.radix;
  const int64_t apart = pass.span * pass.row, in = p * pass.row, out = p * radix * pass.row;
  for (int64_t q = 0; q < pass.row; q += kVectorLanes<T>) {
    Complex<T> z[Most];
    for (int i = 0; i < radix; ++i) {
      z[i].re = *reinterpret_cast<const V*>(pass.x_re + in + i * apart + q);
      z[i].im = *reinterpret_cast<const V*>(pass.x_im + in + i * apart + q);
    }
    if constexpr (Fixed && Most % 2 == 0) {
      transform(z, pass.roots);
    } else {
      transform_odd(z, pass.roots, radix);
    }
    for (int i = 0; i < radix; ++i) {
      const Complex<T> y = Twisted && i > 0 ? z[i].times(w[2 * i - 2], w[2 * i - 1]) : z[i];
      *reinterpret_cast<V*>(pass.y_re + out + i * pass.row + q) = y.re;
      *reinterpret_cast<V*>(pass.y_im + out + i * pass.row + q) = y.im;
    }
  }
}

template <class T, int Most, bool Fixed = true>
void run(const FftPass<T>& pass) {
  const int radix = Fixed ? Most : pass.radix;
  butterflies<T, Most, Fixed, false>(pass, 0, nullptr);
  for (int64_t p = 1; p < pass.span; ++p)
    butterflies<T, Most, Fixed, true>(pass, p, pass.twiddles + 2 * (p - 1) * (radix - 1));
}

template <class T>
void pass(const FftPass<T>& pass) {
  switch (pass.radix) {
    case 2:
      return run<T, 2>(pass);
    case 3:
      return run<T, 3>(pass);
    case 4:
      return run<T, 4>(pass);
    case 5:
      return run<T, 5>(pass);
    case 7:
      return run<T, 7>(pass);
    case 8:
      return run<T, 8>(pass);
    default:
      return run<T, kFftMaxRadix, false>(pass);
  }
}

}  // namespace

void install_fft(LoopTable& table) {
  table.fft_float = pass<float>;
  table.fft_double = pass<double>;
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
