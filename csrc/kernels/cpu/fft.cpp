// Transforms along one axis of strided arrays. Real lines of even length are complex ones of half
// the length, even elements in the real parts and odd ones in the imaginary parts.

#include "kernels/fft.h"

#include <algorithm>

#include "kernels/cpu/fft_lines.h"
#include "kernels/device_fft.h"
#include "kernels/iterate.h"
#include "kernels/parallel.h"

namespace pyautograd::kernels {

namespace {

constexpr int64_t kFftGrain = 4096;  // elements that are worth a thread

// Every line along an axis, a few of them at a time.
template <class T>
class LineGroups {
 public:
  LineGroups(const View& out, const View& x, int axis)
      : nest_(without(x.shape, axis), {x.strides, out.strides}) {}

  // make_worker() once per thread and range; worker(x offsets, out offsets, count).
  template <class MakeWorker>
  void run(int64_t length, const MakeWorker& make_worker) const {
    constexpr int64_t kLanes = kFftLanes<T>;
    const int64_t groups = (kFftGrain / length + kLanes - 1) / kLanes;
    parallel_for(nest_.count(), std::max<int64_t>(1, groups) * kLanes,
                 [&](int64_t begin, int64_t end) {
                   auto worker = make_worker();
                   int64_t x[kLanes], out[kLanes], count = 0;
                   nest_.walk(begin, end, [&](const auto& offsets, int64_t n) {
                     for (int64_t i = 0; i < n; ++i) {
                       x[count] = offsets[0] + i * nest_.stride(0);
                       out[count++] = offsets[1] + i * nest_.stride(1);
                       if (count < kLanes) continue;
                       worker(x, out, count);
                       count = 0;
                     }
                   });
                   if (count > 0) worker(x, out, count);
                 });
  }

 private:
  static Dims without(std::span<const int64_t> shape, int axis) {
    Dims rest(shape);
    rest[size_t(axis)] = 1;
    return rest;
  }

  const Nest<2> nest_;
};

template <class T>
class ComplexToComplex {
 public:
  ComplexToComplex(const FftPlan<T>& plan, const View& out, const View& x, int axis,
                   const Fourier& how)
      : lines_(plan),
        x_(static_cast<const T*>(x.data)),
        out_(static_cast<T*>(out.data)),
        x_step_(2 * x.strides[size_t(axis)]),
        out_step_(2 * out.strides[size_t(axis)]),
        scale_(T(how.scale)),
        inverse_(how.inverse) {}

  void operator()(const int64_t* x, const int64_t* out, int64_t count) const {
    FftSource<T> sources[kFftLanes<T>];
    FftTarget<T> targets[kFftLanes<T>];
    for (int64_t i = 0; i < count; ++i) {
      const T* from = x_ + 2 * x[i];
      T* to = out_ + 2 * out[i];
      sources[i] = {from + inverse_, from + !inverse_, x_step_};
      targets[i] = {to + inverse_, to + !inverse_, out_step_, scale_};
    }
    lines_.lines(sources, targets, count);
  }

 private:
  const FftLines<T> lines_;
  const T* const x_;
  T* const out_;
  const int64_t x_step_, out_step_;
  const T scale_;
  const bool inverse_;
};

template <class T>
class RealToComplex {
 public:
  RealToComplex(const FftPlan<T>& plan, const FftQuarter<T>& quarter, const View& out,
                const View& x, int axis, const Fourier& how, double middle)
      : lines_(plan),
        roots_(quarter.roots),
        x_(static_cast<const T*>(x.data)),
        out_(static_cast<std::complex<T>*>(out.data)),
        n_(x.shape[size_t(axis)]),
        x_step_(x.strides[size_t(axis)]),
        out_step_(out.strides[size_t(axis)]),
        middle_(T(how.scale * middle)),
        scale_(T(how.scale)),
        inverse_(how.inverse),
        half_(plan.length),
        buffer_(half_ * kFftLanes<T>) {}

