// Complex numbers and their parts.

#include <algorithm>

#include "ops/elementwise.h"
#include "ops/linear.h"

namespace pyautograd {

namespace ops {

Tensor conj(const Tensor& x) { return is_complex(x.dtype()) ? call<kernels::Conj>(x) : x; }
Tensor real(const Tensor& x) { return is_complex(x.dtype()) ? call<kernels::Real>(x) : x; }
Tensor imag(const Tensor& x) {
  if (is_complex(x.dtype())) return call<kernels::Imag>(x);
  // Zero as a function of x: with a derivative, which is zero.
  return is_inexact(x.dtype()) ? call<kernels::Scale>(zeros_like(x), x) : zeros_like(x);
}
Tensor make_complex(const Tensor& re, const Tensor& im) {
  return call<kernels::MakeComplex>(re, im);
}

namespace {

Tensor conj_of_its_own(const Tensor& x) { return is_complex(x.dtype()) ? conj(x) : copy(x); }

}  // namespace

}  // namespace ops

void register_complex(Registry& registry) {
  registry.add("conj", &ops::conj_of_its_own, "x, /",
               R"(The complex conjugate; of a real tensor a copy.

:param x: tensor of any shape

>>> pa.conj(pa.tensor([1.0 + 2.0j])).tolist()
[(1-2j)])");
  registry.add("real", &ops::real, "x, /",
               R"(The real part; a real tensor is returned as it is. As in NumPy, it is a view.

:param x: tensor of any shape
:returns: real tensor of x's shape

>>> pa.real(pa.tensor([1.0 + 2.0j])).tolist()
[1.0])");
  registry.add("imag", &ops::imag, "x, /",
               R"(The imaginary part, a view as in NumPy; zeros for a real tensor.

:param x: tensor of any shape
:returns: real tensor of x's shape

>>> pa.imag(pa.tensor([1.0 + 2.0j])).tolist()
[2.0])");
  registry.add("complex", &ops::make_complex, "real, imag, /",
               R"(The complex numbers with the given real and imaginary parts, with broadcasting.

:param real: real tensor; integers and bools are computed in float64
:param imag: real tensor that broadcasts with it
:returns: complex64 tensor for float32 parts, else complex128
:raises TypeError: if a part is complex

>>> pa.complex(pa.tensor([1.0, 2.0]), pa.tensor(3.0)).tolist()
[(1+3j), (2+3j)])");
}

namespace algebra {

Tensor conj(const Tensor& x) {
  if (!x || !is_complex(x.dtype())) return x;
  if (x.tracked() || !x.is_array()) return ops::conj(x);
  // What was broadcast stays so.
  const Array& array = x.array();
  Dims core = array.shape;
  for (size_t d = 0; d < core.size(); ++d)
    if (array.strides[d] == 0) core[d] = std::min<int64_t>(core[d], 1);
  if (core == array.shape) return ops::conj(x);
  const Tensor small(array.with_layout(core, array.strides, array.offset));
  return ops::broadcast_to(ops::conj(small), array.shape);
}

}  // namespace algebra

}  // namespace pyautograd
