#include "ops/spectrum.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "autograd/capture.h"
#include "kernels/kernels.h"
#include "ops/elementwise.h"
#include "ops/linalg.h"
#include "ops/matrix_function.h"
#include "ops/origin.h"
#include "ops/reduce.h"
#include "ops/spectral_derivatives.h"

namespace pyautograd::ops {

namespace {

using linalg::adjoint;

constexpr int kDeepest = 200;
constexpr size_t kMostParameters = 16;

// Rows and columns of a matrix.
struct Block {
  int64_t begin, end;

  Tensor of(const Tensor& x) const {
    return linalg::column_range(linalg::row_range(x, begin, end), begin, end);
  }
};

// A known value, per matrix, with the derivative of the trace of a block of f(matrix). `part` of
// what moves all of the matrix moves the block. The inputs are the value, the matrix, and the
// parameters of f.
class Trace final : public linalg::OnMatrices {
 public:
  Trace(MatrixFunction f, Block block, double part)
      : f_(std::move(f)), block_(block), part_(part) {}
  std::string_view name() const override { return "sum"; }
  Saves saves() const override { return {.inputs = Saves::kAll & ~1u}; }
  Specs infer(TensorSpan x) const override { return {x[0].spec()}; }
  Tensors eval(TensorSpan x, const Specs&) const override { return {copy(x[0].untracked())}; }
  Dependence dependence(const DependenceArgs& args) const override {
    if (args.input == 0) return {Dependence::Kind::None};
    Dependence out{Dependence::Kind::Axes, Dims(args.x.shape.size(), Dependence::kAll)};
    const size_t own = args.x.shape.size() - static_cast<size_t>(core_rank(args.input));
    for (size_t i = 0; i < own; ++i) out.places[i] = static_cast<int64_t>(i);
    return out;
  }

  Tensors vjp(const VjpArgs& args) const override {
    const Tensor& t = args.cotangents[0];
    Tensors out(args.inputs.size());
    if (args.wants[1])
      out[1] = call<kernels::Scale>(expand_dims(t * part_, {-2, -1}), conj(slope(args.inputs)));
    for (size_t i = 2; i < out.size(); ++i)
      if (args.wants[i]) out[i] = call<kernels::Scale>(t, by_parameter(args.inputs, i));
    return out;
  }
  Tensors jvp(TensorSpan x, TensorSpan t, TensorSpan) const override {
    Tensor moved;
    if (t[1]) {
      const Tensor along = call<kernels::Scale>(t[1], conj(slope(x)));
      moved = real(sum(along, Dims{-2, -1})) * part_;
    }
    for (size_t i = 2; i < x.size(); ++i)
      if (t[i]) moved = linalg::total({moved, call<kernels::Scale>(t[i], by_parameter(x, i))});
    return {moved};
  }

 protected:
  int64_t core_rank(size_t input) const override { return input == 1 ? 2 : 0; }

 private:
  Tensor slope(TensorSpan x) const {
    return function_of_matrix(f_.derivative(), x[1], x.subspan(2));
  }
  Tensor by_parameter(TensorSpan x, size_t which) const {
    const Tensor moved = function_of_matrix(f_.derivative_by(which - 2), x[1], x.subspan(2));
    return sum(real(diagonal(block_.of(moved), 0, -2, -1)), Dims{-1});
  }

  const MatrixFunction f_;
  const Block block_;
  const double part_;
};

// The value of the first input with the derivative of the second.
class ValueOf final : public linalg::OnMatrices {
 public:
  std::string_view name() const override { return "linalg.eigvalsh"; }
  Specs infer(TensorSpan x) const override { return {x[0].spec()}; }
  Tensors eval(TensorSpan x, const Specs&) const override { return {copy(x[0].untracked())}; }
  Dependence dependence(const DependenceArgs& args) const override {
    if (args.input == 0) return {Dependence::Kind::None};
    return Dependence::elementwise(args.x, args.outputs[0]);
  }
  Tensors vjp(const VjpArgs& args) const override { return {Tensor(), args.cotangents[0]}; }
  Tensors jvp(TensorSpan, TensorSpan t, TensorSpan) const override { return {t[1]}; }

