// Discrete Fourier transforms. Three primitives, all linear: complex to complex, which is its own
// transpose, and real to complex and back, which are each other's. The rest is padding, axes and
// scales.

#include "kernels/fft.h"

#include <algorithm>
#include <cmath>

#include "ops/linear.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace pyautograd::ops {

namespace {

using kernels::Fourier;

// What a transform does to its axes.
class Transform : public Linear {
 public:
  Transform(Dims axes, Fourier how) : axes_(std::move(axes)), how_(how) {}
  Dependence dependence(const DependenceArgs& args) const override {
    return Dependence::over(axes_, args.x.shape.size());
  }
  BatchResult batch(int64_t, TensorSpan values, std::span<const int> dims) const override {
    Dims axes = axes_;
    for (int64_t& axis : axes) axis += axis >= dims[0];
    return {{apply1(over(std::move(axes)), values[0])}, {dims[0]}};
  }

 protected:
  virtual Ref<const Primitive> over(Dims axes) const = 0;

  const Dims axes_;
  const Fourier how_;
};

// Along one axis after the other.
class ComplexFft final : public Transform {
 public:
  using Transform::Transform;
  std::string_view name() const override { return "fft"; }
  Specs infer(TensorSpan inputs) const override { return {inputs[0].spec()}; }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    const View result = out->device_view();
    View x = inputs[0].device_view();
    Fourier how = how_;
    for (const int64_t axis : axes_) {
      kernels::fft_c2c(result, x, static_cast<int>(axis), how);
      x = result;
      how.scale = 1;
    }
    return Tensors::of(Tensor(std::move(out)));
  }
  Tensors vjp(const VjpArgs& args) const override {
    return {apply1(Ref<const Primitive>(this), args.cotangents[0])};
  }

 protected:
  Ref<const Primitive> over(Dims axes) const override {
    return make_ref<ComplexFft>(std::move(axes), how_);
  }
};

// Between n real numbers and the first half of their spectrum, n / 2 + 1 complex ones, in either
// direction (see kernels/fft.h for `middle`). Each is the other's transpose.
class HalfFft final : public Transform {
 public:
  HalfFft(bool to_real, int64_t axis, int64_t n, Fourier how, double middle)
      : Transform({axis}, how), to_real_(to_real), n_(n), middle_(middle) {}
  std::string_view name() const override { return to_real_ ? "irfft" : "rfft"; }
  Specs infer(TensorSpan inputs) const override {
    Spec spec = inputs[0].spec();
    spec.shape[axes_[0]] = to_real_ ? n_ : n_ / 2 + 1;
    return {Spec{spec.shape, to_real_ ? real_of(spec.dtype) : complex_of(spec.dtype), spec.device}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    const auto kernel = to_real_ ? &kernels::fft_c2r : &kernels::fft_r2c;
    kernel(out->device_view(), inputs[0].device_view(), static_cast<int>(axes_[0]), how_, middle_);
    return Tensors::of(Tensor(std::move(out)));
  }
  Tensors vjp(const VjpArgs& args) const override {
    return {apply1(make_ref<HalfFft>(!to_real_, axes_[0], n_, how_, middle_), args.cotangents[0])};
  }

 protected:
  Ref<const Primitive> over(Dims axes) const override {
    return make_ref<HalfFft>(to_real_, axes[0], n_, how_, middle_);
  }

 private:
  const bool to_real_;
  const int64_t n_;
  const double middle_;
};

Tensor real_fft(const Tensor& x, int64_t axis, Fourier how) {
  return apply1(make_ref<HalfFft>(false, axis, x.shape()[axis], how, 1), x);
}
Tensor hermitian_fft(const Tensor& x, int64_t axis, int64_t n, Fourier how) {
  return apply1(make_ref<HalfFft>(true, axis, n, how, 2), x);
}

using Norm = std::optional<std::string_view>;

// Where the factor of 1 / n goes.
Fourier scaled(std::string_view op, const Norm& norm, bool inverse, double n) {
  const std::string_view where = norm.value_or("backward");
  if (where == "ortho") return {inverse, 1 / std::sqrt(n)};
  if (where != "backward" && where != "forward")
    value_error("[", op, "] unknown norm '", where, "': use 'backward', 'ortho' or 'forward'");
  return {inverse, inverse == (where == "backward") ? 1 / n : 1};
}

// x cut or filled up with zeros to `size` along each of the axes.
Tensor resized(const Tensor& x, const Dims& axes, const Dims& sizes) {
  Dims shape = x.shape(), common = x.shape();
  for (size_t i = 0; i < axes.size(); ++i) {
    shape[axes[i]] = sizes[i];
    common[axes[i]] = std::min(sizes[i], x.shape()[axes[i]]);
  }
  const Slice part{Dims(shape.size(), 0), common, Dims(shape.size(), 1)};
  const Tensor cut = common == x.shape() ? x : slice(x, part);
  return common == shape ? cut : slice_scatter_zeros(cut, part, shape);
}

Tensor to_complex(const Tensor& x) { return cast(x, complex_of(to_floating(x.dtype()))); }

// Axes and the sizes to bring them to, as the caller gave them.
struct Plan {
  Dims axes, sizes;

