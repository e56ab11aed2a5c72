#include "sparse/elimination.h"

#include <algorithm>
#include <complex>
#include <vector>

#include "core/error.h"

namespace pyautograd::sparse {

namespace {

constexpr int32_t kNobody = -1;

// value + slope e, where e e = 0. Nested, every level has an e of its own, and the coefficient of
// all of them together is the derivative along as many directions.
template <class N>
struct Dual {
  N value{}, slope{};

  Dual& operator+=(const Dual& x) {
    value += x.value;
    slope += x.slope;
    return *this;
  }
  Dual& operator-=(const Dual& x) {
    value -= x.value;
    slope -= x.slope;
    return *this;
  }
  friend Dual operator-(const Dual& x) { return {-x.value, -x.slope}; }
  friend Dual operator*(const Dual& x, const Dual& y) {
    N slope = x.value * y.slope;
    slope += x.slope * y.value;
    return {x.value * y.value, slope};
  }
};

template <class T>
T reciprocal(const T& x) {
  return T{1} / x;
}
template <class N>
Dual<N> reciprocal(const Dual<N>& x) {
  const N r = reciprocal(x.value);
  return {r, -(r * r * x.slope)};
}

// Of the product of those e whose bits are set; the outermost has the highest.
template <class T>
T& coefficient(T& x, size_t) {
  return x;
}
template <class N>
auto& coefficient(Dual<N>& x, size_t bits) {
  constexpr size_t own = sizeof(N) / sizeof(coefficient(x.value, 0));
  return coefficient(bits & own ? x.slope : x.value, bits & (own - 1));
}

// The filled pattern of a lower triangle: rows ascend in each column.
class Filled {
 public:
  // Entries are given twice if need be, and above the diagonal, too.
  Filled(int32_t n, std::span<const int32_t> rows, std::span<const int32_t> columns)
      : n_(n), given_starts_(n + 1, 0), given_(rows.size()) {
    for (size_t e = 0; e < rows.size(); ++e) ++given_starts_[std::min(rows[e], columns[e]) + 1];
    for (int32_t j = 0; j < n; ++j) given_starts_[j + 1] += given_starts_[j];
    CachedVector<int64_t> next(given_starts_.begin(), given_starts_.end());
    for (size_t e = 0; e < rows.size(); ++e)
      given_[next[std::min(rows[e], columns[e])]++] = std::max(rows[e], columns[e]);
  }

  // A column is filled by itself and by the columns whose first row it is.
  void fill(CachedVector<int64_t>& starts, CachedVector<int32_t>& found) const {
    CachedVector<int32_t> seen(n_, kNobody), child(n_, kNobody), sibling(n_, kNobody);
    starts.assign(1, 0);
    for (int32_t j = 0; j < n_; ++j) {
      seen[j] = j;
      const auto meet = [&](int32_t i) {
        if (seen[i] == j) return;
        seen[i] = j;
        found.push_back(i);
      };
      for (int64_t k = given_starts_[j]; k < given_starts_[j + 1]; ++k) meet(given_[k]);
      for (int32_t c = child[j]; c != kNobody; c = sibling[c]) {
        for (int64_t t = starts[c]; t < starts[c + 1]; ++t) meet(found[t]);
      }
      starts.push_back(static_cast<int64_t>(found.size()));
      if (starts[j] == starts[j + 1]) continue;
      std::sort(found.begin() + starts[j], found.end());
      const int32_t parent = found[starts[j]];
      sibling[j] = child[parent];
      child[parent] = j;
    }
  }

