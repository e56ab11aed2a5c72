// Integer quotients and remainders. No instruction divides vectors of integers, but those of
// floating-point numbers are exact: floor((x + 1/2) / y) is floor(x / y) for integers and y > 0,
// and the half keeps the quotient further from an integer than rounding moves it. So a product
// with 1 / y does, too, where y is one number for all.

#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/cpu/loop_table.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

namespace {

constexpr int64_t kTile = 256;

template <class T>
using Float = std::conditional_t<sizeof(T) <= 2, float, double>;

// 2^52 + 2^51: added to a number below 2^51, it leaves the integer in the lowest bits.
constexpr double kShift = 0x1.8p52;
constexpr uint64_t kShiftBits = 0x4338000000000000;
// Of 64 bits, numbers up to here; the rest is divided one by one.
constexpr uint64_t kMost = uint64_t{1} << 50;

template <class T>
bool is_exact(T x) {
  if constexpr (sizeof(T) < 8) return true;
  return uint64_t(x) + (std::is_signed_v<T> ? kMost : 0) <= (std::is_signed_v<T> ? 2 : 1) * kMost;
}
template <class T>
Float<T> to_float(T x) {
  if constexpr (sizeof(T) < 8) return Float<T>(x);
  return std::bit_cast<double>(uint64_t(x) + kShiftBits) - kShift;
}
// Modulo 2^bits: the least integer over -1 is itself.
template <class T>
Wrap<T> to_integer(Float<T> x) {
  if constexpr (sizeof(T) <= 2)
    return Wrap<T>(int32_t(x));
  else
    return Wrap<T>(std::bit_cast<uint64_t>(x + kShift) - kShiftBits);
}

// False where numbers are too large.
template <class F, class T, bool YScalar>
[[gnu::noinline]] bool divide(T* out, const T* x, const T* y, int64_t n) {
  constexpr bool kTruncates = std::is_same_v<F, Fmod>;
  const T only = *y;
  const Float<T> inverse = 1 / to_float(only == 0 ? T(1) : only);
  unsigned exact = 1;
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const T a = x[i], b = YScalar ? only : y[i], divisor = b == 0 ? T(1) : b;
    const Float<T> left = to_float(a), right = to_float(divisor);
    const Float<T> above = left + std::copysign(Float<T>(0.5), kTruncates ? left : right);
    const Float<T> ratio = YScalar ? above * inverse : above / right;
    const Wrap<T> quotient = to_integer<T>(kTruncates ? std::trunc(ratio) : std::floor(ratio));
    if constexpr (std::is_same_v<F, FloorDivide>)
      out[i] = b == 0 ? T(0) : T(quotient);
    else
      out[i] = T(Wrap<T>(Wrap<T>(a) - Wrap<T>(quotient * Wrap<T>(divisor))));
    exact &= is_exact(a) & is_exact(b);
  }
  return exact;
}

template <class F, class T>
void divide_tile(T* out, const T* x, const T* y, int64_t n, bool y_scalar) {
  const auto run = y_scalar ? divide<F, T, true> : divide<F, T, false>;
  if constexpr (sizeof(T) < 8) {
    run(out, x, y, n);
  } else {
    T result[kTile];  // out may be an operand
    if (run(result, x, y, n)) {
      std::memcpy(out, result, size_t(n) * sizeof(T));
      return;
    }
    for (int64_t i = 0; i < n; ++i) out[i] = F()(x[i], y[y_scalar ? 0 : i]);
  }
}

template <class F, class T>
void divide_loop(void* out, const void* x, const void* y, int64_t n, bool x_scalar, bool y_scalar) {
  T* o = static_cast<T*>(out);
  const T *a = static_cast<const T*>(x), *b = static_cast<const T*>(y);
  T left[kTile];
  for (int64_t i = 0; i < (x_scalar ? kTile : 0) && i < n; ++i) left[i] = *a;
  for (int64_t i = 0; i < n; i += kTile)
    divide_tile<F>(o + i, x_scalar ? left : a + i, y_scalar ? b : b + i,
                   n - i < kTile ? n - i : kTile, y_scalar);
}

template <class F, class... T>
void install_functor(LoopTable& table, List<T...>) {
  ((table.binary[fn_id<F>() - kUnaryCount][int(dtype_of<T>)] = divide_loop<F, T>), ...);
}

}  // namespace

void install_divide(LoopTable& table) {
  using Integers = List<int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t>;
  install_functor<FloorDivide>(table, Integers{});
  install_functor<Remainder>(table, Integers{});
  install_functor<Fmod>(table, Integers{});
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