  int64_t last() const { return axes[axes.size() - 1]; }
  int64_t last_size() const { return sizes[sizes.size() - 1]; }
  Plan without_last() const {
    Plan rest = *this;
    rest.axes.pop_back();
    rest.sizes.pop_back();
    return rest;
  }
  // How many numbers one output number is a sum of.
  double count() const {
    double product = 1;
    for (const int64_t size : sizes) product *= static_cast<double>(size);
    return product;
  }
};

void check_sizes(std::string_view op, const Dims& sizes) {
  for (const int64_t size : sizes) {
    if (size < 1)
      value_error("[", op, "] cannot transform ", size, " points: at least one is needed");
  }
}

// `half`: the last axis of x has n / 2 + 1 elements for an n that is even unless it is given.
Plan plan_one(std::string_view op, const Tensor& x, std::optional<int64_t> n, int64_t axis,
              bool half = false) {
  const int64_t along = normalize_axis(op, axis, x.ndim());
  const int64_t own = x.shape()[along];
  Plan plan{{along}, {n.value_or(half ? 2 * (own - 1) : own)}};
  check_sizes(op, plan.sizes);
  return plan;
}

Plan plan_several(std::string_view op, const Tensor& x, const Axes& s, const Axes& axes,
                  bool half = false) {
  Plan plan;
  const int64_t ndim = x.ndim();
  if (axes) {
    for (const int64_t axis : *axes) plan.axes.push_back(normalize_axis(op, axis, ndim));
  } else {
    const int64_t count = s ? static_cast<int64_t>(s->size()) : ndim;
    for (int64_t i = ndim - count; i < ndim; ++i)
      plan.axes.push_back(normalize_axis(op, i < 0 ? i - ndim : i, ndim));
  }
  if (s && s->size() != plan.axes.size()) {
    value_error("[", op, "] s = ", shape_string(*s), " and axes ", shape_string(plan.axes),
                " must have as many entries");
  }
  for (size_t i = 0; i < plan.axes.size(); ++i) {
    const int64_t own = x.shape()[plan.axes[i]];
    const bool halved = half && i + 1 == plan.axes.size();
    const bool given = s && (*s)[i] != -1;  // -1: as it is
    plan.sizes.push_back(given ? (*s)[i] : halved && !s ? 2 * (own - 1) : own);
  }
  check_sizes(op, plan.sizes);
  return plan;
}

// Later axes first. An axis that is named twice is brought to its size each time.
Tensor transformed(const Tensor& x, const Plan& plan, Fourier how) {
  if (plan.axes.empty()) return x;
  Dims sorted = plan.axes;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end()) {
    std::reverse(sorted.begin(), sorted.end());
    return apply1(make_ref<ComplexFft>(sorted, how), resized(x, plan.axes, plan.sizes));
  }
  Tensor out = x;
  for (size_t i = plan.axes.size(); i-- > 0; how.scale = 1) {
    const Dims axis{plan.axes[i]};
    out = apply1(make_ref<ComplexFft>(axis, how), resized(out, axis, {plan.sizes[i]}));
  }
  return out;
}

