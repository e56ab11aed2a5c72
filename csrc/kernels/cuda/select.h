#pragma once

#include "kernels/cuda/queue.h"

namespace pyautograd::kernels::cuda {

// Whether select_first takes less time than a whole sort.
inline bool is_worth_selecting(int64_t lines, int64_t n, int64_t k) {
  return k <= 1024 && 4 * k <= n && n >= 256 && lines * n > 4096;
}

// Where the first k of each line of n keys lie, in the order of a stable ascending sort; line after
// line. Keys of less than 64 bits are not negative.
void select_first(Queue& queue, int64_t* places, int64_t k, const int64_t* keys, int64_t lines,
                  int64_t n, int bits);

}  // namespace pyautograd::kernels::cuda