  void operator()(const int64_t* x, const int64_t* out, int64_t count) const {
    FftSource<T> sources[kFftLanes<T>];
    FftTarget<T> targets[kFftLanes<T>];
    const bool even = half_ < n_;
    for (int64_t i = 0; i < count; ++i) {
      const T* from = x_ + x[i];
      T* to = reinterpret_cast<T*>(buffer_.get() + i * half_);
      sources[i] = even ? FftSource<T>{from, from + x_step_, 2 * x_step_}
                        : FftSource<T>{from, nullptr, x_step_};
      targets[i] = {to, to + 1, 2, 1};
    }
    lines_.lines(sources, targets, count);
    for (int64_t i = 0; i < count; ++i) {
      const std::complex<T>* z = buffer_.get() + i * half_;
      std::complex<T>* y = out_ + out[i];
      if (even) {
        from_halves(y, z);
      } else {
        y[0] = z[0].real() * scale_;
        for (int64_t k = 1; k <= n_ / 2; ++k) put(y, k, z[k], middle_);
      }
    }
  }

 private:
  void put(std::complex<T>* y, int64_t k, std::complex<T> value, T scale) const {
    y[k * out_step_] = {value.real() * scale, (inverse_ ? -value.imag() : value.imag()) * scale};
  }
  // z[k] is the transform of the even elements, e, plus i times that of the odd ones, o; y[k] = e +
  // w^k o, y[half - k] = conj(e - w^k o).
  void from_halves(std::complex<T>* y, const std::complex<T>* z) const {
    y[0] = (z[0].real() + z[0].imag()) * scale_;
    y[half_ * out_step_] = (z[0].real() - z[0].imag()) * scale_;
    const T quarter = middle_ / 2;
    for (int64_t k = 1; k <= half_ / 2; ++k) {
      const std::complex<T> a = z[k], b = z[half_ - k], w = roots_[size_t(k)];
      const T e_re = a.real() + b.real(), e_im = a.imag() - b.imag();
      const T o_re = a.imag() + b.imag(), o_im = b.real() - a.real();
      const T t_re = o_re * w.real() - o_im * w.imag(), t_im = o_re * w.imag() + o_im * w.real();
      put(y, k, {e_re + t_re, e_im + t_im}, quarter);
      put(y, half_ - k, {e_re - t_re, t_im - e_im}, quarter);
    }
  }

  const FftLines<T> lines_;
  const std::vector<std::complex<T>>& roots_;
  const T* const x_;
  std::complex<T>* const out_;
  const int64_t n_, x_step_, out_step_;
  const T middle_, scale_;
  const bool inverse_;
  const int64_t half_;
  const Scratch<std::complex<T>> buffer_;
};

// Computed as an inverse transform, of conjugate numbers for a forward one.
template <class T>
class ComplexToReal {
 public:
  ComplexToReal(const FftPlan<T>& plan, const FftQuarter<T>& quarter, const View& out,
                const View& x, int axis, const Fourier& how, double middle)
      : lines_(plan),
        roots_(quarter.roots),
        x_(static_cast<const std::complex<T>*>(x.data)),
        out_(static_cast<T*>(out.data)),
        n_(out.shape[size_t(axis)]),
        x_step_(x.strides[size_t(axis)]),
        out_step_(out.strides[size_t(axis)]),
        middle_(T(middle / 2)),
        scale_(T(how.scale)),
        inverse_(how.inverse),
        half_(plan.length),
        buffer_(half_ * kFftLanes<T>) {}

  void operator()(const int64_t* x, const int64_t* out, int64_t count) const {
    FftSource<T> sources[kFftLanes<T>];
    FftTarget<T> targets[kFftLanes<T>];
    const bool even = half_ < n_;
    for (int64_t i = 0; i < count; ++i) {
      std::complex<T>* z = buffer_.get() + i * half_;
      even ? to_halves(z, x_ + x[i]) : to_whole(z, x_ + x[i]);
      const T* from = reinterpret_cast<const T*>(z);
      T* to = out_ + out[i];
      sources[i] = {from + 1, from, 2};
      targets[i] = even ? FftTarget<T>{to + out_step_, to, 2 * out_step_, scale_}
                        : FftTarget<T>{nullptr, to, out_step_, scale_};
    }
    lines_.lines(sources, targets, count);
  }