Tensor complex_transform(std::string_view op, const Tensor& x, const Plan& plan, const Norm& norm,
                         bool inverse) {
  return transformed(to_complex(x), plan, scaled(op, norm, inverse, plan.count()));
}

// Of real numbers: half of the last axis, then all of the others.
Tensor real_transform(std::string_view op, const Tensor& x, const Plan& plan, const Norm& norm,
                      bool inverse) {
  const Tensor floating = cast(x, to_floating(x.dtype()));
  const Tensor cut = resized(floating, {plan.last()}, {plan.last_size()});
  const Tensor half = real_fft(cut, plan.last(), scaled(op, norm, inverse, plan.count()));
  return transformed(half, plan.without_last(), {inverse, 1});
}

Tensor hermitian_transform(std::string_view op, const Tensor& x, const Plan& plan, const Norm& norm,
                           bool inverse) {
  const Tensor others = transformed(to_complex(x), plan.without_last(), {inverse, 1});
  const Tensor half = resized(others, {plan.last()}, {plan.last_size() / 2 + 1});
  return hermitian_fft(half, plan.last(), plan.last_size(),
                       scaled(op, norm, inverse, plan.count()));
}

Plan with_axes(std::string_view op, Plan plan) {
  if (plan.axes.empty()) value_error("[", op, "] at least one axis is needed");
  return plan;
}

using Length = std::optional<int64_t>;

Tensor fft(const Tensor& x, Length n, int64_t axis, Norm norm) {
  return complex_transform("fft.fft", x, plan_one("fft.fft", x, n, axis), norm, false);
}
Tensor ifft(const Tensor& x, Length n, int64_t axis, Norm norm) {
  return complex_transform("fft.ifft", x, plan_one("fft.ifft", x, n, axis), norm, true);
}
Tensor rfft(const Tensor& x, Length n, int64_t axis, Norm norm) {
  require_real("fft.rfft", x);
  return real_transform("fft.rfft", x, plan_one("fft.rfft", x, n, axis), norm, false);
}
Tensor irfft(const Tensor& x, Length n, int64_t axis, Norm norm) {
  const Plan plan = plan_one("fft.irfft", x, n, axis, true);
  return hermitian_transform("fft.irfft", x, plan, norm, true);
}
// The norms of these two are those of the opposite direction, as NumPy has them: hfft undoes ihfft.
Tensor hfft(const Tensor& x, Length n, int64_t axis, Norm norm) {
  const Plan plan = plan_one("fft.hfft", x, n, axis, true);
  return hermitian_transform("fft.hfft", x, plan, norm, false);
}
Tensor ihfft(const Tensor& x, Length n, int64_t axis, Norm norm) {
  require_real("fft.ihfft", x);
  return real_transform("fft.ihfft", x, plan_one("fft.ihfft", x, n, axis), norm, true);
}

// Over several axes or, by another name, two.
template <bool kTwo>
Tensor fftn(const Tensor& x, const Axes& s, const Axes& axes, Norm norm) {
  constexpr std::string_view kOp = kTwo ? "fft.fft2" : "fft.fftn";
  return complex_transform(kOp, x, plan_several(kOp, x, s, axes), norm, false);
}
template <bool kTwo>
Tensor ifftn(const Tensor& x, const Axes& s, const Axes& axes, Norm norm) {
  constexpr std::string_view kOp = kTwo ? "fft.ifft2" : "fft.ifftn";
  return complex_transform(kOp, x, plan_several(kOp, x, s, axes), norm, true);
}
template <bool kTwo>
Tensor rfftn(const Tensor& x, const Axes& s, const Axes& axes, Norm norm) {
  constexpr std::string_view kOp = kTwo ? "fft.rfft2" : "fft.rfftn";
  require_real(kOp, x);
  return real_transform(kOp, x, with_axes(kOp, plan_several(kOp, x, s, axes)), norm, false);
}
template <bool kTwo>
Tensor irfftn(const Tensor& x, const Axes& s, const Axes& axes, Norm norm) {
  constexpr std::string_view kOp = kTwo ? "fft.irfft2" : "fft.irfftn";
  const Plan plan = with_axes(kOp, plan_several(kOp, x, s, axes, true));
  return hermitian_transform(kOp, x, plan, norm, true);
}

