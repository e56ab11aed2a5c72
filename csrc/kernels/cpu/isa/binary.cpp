#include "kernels/cpu/isa/vector_math.h"
//
#include "kernels/cpu/isa/block.h"
#include "kernels/cpu/loop_table.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

namespace {

// Formulas over functions of the C library that have vector versions.
using VectorMath = List<Power, Atan2, Hypot, LogAddExp, LogAddExp2, Xlogy, ScaleExpm1At,
                        ScaleTanhAt, ScaleSigmoidAt>;

template <class F, class T, class R, bool XScalar, bool YScalar>
inline void straight(R* out, const T* x, const T* y, int64_t n) {
  T x0 = x[0], y0 = y[0];
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) out[i] = F()(XScalar ? x0 : x[i], YScalar ? y0 : y[i]);
}

constexpr int64_t kRemainders = 256;
#if defined(__FMA__)
constexpr bool kQuickRemainders = true;
#else
constexpr bool kQuickRemainders = false;
#endif

// What has the remainder of fmod in it.
using Remainders = List<Remainder, Fmod, FloorDivide>;

// From that remainder.
template <class F, class T>
T with_rest(T a, T b, T rest) {
  if constexpr (std::is_same_v<F, Fmod>) return rest == 0 ? std::copysign(T(0), a) : rest;
  if constexpr (std::is_same_v<F, FloorDivide>) return floor_quotient(a, b, rest);
  rest += (rest != 0) & ((rest < 0) != (b < 0)) ? b : T(0);
  return rest == 0 ? std::copysign(T(0), b) : rest;
}

// Remainders without fmod: x - trunc(x / y) y is exact if the quotient has no more digits than T.
// It rounds to the next integer at most, which the sign of the difference tells. False where that
// does not do; nothing is written then.
template <class F, class T, bool XScalar, bool YScalar>
bool quick_remainders(T* out, const T* x, const T* y, int64_t n) {
  constexpr T kMost = T(int64_t{1} << (std::numeric_limits<T>::digits - 1));
  T result[kRemainders];
  unsigned exact = 1;
  for (int64_t i = 0; i < n; ++i) {
    const T a = XScalar ? *x : x[i], b = YScalar ? *y : y[i];
    const T quotient = std::trunc(a / b);
    T rest = std::fma(-quotient, b, a);
    exact &= (std::fabs(quotient) < kMost) & (rest == rest);
    rest += (rest != 0) & ((rest < 0) != (a < 0)) ? std::copysign(b, a) : T(0);
    result[i] = with_rest<F>(a, b, rest);
  }
  if (exact) std::memcpy(out, result, size_t(n) * sizeof(T));
  return exact;
}

template <class F, class T, bool XScalar, bool YScalar>
void remainders(T* out, const T* x, const T* y, int64_t n) {
  for (int64_t i = 0; i < n; i += kRemainders) {
    const int64_t length = n - i < kRemainders ? n - i : kRemainders;
    const T *a = XScalar ? x : x + i, *b = YScalar ? y : y + i;
    if (!quick_remainders<F, T, XScalar, YScalar>(out + i, a, b, length))
      straight<F, T, T, XScalar, YScalar>(out + i, a, b, length);
  }
}

// Two products are as good as a power, and ten times as fast.
struct Cube {
  template <class T>
  T operator()(T x, T) const {
    return x * x * x;
  }
};

// Squares and cubes of constant exponents are products: that an exponent is not known to be
// constant must not show in the bits.
struct PowerOrProduct {
  template <class T>
  T operator()(T x, T y) const {
    const T power = Power()(x, y), square = x * x;
    return y == T(2) ? square : y == T(3) ? square * x : power;
  }
};

template <class F, class T>
[[gnu::noinline]] void pair_blocks(T* out, const T* x, const T* y, int64_t n) {
  using Formula = std::conditional_t<std::is_same_v<F, Power>, PowerOrProduct, F>;
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) out[i] = Formula()(x[i], y[i]);
}

