#pragma once

#include "ops/spectral_slopes.h"

// Derivatives of spectra in which values repeat. A function that is constant near every one of the
// different values is a smooth function of the matrix, whatever the vectors of the repeated ones
// do: the projector onto one vector is that of its value. So what belongs to single values, or to
// groups of them as a whole, has derivatives of every order, as divided differences of that
// function. What tells repeated values apart has none, and is nan.
namespace pyautograd::ops::linalg {

// Whether two values of a sorted spectrum are equal within rounding, or so close that rules through
// single vectors lose digits.
bool repeats(const Tensor& values);
// Whether neighbours in a sorted spectrum are so close, behind every transform.
Tensor are_close(const Tensor& values);

// The derivative of V diag(c) V^H along Hermitian matrices, and the transposed: that of all
// eigenvalues along one matrix more, the first. There is one direction at least.
Tensor with_eigenvalues_along(const Tensor& a, const Tensor& c, const Eigen& known,
                              TensorSpan directions);
Tensor eigenvalues_moved_along(const Tensor& a, const Tensor& first, const Eigen& known,
                               TensorSpan directions);

// How the eigenvectors move with t, and what of a gradient g by them belongs to the matrix.
Tensor eigenvectors_moved(const Tensor& a, const Tensor& t, const Eigen& known);
Tensor eigenvectors_pulled(const Tensor& a, const Tensor& g, const Eigen& known);

}  // namespace pyautograd::ops::linalg