void check_points(std::string_view op, int64_t n, double d, std::optional<DType> dtype) {
  if (n < 1 || d == 0) {
    value_error("[", op, "] n = ", n, " and d = ", d, ": n must be positive and d not zero");
  }
  if (dtype && !is_floating(*dtype))
    type_error("[", op, "] dtype ", name_of(*dtype), " is not real and floating");
}
Tensor frequencies(const Tensor& numbers, int64_t n, double d, std::optional<DType> dtype) {
  const Tensor steps = numbers * (1 / (static_cast<double>(n) * d));
  return cast(steps, dtype.value_or(DType::Float64));
}
Tensor fftfreq(int64_t n, double d, std::optional<DType> dtype, std::optional<Device> device) {
  check_points("fft.fftfreq", n, d, dtype);
  const auto positive = static_cast<double>((n + 1) / 2), negative = static_cast<double>(n / 2);
  const Tensor halves[] = {arange(0, positive, 1, DType::Float64),
                           arange(-negative, 0, 1, DType::Float64)};
  return to_device(frequencies(ops::concat(halves, 0), n, d, dtype), device.value_or(Device()));
}
Tensor rfftfreq(int64_t n, double d, std::optional<DType> dtype, std::optional<Device> device) {
  check_points("fft.rfftfreq", n, d, dtype);
  const auto count = static_cast<double>(n / 2 + 1);
  return to_device(frequencies(arange(0, count, 1, DType::Float64), n, d, dtype),
                   device.value_or(Device()));
}

Tensor shifted(std::string_view op, const Tensor& x, const Axes& axes, bool back) {
  Dims along, shifts;
  for (int64_t i = 0; i < (axes ? static_cast<int64_t>(axes->size()) : x.ndim()); ++i) {
    along.push_back(axes ? normalize_axis(op, (*axes)[i], x.ndim()) : i);
    const int64_t half = x.shape()[along[i]] / 2;
    shifts.push_back(back ? -half : half);
  }
  return roll(x, shifts, along);
}
Tensor fftshift(const Tensor& x, const Axes& axes) {
  return shifted("fft.fftshift", x, axes, false);
}
Tensor ifftshift(const Tensor& x, const Axes& axes) {
  return shifted("fft.ifftshift", x, axes, true);
}

constexpr const char* kInput = "\n\n:param x: tensor; ";
constexpr const char* kNorm =
    ":param norm: where the factor 1/n goes: to the inverse transform ('backward', the default), "
    "half to each ('ortho', 1/sqrt(n)), or to the forward one ('forward')\n";

std::string one_axis(const std::string& what, const std::string& input, const std::string& n,
                     const std::string& result, const std::string& example) {
  return what + kInput + input + "\n:param n: " + n +
         "\n:param axis: the axis along which to transform\n" + kNorm + ":returns: " + result +
         "\n:raises ValueError: if n is less than 1 or the norm unknown\n:raises IndexError: if "
         "the axis is out of range\n\n" +
         example;
}
std::string several_axes(const std::string& what, const std::string& input, const std::string& s,
                         const std::string& axes, const std::string& result,
                         const std::string& example) {
  return what + kInput + input + "\n:param s: " + s + "\n:param axes: " + axes + "\n" + kNorm +
         ":returns: " + result +
         "\n:raises ValueError: if an axis has no points, or s and axes differ in length\n:raises "
         "IndexError: if an axis is out of range\n\n" +
         example;
}

