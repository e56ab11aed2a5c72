#include "kernels/cpu/isa/vector_math.h"
//
#include "kernels/cpu/isa/block.h"
#include "kernels/cpu/loop_table.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

namespace {

// Formulas over functions of the C library that have vector versions.
using VectorMath = List<Power, Atan2, Hypot, LogAddExp, LogAddExp2, Xlogy>;

template <class F, class T, class R, bool XScalar, bool YScalar>
inline void straight(R* out, const T* x, const T* y, int64_t n) {
  T x0 = x[0], y0 = y[0];
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) out[i] = F()(XScalar ? x0 : x[i], YScalar ? y0 : y[i]);
}

template <class F, class T>
[[gnu::noinline]] void pair_blocks(T* out, const T* x, const T* y, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) out[i] = F()(x[i], y[i]);
}

// Everything goes through one vector loop: scalars are spread over a tile, tails padded.
template <class F, class T>
inline void padded(T* out, const T* x, const T* y, int64_t n, bool x_scalar, bool y_scalar) {
  constexpr int64_t kTile = 256;
  T left[kTile], right[kTile], result[kTile];
  if (x_scalar)
    for (T& value : left) value = x[0];
  if (y_scalar)
    for (T& value : right) value = y[0];
  for (int64_t begin = 0; begin < n; begin += kTile) {
    int64_t length = n - begin < kTile ? n - begin : kTile;
    int64_t whole = (length + kBlock - 1) & -kBlock;
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

template <class F, class T>
void binary_loop(void* out, const void* x, const void* y, int64_t n, bool x_scalar, bool y_scalar) {
  using R = Result<F, T>;
  if (n <= 0) return;
  R* o = static_cast<R*>(out);
  const T* a = static_cast<const T*>(x);
  const T* b = static_cast<const T*>(y);
  if constexpr (is_float<T> && contains<F, VectorMath>) {
    padded<F>(o, a, b, n, x_scalar, y_scalar);
  } else {
    if (x_scalar)
      straight<F, T, R, true, false>(o, a, b, y_scalar ? 1 : n);
    else if (y_scalar)
      straight<F, T, R, false, true>(o, a, b, n);
    else
      straight<F, T, R, false, false>(o, a, b, n);
    if (x_scalar && y_scalar)
      for (int64_t i = 1; i < n; ++i) o[i] = o[0];
  }
}

template <class F, class T>
constexpr Loop2 loop_or_null() {
  if constexpr (accepts<F, T>() && !contains<F, BinaryParts>)
    return binary_loop<F, T>;
  else
    return nullptr;
}

template <class F, class... T>
void install_functor(LoopTable& table, List<T...>) {
  ((table.binary[fn_id<F>() - kUnaryCount][int(dtype_of<T>)] = loop_or_null<F, T>()), ...);
}

template <class... F>
void install_all(LoopTable& table, List<F...>) {
  (install_functor<F>(table, RealTypes{}), ...);
}

template <class T>
void where_loop(void* out, const bool* condition, const void* x, const void* y, int64_t n,
                bool x_scalar, bool y_scalar) {
  T* o = static_cast<T*>(out);
  const T* a = static_cast<const T*>(x);
  const T* b = static_cast<const T*>(y);
  if (x_scalar || y_scalar) {
    for (int64_t i = 0; i < n; ++i) o[i] = condition[i] ? a[x_scalar ? 0 : i] : b[y_scalar ? 0 : i];
    return;
  }
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    T left = a[i], right = b[i];
    o[i] = condition[i] ? left : right;
  }
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
