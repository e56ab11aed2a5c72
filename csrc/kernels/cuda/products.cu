// Sums of products that are no matrix products: convolutions of vectors, and along an axis.

#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/tables.h"

namespace pyautograd::kernels::cuda {

namespace {

// An output element each.
template <class T>
struct Convolve {
  T* out;
  const T *x, *y;
  Places<3> leading;  // of out, x, y
  int64_t size, n, m, start;

  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const int64_t line = item / size, t = item - line * size;
    const auto at = leading(line);
    // x[t + start - j] exists for these j.
    const int64_t last = t + start, first = last - n + 1;
    T sum(0);
    for (int64_t j = first > 0 ? first : 0; j < m && j <= last; ++j)
      sum = Formula<Add, T>()(sum, Formula<Multiply, T>()(y[at.of[2] + j], x[at.of[1] + last - j]));
    out[at.of[0] + t] = sum;
  }
};

bool convolve(const View& out, const View& x, const View& y, int64_t start) {
  const size_t last = out.shape.size() - 1;
  const Nest<3> nest(out.shape.first(last),
                     {out.strides.first(last), x.strides.first(last), y.strides.first(last)});
  if (nest.rank() > kMaxRank) return false;
  return visit_dtype(out.dtype, [&]<class T>(TypeTag<T>) {
    if constexpr (std::is_same_v<T, bool>) {
      return false;
    } else {
      const Convolve<T> kernel{static_cast<T*>(out.data),
                               static_cast<const T*>(x.data),
                               static_cast<const T*>(y.data),
                               Places<3>(nest),
                               out.shape[last],
                               x.shape[last],
                               y.shape[last],
                               start};
      Queue(out.device).each(element_count(out.shape), kernel);
      return true;
    }
  });
}

template <class T>
struct ProductsAlong {
  T* out;
  const T *a, *b;
  Places<3> places;  // of out, a, b
  int64_t length, a_step, b_step;

  PYAUTOGRAD_HD void operator()(int64_t i) const {
    const auto at = places(i);
    T sum(0);
    for (int64_t k = 0; k < length; ++k)
      sum = Formula<Add, T>()(
          sum, Formula<ScaleBoth, T>()(a[at.of[1] + k * a_step], b[at.of[2] + k * b_step]));
    out[at.of[0]] = sum;
  }
};

bool products_along(const View& out, const View& a, const View& b, int axis) {
  const size_t along = static_cast<size_t>(axis);
  const Nest<3> nest(out.shape, {out.strides, a.strides, b.strides});
  if (nest.rank() > kMaxRank) return false;
  return visit_dtype(out.dtype, [&]<class T>(TypeTag<T>) {
    if constexpr (is_float<T> || is_complex_type<T>) {
      const ProductsAlong<T> kernel{static_cast<T*>(out.data),
                                    static_cast<const T*>(a.data),
                                    static_cast<const T*>(b.data),
                                    Places<3>(nest),
                                    a.shape[along],
                                    a.strides[along],
                                    b.strides[along]};
      Queue(out.device).each(nest.count(), kernel);
      return true;
    } else {
      return false;
    }
  });
}

}  // namespace

void install_products(DeviceKernels& table) {
  table.convolve = &convolve;
  table.products_along = &products_along;
}

}  // namespace pyautograd::kernels::cuda
