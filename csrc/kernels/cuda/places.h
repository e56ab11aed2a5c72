#pragma once

#include "kernels/iterate.h"
#include "kernels/scalar_base.h"

namespace pyautograd::kernels::cuda {

inline constexpr int kMaxRank = 12;

// The loops of a Nest as an argument of a kernel: where element number i lies in each operand.
template <int N>
struct Places {
  int32_t rank;
  bool small;  // 32 bits hold every element number
  int64_t sizes[kMaxRank];
  int64_t strides[kMaxRank][N];

  struct Offsets {
    int64_t of[N];
  };

  explicit Places(const Nest<N>& nest)
      : rank(static_cast<int32_t>(nest.rank())), small(nest.count() <= INT32_MAX) {
    for (int d = 0; d < rank; ++d) {
      sizes[d] = nest.size(d);
      for (int k = 0; k < N; ++k) strides[d][k] = nest.stride(d, k);
    }
  }

  PYAUTOGRAD_HD Offsets operator()(int64_t i) const {
    return small ? split(static_cast<uint32_t>(i)) : split(static_cast<uint64_t>(i));
  }

 private:
  template <class Index>
  PYAUTOGRAD_HD Offsets split(Index i) const {
    Offsets offsets{};
    // Divisions are long code: unrolled it would be most of every kernel.
#ifdef __CUDA_ARCH__
#pragma unroll 1
#endif
    for (int d = rank - 1; d > 0; --d) {
      const Index size = static_cast<Index>(sizes[d]), outer = i / size;
      add(offsets, d, static_cast<int64_t>(i - outer * size));
      i = outer;
    }
    add(offsets, 0, static_cast<int64_t>(i));
    return offsets;
  }
  PYAUTOGRAD_HD void add(Offsets& offsets, int d, int64_t steps) const {
    for (int k = 0; k < N; ++k) offsets.of[k] += steps * strides[d][k];
  }
};

}  // namespace pyautograd::kernels::cuda
