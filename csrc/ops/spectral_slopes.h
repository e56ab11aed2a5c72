#pragma once

#include "ops/ops.h"

// First derivatives of eigenvalues and singular values, as ops of their own. Through the vectors
// they would have second derivatives that are nan, or in some directions zero, wherever any two
// values repeat. Here those are quotients over the differences of the values that somebody asks
// for, and nan in every mode where these have no second derivative.
namespace pyautograd::ops::linalg {

Tensor skew_part(const Tensor& x);
// x without its part in the span of the orthonormal columns of u.
Tensor outside(const Tensor& x, const Tensor& u);

struct Eigen {
  Tensor values, vectors;
};
// The Hermitian matrix with the singular values of x, their negatives, and zeros for its spectrum.
Tensor jordan_wielandt(const Tensor& x);
// That spectrum, rising, from the singular vectors of x.
Eigen spectrum_of_jordan_wielandt(const Tensor& x);

// Of a Hermitian matrix.
// V diag(c) V^H: what c, one number per eigenvalue, is pulled back to.
Tensor with_eigenvalues(const Tensor& a, const Tensor& c, const Eigen& known);
// The diagonal of V^H t V: how the eigenvalues move with the Hermitian part of t.
Tensor eigenvalues_moved(const Tensor& a, const Tensor& t, const Eigen& known);

// Of any matrix, thin.
struct Singular {
  Tensor u, values, vh;
};
// U diag(c) V^H.
Tensor with_singular_values(const Tensor& a, const Tensor& c, const Singular& known);
// The real part of the diagonal of U^H t V.
Tensor singular_values_moved(const Tensor& a, const Tensor& t, const Singular& known);

}  // namespace pyautograd::ops::linalg
