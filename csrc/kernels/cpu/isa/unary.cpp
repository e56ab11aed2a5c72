#include "kernels/cpu/isa/vector_math.h"
//
#include "kernels/cpu/isa/block.h"
#include "kernels/cpu/loop_table.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

namespace {

// Rounded alike in vector and scalar code: their tails need no padding.
using Uniform = List<Sqrt, Rsqrt, Reciprocal, Angle>;

template <class F, class T>
void unary_loop(void* out, const void* x, int64_t n) {
  using R = Result<F, T>;
  R* o = static_cast<R*>(out);
  const T* a = static_cast<const T*>(x);
  if constexpr (contains<F, UnaryFloat> && !contains<F, Uniform>) {
    padded_map(F(), o, a, n);
  } else {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) o[i] = F()(a[i]);
  }
}

// 0 for true: of bool, compilers make comparisons.
void flip_loop(void* out, const void* x, int64_t n) {
  auto* to = static_cast<uint8_t*>(out);
  const auto* from = static_cast<const uint8_t*>(x);
  for (int64_t i = 0; i < n; ++i) to[i] = from[i] ^ 1;
}

template <class T>
void copy_loop(void* out, const void* x, int64_t n) {
  std::memmove(out, x, size_t(n) * sizeof(T));
}

template <bool value>
void fill_loop(void* out, const void*, int64_t n) {
  std::memset(out, value, size_t(n));
}

// Bits do not tell a signed number from an unsigned one.
using Signless = List<Negative, Square, Invert, LogicalNot>;
// These change no integer, or no unsigned one, and say the same of all.
using Rounding = List<Floor, Ceil, Trunc, Round>;
using Positive = List<Absolute, Relu>;
using Never = List<IsNan, IsInf>;

template <class F, class T>
constexpr Loop1 loop_of() {
  constexpr bool is_bool = std::is_same_v<T, bool>;
  if constexpr (is_bool && contains<F, List<LogicalNot, Invert>>)
    return flip_loop;
  else if constexpr (!is_float<T> && contains<F, Rounding>)
    return copy_loop<BitsOf<T>>;
  else if constexpr (std::is_unsigned_v<T> && contains<F, Positive>)
    return copy_loop<BitsOf<T>>;
  else if constexpr (!is_float<T> && contains<F, Never>)
    return fill_loop<false>;
  else if constexpr (std::is_unsigned_v<T> && std::is_same_v<F, SignBit>)
    return fill_loop<false>;
  else if constexpr (!is_float<T> && std::is_same_v<F, IsFinite>)
    return fill_loop<true>;
  else if constexpr (contains<F, Signless>)
    return unary_loop<F, BitsOf<T>>;
  else
    return unary_loop<F, T>;
}

template <class F, class T>
void install_loop(LoopTable& table) {
  if constexpr (accepts<F, T>() && !compiled_once<F, T>)
    table.unary[fn_id<F>()][int(dtype_of<T>)] = loop_of<F, T>();
}

template <class F, class... T>
void install_functor(LoopTable& table, List<T...>) {
  (install_loop<F, T>(table), ...);
}

template <class... F>
void install_all(LoopTable& table, List<F...>) {
  (install_functor<F>(table, RealTypes{}), ...);
}

}  // namespace

void install_unary(LoopTable& table) { install_all(table, Unary{}); }

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