const std::string kAnyInput = "real numbers are taken as complex ones, integers in float64";
const std::string kRealInput = "integers are taken in float64; TypeError if complex";
const std::string kHalfInput =
    "the first n//2 + 1 numbers of the spectrum; the imaginary parts of number 0 and, for even n, "
    "number n/2 are ignored";
const std::string kLength =
    "how many points to use: more than there are are zeros; by default as many as there are";
const std::string kOutputLength = "length of the result, by default 2 * (m - 1) for m numbers";
const std::string kComplexResult = "complex tensor, n numbers along the axis";
const std::string kHalfResult = "complex tensor, n//2 + 1 numbers along the axis";
const std::string kRealResult = "real tensor, n numbers along the axis";

void register_one_axis(Registry& registry) {
  const std::string signature = "x, /, n=None, axis=-1, norm='backward'";
  registry.add("fft.fft", &fft, signature,
               one_axis("The discrete Fourier transform, sum(x[j] * exp(-2πi * j * k / n)), along "
                        "an axis.",
                        kAnyInput, kLength, kComplexResult,
                        ">>> pa.fft.fft(pa.tensor([1.0, 2.0, 3.0, 4.0])).tolist()\n"
                        "[(10+0j), (-2+2j), (-2+0j), (-2-2j)]"));
  registry.add("fft.ifft", &ifft, signature,
               one_axis("The inverse discrete Fourier transform along an axis.", kAnyInput, kLength,
                        kComplexResult,
                        ">>> pa.fft.ifft(pa.tensor([4.0, 0.0, 0.0, 0.0])).tolist()\n"
                        "[(1+0j), (1+0j), (1+0j), (1+0j)]"));
  registry.add("fft.rfft", &rfft, signature,
               one_axis("The transform of real numbers along an axis: the half of it that is not "
                        "the conjugate of the other.",
                        kRealInput, kLength, kHalfResult,
                        ">>> pa.fft.rfft(pa.tensor([1.0, 2.0, 3.0, 4.0])).tolist()\n"
                        "[(10+0j), (-2+2j), (-2+0j)]"));
  registry.add(
      "fft.irfft", &irfft, signature,
      one_axis("The inverse of :func:`rfft` along an axis.", kHalfInput, kOutputLength, kRealResult,
               ">>> pa.fft.irfft(pa.tensor([10.0, -2.0 + 2.0j, -2.0])).tolist()\n"
               "[1.0, 2.0, 3.0, 4.0]"));
  registry.add("fft.hfft", &hfft, signature,
               one_axis("The transform of a signal with Hermitian symmetry, x[-j] = conj(x[j]), "
                        "whose first half is given: it is real.",
                        kHalfInput, kOutputLength, kRealResult,
                        ">>> pa.fft.hfft(pa.tensor([1.0, 1.0j, 0.0])).tolist()\n"
                        "[1.0, 3.0, 1.0, -1.0]"));
  registry.add("fft.ihfft", &ihfft, signature,
               one_axis("The inverse of :func:`hfft`: the first half of the signal.", kRealInput,
                        kLength, kHalfResult,
                        ">>> pa.fft.ihfft(pa.tensor([1.0, 3.0, 1.0, -1.0])).tolist()\n"
                        "[(1+0j), 1j, 0j]"));
}

