#pragma once

#include "ops/ops.h"

// Eigenvalues have no derivatives of second order where they repeat, but the functions of a matrix
// that one makes of them do: sum(f(w)) is the trace of f(A), as smooth as f. So a spectrum with
// values that (nearly) repeat remembers its matrix, elementwise functions of it remember what
// function of the spectrum they are, and a sum, mean, product or logsumexp over the whole of it is
// differentiated as a function of the matrix: in every mode and order alike, since to the engine it
// is one more primitive.
namespace pyautograd::ops {

// Where a spectrum is from: the lower or upper triangle of a Hermitian matrix, or the singular
// values of any.
enum class SpectrumOf : uint8_t { Lower, Upper, Singular };

// Says that `values`, along their last axis, are the spectrum of `matrix`.
void remember_spectrum(const Tensor& values, SpectrumOf of, const Tensor& matrix);
// Says that y is an elementwise op of x, of which one at least has an origin.
void remember_function(const Ref<const Primitive>& op, TensorSpan x, const Tensor& y);

// Reductions of y over `axes`, sorted, with derivatives as functions of the matrix; nothing where y
// is no function of a spectrum, or `axes` leaves the spectrum's out.
std::optional<Tensor> sum_of_spectrum(const Tensor& y, const Dims& axes, bool keepdims);
std::optional<Tensor> prod_of_spectrum(const Tensor& y, const Dims& axes, bool keepdims);
// The logsumexp of y along its last axis likewise, `value` being known.
Tensor logsumexp_of_spectrum(const Tensor& y, const Tensor& value);

}  // namespace pyautograd::ops
