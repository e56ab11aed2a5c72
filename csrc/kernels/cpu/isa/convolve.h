#pragma once

// Sums of products x[t - j] y[j], a tile of adjacent t in registers at a time. Every sum is in the
// order of j.

#include <cstdint>
#include <cstring>

#include "kernels/cpu/isa/vector.h"
#include "kernels/cpu/loop_table.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

// Adjacent sums that one operation extends.
template <class T>
struct Sums {
  static constexpr int64_t kCount = kVectorLanes<T>;
  Vector<T> values;

  void load(const T* from) { std::memcpy(&values, from, sizeof(values)); }
  void add(const T* x, T factor) { values += *reinterpret_cast<const LooseVector<T>*>(x) * factor; }
  void store(T* to) const { std::memcpy(to, &values, sizeof(values)); }
};
// Products with the real and with the imaginary parts apart, real and imaginary sums in turn.
template <class T>
  requires is_complex_type<T>
struct Sums<T> {
  using Real = RealOf<T>;
  static constexpr int64_t kCount = kVectorLanes<Real> / 2;
  Vector<Real> by_real, by_imaginary;

  void load(const T* from) {
    std::memcpy(&by_real, from, sizeof(by_real));
    by_imaginary = Vector<Real>{};
  }
  void add(const T* x, T factor) {
    const auto& values = *reinterpret_cast<const LooseVector<Real>*>(x);
    by_real += values * factor.real();
    by_imaginary += values * factor.imag();
  }
  void store(T* to) const {
    for (int i = 0; i < kCount; ++i)
      to[i] = {by_real[2 * i] - by_imaginary[2 * i + 1], by_real[2 * i + 1] + by_imaginary[2 * i]};
  }
};

template <class T>
class Convolution {
 public:
  Convolution(const T* x, int64_t n, const T* y, int64_t m) : x_(x), n_(n), y_(y), m_(m) {}

  // out[i] for t = first + i of the full convolution. The last tile may overlap the one before.
  void run(T* out, int64_t first, int64_t count) const {
    constexpr int kVectors = is_complex_type<T> ? 4 : 8;  // several hide the latency of one
    constexpr int64_t kOne = Sums<T>::kCount, kMany = kVectors * kOne;
    int64_t done = 0;
    for (; done + kMany <= count; done += kMany) tile<kVectors>(out + done, first + done);
    for (; done + kOne <= count; done += kOne) tile<1>(out + done, first + done);
    if (done == count) return;
    if (count >= kOne) return tile<1>(out + count - kOne, first + count - kOne);
    for (; done < count; ++done) {
      out[done] = T(0);
      add(out[done], first + done, 0, m_);
    }
  }

 private:
  template <int kVectors>
  void tile(T* out, int64_t first) const {
    constexpr int64_t kOne = Sums<T>::kCount, kTile = kVectors * kOne;
    // The j that every output has, then those on either side of them.
    const int64_t begin = lowest(first + kTile - 1), end = highest(first) + 1;
    T sum[kTile];
    for (int64_t i = 0; i < kTile; ++i) {
      sum[i] = T(0);
      add(sum[i], first + i, 0, begin);
    }
    Sums<T> sums[kVectors];
    for (int v = 0; v < kVectors; ++v) sums[v].load(sum + v * kOne);
    for (int64_t j = begin; j < end; ++j) {
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sums[v].add(x_ + first - j + v * kOne, y_[j]);
    }
    for (int v = 0; v < kVectors; ++v) sums[v].store(sum + v * kOne);
    for (int64_t i = 0; i < kTile; ++i) {
      add(sum[i], first + i, begin > end ? begin : end, m_);
      out[i] = sum[i];
    }
  }

  int64_t lowest(int64_t t) const { return t < n_ ? 0 : t - n_ + 1; }
  int64_t highest(int64_t t) const { return t < m_ ? t : m_ - 1; }
  // The j of [begin, end) that the sum of t has.
  void add(T& to, int64_t t, int64_t begin, int64_t end) const {
    const int64_t first = lowest(t), last = highest(t) + 1;
    if (begin < first) begin = first;
    if (end > last) end = last;
    for (int64_t j = begin; j < end; ++j)
      to = Formula<Add, T>()(to, Formula<Multiply, T>()(x_[t - j], y_[j]));
  }

  const T* const x_;
  const int64_t n_;
  const T* const y_;
  const int64_t m_;
};

template <class T>
void convolve_loop(void* out, const void* x, int64_t n, const void* y, int64_t m, int64_t first,
                   int64_t count) {
  Convolution<T>(static_cast<const T*>(x), n, static_cast<const T*>(y), m)
      .run(static_cast<T*>(out), first, count);
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
