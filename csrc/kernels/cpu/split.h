#pragma once

// How one product or factorization is shared by threads.

#include <algorithm>
#include <cstdint>

#include "kernels/parallel.h"

namespace pyautograd::kernels {

struct BlockSize {
  int64_t rows, columns;
};

// Cuts an m by n result of inner length k, by these sizes only. BLAS copies both operands of a
// block into panels first, so blocks are about square, and no smaller than eight busy threads ask
// for.
inline BlockSize block_size(int64_t m, int64_t n, int64_t k) {
  constexpr int64_t kWorthAThread = int64_t{1} << 19, kEnough = int64_t{1} << 27;
  constexpr int64_t kSeveral = 4, kMany = 8, kMost = 64;
  BlockSize block{m, n};
  for (int64_t count = 1; count < kMost; count *= 2) {
    int64_t& longer = block.rows >= block.columns ? block.rows : block.columns;
    const int64_t half = (longer / 2 + 7) & -8, work = block.rows * block.columns * k;
    if (half < (count < kSeveral ? 64 : 128) || work < 2 * kWorthAThread) break;
    if (count >= kMany && work <= kEnough) break;
    longer = half;
  }
  return block;
}

// Calls body(i, j, rows, columns) for the blocks.
template <class Body>
void over_blocks(int64_t m, int64_t n, int64_t k, const Body& body) {
  const BlockSize block = block_size(m, n, k);
  if (block.rows >= m && block.columns >= n) return body(int64_t{0}, int64_t{0}, m, n);
  const int64_t across = (n + block.columns - 1) / block.columns;
  parallel_for((m + block.rows - 1) / block.rows * across, 1, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at) {
      const int64_t i = at / across * block.rows, j = at % across * block.columns;
      body(i, j, std::min(block.rows, m - i), std::min(block.columns, n - j));
    }
  });
}

// Calls body(begin, end) over ranges of `extent` independent rows or columns, each of which costs
// `work` multiplications.
template <class Body>
void over_lines(int64_t extent, int64_t work, const Body& body) {
  constexpr int64_t kWorthAThread = int64_t{1} << 19, kLeast = 64, kMost = 256;
  const int64_t eighth = (extent / 8 + 7) & -8;
  const int64_t grain =
      std::max(std::clamp(eighth, kLeast, kMost), kWorthAThread / std::max<int64_t>(1, work));
  parallel_for(extent, grain, body);
}

}  // namespace pyautograd::kernels
