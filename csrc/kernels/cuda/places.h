#pragma once

#include <bit>

#include "kernels/iterate.h"
#include "kernels/scalar/base.h"

namespace pyautograd::kernels::cuda {

inline constexpr int kMaxRank = 12;

// Divides by a number that is known before a kernel runs, with one product: with 2^t the largest
// power of two below it, factor = ceil(2^(64 + t) / number) gives the right quotient of everything
// below 2^63 (Granlund & Montgomery 1994, theorem 4.2).
class Divisor {
 public:
  Divisor() = default;
  explicit Divisor(int64_t number) : number_(number) {
    if (number <= 1) return;
    shift_ = std::bit_width(static_cast<uint64_t>(number - 1)) - 1;
    const auto power = static_cast<unsigned __int128>(1) << (64 + shift_);
    factor_ = static_cast<uint64_t>((power - 1) / static_cast<uint64_t>(number) + 1);
  }
  PYAUTOGRAD_HD int64_t number() const { return number_; }
  PYAUTOGRAD_HD int64_t quotient(int64_t i) const {
    if (number_ == 1) return i;
    return static_cast<int64_t>(multiply_high(static_cast<uint64_t>(i), factor_) >> shift_);
  }

 private:
  int64_t number_ = 1;
  uint64_t factor_ = 0;
  int shift_ = 0;
};

// The loops of a Nest as an argument of a kernel: where element number i lies in each operand.
template <int N>
struct Places {
  int32_t rank;
  Divisor sizes[kMaxRank];  // of all axes but the first
  int64_t strides[kMaxRank][N];

  struct Offsets {
    int64_t of[N];
  };

  explicit Places(const Nest<N>& nest) : rank(static_cast<int32_t>(nest.rank())) {
    for (int d = 0; d < rank; ++d) {
      if (d > 0) sizes[d] = Divisor(nest.size(d));
      for (int k = 0; k < N; ++k) strides[d][k] = nest.stride(d, k);
    }
  }

  PYAUTOGRAD_HD Offsets operator()(int64_t i) const {
    Offsets offsets{};
    // Unrolled it would be most of every kernel.
#ifdef __CUDA_ARCH__
#pragma unroll 1
#endif
    for (int d = rank - 1; d > 0; --d) {
      const int64_t outer = sizes[d].quotient(i);
      add(offsets, d, i - outer * sizes[d].number());
      i = outer;
    }
    add(offsets, 0, i);
    return offsets;
  }

 private:
  PYAUTOGRAD_HD void add(Offsets& offsets, int d, int64_t steps) const {
    for (int k = 0; k < N; ++k) offsets.of[k] += steps * strides[d][k];
  }
};

}  // namespace pyautograd::kernels::cuda
