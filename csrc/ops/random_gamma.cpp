// The derivatives behind gamma variates. With y the log of a variate of shape a, F and f its
// distribution function and density and psi the digamma function,
//   S_k = d^k F / da^k / f     has  dS_k/da = S_{k+1} - S_k P_1,  dS_k/dy = P_k - S_k (a - exp(y)),
//   P_k = d^k f / da^k / f     is a polynomial in y - psi(a), psi'(a), psi''(a), ...

#include "kernels/kernels.h"
#include "kernels/scalar/gamma_slope.h"
#include "ops/elementwise.h"
#include "ops/random.h"

namespace pyautograd::ops {

namespace {

constexpr int64_t kMaxOrder = kernels::kMaxShapeOrder;

// Computed in float64, elementwise.
class Slope : public Primitive {
 public:
  explicit Slope(int64_t order) : order_(order) {}
  Dependence dependence(const DependenceArgs& args) const override {
    return Dependence::elementwise(args.x, args.outputs[0]);
  }

  Specs infer(TensorSpan x) const override {
    Spec spec = x[0].spec();
    for (const Tensor& other : x.subspan(1)) {
      spec.shape = broadcast_shapes(name(), spec.shape, other.shape());
      spec.dtype = promote(spec.dtype, other.dtype());
    }
    spec.dtype = to_floating(spec.dtype);
    if (!is_floating(spec.dtype))
      type_error("[", name(), "] is not defined for dtype ", name_of(spec.dtype));
    return Specs{spec};
  }

  Tensors eval(TensorSpan x, const Specs& specs) const override {
    Ref<Array> out = Array::empty(specs[0].shape, DType::Float64, specs[0].device);
    Tensors inputs;
    SmallVector<View, 2> views;
    for (const Tensor& input : x) {
      const Tensor there = to_device(input, specs[0].device);
      inputs.push_back(copy(broadcast_to(cast(there, DType::Float64), specs[0].shape)));
    }
    for (const Tensor& input : inputs) views.push_back(input.device_view());
    run(out->device_view(), views);
    return Tensors::of(cast(Tensor(std::move(out)), specs[0].dtype));
  }

  Tensors vjp(const VjpArgs& args) const override {
    Tensors out(args.inputs.size());
    for (size_t i = 0; i < out.size(); ++i) {
      if (args.wants[i])
        out[i] = call<kernels::Scale>(args.cotangents[0], partial(i, args.inputs, args.outputs[0]));
    }
    return out;
  }

  Tensors jvp(TensorSpan x, TensorSpan t, TensorSpan y) const override {
    Tensor sum;
    for (size_t i = 0; i < x.size(); ++i) {
      if (!t[i]) continue;
      const Tensor term = call<kernels::Scale>(t[i], partial(i, x, y[0]));
      sum = sum ? sum + term : term;
    }
    return {sum};
  }

  BatchResult batch(int64_t, TensorSpan values, std::span<const int> dims) const override {
    return batch_broadcasting(*this, values, dims);
  }

 protected:
  virtual void run(const View& out, std::span<const View> inputs) const = 0;
  virtual Tensor partial(size_t input, TensorSpan x, const Tensor& y) const = 0;
  const int64_t order_;
};

class LogGammaSlope final : public Slope {
 public:
  using Slope::Slope;
  std::string_view name() const override { return "random._log_gamma_slope"; }
  Saves saves() const override { return {.inputs = 1}; }

 protected:
  void run(const View& out, std::span<const View> x) const override {
    kernels::log_gamma_slopes(out, x[0], static_cast<int>(order_));
  }
  Tensor partial(size_t, TensorSpan x, const Tensor&) const override {
    return log_gamma_slope(x[0], order_ + 1);
  }
};

// P_order: the moments whose cumulants are y - psi(a), -psi'(a), -psi''(a), ...
Tensor density_slope(const Tensor& a, const Tensor& y, int64_t order) {
  Tensors cumulants{y - log_gamma_slope(a, 1)};
  for (int64_t m = 2; m <= order; ++m) cumulants.push_back(-log_gamma_slope(a, m));
  Tensors moments{scalar(1, cumulants[0].dtype())};
  for (int64_t n = 0; n < order; ++n) {
    Tensor sum;
    double binomial = 1;
    for (int64_t j = 0; j <= n;
         binomial *= static_cast<double>(n - j) / static_cast<double>(j + 1), ++j) {
      const Tensor term = cumulants[size_t(j)] * moments[size_t(n - j)] * binomial;
      sum = sum ? sum + term : term;
    }
    moments.push_back(sum);
  }
  return moments.back();
}

class GammaShapeSlope final : public Slope {
 public:
  using Slope::Slope;
  std::string_view name() const override { return "random._gamma_shape_slope"; }
  Saves saves() const override { return {.inputs = 3, .outputs = 1}; }

 protected:
  void run(const View& out, std::span<const View> x) const override {
    kernels::gamma_shape_slopes(out, x[0], x[1], static_cast<int>(order_));
  }
  Tensor partial(size_t input, TensorSpan x, const Tensor& slope) const override {
    const Tensor &a = x[0], &y = x[1];
    if (input == 0) return gamma_shape_slope(a, y, order_ + 1) - slope * density_slope(a, y, 1);
    return density_slope(a, y, order_) - slope * (a - exp(y));
  }
};

void check_order(std::string_view op, int64_t order) {
  if (order < 1) value_error("[", op, "] order must be at least 1, got ", order);
  if (order > kMaxOrder) {
    fail(Error::Kind::NotImplemented, "[", op,
         "] derivatives with respect to the shape of a gamma "
         "distribution are implemented up to order ",
         kMaxOrder);
  }
}

}  // namespace

Tensor gamma_shape_slope(const Tensor& a, const Tensor& y, int64_t order) {
  check_order("random._gamma_shape_slope", order);
  return apply1(make_ref<GammaShapeSlope>(order), Borrowed<2>(a, y));
}

Tensor log_gamma_slope(const Tensor& a, int64_t order) {
  check_order("random._log_gamma_slope", order);
  return apply1(make_ref<LogGammaSlope>(order), a);
}

}  // namespace pyautograd::ops

namespace pyautograd {

void register_random(Registry& registry) {
  registry.add("random._gamma_shape_slope", ops::gamma_shape_slope, "a, y, /, order=1",
               R"(How the gamma distribution of ``y = log(x)`` moves with its shape ``a``.

The derivative with respect to ``a``, ``order`` times (up to 6), of the distribution function, over the density of
``y``. Minus the first is dy/da of a sample at a fixed quantile (M. Figurnov, S. Mohamed and A. Mnih, Implicit
reparameterization gradients, 2018). nan unless ``a > 0`` and ``y`` is finite.

>>> round(pa.random._gamma_shape_slope(1.0, 0.0).item(), 6)
-1.173563)");
  registry.add(
      "random._log_gamma_slope", ops::log_gamma_slope, "a, /, order=1",
      R"(The derivative of the log of the gamma function, ``order`` times (up to 6); nan unless ``a > 0``.

>>> round(pa.random._log_gamma_slope(1.0).item(), 6)
-0.577216)");
}

}  // namespace pyautograd
