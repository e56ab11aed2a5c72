#include "kernels/cpu/move.h"
#include "kernels/device_input.h"
#include "kernels/iterate.h"
#include "kernels/kernels.h"
#include "kernels/products.h"

namespace pyautograd::kernels {

namespace {

// Lines side by side: one pass along the axis for a block of sums that stays in the cache.
constexpr int64_t kBlock = 512;

struct Steps {
  int64_t out, a, b;
};

template <class T>
void add_products(T* out, const T* a, const T* b, Steps beside, Steps along, int64_t length,
                  int64_t n) {
  Formula<ScaleBoth, T> product;
  for (int64_t i = 0; i < n; ++i) out[i * beside.out] = 0;
  for (int64_t r = 0; r < length; ++r, a += along.a, b += along.b) {
    for (int64_t i = 0; i < n; ++i)
      out[i * beside.out] += product(a[i * beside.a], b[i * beside.b]);
  }
}

// The same of elements that follow each other, with the loops of the instruction set.
template <class T>
void add_packed_products(T* out, const T* a, const T* b, Steps, Steps along, int64_t length,
                         int64_t n) {
  static const Loop2 multiply = binary_loop(fn_id<ScaleBoth>(), dtype_of<T>),
                     add = binary_loop(fn_id<Add>(), dtype_of<T>);
  T products[kBlock];
  for (int64_t i = 0; i < n; ++i) out[i] = 0;
  for (int64_t r = 0; r < length; ++r, a += along.a, b += along.b) {
    multiply(products, a, b, n, false, false);
    add(out, out, products, n, false, false);
  }
}

}  // namespace

void products_along(const View& out, const View& a, const View& b, int axis) {
  if (on_device(out)) {
    const DeviceInput left(a, out.device), right(b, out.device);
    return run_on_device(&DeviceKernels::products_along, out.device, out, left.view(), right.view(),
                         axis);
  }
  const int64_t length = a.shape[axis];
  const Nest<3> nest(out.shape, {out.strides, a.strides, b.strides});
  const Steps beside{nest.stride(0), nest.stride(1), nest.stride(2)};
  const Steps along{0, a.strides[axis], b.strides[axis]};
  const bool contiguous = beside.out == 1 && beside.a == 1 && beside.b == 1;
  visit_dtype(out.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (is_inexact(dtype_of<T>)) {
      const auto add = contiguous ? &add_packed_products<T> : &add_products<T>;
      const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, length));
      parallel_for(nest.count(), grain, [&](int64_t begin, int64_t end) {
        nest.walk(begin, end, [&](const auto& offsets, int64_t n) {
          for (int64_t i = 0; i < n; i += kBlock)
            add(static_cast<T*>(out.data) + offsets[0] + i * beside.out,
                static_cast<const T*>(a.data) + offsets[1] + i * beside.a,
                static_cast<const T*>(b.data) + offsets[2] + i * beside.b, beside, along, length,
                std::min(kBlock, n - i));
        });
      });
    }
  });
}

}  // namespace pyautograd::kernels