// Everything goes through one vector loop: scalars are spread over a tile, tails padded.
template <class F, class T>
inline void padded(T* out, const T* x, const T* y, int64_t n, bool x_scalar, bool y_scalar) {
  constexpr int64_t kTile = 256, block = kBlock<T, T>;
  T left[kTile], right[kTile], result[kTile];
  const int64_t filled = n < kTile ? (n + block - 1) & -block : kTile;
  if (x_scalar)
    for (int64_t i = 0; i < filled; ++i) left[i] = x[0];
  if (y_scalar)
    for (int64_t i = 0; i < filled; ++i) right[i] = y[0];
  for (int64_t begin = 0; begin < n; begin += kTile) {
    int64_t length = n - begin < kTile ? n - begin : kTile;
    int64_t whole = (length + block - 1) & -block;
    const T* a = x_scalar ? left : x + begin;
    const T* b = y_scalar ? right : y + begin;
    if (whole == length) {
      pair_blocks<F>(out + begin, a, b, length);
      continue;
    }
    if (!x_scalar)
      for (int64_t i = 0; i < whole; ++i) left[i] = a[i < length ? i : length - 1];
    if (!y_scalar)
      for (int64_t i = 0; i < whole; ++i) right[i] = b[i < length ? i : length - 1];
    pair_blocks<F>(result, left, right, whole);
    std::memcpy(out + begin, result, size_t(length) * sizeof(T));
  }
}

// With both operands in either order.
using Commutative = List<Add, Multiply, BitwiseAnd, BitwiseOr, BitwiseXor, Equal, NotEqual>;

template <class F, class T>
void binary_loop(void* out, const void* x, const void* y, int64_t n, bool x_scalar, bool y_scalar) {
  using R = Result<F, T>;
  if (n <= 0) return;
  if constexpr (contains<F, Commutative>) {
    if (x_scalar && !y_scalar) return binary_loop<F, T>(out, y, x, n, false, true);
  }
  R* o = static_cast<R*>(out);
  const T* a = static_cast<const T*>(x);
  const T* b = static_cast<const T*>(y);
  if constexpr (std::is_same_v<F, Power> && is_float<T>) {
    if (y_scalar && !x_scalar && *b == T(3)) return straight<Cube, T, R, false, true>(o, a, b, n);
  }
  if constexpr (contains<F, VectorMath>) {
    padded<F>(o, a, b, n, x_scalar, y_scalar);
    return;
  }
  const int64_t count = x_scalar && y_scalar ? 1 : n;
  if constexpr (contains<F, Remainders> && kQuickRemainders) {
    if (x_scalar)
      remainders<F, T, true, false>(o, a, b, count);
    else if (y_scalar)
      remainders<F, T, false, true>(o, a, b, count);
    else
      remainders<F, T, false, false>(o, a, b, count);
  } else {
    if (x_scalar && !contains<F, Commutative>)
      straight<F, T, R, true, false>(o, a, b, count);
    else if (y_scalar)
      straight<F, T, R, false, true>(o, a, b, count);
    else
      straight<F, T, R, false, false>(o, a, b, count);
  }
  for (int64_t i = count; i < n; ++i) o[i] = o[0];
}

template <class F, class T>
void swapped_loop(void* out, const void* x, const void* y, int64_t n, bool x_scalar,
                  bool y_scalar) {
  binary_loop<F, T>(out, y, x, n, y_scalar, x_scalar);
}

constexpr int64_t kTruthTile = 1024;

template <class T>
[[gnu::noinline]] void truth_of(uint8_t* out, const T* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = x[i] != T(0);
}

// `loop` combines the truth values of both operands.
template <class T>
void combine_truth(Loop2 loop, uint8_t* out, const T* x, const T* y, int64_t n, bool x_scalar,
                   bool y_scalar) {
  uint8_t left[kTruthTile], right[kTruthTile];
  left[0] = *x != T(0);
  right[0] = *y != T(0);
  for (int64_t i = 0; i < n; i += kTruthTile) {
    const int64_t length = n - i < kTruthTile ? n - i : kTruthTile;
    if (!x_scalar) truth_of(left, x + i, length);
    if (!y_scalar) truth_of(right, y + i, length);
    loop(out + i, left, right, length, x_scalar, y_scalar);
  }
}
template <Loop2 loop, class T>
void truth_loop(void* out, const void* x, const void* y, int64_t n, bool x_scalar, bool y_scalar) {
  if (n > 0)
    combine_truth(loop, static_cast<uint8_t*>(out), static_cast<const T*>(x),
                  static_cast<const T*>(y), n, x_scalar, y_scalar);
}

