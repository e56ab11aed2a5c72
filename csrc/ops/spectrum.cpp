#include "ops/spectrum.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <unordered_map>

#include "kernels/kernels.h"
#include "ops/elementwise.h"
#include "ops/linalg.h"
#include "ops/linear.h"
#include "ops/origin.h"
#include "ops/reduce.h"
#include "ops/sort.h"

namespace pyautograd::ops {

namespace {

using linalg::adjoint;
using linalg::hermitian_part;

// A function of one real number, made of elementwise ops and constants. Its graph may share parts.
class Function final : public RefCounted {
 public:
  struct Argument {
    Ref<const Function> part;
    Tensor constant;  // 0-d, in place of a part
  };
  using Arguments = SmallVector<Argument, 2>;

  Function() = default;  // the identity
  Function(Ref<const Primitive> op, Arguments arguments)
      : op_(std::move(op)), arguments_(std::move(arguments)) {
    for (const Argument& argument : arguments_)
      if (argument.part) depth_ = std::max(depth_, argument.part->depth_ + 1);
  }
  // Bounds the recursions over the graph.
  int depth() const noexcept { return depth_; }
  bool is_identity() const noexcept { return depth_ == 0; }

  Tensor at(const Tensor& x) const {
    std::unordered_map<const Function*, Tensor> known;
    return at(x, known);
  }

 private:
  Tensor at(const Tensor& x, std::unordered_map<const Function*, Tensor>& known) const {
    if (!op_) return x;
    if (const auto found = known.find(this); found != known.end()) return found->second;
    Tensors values;
    for (const Argument& argument : arguments_)
      values.push_back(argument.part ? argument.part->at(x, known) : argument.constant);
    return known[this] = apply1(op_, values);
  }

  Ref<const Primitive> op_;
  Arguments arguments_;
  int depth_ = 0;
};

constexpr int kDeepest = 200;

Tensor derivative_of(const Function& f, int order, const Tensor& x) {
  if (order == 0) return f.at(x);
  const LevelScope scope(Level::Kind::Jvp);
  const Tensor y = derivative_of(f, order - 1, make_dual(scope.level(), x, ones_like(x)));
  const bool moves = y.level() == scope.level().get() && as_dual(y).tangent;
  return moves ? as_dual(y).tangent : zeros_like(x);
}

// What the spectrum of a Hermitian matrix goes through: a derivative of f, or of the even function
// f(|x|), whose derivatives at 0 are those from the right.
struct MatrixFunction {
  Ref<const Function> f;
  bool even = false;
  bool kink = false;  // at 0
  int order = 0;

