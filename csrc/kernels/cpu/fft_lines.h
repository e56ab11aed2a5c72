#pragma once

// The complex transform of single lines and of lines side by side.

#include <array>

#include "kernels/cpu/fft_plan.h"
#include "kernels/cpu/scratch.h"

namespace pyautograd::kernels {

// Real and imaginary parts, each `step` numbers apart. Those that are not there are zero; the
// inverse transform is the forward one with the parts exchanged, of both source and target.
template <class T>
struct FftSource {
  const T *re, *im;
  int64_t step;
};
// Parts that are not there are not wanted.
template <class T>
struct FftTarget {
  T *re, *im;
  int64_t step;
  T scale;
};

// Up to kFftLanes lines side by side, in rows of as many numbers.
template <class T>
class FftBlock {
 public:
  static constexpr int64_t kLanes = kFftLanes<T>;

  explicit FftBlock(const FftPasses<T>& passes);
  // A line, or lines that lie `apart` numbers from each other.
  void load(const FftSource<T>& first, int64_t apart, int64_t count);
  void load(const FftSource<T>* lines, int64_t count);
  void run();
  void store(const FftTarget<T>& first, int64_t apart, int64_t count) const;
  void store(const FftTarget<T>* lines, int64_t count) const;
  const T* re() const { return x_re_; }
  const T* im() const { return x_im_; }

 private:
  const FftPasses<T>& passes_;
  const Scratch<T> memory_;
  T *x_re_, *x_im_, *y_re_, *y_im_;
};

template <class T>
class FftLines {
 public:
  explicit FftLines(const FftPlan<T>& plan) : plan_(plan) {}
  // Source and target may be the same memory.
  void line(const FftSource<T>& source, const FftTarget<T>& target) const;
  // At most kFftLanes.
  void lines(const FftSource<T>* sources, const FftTarget<T>* targets, int64_t count) const;

 private:
  void split_line(const FftSource<T>& source, const FftTarget<T>& target) const;
  void chirp_line(const FftSource<T>& source, const FftTarget<T>& target) const;

  const FftPlan<T>& plan_;
};

}  // namespace pyautograd::kernels
