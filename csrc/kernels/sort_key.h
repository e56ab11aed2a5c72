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

// The element that has this key, but for the sign of a zero and the bits of a nan.
template <class T>
PYAUTOGRAD_HD T element_of(Key<T> key, bool descending) {
  using K = Key<T>;
  if (descending) key = ~key;
  if constexpr (std::is_floating_point_v<T>) {
    return std::bit_cast<T>(K(key ^ (key < 0 ? std::numeric_limits<K>::max() : 0)));
  } else if constexpr (std::is_signed_v<T> || sizeof(T) < sizeof(K)) {
    return T(key);
  } else {
    return T(key) ^ (T{1} << (sizeof(T) * 8 - 1));
  }
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
    return (a < b) | (IsNan()(b) & !IsNan()(a));
  else
    return a < b;
}

// How many elements of an ascending line are less than each of kCount values, or not greater. No
// branch depends on the elements, and the searches wait for memory together.
template <bool kOrEqual, int kCount, class T>
PYAUTOGRAD_HD void count_before(int64_t* out, const T* line, int64_t n, const T* values) {
  const auto counts = [](T x, T value) { return kOrEqual ? !before(value, x) : before(x, value); };
  int64_t first[kCount] = {};
  for (int64_t rest = n; rest > 1; rest -= rest / 2) {
    const int64_t half = rest / 2;
    for (int i = 0; i < kCount; ++i)
      first[i] += counts(line[first[i] + half - 1], values[i]) ? half : 0;
  }
  for (int i = 0; i < kCount; ++i)
    out[i] = n == 0 ? 0 : first[i] + counts(line[first[i]], values[i]);
}

template <bool kOrEqual, class T>
PYAUTOGRAD_HD int64_t count_before(const T* line, int64_t n, T value) {
  int64_t out = 0;
  count_before<kOrEqual, 1>(&out, line, n, &value);
  return out;
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
