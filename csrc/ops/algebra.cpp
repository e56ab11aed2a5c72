// The sums of the engine, in place where nobody else can see the memory.

#include "autograd/algebra.h"

#include "autograd/capture.h"
#include "autograd/layout.h"
#include "kernels/kernels.h"
#include "ops/elementwise.h"
#include "ops/linear.h"

namespace pyautograd::algebra {

namespace {

bool sole_owner(const Tensor& x) {
  if (!x.is_array() || x.tracked() || x.body()->use_count() != 1) return false;
  const Array& array = x.array();
  return array.storage->use_count() == 1 && array.storage->writable() &&
         (array.contiguous() || is_dense(array.shape, array.strides));
}

// Where the sum would lie as a does, so that later sums over it have the same order whoever owns a.
bool sum_lies_as_first(const Tensor& a, const Tensor& b) {
  const Array& first = a.array();
  if (first.contiguous()) return true;
  const Tensor operands[] = {a, b};
  return dense_strides(first.shape, elementwise_order(operands, first.shape)) == first.strides;
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) { return ops::add(a, b); }
Tensor scaled(const Tensor& x, double factor) { return ops::operator*(x, factor); }
Tensor divided(const Tensor& x, double divisor) { return ops::operator/(x, divisor); }

Tensor accumulate(Tensor&& a, const Tensor& b) {
  const bool same =
      b.is_array() && !b.tracked() && a.dtype() == b.dtype() && a.shape() == b.shape();
  const bool kernel = same && a.device() == b.device() && !is_half(a.dtype());
  if (!kernel || !sole_owner(a) || !sum_lies_as_first(a, b)) return ops::add(a, b);
  if (!a.array().storage->present() || !b.array().storage->present()) return ops::add(a, b);
  a.array().storage->prepare_write();
  kernels::binary(kernels::fn_id<kernels::Add>(), a.device_view(), a.device_view(),
                  b.device_view());
  return std::move(a);
}

Tensor conj(Tensor&& x) {
  if (!x || !is_complex(x.dtype()) || !sole_owner(x) || Capture::unknown(x.array()))
    return conj(std::as_const(x));
  x.array().storage->prepare_write();
  kernels::unary(kernels::fn_id<kernels::Conj>(), x.array().device_view(), x.array().device_view());
  return std::move(x);
}

}  // namespace pyautograd::algebra