void register_several_axes(Registry& registry) {
  const std::string all = "s=None, axes=None, norm='backward'";
  const std::string two = "s=None, axes=(-2, -1), norm='backward'";
  const std::string sizes = "points along each axis, -1 for as many as there are, as for n of ";
  const std::string any = "axes to transform; by default all, or the last len(s)";
  const std::string pair = "axes to transform, by default the last two";
  const auto add = [&](const std::string& name, auto all_axes, auto two_axes,
                       const std::string& what, const std::string& input, const std::string& result,
                       const std::string& example) {
    const std::string one = name.substr(0, name.size() - 1);
    const std::string text = ":func:`" + one + "`";
    registry.add("fft." + name, all_axes, "x, /, " + all,
                 several_axes(what + " over several axes.", input, sizes + text, any, result,
                              ">>> pa.fft." + name + example));
    registry.add("fft." + one + "2", two_axes, "x, /, " + two,
                 several_axes(what + " over two axes.", input, sizes + text, pair, result,
                              ">>> pa.fft." + one + "2" + example));
  };
  const std::string full = "complex tensor",
                    half = "complex tensor, n//2 + 1 numbers on the last axis";
  add("fftn", &fftn<false>, &fftn<true>, "The discrete Fourier transform", kAnyInput, full,
      "(pa.tensor([[1.0, 2.0], [3.0, 4.0]])).tolist()\n[[(10+0j), (-2+0j)], [(-4+0j), 0j]]");
  add("ifftn", &ifftn<false>, &ifftn<true>, "The inverse discrete Fourier transform", kAnyInput,
      full,
      "(pa.tensor([[10.0, -2.0], [-4.0, 0.0]])).tolist()\n[[(1+0j), (2+0j)], [(3+0j), (4+0j)]]");
  add("rfftn", &rfftn<false>, &rfftn<true>,
      "The transform of real numbers, of which the last axis holds half,", kRealInput, half,
      "(pa.tensor([[1.0, 2.0], [3.0, 4.0]])).tolist()\n[[(10+0j), (-2+0j)], [(-4+0j), 0j]]");
  add("irfftn", &irfftn<false>, &irfftn<true>, "The inverse of the transform of real numbers",
      kHalfInput, "real tensor",
      "(pa.tensor([[10.0, -2.0], [-4.0, 0.0]])).tolist()\n[[1.0, 2.0], [3.0, 4.0]]");
}

void register_helpers(Registry& registry) {
  const std::string params =
      ":param n: how many points were transformed\n:param d: the distance between two points\n"
      ":param dtype: real floating dtype, by default float64\n"
      ":raises ValueError: if n is less than 1 or d is 0\n"
      ":raises TypeError: if the dtype is not real and floating\n\n";
  registry.add(
      "fft.fftfreq", &fftfreq, "n, /, d=1.0, *, dtype=None, device=None",
      "The frequencies, in cycles per unit of d, of the numbers that :func:`fft` gives.\n\n" +
          params + ">>> pa.fft.fftfreq(4).tolist()\n[0.0, 0.25, -0.5, -0.25]");
  registry.add(
      "fft.rfftfreq", &rfftfreq, "n, /, d=1.0, *, dtype=None, device=None",
      "The frequencies, in cycles per unit of d, of the numbers that :func:`rfft` gives.\n\n" +
          params + ">>> pa.fft.rfftfreq(4).tolist()\n[0.0, 0.25, 0.5]");
  const std::string shift =
      "\n\n:param x: tensor\n:param axes: axis or axes to roll; by default all\n"
      ":raises IndexError: if an axis is out of range\n\n";
  registry.add("fft.fftshift", &fftshift, "x, /, axes=None",
               "The numbers of a transform with frequency zero in the middle of each axis." +
                   shift +
                   ">>> pa.fft.fftshift(pa.fft.fftfreq(4)).tolist()\n[-0.5, -0.25, 0.0, 0.25]");
  registry.add("fft.ifftshift", &ifftshift, "x, /, axes=None",
               "The inverse of :func:`fftshift`." + shift +
                   ">>> pa.fft.ifftshift(pa.tensor([-0.5, -0.25, 0.0, 0.25])).tolist()\n"
                   "[0.0, 0.25, -0.5, -0.25]");
}

}  // namespace

}  // namespace pyautograd::ops

namespace pyautograd {

void register_fft(Registry& registry) {
  ops::register_one_axis(registry);
  ops::register_several_axes(registry);
  ops::register_helpers(registry);
}

}  // namespace pyautograd
