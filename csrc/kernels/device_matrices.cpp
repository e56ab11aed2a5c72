#include "kernels/device_matrices.h"

#include <numeric>

namespace pyautograd::kernels {

Ref<Array> DeviceMatrices::copy_of(const Ref<Array>& x) const {
  Ref<Array> out = make();
  copy(view(out), view(x));
  return out;
}

Ref<Array> DeviceMatrices::load(const Matrices& x) const {
  Ref<Array> out = make();
  copy(view(out), view(x));
  return out;
}

Ref<Array> DeviceMatrices::product(const Ref<Array>& a, const Ref<Array>& b) const {
  Ref<Array> out = make();
  matmul(view(out), view(a), view(b));
  return out;
}

Ref<Array> DeviceMatrices::scaled(const Ref<Array>& x, const View& factor) const {
  Ref<Array> out = make();
  binary(fn_id<Multiply>(), view(out), view(x), factor);
  return out;
}

void DeviceMatrices::add(const Ref<Array>& x, const Ref<Array>& y) const {
  binary(fn_id<Add>(), view(x), view(x), view(y));
}

Ref<Array> DeviceMatrices::times(const Ref<Array>& x, double factor) const {
  return scaled(x, constant(factor, shape_));
}

void DeviceMatrices::add_to_diagonal(const Ref<Array>& x, double number) const {
  const View diagonal{x->address(), dtype_, line_, diagonal_, device_};
  binary(fn_id<Add>(), diagonal, diagonal, constant(number, line_));
}

Ref<Array> DeviceMatrices::minus_identity(const Ref<Array>& x) const {
  Ref<Array> out = copy_of(x);
  add_to_diagonal(out, -1);
  return out;
}

View DeviceMatrices::constant(double value, std::span<const int64_t> shape) const {
  number_ = Array::empty({}, dtype_);
  fill(number_->view(), value);
  return {number_->data(), dtype_, shape, std::span(none_).first(shape.size())};
}

DeviceLu::DeviceLu(const DeviceMatrices& form, const Ref<Array>& a)
    : count_(form.count()),
      n_(form.order()),
      factors_(a),
      pivots_(Array::empty({count_, n_}, DType::Int32, form.device())) {
  lu(matrices(factors_), exchanges(), nullptr);
}

Matrices DeviceLu::matrices(const Ref<Array>& x) const {
  return {x->address(), x->dtype, count_, n_, n_, x->device};
}

void DeviceLu::solve(const Ref<Array>& x) const {
  std::vector<int64_t> which(static_cast<size_t>(count_));
  std::iota(which.begin(), which.end(), 0);
  // By columns all is transposed.
  lu_solve(matrices(factors_), exchanges(), matrices(x), which.data(),
           {.right = true, .transposed = false});
}

void DeviceLu::measure(void* out) const {
  det(matrices(factors_), exchanges(), nullptr, out, nullptr);
}

void DeviceLu::invert() const { lu_inverse(matrices(factors_), exchanges()); }

void DeviceNumbers::norms(int64_t row, const Ref<Array>& x) const {
  const Dims line{count_, count_ == 0 ? 0 : x->size() / count_}, steps{line[1], 1};
  const Dims one{count_, 1}, beside{1, 1};
  norm({this->row(row), DType::Float64, one, beside, x->device},
       {x->address(), x->dtype, line, steps, x->device});
}

void DeviceNumbers::traces(int64_t row, const Ref<Array>& x) const {
  const int64_t n = x->shape[1];
  const Dims line{count_, n}, steps{n * n, n + 1}, one{count_, 1}, beside{1, 1};
  const Ref<Array> sums = Array::empty(one, x->dtype, x->device);
  reduce(Reduce::Sum, sums->device_view(), {x->address(), x->dtype, line, steps, x->device});
  copy({this->row(row), DType::Float64, one, beside, x->device}, sums->device_view());
}

std::vector<double> DeviceNumbers::read() const {
  const Ref<Array> here = Array::empty(Dims(found_->shape), DType::Float64);
  copy(here->view(), found_->device_view());
  return {here->data<double>(), here->data<double>() + here->size()};
}

Ref<Array> on_device_of(const DeviceMatrices& form, const std::vector<double>& numbers) {
  const auto size = static_cast<int64_t>(numbers.size());
  const Ref<Array> here = Array::empty({size}, DType::Float64);
  std::copy(numbers.begin(), numbers.end(), here->data<double>());
  Ref<Array> there = Array::empty({size}, form.dtype(), form.device());
  copy(there->device_view(), here->view());
  return there;
}

}  // namespace pyautograd::kernels
