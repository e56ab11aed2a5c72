#pragma once

#include <cstdint>
#include <span>

#include "core/cached_vector.h"

// Entries of the inverse of a sparse matrix, where the matrix has entries, and their derivatives.
// Knows nothing of tensors.
//   K. Takahashi, J. Fagan, M.-S. Chen, Formation of a sparse bus impedance matrix and its
//     application to short circuit study, 8th PICA Conference (1973) 63-69.
//   A. M. Erisman, W. F. Tinney, On computing certain elements of the inverse of a sparse matrix,
//     Communications of the ACM 18 (1975) 177-179.
namespace pyautograd::sparse {

// Gauss's elimination without exchanges, within the pattern that it fills: that of the matrix and
// its transpose together.
class Elimination {
 public:
  // How often the inverse can be differentiated.
  static constexpr size_t kMostDirections = 5;

  // Entry e is in row rows[e] and column columns[e], both below n; entries at a place add up.
  Elimination(int32_t n, std::span<const int32_t> rows, std::span<const int32_t> columns);

  // The derivative along all of the directions, each once, of element (columns[e], rows[e]) of the
  // inverse. T: double or std::complex<double>.
  template <class T>
  void inverse(const T* values, std::span<const T* const> directions, T* out) const;

  int64_t entries() const noexcept { return static_cast<int64_t>(places_.size()); }
  // Of the filled pattern's lower triangle, without the diagonal
  int64_t below() const noexcept { return static_cast<int64_t>(rows_.size()); }

 private:
  // Numbers are kept as n pivots, what is below them by columns, and what is beside them by rows.
  template <class N>
  void eliminate(N* numbers) const;
  template <class N>
  void invert(N* numbers) const;
  template <class N, class T>
  void run(const T* values, const T* const* directions, T* out) const;
  int64_t place(int32_t row, int32_t column) const;
  // Calls f(a, b, t) for elements a and b of column j, a above b, and the element t that lies
  // in the column of a's row and in b's row.
  template <class F>
  void for_pairs(int32_t j, int64_t* at, F&& f) const;

  const int32_t n_;
  CachedVector<int64_t> starts_;
  CachedVector<int32_t> rows_;  // ascending in each column
  CachedVector<int64_t> places_, mirrored_;
};

}  // namespace pyautograd::sparse