 protected:
  int64_t core_rank(size_t) const override { return 0; }
};

// What has no derivative of second order: zero, and so is its first derivative, whose own is nan
// where the second input holds, whatever cotangent it meets.
class Knot final : public Primitive {
 public:
  explicit Knot(bool first_derivative) : first_derivative_(first_derivative) {}
  std::string_view name() const override { return "linalg.eigvalsh"; }
  Saves saves() const override { return {.inputs = Saves::kAll}; }
  Specs infer(TensorSpan x) const override { return {x[0].spec()}; }
  Tensors eval(TensorSpan, const Specs& specs) const override {
    return {zeros(specs[0].shape, specs[0].dtype, specs[0].device)};
  }
  Dependence dependence(const DependenceArgs& args) const override {
    if (args.input == 1) return {Dependence::Kind::None};
    return Dependence::elementwise(args.x, args.outputs[0]);
  }
  Tensors vjp(const VjpArgs& args) const override {
    if (!first_derivative_) return {derivative(args.inputs), {}};
    return {unknown(args.inputs[0], args.inputs[1]), {}};
  }
  Tensors jvp(TensorSpan x, TensorSpan t, TensorSpan) const override {
    if (!t[0]) return {Tensor()};
    if (!first_derivative_) return {derivative(x)};
    return {unknown(t[0], logical_and(x[1], not_equal(t[0], scalar(0, t[0].dtype()))))};
  }
  BatchResult batch(int64_t, TensorSpan values, std::span<const int> dims) const override {
    return batch_broadcasting(*this, values, dims);
  }

 private:
  static Tensor derivative(TensorSpan x) { return apply1(make_ref<Knot>(true), x); }
  static Tensor unknown(const Tensor& like, const Tensor& where_it_is) {
    const Tensor nan = scalar(std::numeric_limits<double>::quiet_NaN(), like.dtype());
    return where(where_it_is, nan, zeros_like(like));
  }

  const bool first_derivative_;
};

// y is f of the spectrum of the operand.
struct Spectrum final : Origin {
  Spectrum(const Tensor& y, const Tensor& matrix, SpectrumOf of, bool has_zero, Tensor repeated,
           Ref<const Function> f)
      : Origin(y, Kind::Spectrum, matrix),
        of(of),
        has_zero(has_zero),
        repeated(std::move(repeated)),
        f(std::move(f)) {}
  Spectrum(const Tensor& y, const Spectrum& from, Ref<const Function> f)
      : Spectrum(y, from.operand, from.of, from.has_zero, from.repeated, std::move(f)) {}
  const SpectrumOf of;
  const bool has_zero;
  const Tensor repeated;  // which values equal another; absent: none
  const Ref<const Function> f;

