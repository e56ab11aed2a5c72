#pragma once

// How the LAPACK kernels walk over a batch.

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>

#include "kernels/cpu/lapack.h"
#include "kernels/linalg.h"
#include "kernels/parallel.h"

namespace pyautograd::kernels {

template <class T>
T* matrix(const Matrices& m, int64_t i) {
  return static_cast<T*>(m.data) + i * m.rows * m.columns;
}

// LAPACK wants a leading dimension of at least one even where there is nothing.
inline int leading(int64_t rows) { return static_cast<int>(std::max<int64_t>(1, rows)); }

inline int size_of(int64_t n) { return static_cast<int>(n); }

// Calls body(begin, end) over ranges of a batch; `work` is what one matrix costs in operations.
template <class Body>
void over_batch(int64_t count, double work, const Body& body) {
  constexpr double kWorthAThread = 2e5;
  const auto grain = static_cast<int64_t>(kWorthAThread / std::max(1.0, work));
  parallel_for(count, std::max<int64_t>(1, grain), body);
}

// The same for what is shared by threads itself where matrices are large and few.
template <class Body>
void over_dense_batch(int64_t count, double work, const Body& body) {
  constexpr double kLarge = 1 << 24;
  if (work >= kLarge && count < 8) return body(int64_t{0}, count);
  over_batch(count, work, body);
}

inline double cube(const Matrices& a) {
  return double(a.rows) * double(a.columns) * double(std::min(a.rows, a.columns));
}

template <class T>
bool is_finite(T value) {
  return std::isfinite(std::real(value)) && std::isfinite(std::imag(value));
}

template <class T>
bool all_finite(const T* values, int64_t count) {
  return std::all_of(values, values + count, [](T value) { return is_finite(value); });
}

template <class T>
void fill_nan(T* values, int64_t count) {
  std::fill_n(values, count, T(std::numeric_limits<RealOf<T>>::quiet_NaN()));
}

}  // namespace pyautograd::kernels