  MatrixFunction derivative() const { return {f, even, kink, order + 1}; }
  // Its derivative of order `further`.
  Tensor operator()(int further, const Tensor& x) const {
    if (!even) return derivative_of(*f, order + further, x);
    const Tensor y = derivative_of(*f, order + further, absolute(x));
    if ((order + further) % 2 == 0) return y;
    return where(less(x, scalar(0, x.dtype())), -y, y);
  }
};

struct Rule {
  std::span<const double> nodes, weights;
};
// Gauss-Legendre on [0, 1].
constexpr double kNodes3[] = {0.1127016653792583, 0.5, 0.8872983346207417};
constexpr double kWeights3[] = {5.0 / 18, 8.0 / 18, 5.0 / 18};
constexpr double kNodes4[] = {0.06943184420297371, 0.33000947820757187, 0.6699905217924281,
                              0.9305681557970263};
constexpr double kWeights4[] = {0.17392742256872692, 0.32607257743127307, 0.32607257743127307,
                                0.17392742256872692};

// The divided difference f[x0, ..., xk] as the mean of the k-th derivative over a simplex
// (Hermite-Genocchi), which holds where arguments meet:
// the integral of f^(k)(x0 + t1 (x1 - x0) + ... + tk (xk - x(k-1))) over 0 <= tk <= ... <= t1 <= 1,
// with t1 = s1, t2 = s1 s2, ... from the unit cube.
Tensor simplex_integral(const MatrixFunction& f, TensorSpan x, Rule rule, int k, size_t done,
                        const Tensor& at, double scale, double weight) {
  if (done == static_cast<size_t>(k)) return f(k, at) * weight;
  Tensor sum;
  const Tensor step = x[done + 1] - x[done];
  for (size_t i = 0; i < rule.nodes.size(); ++i) {
    const double s = rule.nodes[i], t = scale * s;
    const double jacobian = std::pow(s, k - 1 - static_cast<double>(done));
    sum = linalg::total({sum, simplex_integral(f, x, rule, k, done + 1, at + step * t, t,
                                               weight * rule.weights[i] * jacobian)});
  }
  return sum;
}

// f[x0, ..., xk] for rising arguments. Newton's quotients lose digits where arguments come close,
// the integral where they are far apart; each says how many, and the better is taken.
Tensor divided_difference(const MatrixFunction& f, TensorSpan x) {
  const DType dtype = x[0].dtype();
  const double epsilon = dtype == DType::Float32 ? std::numeric_limits<float>::epsilon()
                                                 : std::numeric_limits<double>::epsilon();
  Tensors value, error;
  for (const Tensor& argument : x) {
    value.push_back(f(0, argument));
    error.push_back(absolute(value.back()) * epsilon);
  }
  for (size_t k = 1; k < x.size(); ++k) {
    for (size_t i = 0; i + k < x.size(); ++i) {
      const Tensor gap = x[i + k] - x[i], same = equal(gap, scalar(0, dtype));
      const Tensor divisor = where(same, scalar(1, dtype), gap);
      const Tensor quotient = (value[i + 1] - value[i]) / divisor;
      const Tensor lost = (error[i + 1] + error[i]) / divisor;
      const auto integral = [&](Rule rule) {
        const int order = static_cast<int>(k);
        return simplex_integral(f, x.subspan(i, k + 1), rule, order, 0, x[i], 1, 1);
      };
      const Tensor fine = integral({kNodes4, kWeights4});
      const Tensor off = absolute(fine - integral({kNodes3, kWeights3})) + absolute(fine) * epsilon;
      Tensor smooth = logical_or(same, less_equal(off, lost));
      if (f.kink) smooth = logical_and(smooth, greater_equal(x[i] * x[i + k], scalar(0, dtype)));
      value[i] = where(smooth, fine, quotient);
      error[i] = where(smooth, off, lost);
    }
  }
  return value[0];
}

// f[w_i, w_j, ...] for all k + 1 indices, in as many axes behind the batch.
Tensor all_divided_differences(const MatrixFunction& f, const Tensor& w, size_t k) {
  if (k == 0) return f(0, w);
  const int64_t n = w.shape().back();
  Dims grid = linalg::lead(w, 1);
  for (size_t i = 0; i <= k; ++i) grid.push_back(n);
  Tensors arguments;
  for (size_t i = 0; i <= k; ++i) {
    Dims own = linalg::lead(w, 1);
    for (size_t j = 0; j <= k; ++j) own.push_back(i == j ? n : 1);
    arguments.push_back(broadcast_to(reshape(w, own), grid));
  }
  const Tensor rising = sort(stack(arguments, -1));
  for (size_t i = 0; i <= k; ++i)
    arguments[i] = select(rising, rising.ndim() - 1, static_cast<int64_t>(i));
  return divided_difference(f, arguments);
}

// The sum over i1, ..., i(k-1) of differences[i0, ..., ik] x1[i0, i1] ... xk[i(k-1), ik].
Tensor contract(const Tensor& differences, TensorSpan factors) {
  const size_t k = factors.size();
  Tensor product = differences;
  for (size_t j = 0; j < k; ++j) {
    Dims own = linalg::lead(factors[j]);
    const int64_t n = linalg::rows(factors[j]);
    for (size_t axis = 0; axis <= k; ++axis) own.push_back(axis == j || axis == j + 1 ? n : 1);
    product = product * reshape(factors[j], own);
  }
  Dims inner;
  for (size_t axis = 1; axis < k; ++axis) inner.push_back(-1 - static_cast<int64_t>(axis));
  return inner.empty() ? product : sum(product, inner);
}

// The derivative of f(a), for Hermitian a, along Hermitian matrices x1, ..., xk, and f(a) itself
// for k = 0 (Daleckii and Krein 1965; Higham 2008, "Functions of Matrices", section 3.2). Its
// product with one more Hermitian matrix is symmetric in all of them, so that it is its own
// transpose in each, and the rules of this class are made of this class.
class FunctionDerivative final : public linalg::OnMatrices {
 public:
  explicit FunctionDerivative(MatrixFunction f) : f_(std::move(f)) {}
  std::string_view name() const override { return "linalg.eigvalsh"; }
  Saves saves() const override { return {.inputs = Saves::kAll}; }

