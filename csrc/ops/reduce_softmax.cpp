// logsumexp, softmax, log_softmax.

#include <limits>

#include "kernels/kernels.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/spectrum.h"

namespace pyautograd::ops {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

class LogSumExp final : public KernelReduction {
 public:
  using KernelReduction::KernelReduction;
  std::string_view name() const override { return "logsumexp"; }
  Saves saves() const override { return {.inputs = 1, .outputs = 1}; }

  Tensors vjp(const VjpArgs& args) const override {
    return {over_.restore(args.cotangents[0]) * weights(args.inputs[0], args.outputs[0])};
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override {
    const Tensor moved = tangents[0] * weights(primals[0], outputs[0]);
    return {sum(moved, over_.axes, {}, over_.keepdims)};
  }

 protected:
  void run(const View& out, const View& x) const override {
    kernels::logsumexp(out, x, static_cast<int>(over_.axes[0]));
  }
  Ref<const Primitive> over(ReducedAxes other) const override { return make_ref<LogSumExp>(other); }

 private:
  // exp(x - y), but zero in lines of -inf only, and shared equally by the elements that are +inf.
  // Lines of -inf are common where they stand for what cannot be, so a captured call is prepared
  // for them.
  Tensor weights(const Tensor& x, const Tensor& y) const {
    if (!has_infinity(y)) return exp(x - over_.restore(y));
    const Tensor infinity = scalar(kInfinity, x.dtype()), zero = scalar(0, x.dtype());
    const Tensor base = where(equal(y, -infinity), zero, y);
    if (!may_hold(equal(detached(y), infinity))) return exp(x - over_.restore(base));
    const Tensor infinite = equal(x, infinity);
    const Tensor share = reciprocal(sum(infinite, over_.axes, x.dtype(), over_.keepdims));
    const Tensor regular = exp(where(infinite, zero, x) - over_.restore(base));
    return where(infinite, over_.restore(share), regular);
  }
};

class Softmax final : public KernelAlongAxis {
 public:
  using KernelAlongAxis::KernelAlongAxis;
  std::string_view name() const override { return "softmax"; }
  Saves saves() const override { return {.outputs = 1}; }

  // The Jacobian is symmetric.
  Tensors vjp(const VjpArgs& args) const override {
    return {derivative(args.cotangents[0], args.outputs[0])};
  }
  Tensors jvp(TensorSpan, TensorSpan tangents, TensorSpan outputs) const override {
    return {derivative(tangents[0], outputs[0])};
  }

 protected:
  void run(const View& out, const View& x) const override {
    kernels::softmax(out, x, static_cast<int>(axis_), false);
  }
  Ref<const Primitive> along(int64_t axis) const override { return make_ref<Softmax>(axis); }

 private:
  // Of rows of -inf, which have no softmax, a zero stays zero.
  Tensor derivative(const Tensor& t, const Tensor& y) const {
    const Tensor weighted = call<kernels::Scale>(t, y);
    return weighted - call<kernels::Scale>(sum(weighted, Dims{axis_}, {}, true), y);
  }
};

class LogSoftmax final : public KernelAlongAxis {
 public:
  using KernelAlongAxis::KernelAlongAxis;
  std::string_view name() const override { return "log_softmax"; }
  Saves saves() const override { return {.outputs = 1}; }

  Tensors vjp(const VjpArgs& args) const override {
    const Tensor& t = args.cotangents[0];
    return {t - call<kernels::Scale>(sum(t, Dims{axis_}, {}, true), exp(args.outputs[0]))};
  }
  Tensors jvp(TensorSpan, TensorSpan tangents, TensorSpan outputs) const override {
    const Tensor& t = tangents[0];
    return {t - sum(call<kernels::Scale>(t, exp(outputs[0])), Dims{axis_}, {}, true)};
  }

