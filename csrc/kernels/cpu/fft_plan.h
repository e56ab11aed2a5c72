#pragma once

// What a transform of one length needs to know: factors and roots of unity. Lengths whose prime
// factors are small are transformed by passes over their factors; a long line is two sets of
// shorter lines, the columns and rows of a matrix, so that every pass has whole vectors to work on;
// other lengths are a convolution (Bluestein) of a length that has small factors.

#include <complex>
#include <memory>
#include <vector>

#include "kernels/cpu/loop_table.h"

namespace pyautograd::kernels {

// exp(-2πi k / n), exact to the last place or nearly so; k may be negative.
template <class T>
std::complex<T> root_of_unity(int64_t k, int64_t n);

template <class T>
struct FftPasses {
  struct Pass {
    int radix;
    int64_t span;
    std::vector<T> twiddles, roots;  // as in FftPass
  };
  FftPasses() = default;
  explicit FftPasses(int64_t length);

  int64_t length = 0;
  std::vector<Pass> passes;
};

template <class T>
struct FftPlan {
  // A line of rows.length * columns.length numbers as a matrix with so many columns.
  struct Split {
    explicit Split(int64_t rows, int64_t columns);
    FftPasses<T> along_columns, along_rows;
    // exp(-2πi jk / n) for element j of row k of the transformed columns is
    // fine[k, j % kFftLanes] * coarse[j / kFftLanes, k]
    std::vector<T> fine_re, fine_im;
    std::vector<std::complex<T>> coarse;
  };
  struct Chirp {
    explicit Chirp(int64_t length);
    std::shared_ptr<const FftPlan> convolution;
    std::vector<T> chirp_re, chirp_im;        // exp(-πi j² / n)
    std::vector<T> spectrum_re, spectrum_im;  // of the conjugate chirp, over the length
  };

  explicit FftPlan(int64_t length);

  const int64_t length;
  // Exactly one of the first two is there for lengths with small factors, or both.
  std::unique_ptr<const FftPasses<T>> whole;
  std::unique_ptr<const Split> split;
  std::unique_ptr<const Chirp> chirp;
};

// exp(-2πi k / length) for k up to a quarter of a turn: where the halves of a real transform meet.
template <class T>
struct FftQuarter {
  explicit FftQuarter(int64_t length);
  const int64_t length;
  std::vector<std::complex<T>> roots;
};

// The plan (or quarter) of a length; those used last are kept.
template <class Plan>
std::shared_ptr<const Plan> fft_plan(int64_t length);

}  // namespace pyautograd::kernels
