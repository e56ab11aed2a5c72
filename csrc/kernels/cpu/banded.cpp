// Systems with matrices of which only some diagonals are kept.

#include <algorithm>
#include <vector>

#include "kernels/cpu/matrices.h"
#include "kernels/device_linalg.h"

namespace pyautograd::kernels {

namespace {

// The factors of one matrix at a time: Gauss's elimination, with partial pivoting unless the matrix
// is to be positive definite. Row i holds the columns i - lower to i + lower + upper, which is as
// far as exchanges of rows fill it.
template <class T>
class BandFactors {
 public:
  BandFactors(int64_t n, Band band)
      : n_(n),
        band_(band),
        fill_(band.definite ? band.upper : band.upper + band.lower),
        width_(band.lower + fill_ + 1),
        values_(static_cast<size_t>(n * width_)),
        pivots_(static_cast<size_t>(n)) {}

  // From diagonals, by rows. Returns which pivot is zero, or not positive, counted from one, or 0.
  int32_t factor(const T* diagonals) {
    fill_from(diagonals);
    int64_t last = 0;
    for (int64_t k = 0; k < n_; ++k) {
      const int64_t below = std::min(n_, k + band_.lower + 1);
      const int64_t pivot = band_.definite ? k : largest(k, below);
      pivots_[size_t(k)] = pivot;
      if (band_.definite ? !(std::real(at(k, k)) > 0) : at(pivot, k) == T(0))
        return static_cast<int32_t>(k + 1);
      last = std::min(n_ - 1, std::max(last, pivot + band_.upper));
      if (pivot != k)
        for (int64_t j = k; j <= last; ++j) std::swap(at(pivot, j), at(k, j));
      for (int64_t i = k + 1; i < below; ++i) eliminate(i, k, last);
    }
    return 0;
  }

  // Columns one after the other, and kLanes of them side by side where there are as many: what a
  // row waits for in one column it does not wait for in the next.
  void solve(T* x, int64_t columns) const {
    int64_t j = 0;
    if (columns >= kLanes) {
      std::vector<Lanes<kLanes>> side(static_cast<size_t>(n_));
      for (; j + kLanes <= columns; j += kLanes) {
        T* block = x + j * n_;
        for (int64_t i = 0; i < n_; ++i)
          for (int64_t c = 0; c < kLanes; ++c) side[size_t(i)].x[c] = block[c * n_ + i];
        solve_beside(side.data());
        for (int64_t i = 0; i < n_; ++i)
          for (int64_t c = 0; c < kLanes; ++c) block[c * n_ + i] = side[size_t(i)].x[c];
      }
    }
    for (; j < columns; ++j) solve_beside(reinterpret_cast<Lanes<1>*>(x + j * n_));
  }

 private:
  static constexpr int64_t kLanes = 8;
  // The elements of some columns in one row
  template <int64_t kCount>
  struct Lanes {
    T x[kCount];
    void subtract(T factor, const Lanes& other) {
      for (int64_t c = 0; c < kCount; ++c) x[c] -= factor * other.x[c];
    }
    void divide(T by) {
      for (int64_t c = 0; c < kCount; ++c) x[c] /= by;
    }
  };

  template <class Row>
  void solve_beside(Row* x) const {
    band_.transposed ? solve_transposed(x) : solve_plain(x);
  }

  template <class Row>
  void solve_plain(Row* x) const {
    for (int64_t k = 0; k < n_; ++k) {
      std::swap(x[k], x[pivots_[size_t(k)]]);
      const int64_t below = std::min(n_, k + band_.lower + 1);
      for (int64_t i = k + 1; i < below; ++i) x[i].subtract(at(i, k), x[k]);
    }
    for (int64_t i = n_ - 1; i >= 0; --i) {
      const int64_t end = std::min(n_, i + fill_ + 1);
      Row sum = x[i];
      for (int64_t j = i + 1; j < end; ++j) sum.subtract(at(i, j), x[j]);
      sum.divide(at(i, i));
      x[i] = sum;
    }
  }

  template <class Row>
  void solve_transposed(Row* x) const {
    for (int64_t i = 0; i < n_; ++i) {
      x[i].divide(at(i, i));
      const int64_t end = std::min(n_, i + fill_ + 1);
      for (int64_t j = i + 1; j < end; ++j) x[j].subtract(at(i, j), x[i]);
    }
    for (int64_t k = n_ - 1; k >= 0; --k) {
      const int64_t below = std::min(n_, k + band_.lower + 1);
      for (int64_t i = k + 1; i < below; ++i) x[k].subtract(at(i, k), x[i]);
      std::swap(x[k], x[pivots_[size_t(k)]]);
    }
  }

  T& at(int64_t i, int64_t j) { return values_[size_t(i * width_ + j - i + band_.lower)]; }
  const T& at(int64_t i, int64_t j) const {
    return values_[size_t(i * width_ + j - i + band_.lower)];
  }
  void fill_from(const T* diagonals) {
    std::fill(values_.begin(), values_.end(), T(0));
    for (int64_t r = 0; r <= band_.lower + band_.upper; ++r) {
      const int64_t down = r - band_.upper, end = std::min(n_, n_ - down);
      for (int64_t j = std::max<int64_t>(0, -down); j < end; ++j)
        at(j + down, j) = diagonals[r * n_ + j];
    }
  }
  int64_t largest(int64_t k, int64_t below) const {
    int64_t best = k;
    for (int64_t i = k + 1; i < below; ++i)
      if (std::abs(at(i, k)) > std::abs(at(best, k))) best = i;
    return best;
  }
  void eliminate(int64_t i, int64_t k, int64_t last) {
    const T factor = at(i, k) / at(k, k);
    at(i, k) = factor;
    if (factor == T(0)) return;
    T* row = &at(i, k);
    const T* from = &at(k, k);
    for (int64_t j = 1; j <= last - k; ++j) row[j] -= factor * from[j];
  }

  const int64_t n_;
  const Band band_;
  const int64_t fill_, width_;
  std::vector<T> values_;
  std::vector<int64_t> pivots_;
};

}  // namespace

void solve_banded(const Matrices& diagonals, const Matrices& b, const int64_t* which, Band band,
                  int32_t* info) {
  if (on_device(b)) return solve_banded_by_host(diagonals, b, which, band, info);
  visit_scalar(b.dtype, [&]<class T>(TypeTag<T>) {
    const int64_t n = b.rows;
    const double work = double(n) * double(band.lower + 1) * double(band.lower + band.upper + 1);
    over_batch(b.count, work, [&](int64_t begin, int64_t end) {
      BandFactors<T> factors(n, band);
      for (int64_t i = begin; i < end; ++i) {
        if (i == begin || which[i] != which[i - 1])
          info[i] = factors.factor(matrix<T>(diagonals, which[i]));
        else
          info[i] = info[i - 1];
        if (info[i] == 0) factors.solve(matrix<T>(b, i), b.columns);
      }
    });
  });
}

}  // namespace pyautograd::kernels
