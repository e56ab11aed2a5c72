// Roots and logarithms of matrices on a device, and Sylvester's equation, by Newton's iteration:
// there is no Schur form. What these are not as good for as the Schur form is left to the host:
// matrices that are nearly singular or whose eigenvalues lie in the wrong half plane.

#include <algorithm>
#include <cmath>
#include <functional>

#include "kernels/device.h"
#include "kernels/device_matrices.h"
#include "kernels/logarithm_nodes.h"

namespace pyautograd::kernels {

namespace {

// Where such an iteration is left to the host.
struct Limits {
  double condition;  // of an iterate, by Frobenius norms
  double residual;   // relative, for each row
  static constexpr int kSteps = 25;
};

bool is_single(DType dtype) { return real_of(dtype) == DType::Float32; }
// All is computed in double precision, as the host does for functions.
DType double_of(DType dtype) { return is_complex(dtype) ? DType::Complex128 : DType::Float64; }
Limits limits_for(DType dtype) {
  return is_single(dtype) ? Limits{1e12, 1e-10} : Limits{1e8, 1e-14};
}

// Iterates are scaled until they are near their limit. From `done` on, the next two steps make all
// digits right, those of an off-diagonal block that is small beside the others, too.
constexpr double kNear = 1e-2, kDone = 1e-8;
constexpr int kLastSteps = 2;

struct Iterate {
  Ref<Array> inverse;
  double distance = 0;  // the largest from the identity
  std::vector<double> logarithms, distances;
};

// The inverses of iterates; nothing where one is too badly conditioned or not finite.
bool look_at(const DeviceMatrices& form, const Ref<Array>& m, double condition, Iterate& out) {
  const auto count = static_cast<size_t>(form.count());
  out.inverse = form.copy_of(m);
  const DeviceNumbers numbers(form, 4);
  const DeviceLu lu(form, out.inverse);
  lu.measure(numbers.row(0));
  lu.invert();
  numbers.norms(1, m);
  numbers.norms(2, out.inverse);
  numbers.norms(3, form.minus_identity(m));
  const std::vector<double> found = numbers.read();
  for (size_t i = 0; i < count; ++i)
    if (!(found[count + i] * found[2 * count + i] <= condition)) return false;
  out.logarithms.assign(found.begin(), found.begin() + static_cast<int64_t>(count));
  out.distances.assign(found.begin() + static_cast<int64_t>(3 * count), found.end());
  out.distance = *std::max_element(out.distances.begin(), out.distances.end());
  return std::isfinite(out.distance);
}

// Runs step(), which says how far the furthest iterate is from its limit, or a negative number to
// give up. True where the limit was reached.
bool converges(const std::function<double()>& step) {
  for (int taken = 0, left = -1; taken < Limits::kSteps; ++taken) {
    const double distance = step();
    if (distance < 0) return false;
    if (left < 0 && distance <= kDone) left = kLastSteps;
    if (left > 0 && --left == 0) return true;
  }
  return false;
}

// The principal roots, by the product form of the iteration of Denman and Beavers with scaling by
// determinants (Higham 2008, "Functions of Matrices", equation 6.29); null where the host should
// find them.
Ref<Array> roots_of(const DeviceMatrices& form, const Ref<Array>& a, const Limits& limits) {
  const auto count = static_cast<size_t>(form.count());
  const double n = static_cast<double>(form.order());
  Ref<Array> x = a, m = a;
  const bool converged = converges([&] {
    Iterate now;
    if (!look_at(form, m, limits.condition, now)) return -1.0;
    std::vector<double> factors(4 * count);
    for (size_t i = 0; i < count; ++i) {
      const bool near = now.distances[i] <= kNear;
      const double mu = near ? 1 : std::exp(-now.logarithms[i] / (2 * n));
      factors[i] = mu / 2;
      factors[count + i] = 1 / (2 * mu);
      factors[2 * count + i] = mu * mu / 4;
      factors[3 * count + i] = 1 / (4 * mu * mu);
    }
    const Ref<Array> there = on_device_of(form, factors);
    // The first product would be with the inverse.
    Ref<Array> moved = form.make();
    if (x.get() == m.get()) {
      fill(form.view(moved), 0);
      form.add_to_diagonal(moved, 1);
    } else {
      moved = form.product(x, now.inverse);
    }
    x = form.scaled(x, form.each(there, 0));
    form.add(x, form.scaled(moved, form.each(there, 1)));
    m = form.scaled(m, form.each(there, 2));
    form.add(m, form.scaled(now.inverse, form.each(there, 3)));
    form.add_to_diagonal(m, 0.5);
    return now.distance;
  });
  if (!converged) return {};
  Ref<Array> off = form.product(x, x);
  binary(fn_id<Subtract>(), form.view(off), form.view(off), form.view(a));
  const DeviceNumbers numbers(form, 2);
  numbers.norms(0, off);
  numbers.norms(1, x);
  const std::vector<double> found = numbers.read();
  for (size_t i = 0; i < count; ++i)
    if (!(found[i] <= limits.residual * n * found[count + i] * found[count + i])) return {};
  return x;
}

// Inverse scaling and squaring (Cheng, Higham, Kenney and Laub 2001, in outline): roots until the
// matrices are near the identity. Null where the host should find them.
Ref<Array> logarithms_of(const DeviceMatrices& form, const Ref<Array>& given,
                         const Limits& limits) {
  constexpr int kMostRoots = 40;
  Ref<Array> a = given;
  const auto count = static_cast<size_t>(form.count());
  std::vector<double> scales(count, 1);
  Ref<Array> x;
  for (int taken = 0;; ++taken) {
    x = form.minus_identity(a);
    const DeviceNumbers numbers(form, 1);
    numbers.norms(0, x);
    const std::vector<double> found = numbers.read();
    std::vector<double> chosen(count);
    bool all_close = true;
    for (size_t i = 0; i < count; ++i) {
      const bool close = found[i] <= LogarithmNodes::kNear;
      chosen[i] = close ? 0 : 1;
      if (!close) scales[i] *= 2;
      all_close &= close;
    }
    if (all_close) break;
    if (taken == kMostRoots) return {};
    const Ref<Array> roots = roots_of(form, a, limits);
    if (!roots) return {};
    const Ref<Array> numbers_of_choice = on_device_of(form, chosen);
    const Ref<Array> choice = Array::empty({form.count()}, DType::Bool, form.device());
    copy(form.view(choice), form.view(numbers_of_choice));
    const Ref<Array> next = form.make();
    where(form.view(next), form.each(choice), form.view(roots), form.view(a));
    a = next;
  }
  const Ref<Array> sum = form.make();
  fill(form.view(sum), 0);
  for (size_t k = 0; k < LogarithmNodes::kCount; ++k) {
    const Ref<Array> below = form.times(x, LogarithmNodes::kNodes[k]);
    form.add_to_diagonal(below, 1);
    const Ref<Array> fraction = form.copy_of(x);
    DeviceLu(form, below).solve(fraction);
    form.add(sum, form.times(fraction, LogarithmNodes::kWeights[k]));
  }
  return form.scaled(sum, form.each(on_device_of(form, scales)));
}

// x with b x + x a = q by the signs of a and b (Roberts 1980), where all eigenvalues of both lie in
// one half plane.
class SylvesterBySigns {
 public:
  SylvesterBySigns(const Matrices& a, const Matrices& b, const Matrices& q)
      : a_(a, double_of(a.dtype)),
        b_(b, a_.dtype()),
        q_(q, a_.dtype()),
        limits_{is_single(a.dtype) ? Limits{1e6, 1e-10} : Limits{1e8, 1e-14}},
        count_(static_cast<size_t>(a.count)),
        given_{a_.load(a), b_.load(b), q_.load(q)} {}

