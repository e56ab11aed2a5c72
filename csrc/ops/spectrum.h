#pragma once

#include <functional>

#include "kernels/functors.h"
#include "ops/ops.h"

// Eigenvalues have no derivatives of second order where they repeat, but the functions of a matrix
// that one makes of them do: sum(f(w)) is the trace of f(A), as smooth as f. So a spectrum with
// values that (nearly) repeat remembers its matrix, elementwise functions of it remember what
// function of the spectrum they are, and a sum, mean, product or logsumexp over the whole of it is
// differentiated as a function of the matrix: in every mode and order alike, since to the engine it
// is one more primitive. The functions may have parameters, tensors that are the same for all of
// the spectrum, such as its own mean: so variances, norms and softmax are sums of such functions.
namespace pyautograd::ops {

// Where a spectrum is from: the lower or upper triangle of a Hermitian matrix, or the singular
// values of any.
enum class SpectrumOf : uint8_t { Lower, Upper, Singular };

// Says that `values`, along their last axis, are the spectrum of `matrix`.
void remember_spectrum(const Tensor& values, SpectrumOf of, const Tensor& matrix);
// Says the same of the eigenvalues of Hermitian `matrix`, whether or not any come close.
void remember_matrix(const Tensor& values, const Tensor& matrix);
// Says that y is an elementwise op of x, of which one at least has an origin.
void remember_function(kernels::FnId op, TensorSpan x, const Tensor& y);

// Whether x is a function of a spectrum, and the spectrum's axis is the last of `axes`.
bool is_spectrum(const Tensor& x, const Dims& axes);
// A value with the derivatives of another expression for it. Whether anybody differentiates must
// not change a bit of a value.
Tensor value_of(const Tensor& value, const Tensor& differentiated);

// Reductions of y over `axes`, sorted, with derivatives as functions of the matrix; nothing where y
// is no function of a spectrum, or `axes` leaves the spectrum's out.
std::optional<Tensor> sum_of_spectrum(const Tensor& y, const Dims& axes, bool keepdims);
std::optional<Tensor> prod_of_spectrum(const Tensor& y, const Dims& axes, bool keepdims);
// f of the Hermitian matrix that y is f of the spectrum of; nothing where y remembers none.
std::optional<Tensor> matrix_of_spectrum(const Tensor& y);
// The logsumexp of y along its last axis likewise, `value` being known.
Tensor logsumexp_of_spectrum(const Tensor& y, const Tensor& value);
// Along the last axis, again functions of the spectrum.
Tensor softmax_of_spectrum(const Tensor& y, const Tensor& value);
Tensor log_softmax_of_spectrum(const Tensor& y, const Tensor& value);

// What `pick` takes from x, with second derivatives that are nan if x are values of a spectrum and
// those taken tell repeated ones apart; nothing where x remembers no spectrum. Second derivatives
// are infinite there, and where a slope is exactly zero, as that of (w[0] - w[1])**2 is, they would
// silently count as zero although they may have a limit.
using Pick = std::function<Tensor(const Tensor&)>;
std::optional<Tensor> picked_from_spectrum(const Tensor& x, const Pick& pick);

}  // namespace pyautograd::ops
