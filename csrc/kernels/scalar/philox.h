#pragma once

// The counter-based generator Philox4x64-10 (Salmon, Moraes, Dror and Shaw, Parallel random
// numbers: as easy as 1, 2, 3, SC11): a keyed bijection of 256-bit counters, so that any word of a
// stream is computed without those before it, on any device and by any thread. Of its widths this
// is NumPy's. cuRAND's has 32-bit words, two of which make one float64; a GPU multiplies 64-bit
// words well enough, and then both compute one stream.

#include "kernels/scalar/base.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

struct PhiloxBlock {
  uint64_t word[4];
};

PYAUTOGRAD_HD inline void philox_round(PhiloxBlock& c, uint64_t k0, uint64_t k1) {
  constexpr uint64_t kMultiply0 = 0xD2E7470EE14C6C93, kMultiply1 = 0xCA5A826395121157;
  const uint64_t high0 = multiply_high(kMultiply0, c.word[0]), low0 = kMultiply0 * c.word[0];
  const uint64_t high1 = multiply_high(kMultiply1, c.word[2]), low1 = kMultiply1 * c.word[2];
  c = {{high1 ^ c.word[1] ^ k0, low1, high0 ^ c.word[3] ^ k1, low0}};
}

// Blocks of several counters side by side, which hides the latency of the multiplications.
template <int N>
PYAUTOGRAD_HD inline void philox(PhiloxBlock (&c)[N], uint64_t k0, uint64_t k1) {
  constexpr uint64_t kStep0 = 0x9E3779B97F4A7C15, kStep1 = 0xBB67AE8584CAA73B;
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < N; ++i) philox_round(c[i], k0, k1);
    k0 += kStep0;
    k1 += kStep1;
  }
}

// Block number `block` of the stream of a key. Attempt 0 is the stream itself, in the order of
// NumPy's Philox; a method that rejects draws goes on with attempt 1, 2, ... of its own block, so
// that what one element rejects moves no other.
PYAUTOGRAD_HD inline PhiloxBlock philox_block(const uint64_t key[2], uint64_t block,
                                              uint64_t attempt = 0) {
  // NumPy counts up before it generates.
  PhiloxBlock c[1] = {{{block + 1, 0, attempt, 0}}};
  philox(c, key[0], key[1]);
  return c[0];
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