 private:
  const int32_t n_;
  CachedVector<int64_t> given_starts_;
  CachedVector<int32_t> given_;  // rows, by columns
};

}  // namespace

Elimination::Elimination(int32_t n, std::span<const int32_t> rows, std::span<const int32_t> columns)
    : n_(n) {
  if (n < 0 || rows.size() != columns.size())
    value_error("[sparse] ", rows.size(), " rows and ", columns.size(),
                " columns of a matrix of order ", n);
  for (size_t e = 0; e < rows.size(); ++e) {
    if (std::min(rows[e], columns[e]) < 0 || std::max(rows[e], columns[e]) >= n)
      value_error("[sparse] entry ", e, " is outside of the matrix");
  }
  Filled(n, rows, columns).fill(starts_, rows_);
  for (size_t e = 0; e < rows.size(); ++e) {
    places_.push_back(place(rows[e], columns[e]));
    mirrored_.push_back(place(columns[e], rows[e]));
  }
}

int64_t Elimination::place(int32_t row, int32_t column) const {
  if (row == column) return row;
  const int32_t j = std::min(row, column), i = std::max(row, column);
  const int32_t* const first = rows_.data() + starts_[j];
  const int64_t t = std::lower_bound(first, rows_.data() + starts_[j + 1], i) - rows_.data();
  return n_ + (row > column ? t : below() + t);
}

template <class F>
void Elimination::for_pairs(int32_t j, int64_t* at, F&& f) const {
  const int64_t begin = starts_[j], end = starts_[j + 1];
  for (int64_t a = begin; a < end; ++a) at[rows_[a]] = a;
  for (int64_t a = begin; a < end; ++a) {
    const int32_t k = rows_[a];
    // Column k has all rows of column j that are below k.
    int64_t left = end - a - 1;
    for (int64_t t = starts_[k]; left > 0; ++t) {
      // What another column has left there is out of range.
      const int64_t b = at[rows_[t]];
      if (b < begin || b >= end) continue;
      f(a, b, t);
      --left;
    }
  }
}

// A = L U, with ones on L's diagonal: L below, U beside the pivots.
template <class N>
void Elimination::eliminate(N* numbers) const {
  N *const pivots = numbers, *const lower = numbers + n_, *const upper = lower + below();
  CachedVector<int64_t> at(n_, kNobody);
  for (int32_t j = 0; j < n_; ++j) {
    const N r = reciprocal(pivots[j]);
    for (int64_t a = starts_[j]; a < starts_[j + 1]; ++a) {
      lower[a] = lower[a] * r;
      pivots[rows_[a]] -= lower[a] * upper[a];
    }
    for_pairs(j, at.data(), [&](int64_t a, int64_t b, int64_t t) {
      lower[t] -= lower[b] * upper[a];
      upper[t] -= lower[a] * upper[b];
    });
  }
}

// From the last column to the first, by Z L = U^-1 below the diagonal and U Z = L^-1 above it.
template <class N>
void Elimination::invert(N* numbers) const {
  N *const pivots = numbers, *const lower = numbers + n_, *const upper = lower + below();
  CachedVector<int64_t> at(n_, kNobody);
  std::vector<N> left, right;
  for (int32_t j = n_ - 1; j >= 0; --j) {
    const int64_t begin = starts_[j], count = starts_[j + 1] - begin;
    const N r = reciprocal(pivots[j]);
    left.assign(lower + begin, lower + begin + count);
    right.resize(count);
    for (int64_t a = 0; a < count; ++a) {
      right[a] = r * upper[begin + a];
      const N& own = pivots[rows_[begin + a]];
      lower[begin + a] = -(own * left[a]);
      upper[begin + a] = -(right[a] * own);
    }
    for_pairs(j, at.data(), [&](int64_t a, int64_t b, int64_t t) {
      const N &under = lower[t], &beside = upper[t];
      lower[b] -= under * left[a - begin];
      lower[a] -= beside * left[b - begin];
      upper[b] -= right[a - begin] * beside;
      upper[a] -= right[b - begin] * under;
    });
    pivots[j] = r;
    for (int64_t a = 0; a < count; ++a) pivots[j] -= right[a] * lower[begin + a];
  }
}

template <class N, class T>
void Elimination::run(const T* values, const T* const* directions, T* out) const {
  constexpr size_t all = sizeof(N) / sizeof(T);
  std::vector<N> numbers(n_ + 2 * below());
  for (size_t e = 0; e < places_.size(); ++e) {
    N& number = numbers[places_[e]];
    coefficient(number, 0) += values[e];
    for (size_t bit = 1, k = 0; bit < all; bit *= 2, ++k)
      coefficient(number, bit) += directions[k][e];
  }
  eliminate(numbers.data());
  invert(numbers.data());
  for (size_t e = 0; e < mirrored_.size(); ++e)
    out[e] = coefficient(numbers[mirrored_[e]], all - 1);
}

template <class T>
void Elimination::inverse(const T* values, std::span<const T* const> directions, T* out) const {
  using Two = Dual<Dual<T>>;
  using Four = Dual<Dual<Two>>;
  const T* const* const along = directions.data();
  switch (directions.size()) {
    case 0:
      return run<T>(values, along, out);
    case 1:
      return run<Dual<T>>(values, along, out);
    case 2:
      return run<Two>(values, along, out);
    case 3:
      return run<Dual<Two>>(values, along, out);
    case 4:
      return run<Four>(values, along, out);
    case kMostDirections:
      return run<Dual<Four>>(values, along, out);
    default:
      value_error("[sparse] at most ", kMostDirections, " directions, got ", directions.size());
  }
}

template void Elimination::inverse(const double*, std::span<const double* const>, double*) const;
template void Elimination::inverse(const std::complex<double>*,
                                   std::span<const std::complex<double>* const>,
                                   std::complex<double>*) const;

}  // namespace pyautograd::sparse
