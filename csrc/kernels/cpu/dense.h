#pragma once

// One matrix at a time, on all threads: products, triangular systems and factorizations by halves
// (Gustavson 1997; Toledo 1997), so that nearly all of the work is large products. What is small is
// one call of BLAS or LAPACK. Results do not depend on the number of threads, which LAPACK's own
// threads could not promise.

#include <cstdint>

#include "core/dtype.h"

namespace pyautograd::kernels {

// A matrix by columns, which are `leading` elements apart.
template <class T>
struct Block {
  T* data;
  int64_t rows, columns, leading;

  Block part(int64_t i, int64_t j, int64_t m, int64_t n) const {
    return {data + i + j * leading, m, n, leading};
  }
};

// The flags of LAPACK: 'L' for op(a) x = b and 'R' for x op(a) = b; 'L' or 'U'; 'N', 'T' or 'C';
// 'U' where the diagonal is one and not read, else 'N'.
struct TriangularFlags {
  char side, triangle, transpose, diagonal;
};

// T is float, double or std::complex of these.
template <class T>
struct Dense {
  // Up to this order no library is called: its locks alone cost more than the work.
  static constexpr int64_t kTiny = is_complex_type<T> ? 0 : 12;

  // c = alpha op(a) op(b) + beta c, with flags 'N', 'T' or 'C'.
  static void multiply(char flag_a, char flag_b, T alpha, const Block<T>& a, const Block<T>& b,
                       T beta, const Block<T>& c);
  // b becomes x.
  static void solve_triangular(const TriangularFlags& flags, const Block<T>& a, const Block<T>& b);
  // a becomes its factors; pivots count from one. Returns which pivot is zero, or 0.
  static int factor_lu(const Block<T>& a, int* pivots);
  // b becomes x with a x = b ('L') or x a = b ('R'), or the same of the transposed a.
  static void solve_factored(const Block<T>& lu, const int* pivots, char side, bool transposed,
                             const Block<T>& b);
  // The factors of a matrix become its inverse (Du Croz and Higham 1992, method B); no pivot may be
  // zero.
  static void invert_factored(const Block<T>& lu, const int* pivots);
  // One triangle of a becomes the factor; the other is not read. Returns which leading minor is not
  // positive, or 0.
  static int factor_cholesky(bool upper, const Block<T>& a);
};

}  // namespace pyautograd::kernels