  bool same_as(const Spectrum& other) const {
    return of == other.of && operand.body() == other.operand.body() &&
           operand.node_ref() == other.operand.node_ref() &&
           operand.output() == other.operand.output();
  }
};

// y is taken from functions of the spectrum of the operand.
struct Picked final : Origin {
  Picked(const Tensor& y, const Tensor& matrix, const Tensor& plain, const Tensor& repeated)
      : Origin(y, Kind::Picked, matrix), plain(plain), repeated(repeated) {}
  const Tensor plain, repeated;  // without the knot, and which values equal another
};

const Spectrum* spectrum_of(const Tensor& y) {
  return static_cast<const Spectrum*>(origin_of(y, Origin::Kind::Spectrum));
}

// What of a spectrum decides whether its derivatives must be those of matrix functions.
struct Features {
  bool close = false;  // values so near to each other that rules for single ones lose digits
  bool equal = false;  // within rounding
  bool zero = false;   // likewise
};
constexpr double kClose = 1e-3;

template <class T>
Features features_of(const Array& values) {
  Features found;
  const int64_t n = values.shape.back();
  const T* const end = values.data<T>() + values.size();
  for (const T* row = values.data<T>(); row < end; row += n) {
    const T largest = std::max(std::abs(row[0]), std::abs(row[n - 1]));
    const T rounding = static_cast<T>(2 * n) * std::numeric_limits<T>::epsilon() * largest;
    for (int64_t i = 0; i < n; ++i) {
      found.zero |= std::abs(row[i]) <= rounding;
      if (i == 0) continue;
      const T gap = std::abs(row[i] - row[i - 1]);
      found.close |= gap <= static_cast<T>(kClose) * largest;
      found.equal |= gap <= rounding;
    }
  }
  return found;
}

// What the reductions of y = f(spectrum) are differentiated as: a function of a Hermitian matrix,
// in one block of which every value of the spectrum occurs once.
struct Reduced {
  MatrixFunction f;
  Tensor matrix;
  Tensors parameters;  // of the shape of the batch
  Block block;
  double part;
};

// Whether f(|x|) is differentiable at 0 for all values of its parameters.
bool flat_at_zero(const Ref<const Function>& f, DType dtype) {
  Tensors values;
  for (const Function* leaf : f->parameters()) values.push_back(leaf->parameter());
  const Tensor slope = MatrixFunction(f)(1, scalar(0, dtype), values);
  return holds_everywhere(equal(slope, scalar(0, dtype)));
}

// A parameter, which is constant along the last axis of y, as one number for every matrix.
Tensor per_matrix(const Tensor& parameter, const Tensor& y) {
  const Tensor x = parameter.ndim() == 0 ? parameter : squeeze(parameter, Dims{-1});
  return broadcast_to(x, linalg::lead(y, 1));
}

// Nothing where f of the spectrum is not differentiable as a function of the matrix, or too large.
std::optional<Reduced> reduced(const Tensor& y, const Spectrum& spectrum) {
  const Function::Parts leaves = spectrum.f->parameters();
  if (leaves.size() > kMostParameters) return {};
  Tensors parameters;
  for (const Function* leaf : leaves) {
    if (!leaf->is_current()) return {};
    parameters.push_back(per_matrix(leaf->parameter(), y));
  }
  const Tensor& x = spectrum.operand;
  const int64_t m = linalg::rows(x), n = linalg::columns(x);
  if (spectrum.of != SpectrumOf::Singular) {
    const Tensor matrix = spectrum.of == SpectrumOf::Lower ? x : adjoint(x);
    return Reduced{MatrixFunction(spectrum.f), matrix, std::move(parameters), {0, n}, 1};
  }
  const bool kink = !flat_at_zero(spectrum.f, y.dtype());
  if (kink && spectrum.has_zero) return {};
  // The pairs of signs count every singular value twice.
  const Block smaller = m < n ? Block{0, m} : Block{m, m + n};
  return Reduced{
      {spectrum.f, m, kink}, linalg::jordan_wielandt(x), std::move(parameters), smaller, 0.5};
}

bool has_last(const Dims& axes, const Tensor& y) {
  return !axes.empty() && axes.back() == y.ndim() - 1;
}

// What is the same for every value of the spectrum y is along.
bool is_parameter(const Tensor& x) {
  return is_floating(x.dtype()) && (x.ndim() == 0 || x.shape().back() == 1);
}

// One number for the whole batch, so that y minus it still is a function of the spectrum.
Tensor largest_of(const Tensor& y) {
  const Array& numbers = innermost_array(y);
  const Ref<Array> largest =
      Array::empty(Dims(numbers.shape.size(), 1), numbers.dtype, numbers.device);
  kernels::reduce(kernels::Reduce::Max, largest->device_view(), numbers.device_view());
  return Tensor(largest->with_layout({}, {}, 0));
}

using Reduce = Tensor (*)(const Tensor&, const Axes&, std::optional<DType>, bool);

// What y is reduced to along its last axis, reduced along the others. The value is that of one
// reduction, to the last bit.
Tensor over_the_others(const Tensor& y, const Tensor& reduced, const Dims& axes, bool keepdims,
                       Reduce reduce) {
  const Tensor x = keepdims ? expand_dims(reduced, {-1}) : reduced;
  const Dims others(axes.begin(), axes.end() - 1);
  if (others.empty()) return x;
  return value_of(reduce(copy(y), axes, {}, keepdims), reduce(x, others, {}, keepdims));
}

}  // namespace

void remember_spectrum(const Tensor& values, SpectrumOf of, const Tensor& matrix) {
  if (!differentiable(values) || values.shape().back() < 2) return;
  const Array& numbers = innermost_array(values);
  if (Capture::unknown(numbers)) {  // a guard: those that are close would have an origin
    surely(linalg::are_close(values));
    return;
  }
  Ref<Array> moved;
  if (numbers.device.kind != Device::Kind::CPU) {
    moved = Array::empty(numbers.shape, numbers.dtype);
    kernels::copy(moved->view(), numbers.device_view());
  }
  const Array& here = moved ? *moved : numbers;
  const bool single = here.dtype == DType::Float32;
  const Features found = single ? features_of<float>(here) : features_of<double>(here);
  if (!found.close) return;
  Tensor repeated = any(linalg::equal_pairs(values), Dims{-1});
  if (!holds_anywhere(repeated)) repeated = {};
  values.body()->origin =
      make_ref<Spectrum>(values, matrix, of, found.zero, std::move(repeated), make_ref<Function>());
}

void remember_matrix(const Tensor& values, const Tensor& matrix) {
  if (!differentiable(values)) return;
  values.body()->origin =
      make_ref<Spectrum>(values, matrix, SpectrumOf::Lower, false, Tensor(), make_ref<Function>());
}

bool is_spectrum(const Tensor& x, const Dims& axes) {
  return x.body()->origin && has_last(axes, x) && spectrum_of(x);
}

void remember_function(kernels::FnId op, TensorSpan x, const Tensor& y) {
  if (!is_inexact(y.dtype()) || is_complex(y.dtype()) || !differentiable(y)) return;
  const Spectrum* spectrum = nullptr;
  Function::Arguments arguments;
  for (const Tensor& argument : x) {
    if (const Spectrum* own = spectrum_of(argument)) {
      if (argument.shape() != y.shape() || (spectrum && !spectrum->same_as(*own))) return;
      spectrum = own;
      arguments.push_back({own->f, {}});
    } else if (argument.is_array() && !argument.tracked() && argument.ndim() == 0) {
      arguments.push_back({{}, copy(argument)});
    } else if (is_parameter(argument)) {
      arguments.push_back({make_ref<Function>(argument), {}});
    } else {
      return;
    }
  }
  if (!spectrum || y.tracked() != spectrum->operand.tracked()) return;
  Ref<const Function> f = make_ref<Function>(op, std::move(arguments));
  if (f->depth() <= kDeepest) {
    y.body()->origin = make_ref<Spectrum>(y, *spectrum, std::move(f));
  }
}

Tensor value_of(const Tensor& value, const Tensor& differentiated) {
  Tensor y = apply1(make_ref<ValueOf>(), Borrowed<2>(value, differentiated));
  if (const Spectrum* from = spectrum_of(differentiated))
    y.body()->origin = make_ref<Spectrum>(y, *from, from->f);
  return y;
}

std::optional<Tensor> picked_from_spectrum(const Tensor& x, const Pick& pick) {
  const Spectrum* spectrum = spectrum_of(x);
  const auto* before = static_cast<const Picked*>(origin_of(x, Origin::Kind::Picked));
  const Tensor repeated = spectrum ? spectrum->repeated : before ? before->repeated : Tensor();
  if (!repeated) return {};
  const Tensor plain = pick(before ? before->plain : x), mask = pick(repeated);
  if (!holds_anywhere(mask)) return plain;
  const Tensor matrix = spectrum ? spectrum->operand : before->operand;
  const Tensor knot = apply1(make_ref<Knot>(false), Borrowed<2>(matrix, any(mask)));
  Tensor y = value_of(plain, plain + real(sum(knot)));
  y.body()->origin = make_ref<Picked>(y, matrix, plain, mask);
  return y;
}

std::optional<Tensor> sum_of_spectrum(const Tensor& y, const Dims& axes, bool keepdims) {
  const Spectrum* spectrum = spectrum_of(y);
  if (!spectrum || !has_last(axes, y)) return {};
  const std::optional<Reduced> through = reduced(y, *spectrum);
  if (!through) return {};
  // The value is that of a copy, which remembers nothing.
  Tensors inputs{sum(copy(y), Dims{-1}), through->matrix};
  for (const Tensor& parameter : through->parameters) inputs.push_back(parameter);
  const Tensor trace = apply1(make_ref<Trace>(through->f, through->block, through->part), inputs);
  return over_the_others(y, trace, axes, keepdims, &sum);
}

std::optional<Tensor> prod_of_spectrum(const Tensor& y, const Dims& axes, bool keepdims) {
  const Spectrum* spectrum = spectrum_of(y);
  if (!spectrum || !has_last(axes, y)) return {};
  const std::optional<Reduced> through = reduced(y, *spectrum);
  if (!through) return {};
  const Tensor block =
      through->block.of(function_of_matrix(through->f, through->matrix, through->parameters));
  const Tensor value = prod(copy(y), Dims{-1});
  return over_the_others(y, value_of(value, real(linalg::det(block))), axes, keepdims, &prod);
}

std::optional<Tensor> matrix_of_spectrum(const Tensor& y) {
  const Spectrum* spectrum = spectrum_of(y);
  if (!spectrum || spectrum->of == SpectrumOf::Singular) return {};
  const std::optional<Reduced> through = reduced(y, *spectrum);
  if (!through) return {};
  return function_of_matrix(through->f, through->matrix, through->parameters);
}

Tensor logsumexp_of_spectrum(const Tensor& y, const Tensor& value) {
  if (!spectrum_of(y)) return value;
  const Tensor shift = largest_of(y);
  const bool keepdims = value.ndim() == y.ndim();
  return value_of(value, log(sum(exp(y - shift), Dims{-1}, {}, keepdims)) + shift);
}

Tensor softmax_of_spectrum(const Tensor& y, const Tensor& value) {
  const Tensor powers = exp(y - largest_of(y));
  return value_of(value, powers / sum(powers, Dims{-1}, {}, true));
}

Tensor log_softmax_of_spectrum(const Tensor& y, const Tensor& value) {
  return value_of(value, y - logsumexp(y, Dims{-1}, true));
}

}  // namespace pyautograd::ops
