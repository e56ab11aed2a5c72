// The exponential of matrices on a device, made of its products and solves.

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/device.h"
#include "kernels/device_matrices.h"

namespace pyautograd::kernels {

namespace {

// Scaling and squaring with the Pade approximant of degree 13 (Higham 2005, algorithm 2.3), for a
// batch at once: each matrix is scaled by its own norm. Matrices by columns are seen by rows, so
// that all is transposed, the result too.
class DeviceExpm {
 public:
  explicit DeviceExpm(const Matrices& a) : given_(a), form_(a, a.dtype) {}

  void run() {
    const bool captured = backend().capturing();
    const Ref<Array> squarings = squarings_of_given();
    const int most = captured ? kMostCaptured : largest(squarings);
    const Ref<Array> factors = factors_for(squarings, most), scaled = form_.make();
    binary(fn_id<Multiply>(), form_.view(scaled), form_.view(given_), form_.each(factors));
    Ref<Array> x = approximant(scaled);
    const Ref<Array> goes_on = Array::empty({given_.count}, DType::Bool, given_.device);
    for (int step = 0; step < most; ++step) {
      binary(fn_id<Greater>(), view(goes_on), view(squarings), number(squarings, step));
      const Ref<Array> square = form_.product(x, x), chosen = form_.make();
      where(view(chosen), form_.each(goes_on), view(square), view(x));
      x = chosen;
    }
    form_.store(given_, x);
  }

 private:
  // Up to this norm the approximant is exact to roundoff.
  static constexpr double kTheta = 5.371920351148152;
  // How often a captured call squares, whatever the norm: nan for norms beyond 350,000.
  static constexpr int kMostCaptured = 16;

  static View view(const Ref<Array>& x) { return x->device_view(); }

  // One number of the host for every matrix, until the next is asked for.
  View number(const Ref<Array>& like, double value) {
    number_ = Array::empty({}, like->dtype);
    fill(number_->view(), value);
    return {number_->data(), number_->dtype, like->shape, once_};
  }

  Ref<Array> norms_of_given() const {
    const DType real = real_of(given_.dtype);
    const Ref<Array> sizes =
        Array::empty({given_.count, given_.rows, given_.rows}, real, given_.device);
    unary(fn_id<Absolute>(), view(sizes), form_.view(given_));
    const Ref<Array> sums = Array::empty({given_.count, given_.rows, 1}, real, given_.device);
    reduce(Reduce::Sum, view(sums), view(sizes));
    const Ref<Array> norms = Array::empty({given_.count, 1, 1}, real, given_.device);
    reduce(Reduce::Max, view(norms), view(sums));
    const Ref<Array> out = Array::empty({given_.count}, DType::Float64, given_.device);
    const Dims line{given_.count}, step{1};
    copy(view(out), {norms->address(), real, line, step, given_.device});
    return out;
  }
  // How often the exponential of each scaled matrix is squared; inf or nan where a norm is.
  Ref<Array> squarings_of_given() {
    const Ref<Array> x = norms_of_given();
    binary(fn_id<Divide>(), view(x), view(x), number(x, kTheta));
    binary(fn_id<Maximum>(), view(x), view(x), number(x, 1));
    unary(fn_id<Log2>(), view(x), view(x));
    unary(fn_id<Ceil>(), view(x), view(x));
    return x;
  }
  static int largest(const Ref<Array>& squarings) {
    const Ref<Array> here = Array::empty(squarings->shape, DType::Float64);
    copy(here->view(), squarings->device_view());
    int most = 0;
    for (int64_t i = 0; i < here->size(); ++i)
      if (const double x = here->data<double>()[i]; std::isfinite(x))
        most = std::max(most, static_cast<int>(x));
    return most;
  }
  // What each matrix is scaled by: nan where so many squarings are not enough.
  Ref<Array> factors_for(const Ref<Array>& squarings, int most) {
    const Ref<Array> powers = Array::empty({given_.count}, DType::Float64, given_.device);
    unary(fn_id<Negative>(), view(powers), view(squarings));
    binary(fn_id<Ldexp>(), view(powers), number(powers, 1), view(powers));
    const Ref<Array> enough = Array::empty({given_.count}, DType::Bool, given_.device);
    binary(fn_id<LessEqual>(), view(enough), view(squarings), number(squarings, most));
    where(view(powers), view(enough), view(powers), number(powers, std::nan("")));
    const Ref<Array> out = Array::empty({given_.count}, given_.dtype, given_.device);
    copy(view(out), view(powers));
    return out;
  }

  // c[0] I + c[2] A^2 + c[4] A^4 + c[6] A^6, or without the identity.
  Ref<Array> polynomial(const double* c, bool identity) const {
    const size_t first = identity ? 2 : 0;
    const Ref<Array> out = form_.times(powers_[0], c[first]);
    for (size_t k = 1; k < powers_.size(); ++k)
      form_.add(out, form_.times(powers_[k], c[2 * k + first]));
    if (identity) form_.add_to_diagonal(out, c[0]);
    return out;
  }

  Ref<Array> approximant(const Ref<Array>& a) {
    std::array<double, 14> c{1};  // of the numerator; the denominator's alternate in sign
    for (int k = 1; k <= 13; ++k)
      c[size_t(k)] = c[size_t(k) - 1] * (13 - k + 1) / (double(26 - k + 1) * k);
    powers_[0] = form_.product(a, a);
    powers_[1] = form_.product(powers_[0], powers_[0]);
    powers_[2] = form_.product(powers_[1], powers_[0]);
    Ref<Array> odd = form_.product(powers_[2], polynomial(&c[9], false));
    form_.add(odd, polynomial(&c[1], true));
    odd = form_.product(a, odd);
    const Ref<Array> even = form_.product(powers_[2], polynomial(&c[8], false));
    form_.add(even, polynomial(&c[0], true));
    const Ref<Array> above = form_.make(), below = form_.make();
    binary(fn_id<Add>(), view(above), view(even), view(odd));
    binary(fn_id<Subtract>(), view(below), view(even), view(odd));
    // Numerator and denominator commute, so it does not matter which stands on the left.
    DeviceLu(form_, below).solve(above);
    return above;
  }

  const Matrices given_;
  const DeviceMatrices form_;
  const Dims once_{0};
  Ref<Array> number_;
  std::array<Ref<Array>, 3> powers_;  // A^2, A^4, A^6
};

}  // namespace

void expm_on_device(const Matrices& a) {
  if (a.count > 0 && a.rows > 0) DeviceExpm(a).run();
}

}  // namespace pyautograd::kernels
