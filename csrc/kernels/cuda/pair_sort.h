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
  // The fewer bits the faster, where there are many keys; keys of less than 64 are not negative.
  PairSort(int device, int64_t lines, int64_t n, int bits = 64);
  // To be filled, line after line.
  Pairs items() const { return {memory_.as<int64_t>(), memory_.as<int64_t>() + count_}; }
  // With several lines, what becomes of the keys is nobody's business.
  Pairs sorted(Queue& queue) const;

 private:
  Pairs spare() const { return {items().keys + 2 * count_, items().places + 2 * count_}; }
  Pairs merged(Queue& queue) const;
  Pairs by_digits(Queue& queue) const;

  int64_t n_, count_;
  int bits_;
  Scratch memory_;
};

// A stable sort by the low bits of the keys, as signed numbers if these are all 64; the other
// arrays serve as working memory, and the result is in one of the two.
Pairs radix_sort(Queue& queue, Pairs items, Pairs spare, int64_t count, int bits);

}  // namespace pyautograd::kernels::cuda