// Bits do not tell a signed number from an unsigned one, and a bool is a byte of 0 or 1.
using Signless =
    List<Add, Subtract, Multiply, BitwiseAnd, BitwiseOr, BitwiseXor, LeftShift, Equal, NotEqual>;
using AndOfBools = List<Multiply, Minimum, LogicalAnd>;
using OrOfBools = List<Add, Maximum, LogicalOr>;

template <class F, class T>
constexpr Loop2 loop_of() {
  constexpr bool is_bool = std::is_same_v<T, bool>;
  using Bits = BitsOf<T>;
  if constexpr (is_bool && contains<F, AndOfBools>)
    return binary_loop<BitwiseAnd, uint8_t>;
  else if constexpr (is_bool && contains<F, OrOfBools>)
    return binary_loop<BitwiseOr, uint8_t>;
  else if constexpr (is_bool && std::is_same_v<F, LogicalXor>)
    return binary_loop<BitwiseXor, uint8_t>;
  else if constexpr (is_bool)
    return loop_of<F, uint8_t>();
  else if constexpr (std::is_same_v<F, LogicalAnd>)
    return truth_loop<binary_loop<BitwiseAnd, uint8_t>, Bits>;
  else if constexpr (std::is_same_v<F, LogicalOr>)
    return truth_loop<binary_loop<BitwiseOr, uint8_t>, Bits>;
  else if constexpr (std::is_same_v<F, LogicalXor>)
    return truth_loop<binary_loop<BitwiseXor, uint8_t>, Bits>;
  else if constexpr (std::is_same_v<F, Greater>)
    return swapped_loop<Less, T>;
  else if constexpr (std::is_same_v<F, GreaterEqual>)
    return swapped_loop<LessEqual, T>;
  else if constexpr (contains<F, Signless>)
    return binary_loop<F, Bits>;
  else
    return binary_loop<F, T>;
}

template <class F, class T>
void install_loop(LoopTable& table) {
  if constexpr (accepts<F, T>() && !compiled_once<F, T>)
    table.binary[fn_id<F>() - kUnaryCount][int(dtype_of<T>)] = loop_of<F, T>();
}

template <class F, class... T>
void install_functor(LoopTable& table, List<T...>) {
  (install_loop<F, T>(table), ...);
}

template <class... F>
void install_all(LoopTable& table, List<F...>) {
  (install_functor<F>(table, RealTypes{}), ...);
}

// With masks: of a conditional or of bool, compilers make branches.
template <class T, bool XScalar, bool YScalar>
inline void choose(T* out, const void* condition, const T* x, const T* y, int64_t n) {
  const T x0 = x[0], y0 = y[0];
  const auto* chosen = static_cast<const uint8_t*>(condition);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const T left = XScalar ? x0 : x[i], right = YScalar ? y0 : y[i];
    const T mask = T(T(0) - T(chosen[i]));
    out[i] = right ^ ((left ^ right) & mask);
  }
}

template <class T>
void where_loop(void* out, const void* condition, const void* x, const void* y, int64_t n,
                bool x_scalar, bool y_scalar) {
  if (n <= 0) return;
  T* o = static_cast<T*>(out);
  const T* a = static_cast<const T*>(x);
  const T* b = static_cast<const T*>(y);
  if (x_scalar && y_scalar)
    choose<T, true, true>(o, condition, a, b, n);
  else if (x_scalar)
    choose<T, true, false>(o, condition, a, b, n);
  else if (y_scalar)
    choose<T, false, true>(o, condition, a, b, n);
  else
    choose<T, false, false>(o, condition, a, b, n);
}

}  // namespace

void install_binary(LoopTable& table) {
  install_all(table, Binary{});
  table.where[0] = where_loop<uint8_t>;
  table.where[1] = where_loop<uint16_t>;
  table.where[2] = where_loop<uint32_t>;
  table.where[3] = where_loop<uint64_t>;
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