  // Null where the host should solve.
  Ref<Array> run() {
    const double order = static_cast<double>(a_.order() + b_.order());
    const Ref<Array> by = signs();
    now_ = {a_.scaled(given_.a, a_.each(by)), b_.scaled(given_.b, b_.each(by)),
            q_.scaled(given_.q, q_.each(by))};
    if (!converges([&] { return step(order); })) return {};
    now_.q = q_.times(now_.q, 0.5);
    return is_good(order) ? now_.q : Ref<Array>();
  }

 private:
  struct Equation {
    Ref<Array> a, b, q;
  };

  // Scaled by these, a and b have their eigenvalues on the right, if they are on one side.
  Ref<Array> signs() const {
    const DeviceNumbers numbers(a_, 1);
    numbers.traces(0, given_.a);
    std::vector<double> signs = numbers.read();
    for (double& sign : signs) sign = sign < 0 ? -1 : 1;
    return on_device_of(a_, signs);
  }

  double step(double order) {
    Iterate a, b;
    if (!look_at(a_, now_.a, limits_.condition, a)) return -1;
    if (!look_at(b_, now_.b, limits_.condition, b)) return -1;
    std::vector<double> factors(2 * count_);
    for (size_t i = 0; i < count_; ++i) {
      const bool near = std::max(a.distances[i], b.distances[i]) <= kNear;
      const double mu = near ? 1 : std::exp(-(a.logarithms[i] + b.logarithms[i]) / order);
      factors[i] = mu / 2;
      factors[count_ + i] = 1 / (2 * mu);
    }
    const Ref<Array> there = on_device_of(a_, factors);
    const auto mean = [&](const DeviceMatrices& form, const Ref<Array>& x, const Ref<Array>& y) {
      Ref<Array> out = form.scaled(x, form.each(there, 0));
      form.add(out, form.scaled(y, form.each(there, 1)));
      return out;
    };
    const Ref<Array> moved = q_.product(b.inverse, q_.product(now_.q, a.inverse));
    now_ = {mean(a_, now_.a, a.inverse), mean(b_, now_.b, b.inverse), mean(q_, now_.q, moved)};
    return std::max(a.distance, b.distance);
  }

