#pragma once

// Loops whose value must not depend on an element's position: vector and scalar versions of exp
// differ in the last bits, so the tail of a row is padded to a whole block and takes the same
// vector code as the rest.

#include <cstdint>
#include <cstring>

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

// The widest vector holds 64 bytes; a float loop handles 16 elements a step.
inline constexpr int64_t kBlock = 16;

// n is a multiple of kBlock, so the compiler's scalar remainder never runs.
template <class F, class T, class R>
[[gnu::noinline]] void blocks(const F& f, R* out, const T* x, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) out[i] = f(x[i]);
}

template <class F, class T, class R>
inline void padded_map(const F& f, R* out, const T* x, int64_t n) {
  int64_t whole = n & -kBlock;
  if (whole > 0) blocks(f, out, x, whole);
  if (whole == n) return;
  T in[kBlock];
  R result[kBlock];
  for (int64_t i = 0; i < kBlock; ++i) in[i] = x[whole + i < n ? whole + i : n - 1];
  blocks(f, result, in, kBlock);
  std::memcpy(out + whole, result, size_t(n - whole) * sizeof(R));
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
