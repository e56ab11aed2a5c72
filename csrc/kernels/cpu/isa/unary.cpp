#include "kernels/cpu/isa/vector_math.h"
//
#include "kernels/cpu/isa/block.h"
#include "kernels/cpu/loop_table.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

namespace {

// Rounded alike in vector and scalar code, or never vectorised: their tails need no padding.
using Uniform = List<Sqrt, Rsqrt, Reciprocal, Exponent, Angle>;

template <class F, class T>
void unary_loop(void* out, const void* x, int64_t n) {
  using R = Result<F, T>;
  R* o = static_cast<R*>(out);
  const T* a = static_cast<const T*>(x);
  if constexpr (std::is_same_v<T, bool> && contains<F, List<LogicalNot, Invert>>) {
    // Of bool, compilers make comparisons.
    auto* to = static_cast<uint8_t*>(out);
    const auto* from = static_cast<const uint8_t*>(x);
    for (int64_t i = 0; i < n; ++i) to[i] = from[i] ^ 1;
  } else if constexpr (contains<F, UnaryFloat> && !contains<F, Uniform>) {
    padded_map(F(), o, a, n);
  } else {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) o[i] = F()(a[i]);
  }
}

template <class F, class T>
constexpr Loop1 loop_or_null() {
  if constexpr (accepts<F, T>())
    return unary_loop<F, T>;
  else
    return nullptr;
}

template <class F, class... T>
void install_functor(LoopTable& table, List<T...>) {
  ((table.unary[fn_id<F>()][int(dtype_of<T>)] = loop_or_null<F, T>()), ...);
}

template <class... F>
void install_all(LoopTable& table, List<F...>) {
  (install_functor<F>(table, RealTypes{}), ...);
}

}  // namespace

void install_unary(LoopTable& table) { install_all(table, Unary{}); }

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
