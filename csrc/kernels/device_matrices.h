#pragma once

// Batches of matrices on a device, by rows, with what functions of matrices are made of.

#include <span>
#include <vector>

#include "core/array.h"
#include "kernels/kernels.h"
#include "kernels/linalg.h"

namespace pyautograd::kernels {

class DeviceMatrices {
 public:
  // Of the shape of a batch by columns, which is seen transposed.
  DeviceMatrices(const Matrices& like, DType dtype)
      : count_(like.count),
        shape_{like.count, like.columns, like.rows},
        strides_{like.rows * like.columns, like.rows, 1},
        line_{like.count, like.columns},
        diagonal_{like.rows * like.columns, like.rows + 1},
        dtype_(dtype),
        device_(like.device) {}
  // Views hold spans of its shapes.
  DeviceMatrices(const DeviceMatrices&) = delete;
  DeviceMatrices& operator=(const DeviceMatrices&) = delete;

  int64_t count() const { return count_; }
  int64_t order() const { return shape_[1]; }
  DType dtype() const { return dtype_; }
  Device device() const { return device_; }

  View view(const Ref<Array>& x) const { return x->device_view(); }
  View view(const Matrices& x) const { return {x.data, x.dtype, shape_, strides_, device_}; }
  // One number for each matrix: those of one row where there are several.
  View each(const Ref<Array>& numbers, int64_t row = 0) const {
    auto* first =
        static_cast<std::byte*>(numbers->address()) + row * count_ * itemsize(numbers->dtype);
    return {first, numbers->dtype, shape_, per_matrix_, device_};
  }

  Ref<Array> make() const { return Array::empty(shape_, dtype_, device_); }
  Ref<Array> copy_of(const Ref<Array>& x) const;
  Ref<Array> load(const Matrices& x) const;
  void store(const Matrices& to, const Ref<Array>& x) const { copy(view(to), view(x)); }

  Ref<Array> product(const Ref<Array>& a, const Ref<Array>& b) const;
  Ref<Array> scaled(const Ref<Array>& x, const View& factor) const;
  Ref<Array> times(const Ref<Array>& x, double factor) const;
  // x becomes x + y, or x + number I.
  void add(const Ref<Array>& x, const Ref<Array>& y) const;
  void add_to_diagonal(const Ref<Array>& x, double number) const;
  Ref<Array> minus_identity(const Ref<Array>& x) const;

 private:
  // One number of the host as a view of that shape, until the next is asked for.
  View constant(double value, std::span<const int64_t> shape) const;

  const int64_t count_;
  const Dims shape_, strides_, line_, diagonal_, per_matrix_{1, 0, 0}, none_{0, 0, 0};
  const DType dtype_;
  const Device device_;
  mutable Ref<Array> number_;
};

// The decomposition of square matrices, in their place.
class DeviceLu {
 public:
  DeviceLu(const DeviceMatrices& form, const Ref<Array>& a);
  // x becomes a^-1 x.
  void solve(const Ref<Array>& x) const;
  // The logarithms of absolute determinants.
  void measure(void* out) const;
  // The factors become the inverse.
  void invert() const;

 private:
  Matrices matrices(const Ref<Array>& x) const;
  int32_t* exchanges() const { return static_cast<int32_t*>(pivots_->address()); }

  const int64_t count_, n_;
  const Ref<Array> factors_, pivots_;
};

// Some numbers for each matrix, found on the device and read by the host all at once.
class DeviceNumbers {
 public:
  DeviceNumbers(const DeviceMatrices& form, int64_t rows)
      : count_(form.count()),
        found_(Array::empty({rows, form.count()}, DType::Float64, form.device())) {}

  void* row(int64_t row) const { return static_cast<double*>(found_->address()) + row * count_; }
  // Frobenius norms. All are of double precision.
  void norms(int64_t row, const Ref<Array>& x) const;
  void traces(int64_t row, const Ref<Array>& x) const;  // their real parts
  // numbers[row * count + matrix]
  std::vector<double> read() const;

 private:
  const int64_t count_;
  const Ref<Array> found_;
};

// Numbers of the host, `count` in each row, on the device.
Ref<Array> on_device_of(const DeviceMatrices& form, const std::vector<double>& numbers);

}  // namespace pyautograd::kernels