  Specs infer(TensorSpan inputs) const override {
    DType dtype = inputs[0].dtype();
    for (const Tensor& x : inputs) dtype = promote(dtype, x.dtype());
    const int64_t n = linalg::rows(inputs[0]);
    return {Spec{linalg::with_core(linalg::common_lead(name(), inputs), {n, n}), dtype,
                 inputs[0].device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs&) const override {
    const Tensors spectrum = linalg::eigh(inputs[0].untracked());
    const Tensor &w = spectrum[0], &v = spectrum[1];
    Tensors along;
    for (const Tensor& x : inputs.subspan(1))
      along.push_back(matmul(matmul(adjoint(v), x.untracked()), v));
    const Tensor differences = all_divided_differences(f_, w, along.size());
    if (along.empty()) return {matmul(linalg::scale_columns(v, differences), adjoint(v))};
    SmallVector<size_t, 4> order;
    for (size_t i = 0; i < along.size(); ++i) order.push_back(i);
    Tensor core;
    do {
      Tensors factors;
      for (size_t i : order) factors.push_back(along[i]);
      core = linalg::total({core, contract(differences, factors)});
    } while (std::next_permutation(order.begin(), order.end()));
    return {matmul(matmul(v, core), adjoint(v))};
  }

  Tensors vjp(const VjpArgs& args) const override {
    const Tensor direction = hermitian_part(conj(args.cotangents[0]));
    Tensors out(args.inputs.size());
    for (size_t i = 0; i < out.size(); ++i)
      if (args.wants[i]) out[i] = conj(moved(args.inputs, i, direction));
    return out;
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan) const override {
    Tensor sum;
    for (size_t i = 0; i < primals.size(); ++i) {
      if (tangents[i]) sum = linalg::total({sum, moved(primals, i, hermitian_part(tangents[i]))});
    }
    return {sum};
  }

 private:
  // The derivative by one input: one direction more for the matrix, and linear in the others.
  Tensor moved(TensorSpan inputs, size_t which, const Tensor& direction) const {
    Tensors next(inputs.begin(), inputs.end());
    if (which == 0) {
      next.push_back(direction);
    } else {
      next[which] = direction;
    }
    return apply1(Ref<const Primitive>(this), next);
  }

  const MatrixFunction f_;
};

// Of a matrix of which the lower triangle is read.
Tensor function_of_matrix(const MatrixFunction& f, const Tensor& matrix) {
  return apply1(make_ref<FunctionDerivative>(f), matrix);
}

// A known value, per matrix, with the derivative of the trace of f(matrix), or part of it.
class Trace final : public linalg::OnMatrices {
 public:
  Trace(MatrixFunction f, double part) : f_(std::move(f)), part_(part) {}
  std::string_view name() const override { return "sum"; }
  Saves saves() const override { return {.inputs = 2}; }
  Specs infer(TensorSpan x) const override { return {x[0].spec()}; }
  Tensors eval(TensorSpan x, const Specs&) const override { return {copy(x[0].untracked())}; }
  Dependence dependence(const DependenceArgs& args) const override {
    if (args.input == 0) return {Dependence::Kind::None};
    Dependence out{Dependence::Kind::Axes, Dims(args.x.shape.size(), Dependence::kAll)};
    for (size_t i = 0; i + 2 < args.x.shape.size(); ++i) out.places[i] = static_cast<int64_t>(i);
    return out;
  }

  Tensors vjp(const VjpArgs& args) const override {
    const Tensor share = expand_dims(args.cotangents[0] * part_, {-2, -1});
    return {Tensor(), call<kernels::Scale>(share, conj(slope(args.inputs[1])))};
  }
  Tensors jvp(TensorSpan x, TensorSpan t, TensorSpan) const override {
    if (!t[1]) return {Tensor()};
    const Tensor along = call<kernels::Scale>(t[1], conj(slope(x[1])));
    return {real(sum(along, Dims{-2, -1})) * part_};
  }

 protected:
  int64_t core_rank(size_t input) const override { return input == 0 ? 0 : 2; }

 private:
  Tensor slope(const Tensor& matrix) const { return function_of_matrix(f_.derivative(), matrix); }

  const MatrixFunction f_;
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

Tensor value_of(const Tensor& value, const Tensor& differentiated) {
  return apply1(make_ref<ValueOf>(), Borrowed<2>(value, differentiated));
}

// y is f of the spectrum of the operand.
struct Spectrum final : Origin {
  Spectrum(const Tensor& y, const Tensor& matrix, SpectrumOf of, bool has_zero,
           Ref<const Function> f)
      : Origin(y, Kind::Spectrum, matrix), of(of), has_zero(has_zero), f(std::move(f)) {}
  const SpectrumOf of;
  const bool has_zero;
  const Ref<const Function> f;

  bool same_as(const Spectrum& other) const {
    return of == other.of && operand.body() == other.operand.body() &&
           operand.node_ref() == other.operand.node_ref() &&
           operand.output() == other.operand.output();
  }
};

const Spectrum* spectrum_of(const Tensor& y) {
  return static_cast<const Spectrum*>(origin_of(y, Origin::Kind::Spectrum));
}

// What of a spectrum decides whether its derivatives must be those of matrix functions.
struct Features {
  bool close = false;  // values so near to each other that rules for single ones lose digits
  bool zero = false;   // within rounding
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
      found.close |= i > 0 && std::abs(row[i] - row[i - 1]) <= static_cast<T>(kClose) * largest;
    }
  }
  return found;
}

// The Hermitian matrix with the singular values of x, their negatives, and zeros for its spectrum.
Tensor jordan_wielandt(const Tensor& x) {
  const auto none = [&](int64_t n) {
    return broadcast_to(scalar(0, x.dtype()), linalg::with_core(linalg::lead(x), {n, n}));
  };
  const Tensor above = ops::concat(Tensors{none(linalg::rows(x)), x}, -1);
  const Tensor below = ops::concat(Tensors{adjoint(x), none(linalg::columns(x))}, -1);
  return ops::concat(Tensors{above, below}, -2);
}

// Whether f(|x|) is differentiable at 0.
bool flat_at_zero(const Function& f) {
  const Tensor slope = derivative_of(f, 1, scalar(0, DType::Float64));
  return *slope.array().data<double>() == 0;
}

Tensor hermitian_matrix(const Spectrum& spectrum) {
  switch (spectrum.of) {
    case SpectrumOf::Lower:
      return spectrum.operand;
    case SpectrumOf::Upper:
      return adjoint(spectrum.operand);
    case SpectrumOf::Singular:
      return jordan_wielandt(spectrum.operand);
  }
  std::abort();
}

bool has_last(const Dims& axes, const Tensor& y) {
  return !axes.empty() && axes.back() == y.ndim() - 1;
}

// Reduces what is reduced along the last axis along the others.
Tensor over_the_others(const Tensor& reduced, const Dims& axes, bool keepdims,
                       Tensor (*reduce)(const Tensor&, const Axes&, std::optional<DType>, bool)) {
  const Tensor x = keepdims ? expand_dims(reduced, {-1}) : reduced;
  const Dims others(axes.begin(), axes.end() - 1);
  return others.empty() ? x : reduce(x, others, {}, keepdims);
}

}  // namespace

void remember_spectrum(const Tensor& values, SpectrumOf of, const Tensor& matrix) {
  if (!differentiable(values) || values.shape().back() < 2) return;
  const Array& numbers = innermost_array(values);
  const bool single = numbers.dtype == DType::Float32;
  const Features found = single ? features_of<float>(numbers) : features_of<double>(numbers);
  if (found.close)
    values.body()->origin =
        make_ref<Spectrum>(values, matrix, of, found.zero, make_ref<Function>());
}

void remember_function(const Ref<const Primitive>& op, TensorSpan x, const Tensor& y) {
  if (!is_inexact(y.dtype()) || is_complex(y.dtype()) || !differentiable(y)) return;
  const Spectrum* spectrum = nullptr;
  Function::Arguments arguments;
  for (const Tensor& argument : x) {
    if (const Spectrum* own = spectrum_of(argument)) {
      if (spectrum && !spectrum->same_as(*own)) return;
      spectrum = own;
      arguments.push_back({own->f, {}});
    } else if (argument.is_array() && !argument.tracked() && argument.ndim() == 0) {
      arguments.push_back({{}, copy(argument)});
    } else {
      return;
    }
  }
  if (!spectrum) return;
  Ref<const Function> f = make_ref<Function>(op, std::move(arguments));
  if (f->depth() <= kDeepest) {
    y.body()->origin =
        make_ref<Spectrum>(y, spectrum->operand, spectrum->of, spectrum->has_zero, std::move(f));
  }
}

std::optional<Tensor> sum_of_spectrum(const Tensor& y, const Dims& axes, bool keepdims) {
  const Spectrum* spectrum = spectrum_of(y);
  if (!spectrum || !has_last(axes, y)) return {};
  const bool singular = spectrum->of == SpectrumOf::Singular;
  const bool kink = singular && !flat_at_zero(*spectrum->f);
  if (kink && spectrum->has_zero) return {};
  // Of a copy, which remembers nothing. The pairs of signs count every singular value twice.
  const Tensor value = sum(copy(y), Dims{-1});
  const auto trace =
      make_ref<Trace>(MatrixFunction{spectrum->f, singular, kink}, singular ? 0.5 : 1.0);
  const Tensor matrix = hermitian_matrix(*spectrum);
  return over_the_others(apply1(trace, Borrowed<2>(value, matrix)), axes, keepdims, &sum);
}

std::optional<Tensor> prod_of_spectrum(const Tensor& y, const Dims& axes, bool keepdims) {
  const Spectrum* spectrum = spectrum_of(y);
  if (!spectrum || !has_last(axes, y) || spectrum->of == SpectrumOf::Singular) return {};
  const Tensor of_matrix = function_of_matrix({spectrum->f}, hermitian_matrix(*spectrum));
  const Tensor value = prod(copy(y), Dims{-1});
  return over_the_others(value_of(value, real(linalg::det(of_matrix))), axes, keepdims, &prod);
}

Tensor logsumexp_of_spectrum(const Tensor& y, const Tensor& value) {
  if (!spectrum_of(y)) return value;
  // One shift for the whole batch, so that y - shift still is a function of the spectrum.
  const Array& numbers = innermost_array(y);
  const Ref<Array> largest = Array::empty(Dims(numbers.shape.size(), 1), numbers.dtype);
  kernels::reduce(kernels::Reduce::Max, largest->view(), numbers.view());
  const Tensor shift(largest->with_layout({}, {}, 0));
  return value_of(value, log(sum(exp(y - shift), Dims{-1})) + shift);
}

}  // namespace pyautograd::ops
