// Copies, conversions, filling, where.

#include <array>

#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/tables.h"
#include "kernels/scalar/convert.h"

namespace pyautograd::kernels::cuda {

namespace {

template <class To>
struct Convert {
  template <class From>
  PYAUTOGRAD_HD To operator()(From x) const {
    return convert<To>(x);
  }
};

struct Same {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x) const {
    return x;
  }
};

using Run = bool (*)(const View& out, const View& x);

template <class To, class From>
bool run_convert(const View& out, const View& x) {
  return run_map<Convert<To>, To, From>(out, x);
}
template <class To, class... From>
constexpr std::array<Run, sizeof...(From)> from_dtype(List<From...>) {
  return {&run_convert<To, From>...};
}
template <class... To>
constexpr std::array<std::array<Run, AllTypes::size>, sizeof...(To)> to_dtype(List<To...>) {
  return {from_dtype<To>(AllTypes{})...};
}

template <class Wide>
bool copy_by_way_of(const View& out, const View& x) {
  const Scratch memory(out.device.index,
                       static_cast<size_t>(element_count(x.shape)) * sizeof(Wide));
  const Dims strides = packed_strides(x.shape);
  const View wide{memory.as<void>(), dtype_of<Wide>, x.shape, strides, out.device};
  return copy_on_device(wide, x) && copy_on_device(out, wide);
}

// To and from float32, and from float64, which every other dtype goes by way of.
bool copy_half(const View& out, const View& x) {
  if (is_half(x.dtype)) {
    if (out.dtype != DType::Float32) return copy_by_way_of<float>(out, x);
    return visit_half(x.dtype, [&]<class T>(TypeTag<T>) { return run_convert<float, T>(out, x); });
  }
  return visit_half(out.dtype, [&]<class T>(TypeTag<T>) {
    if (x.dtype == DType::Float32) return run_convert<T, float>(out, x);
    if (x.dtype == DType::Float64) return run_convert<T, double>(out, x);
    return copy_by_way_of<double>(out, x);
  });
}

}  // namespace

bool copy_on_device(const View& out, const View& x) {
  if (out.dtype == x.dtype) {
    return visit_size(itemsize(out.dtype),
                      [&]<class T>(TypeTag<T>) { return run_map<Same, T, T>(out, x); });
  }
  if (is_half(out.dtype) || is_half(x.dtype)) return copy_half(out, x);
  static constexpr auto table = to_dtype(AllTypes{});
  return table[static_cast<size_t>(out.dtype)][static_cast<size_t>(x.dtype)](out, x);
}

namespace {

// One number of the host, everywhere.
template <class Number>
bool fill_with(const View& out, Number value) {
  return visit_stored_dtype(out.dtype, [&]<class T>(TypeTag<T>) {
    T number = convert<T>(value);
    const Dims none(out.shape.size(), 0);
    const View x{&number, out.dtype, out.shape, none};
    return copy_on_device(out, x);
  });
}
bool fill(const View& out, double value) { return fill_with(out, value); }
bool fill_int(const View& out, int64_t value) { return fill_with(out, value); }

template <class T>
struct Arange {
  T* out;
  int64_t stride;
  double start, step;
  PYAUTOGRAD_HD void operator()(int64_t i) const {
    out[i * stride] = convert<T>(start + static_cast<double>(i) * step);
  }
};

bool arange(const View& out, double start, double step) {
  visit_stored_dtype(out.dtype, [&]<class T>(TypeTag<T>) {
    const int64_t stride = out.strides.empty() ? 0 : out.strides[0];
    Queue(out.device)
        .each(element_count(out.shape), Arange<T>{static_cast<T*>(out.data), stride, start, step});
  });
  return true;
}

struct Choose {
  template <class T>
  PYAUTOGRAD_HD T operator()(bool condition, T x, T y) const {
    return condition ? x : y;
  }
};

bool where(const View& out, const View& condition, const View& x, const View& y) {
  return visit_size(itemsize(out.dtype), [&]<class T>(TypeTag<T>) {
    return run_map<Choose, T, bool, T, T>(out, condition, &x, &y);
  });
}

}  // namespace

void install_copy(DeviceKernels& table) {
  table.copy = &copy_on_device;
  table.fill = &fill;
  table.fill_int = &fill_int;
  table.arange = &arange;
  table.where = &where;
}

}  // namespace pyautograd::kernels::cuda
