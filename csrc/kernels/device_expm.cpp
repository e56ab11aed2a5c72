// The exponential of matrices on a device, made of its products and solves.

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "core/array.h"
#include "kernels/device.h"

namespace pyautograd::kernels {

namespace {

// Scaling and squaring with the Pade approximant of degree 13 (Higham 2005, algorithm 2.3), for a
// batch at once: each matrix is scaled by its own norm. Matrices by columns are seen by rows, so
// that all is transposed, the result too.
class DeviceExpm {
 public:
  explicit DeviceExpm(const Matrices& a)
      : given_(a), shape_{a.count, a.rows, a.rows}, strides_{a.rows * a.rows, a.rows, 1} {}

  void run() {
    const bool captured = backend().capturing();
    const Ref<Array> squarings = squarings_of_given();
    const int most = captured ? kMostCaptured : largest(squarings);
    const Ref<Array> factors = factors_for(squarings, most), scaled = matrix();
    binary(fn_id<Multiply>(), view(scaled), view_of_given(), spread(factors));
    Ref<Array> x = approximant(scaled);
    const Ref<Array> goes_on = Array::empty({given_.count}, DType::Bool, given_.device);
    for (int step = 0; step < most; ++step) {
      binary(fn_id<Greater>(), view(goes_on), view(squarings), number(squarings, step));
      const Ref<Array> square = product(x, x), chosen = matrix();
      where(view(chosen), spread(goes_on), view(square), view(x));
      x = chosen;
    }
    copy(view_of_given(), view(x));
  }

 private:
  // Up to this norm the approximant is exact to roundoff.
  static constexpr double kTheta = 5.371920351148152;
  // How often a captured call squares, whatever the norm: nan for norms beyond 350,000.
  static constexpr int kMostCaptured = 16;

  View view(const Ref<Array>& x) const { return x->device_view(); }
  View view_of_given() const {
    return {given_.data, given_.dtype, shape_, strides_, given_.device};
  }
  Ref<Array> matrix() const { return Array::empty(shape_, given_.dtype, given_.device); }

  // One number of the host for every matrix, until the next is asked for.
  View number(const Ref<Array>& like, double value) {
    number_ = Array::empty({}, like->dtype);
    fill(number_->view(), value);
    return {number_->data(), number_->dtype, like->shape, once_};
  }
  View spread(const Ref<Array>& x) const {
    return {x->address(), x->dtype, shape_, per_matrix_, given_.device};
  }

  Ref<Array> norms_of_given() const {
    const DType real = real_of(given_.dtype);
    const Ref<Array> sizes = Array::empty(shape_, real, given_.device);
    unary(fn_id<Absolute>(), view(sizes), view_of_given());
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

  Ref<Array> product(const Ref<Array>& a, const Ref<Array>& b) const {
    const Ref<Array> out = matrix();
    matmul(view(out), view(a), view(b));
    return out;
  }
  // The sum, in the place of the first one.
  void add(const Ref<Array>& to, const Ref<Array>& x) const {
    binary(fn_id<Add>(), view(to), view(to), view(x));
  }
  View constant(const Ref<Array>& number, double value, std::span<const int64_t> shape,
                std::span<const int64_t> strides) const {
    fill(number->view(), value);
    return {number->data(), number->dtype, shape, strides};
  }
  // c[0] I + c[2] A^2 + c[4] A^4 + c[6] A^6, or without the identity.
  Ref<Array> polynomial(const double* c, bool identity) const {
    const Ref<Array> out = matrix(), term = matrix(), number = Array::empty({}, given_.dtype);
    const Dims none(3, 0), short_none(2, 0);
    for (size_t k = 0; k < powers_.size(); ++k) {
      const View coefficient = constant(number, c[2 * k + (identity ? 2 : 0)], shape_, none);
      binary(fn_id<Multiply>(), view(k == 0 ? out : term), view(powers_[k]), coefficient);
      if (k > 0) add(out, term);
    }
    if (!identity) return out;
    const Dims line{given_.count, given_.rows}, steps{given_.rows * given_.rows, given_.rows + 1};
    const View diagonal{out->address(), out->dtype, line, steps, given_.device};
    binary(fn_id<Add>(), diagonal, diagonal, constant(number, c[0], line, short_none));
    return out;
  }

  Ref<Array> approximant(const Ref<Array>& a) {
    std::array<double, 14> c{1};  // of the numerator; the denominator's alternate in sign
    for (int k = 1; k <= 13; ++k)
      c[size_t(k)] = c[size_t(k) - 1] * (13 - k + 1) / (double(26 - k + 1) * k);
    powers_[0] = product(a, a);
    powers_[1] = product(powers_[0], powers_[0]);
    powers_[2] = product(powers_[1], powers_[0]);
    Ref<Array> odd = product(powers_[2], polynomial(&c[9], false));
    add(odd, polynomial(&c[1], true));
    odd = product(a, odd);
    const Ref<Array> even = product(powers_[2], polynomial(&c[8], false));
    add(even, polynomial(&c[0], true));
    const Ref<Array> above = matrix(), below = matrix();
    binary(fn_id<Add>(), view(above), view(even), view(odd));
    binary(fn_id<Subtract>(), view(below), view(even), view(odd));
    // Numerator and denominator commute, so it does not matter which stands on the left.
    const Ref<Array> pivots =
        Array::empty({given_.count, given_.rows}, DType::Int32, given_.device);
    std::vector<int64_t> which(static_cast<size_t>(given_.count));
    for (size_t i = 0; i < which.size(); ++i) which[i] = static_cast<int64_t>(i);
    Matrices factors = given_, x = given_;
    factors.data = below->address();
    x.data = above->address();
    lu(factors, static_cast<int32_t*>(pivots->address()), nullptr);
    lu_solve(factors, static_cast<const int32_t*>(pivots->address()), x, which.data(),
             {.right = true, .transposed = false});
    return above;
  }

  const Matrices given_;
  const Dims shape_, strides_, per_matrix_{1, 0, 0}, once_{0};
  Ref<Array> number_;
  std::array<Ref<Array>, 3> powers_;  // A^2, A^4, A^6
};

}  // namespace

void expm_on_device(const Matrices& a) {
  if (a.count > 0 && a.rows > 0) DeviceExpm(a).run();
}

}  // namespace pyautograd::kernels
