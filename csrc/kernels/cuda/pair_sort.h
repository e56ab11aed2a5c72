#pragma once

#include "kernels/cuda/queue.h"

namespace pyautograd::kernels::cuda {

// Keys, and the places that they came from.
struct Pairs {
  int64_t* keys;
  int64_t* places;
};

// A stable ascending sort of lines of n keys each. Keys of every kind are widened to 64 bits, so
// that there is one sort in the library.
class PairSort {
 public:
  PairSort(int device, int64_t lines, int64_t n);
  // To be filled, line after line.
  Pairs items() const { return {memory_.as<int64_t>(), memory_.as<int64_t>() + count_}; }
  Pairs sorted(Queue& queue) const;

 private:
  int64_t n_, count_;
  Scratch memory_;
};

}  // namespace pyautograd::kernels::cuda