  bool is_good(double order) const {
    const Ref<Array> off = q_.product(given_.b, now_.q);
    q_.add(off, q_.product(now_.q, given_.a));
    binary(fn_id<Subtract>(), q_.view(off), q_.view(off), q_.view(given_.q));
    const DeviceNumbers numbers(a_, 4);
    numbers.norms(0, off);
    numbers.norms(1, given_.a);
    numbers.norms(2, given_.b);
    numbers.norms(3, now_.q);
    const std::vector<double> found = numbers.read();
    for (size_t i = 0; i < count_; ++i) {
      const double size = (found[count_ + i] + found[2 * count_ + i]) * found[3 * count_ + i];
      if (!(found[i] <= limits_.residual * order * size)) return false;
    }
    return true;
  }

  const DeviceMatrices a_, b_, q_;
  const Limits limits_;
  const size_t count_;
  const Equation given_;
  Equation now_;
};

// Whether the device did it; what a captured call cannot look at, and what its libraries lack, is
// left to the host, too.
bool done_on_device(const std::function<bool()>& compute) {
  if (backend().capturing()) return false;
  try {
    return compute();
  } catch (const MissingLibrary&) {
    return false;
  }
}

bool in_place(const Matrices& a,
              Ref<Array> (*function)(const DeviceMatrices&, const Ref<Array>&, const Limits&)) {
  const DeviceMatrices form(a, double_of(a.dtype));
  const Ref<Array> out = function(form, form.load(a), limits_for(a.dtype));
  if (out) form.store(a, out);
  return static_cast<bool>(out);
}

}  // namespace

void sqrtm_on_device(const Matrices& a) {
  if (!done_on_device([&] { return in_place(a, roots_of); })) function_by_host(a, sqrtm);
}

void logm_on_device(const Matrices& a) {
  if (!done_on_device([&] { return in_place(a, logarithms_of); })) function_by_host(a, logm);
}

void solve_sylvester_on_device(const Matrices& a, const Matrices& b, const Matrices& q,
                               int32_t* info) {
  const bool done = q.count * q.rows * q.columns > 0 && done_on_device([&] {
                      const DeviceMatrices form(q, q.dtype);
                      const Ref<Array> x = SylvesterBySigns(a, b, q).run();
                      if (x) form.store(q, x);
                      return static_cast<bool>(x);
                    });
  if (!done) return solve_sylvester_by_host(a, b, q, info);
  std::fill(info, info + q.count, 0);
}

}  // namespace pyautograd::kernels
