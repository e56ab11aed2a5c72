#pragma once

// Loops whose value must not depend on an element's position: vector and scalar versions of exp
// differ in the last bits, so the tail of a row is padded to a whole block and takes the same
// vector code as the rest.

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/cpu/isa/vector.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

// As many elements as a loop handles in a step: the smaller type fills a vector.
template <class T, class R>
inline constexpr int64_t kBlock = kVectorLanes<std::conditional_t<(sizeof(T) < sizeof(R)), T, R>>;

// n is a multiple of kBlock, so the compiler's scalar remainder never runs.
template <class F, class T, class R>
[[gnu::noinline]] void blocks(const F& f, R* out, const T* x, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) out[i] = f(x[i]);
}

template <class F, class T, class R>
inline void padded_map(const F& f, R* out, const T* x, int64_t n) {
  constexpr int64_t block = kBlock<T, R>;
  const int64_t whole = n & -block;
  if (whole > 0) blocks(f, out, x, whole);
  if (whole == n) return;
  T in[block];
  R result[block];
  for (int64_t i = 0; i < block; ++i) in[i] = x[whole + i < n ? whole + i : n - 1];
  blocks(f, result, in, block);
  std::memcpy(out + whole, result, size_t(n - whole) * sizeof(R));
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
