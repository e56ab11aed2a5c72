#pragma once

// The order of elements, for every device: elements become signed keys in the same order, so that
// one stable sort of integers serves every dtype and both directions.

#include "kernels/scalar.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

template <class T>
using Key = std::conditional_t<(sizeof(T) > 4), int64_t, int32_t>;

// Zeros of either sign get one key, and so do nans.
template <class T>
PYAUTOGRAD_HD Key<T> key_of(T x, bool descending) {
  using K = Key<T>;
  K key;
  if constexpr (std::is_floating_point_v<T>) {
    const K bits = std::bit_cast<K>(x + T(0));  // -0 + 0 = 0
    constexpr K most = std::numeric_limits<K>::max();
    key = IsNan()(x) ? most : bits ^ (bits < 0 ? most : 0);
  } else if constexpr (std::is_signed_v<T> || sizeof(T) < sizeof(K)) {
    key = K(x);
  } else {
    key = K(x ^ (T{1} << (sizeof(T) * 8 - 1)));
  }
  return descending ? ~key : key;
}

// nan after every number. Complex numbers by real part, then by imaginary part; those with a nan in
// the imaginary part, in the real part and in both follow in this order.
template <class T>
PYAUTOGRAD_HD bool before(T a, T b) {
  if constexpr (is_complex_type<T>) {
    const auto nans = [](T x) { return 2 * IsNan()(x.real()) + IsNan()(x.imag()); };
    if (nans(a) != nans(b)) return nans(a) < nans(b);
    if (before(a.real(), b.real())) return true;
    return !before(b.real(), a.real()) && before(a.imag(), b.imag());
  } else if constexpr (std::is_floating_point_v<T>)
    return a < b || (IsNan()(b) && !IsNan()(a));
  else
    return a < b;
}

// How many elements of an ascending line are less than the value, or not greater. No branch depends
// on the elements, so that the searches of several values overlap.
template <bool kOrEqual, class T>
PYAUTOGRAD_HD int64_t count_before(const T* line, int64_t n, T value) {
  if (n == 0) return 0;
  const auto counts = [value](T x) { return kOrEqual ? !before(value, x) : before(x, value); };
  const T* first = line;
  while (n > 1) {
    const int64_t half = n / 2;
    first += counts(first[half - 1]) ? half : 0;
    n -= half;
  }
  return first - line + counts(*first);
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