 protected:
  void run(const View& out, const View& x) const override {
    kernels::softmax(out, x, static_cast<int>(axis_), true);
  }
  Ref<const Primitive> along(int64_t axis) const override { return make_ref<LogSoftmax>(axis); }
};

template <class P>
Tensor along(std::string_view name, const Tensor& x, int64_t axis) {
  return apply1(make_ref<P>(normalize_axis(name, axis, x.ndim())), cast(x, to_floating(x.dtype())));
}

bool along_spectrum(const Tensor& x, int64_t axis) {
  return x.body()->origin && is_spectrum(x, {axis < 0 ? axis + x.ndim() : axis});
}

// The largest real part, or zero where that is infinite: what complex numbers are shifted by, so
// that their exponentials do not overflow.
Tensor shift_of(const Tensor& x, const Dims& axes) {
  const DType dtype = real_of(x.dtype());
  if (x.size() == 0) return scalar(0, dtype);
  const Tensor top = max(real(x), axes, true);
  return where(call<kernels::IsFinite>(top), top, scalar(0, dtype));
}

Tensor complex_logsumexp(const Tensor& x, const Dims& axes, bool keepdims) {
  const Tensor shift = shift_of(x, axes);
  const Tensor out = log(sum(exp(x - shift), axes, {}, true)) + shift;
  return keepdims ? out : squeeze(out, axes);
}

// log(sum(b exp(x))), where what has no weight is left out, whatever it is. Lines without any
// weight are lines of -inf.
Tensor weighted_logsumexp(const Tensor& given, const Tensor& b, const Axes& axis, bool keepdims) {
  const DType dtype = promote(to_floating(given.dtype()), to_floating(b.dtype()));
  if (is_half(dtype)) {
    const Tensor wide = cast(given, DType::Float32);
    return cast(weighted_logsumexp(wide, cast(b, DType::Float32), axis, keepdims), dtype);
  }
  const Dims shape = broadcast_shapes("logsumexp", given.shape(), b.shape());
  const Tensor x = broadcast_to(cast(given, dtype), shape);
  const Tensor weight = broadcast_to(cast(b, dtype), shape);
  const Dims axes = ReducedAxes::of("logsumexp", x, axis, keepdims).axes;
  const Tensor zero = scalar(0, dtype), nothing = scalar(-kInfinity, dtype);
  const Tensor left_out = equal(weight, zero);
  const Tensor shift = detached(shift_of(where(left_out, nothing, x), axes));
  const Tensor powers = exp(x - shift);
  const Tensor counts = logical_or(logical_not(left_out), call<kernels::IsFinite>(powers));
  const Tensor terms = weight * where(counts, powers, zero);
  const Tensor some = any(not_equal(terms, zero), axes, true);
  const Tensor total = where(some, sum(terms, axes, {}, true), scalar(1, dtype));
  const Tensor out = where(some, log(total) + shift, nothing);
  return keepdims ? out : squeeze(out, axes);
}

Tensor complex_softmax(const Tensor& x, int64_t axis) {
  const Tensor powers = exp(x - shift_of(x, Dims{axis}));
  return powers / sum(powers, Dims{axis}, {}, true);
}

}  // namespace

Tensor logsumexp(const Tensor& x, const Axes& axis, bool keepdims) {
  const Dims axes = ReducedAxes::of("logsumexp", x, axis, keepdims).axes;
  if (is_complex(x.dtype()) && !axes.empty()) return complex_logsumexp(x, axes, keepdims);
  Tensor out = cast(x, to_floating(x.dtype()));
  // Backwards, so that the axes that remain keep their numbers.
  for (size_t i = axes.size(); i-- > 0;) {
    const Tensor terms = std::move(out);
    out = apply1(make_ref<LogSumExp>(ReducedAxes{{axes[i]}, keepdims}), terms);
    if (terms.body()->origin && axes[i] == terms.ndim() - 1)
      out = logsumexp_of_spectrum(terms, out);
  }
  // The result is a tensor of its own even if there was nothing to do.
  return axes.empty() ? copy(out) : out;
}

Tensor softmax(const Tensor& x, int64_t axis) {
  if (is_complex(x.dtype())) return complex_softmax(x, normalize_axis("softmax", axis, x.ndim()));
  const Tensor y = along<Softmax>("softmax", x, axis);
  return along_spectrum(x, axis) ? softmax_of_spectrum(x, y) : y;
}

Tensor log_softmax(const Tensor& x, int64_t axis) {
  if (is_complex(x.dtype())) {
    const Dims along_axis{normalize_axis("log_softmax", axis, x.ndim())};
    return x - complex_logsumexp(x, along_axis, true);
  }
  const Tensor y = along<LogSoftmax>("log_softmax", x, axis);
  return along_spectrum(x, axis) ? log_softmax_of_spectrum(x, y) : y;
}

namespace {

Tensor logsumexp_by(const Tensor& x, const Axes& axis, bool keepdims, const Masked& b) {
  return b ? weighted_logsumexp(x, *b, axis, keepdims) : logsumexp(x, axis, keepdims);
}

}  // namespace

void register_softmax(Registry& registry) {
  registry.add(
      "logsumexp", &logsumexp_by, "x, /, axis=None, *, keepdims=False, b=None",
      "log(sum(exp(x))) over the axes, or log(sum(b * exp(x))), without overflow. Its derivative "
      "is softmax(x), "
      "and zero where all elements are -inf; elements that are +inf share it equally. Of complex "
      "x it is the principal logarithm.\n\n"
      ":param x: tensor\n:param axis: int, tuple of ints, or None for all\n"
      ":param keepdims: keep the axes with size one\n"
      ":param b: weights that broadcast with x; what has weight 0 is left out. A sum that is "
      "negative has a logarithm if it is complex, else nan\n\n"
      ">>> round(pa.logsumexp(pa.tensor([1000.0, 1000.0])).item(), 6)\n1000.693147");
  registry.add("softmax", &softmax, "x, /, axis=-1",
               "exp(x) / sum(exp(x)) along an axis, without overflow.\n\n"
               ":param x: tensor\n:param axis: int\n\n"
               ">>> pa.softmax(pa.tensor([0.0, 1000.0])).tolist()\n[0.0, 1.0]");
  registry.add("log_softmax", &log_softmax, "x, /, axis=-1",
               "The logarithm of softmax along an axis, without overflow: x - logsumexp(x).\n\n"
               ":param x: tensor\n:param axis: int\n\n"
               ">>> pa.log_softmax(pa.tensor([0.0, 1000.0])).tolist()\n[-1000.0, 0.0]");
}

}  // namespace pyautograd::ops
