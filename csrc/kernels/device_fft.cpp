#include "kernels/device_fft.h"

#include "kernels/device_input.h"

namespace pyautograd::kernels {

namespace {

// A view with one axis moved behind the others.
struct Moved {
  Moved(const View& x, int axis) : data(x.data), dtype(x.dtype), device(x.device) {
    const size_t along = static_cast<size_t>(axis);
    for (size_t d = 0; d < x.shape.size(); ++d) {
      if (d == along) continue;
      shape.push_back(x.shape[d]);
      strides.push_back(x.strides[d]);
    }
    shape.push_back(x.shape[along]);
    strides.push_back(x.strides[along]);
  }
  View view() const { return {data, dtype, shape, strides, device}; }

  void* data;
  DType dtype;
  Device device;
  Dims shape, strides;
};

// Packed lines of n complex numbers on a device.
class Spectra {
 public:
  Spectra(const Moved& like, int64_t n) : shape_(like.shape), n_(n) {
    shape_[shape_.size() - 1] = n;
    lines_ = Array::empty(shape_, complex_of(like.dtype), like.device);
  }
  // The first numbers of each line.
  void read(const Moved& x) const {
    const bool whole = x.shape == shape_;
    if (!whole) fill(lines_->device_view(), 0);
    copy(first(x.shape)->device_view(), x.view());
  }
  void write(const Moved& out) const { copy(out.view(), first(out.shape)->device_view()); }
  void transform(bool inverse) const {
    const Dims flat{lines_->size() / n_, n_}, strides{n_, 1};
    const View x{lines_->address(), lines_->dtype, flat, strides, lines_->device};
    run_on_device(&DeviceKernels::fft, x.device, x, inverse);
  }
  void scale(double factor) const { multiply(0, n_, factor); }
  // Those that stand for themselves and their conjugates.
  void scale_middle(double factor) const { multiply(1, (n_ - 1) / 2, factor); }

 private:
  Ref<Array> first(const Dims& shape) const {
    return lines_->with_layout(shape, lines_->strides, 0);
  }
  // As real numbers, two for each.
  void multiply(int64_t begin, int64_t count, double factor) const {
    if (factor == 1 || count == 0) return;
    const DType real = real_of(lines_->dtype);
    const Ref<Array> number = Array::empty({}, real);
    kernels::fill(number->view(), factor);
    const Dims part{lines_->size() / n_, 2 * count}, strides{2 * n_, 1}, none{0, 0};
    auto* data = static_cast<std::byte*>(lines_->address()) + 2 * begin * itemsize(real);
    const View x{data, real, part, strides, lines_->device};
    binary(fn_id<Multiply>(), x, x, {number->data(), real, part, none});
  }

  Dims shape_;
  int64_t n_;
  Ref<Array> lines_;
};

// Numbers in the middle of a line are scaled before and after the transform.
void run(const View& out, const View& x, int axis, int64_t length, const Fourier& how,
         double before, double after) {
  if (count_elements(out.shape) == 0) return;
  const Moved from(x, axis);
  const Spectra lines(from, length);
  lines.read(from);
  lines.scale_middle(before);
  lines.transform(how.inverse);
  lines.scale(how.scale);
  lines.scale_middle(after);
  lines.write(Moved(out, axis));  // of complex numbers into real ones, the real parts
}

}  // namespace

void fft_c2c_on_device(const View& out, const View& x, int axis, const Fourier& how) {
  run(out, x, axis, x.shape[static_cast<size_t>(axis)], how, 1, 1);
}

void fft_r2c_on_device(const View& out, const View& x, int axis, const Fourier& how,
                       double middle) {
  run(out, x, axis, x.shape[static_cast<size_t>(axis)], how, 1, middle);
}

void fft_c2r_on_device(const View& out, const View& x, int axis, const Fourier& how,
                       double middle) {
  run(out, x, axis, out.shape[static_cast<size_t>(axis)], how, middle, 1);
}

}  // namespace pyautograd::kernels
