#pragma once

// Dense linear algebra. Every function works on a batch of matrices, each stored by columns without
// gaps, one matrix behind the other. Whoever calls has validated shapes and asked has_lapack(). On
// the host the batch is cut over the threads; where the matrices lie on a device, so do pivots and
// results, while `which` and `info` are arrays of the host always. `info` gets one number per
// matrix: 0 where all went well, else what LAPACK reports.

#include <cstdint>
#include <span>

#include "core/view.h"

namespace pyautograd::kernels {

bool has_lapack();

struct Matrices {
  void* data;
  DType dtype;
  int64_t count, rows, columns;
  Device device = {};
};

// Calls f(TypeTag<T>{}) with the scalar type of a dtype that LAPACK has.
template <class F>
void visit_scalar(DType dtype, F&& f) {
  switch (dtype) {
    case DType::Float32:
      return f(TypeTag<float>{});
    case DType::Complex64:
      return f(TypeTag<std::complex<float>>{});
    case DType::Complex128:
      return f(TypeTag<std::complex<double>>{});
    default:
      return f(TypeTag<double>{});
  }
}

// a becomes L (below the diagonal, which is one) and U of its LU decomposition with row exchanges:
// row i was exchanged with row pivots[i], in order. info: a pivot is exactly zero; null where
// nobody asks, for which a device need not be waited for.
void lu(const Matrices& a, int32_t* pivots, int32_t* info);
// The determinants of factored matrices, as one number, which neither overflows nor underflows on
// the way, and as sign and logarithm; null pointers are left out.
void det(const Matrices& lu, const int32_t* pivots, void* sign, void* logabsdet, void* det);
// The matrix G for which sum(G * H) is the derivative of det at a in the directions given and H:
// without directions, the cofactors. Exact whatever the rank.
void det_derivative(const Matrices& a, std::span<const Matrices> directions, const Matrices& out);
// What a matrix a is solved for: a x = b or, from the right, x a = b; with a or its transpose.
struct Side {
  bool right, transposed;
};
// b[i] becomes the solution for the matrix number which[i].
void lu_solve(const Matrices& lu, const int32_t* pivots, const Matrices& b, const int64_t* which,
              Side side);
// Factored matrices become their inverses, or nan where a pivot is zero.
void lu_inverse(const Matrices& lu, const int32_t* pivots);
// The lower factor, or the upper one, which is its conjugate transpose; only that triangle of a is
// read, the other is cleared. info: not positive definite.
void cholesky(const Matrices& a, bool upper, int32_t* info);

struct Triangle {
  bool lower, unit_diagonal;
  Side side;
};
// b[i] becomes the solution for the matrix number which[i]; a zero on the diagonal gives inf or
// nan.
void solve_triangular(const Matrices& a, const Matrices& b, const int64_t* which,
                      Triangle triangle);

// How many diagonals lie below and above the main one; whether the matrix is to be transposed, and
// whether to be positive definite.
struct Band {
  int64_t lower, upper;
  bool transposed, definite;
};
// b[i] becomes the solution for the matrix number which[i], whose diagonals are columns: a[i, j] is
// in column upper + i - j, row j. info: singular, or not positive definite.
void solve_banded(const Matrices& diagonals, const Matrices& b, const int64_t* which, Band band,
                  int32_t* info);

// a becomes R (with zeros below the diagonal) and, unless q is null, q becomes the first q->columns
// columns of Q.
void qr(const Matrices& a, const Matrices* q);
// Singular values fall. u and vh are null or thin or full; a is overwritten. info: no convergence.
void svd(const Matrices& a, void* s, const Matrices* u, const Matrices* vh, int32_t* info);
// Eigenvalues rise; a, of which one triangle is read, becomes the eigenvectors. info: no
// convergence.
void eigh(const Matrices& a, void* w, bool lower, bool vectors, int32_t* info);
// Eigenvalues and, unless v is null, eigenvectors of unit length, both complex; a is overwritten.
// info: no convergence, or something is not finite.
void eig(const Matrices& a, void* w, const Matrices* v, int32_t* info);
// The shortest x that minimises |a x - b| where singular values up to rcond times the largest count
// as zero. b has max(rows, columns) rows, of which the first a.rows are read and the first
// a.columns written. On the host alone.
void lstsq(const Matrices& a, const Matrices& b, void* s, int64_t* rank, double rcond,
           int32_t* info);
// q becomes x with a x + x b = q; a and b are overwritten. info: a and -b have (nearly) a common
// eigenvalue.
void solve_sylvester(const Matrices& a, const Matrices& b, const Matrices& q, int32_t* info);

// Functions of matrices, in place. The principal logarithm and root of a real matrix with an
// eigenvalue on the negative axis are not real: nan.
void expm(const Matrices& a);
void logm(const Matrices& a);
void sqrtm(const Matrices& a);

}  // namespace pyautograd::kernels