 private:
  std::complex<T> get(const std::complex<T>* x, int64_t k) const {
    const std::complex<T> value = x[k * x_step_];
    return {value.real() * middle_, (inverse_ ? value.imag() : -value.imag()) * middle_};
  }
  void to_whole(std::complex<T>* z, const std::complex<T>* x) const {
    z[0] = x[0].real();
    for (int64_t k = 1; k <= n_ / 2; ++k) {
      z[k] = get(x, k);
      z[n_ - k] = std::conj(z[k]);
    }
  }
  // The way back from RealToComplex's y to its z.
  void to_halves(std::complex<T>* z, const std::complex<T>* x) const {
    const T first = x[0].real(), last = x[half_ * x_step_].real();
    z[0] = {first + last, first - last};
    for (int64_t k = 1; k <= half_ / 2; ++k) {
      const std::complex<T> a = get(x, k), b = get(x, half_ - k), w = roots_[size_t(k)];
      const T s_re = a.real() + b.real(), s_im = a.imag() - b.imag();
      const T d_re = a.real() - b.real(), d_im = a.imag() + b.imag();
      // i conj(w) d
      const T t_re = d_re * w.imag() - d_im * w.real(), t_im = d_re * w.real() + d_im * w.imag();
      z[k] = {s_re + t_re, s_im + t_im};
      z[half_ - k] = {s_re - t_re, t_im - s_im};
    }
  }

  const FftLines<T> lines_;
  const std::vector<std::complex<T>>& roots_;
  const std::complex<T>* const x_;
  T* const out_;
  const int64_t n_, x_step_, out_step_;
  const T middle_, scale_;
  const bool inverse_;
  const int64_t half_;
  const Scratch<std::complex<T>> buffer_;
};

template <class F>
void visit_precision(DType dtype, const F& f) {
  if (dtype == DType::Float32 || dtype == DType::Complex64) return f(TypeTag<float>{});
  return f(TypeTag<double>{});
}

bool nothing(const View& view) { return element_count(view.shape) == 0; }

template <template <class> class Transform>
void real_transform(const View& out, const View& x, int axis, int64_t n, const Fourier& how,
                    double middle) {
  if (nothing(out)) return;
  visit_precision(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const bool even = n % 2 == 0;
    const auto plan = fft_plan<FftPlan<T>>(even ? n / 2 : n);
    const auto quarter = fft_plan<FftQuarter<T>>(even ? n : 1);
    LineGroups<T>(out, x, axis).run(n, [&] {
      return Transform<T>(*plan, *quarter, out, x, axis, how, middle);
    });
  });
}

}  // namespace

void fft_c2c(const View& out, const View& x, int axis, const Fourier& how) {
  if (on_device(out)) return fft_c2c_on_device(out, x, axis, how);
  if (nothing(out)) return;
  visit_precision(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t n = x.shape[size_t(axis)];
    const auto plan = fft_plan<FftPlan<T>>(n);
    LineGroups<T>(out, x, axis).run(n, [&] {
      return ComplexToComplex<T>(*plan, out, x, axis, how);
    });
  });
}

void fft_r2c(const View& out, const View& x, int axis, const Fourier& how, double middle) {
  if (on_device(out)) return fft_r2c_on_device(out, x, axis, how, middle);
  real_transform<RealToComplex>(out, x, axis, x.shape[size_t(axis)], how, middle);
}

void fft_c2r(const View& out, const View& x, int axis, const Fourier& how, double middle) {
  if (on_device(out)) return fft_c2r_on_device(out, x, axis, how, middle);
  real_transform<ComplexToReal>(out, x, axis, out.shape[size_t(axis)], how, middle);
}

}  // namespace pyautograd::kernels
