// Roots, which are singular at zero, and the functions of them that are not (ops/origin.h).

#include <cmath>
#include <limits>

#include "autograd/jet.h"
#include "ops/elementwise.h"
#include "ops/matrix_function.h"
#include "ops/through_origin.h"

namespace pyautograd::ops {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr size_t kMostParts = 64;  // each op of a chain looks at all before it
constexpr size_t kMostParameters = 16;
constexpr double kMostSteps = 12;

bool same_tensor(const Tensor& x, const Tensor& y) {
  return x.body() == y.body() && x.node_ref() == y.node_ref() && x.output() == y.output();
}

// y = f(r) of the root r = |operand|**exponent, but for signs.
struct Root final : Origin {
  Root(const Tensor& y, const Tensor& operand, double exponent, RootOf of, bool flat,
       RootSource source = {})
      : Origin(y, Kind::Root, operand),
        exponent(exponent),
        of(of),
        flat(flat),
        source(std::move(source)) {}
  Root(const Tensor& y, const Root& root, Ref<const Function> f, bool affine, const Tensor& zeros)
      : Origin(y, Kind::Root, root.operand),
        exponent(root.exponent),
        of(root.of),
        flat(root.flat),
        source(root.source),
        f(std::move(f)),
        affine(affine),
        zeros(zeros) {}

  const double exponent;
  const RootOf of;
  const bool flat;  // the slope of r at 0, which is infinite or has none, is taken as zero
  const RootSource source;
  const Ref<const Function> f;  // null: the identity
  const bool affine = true;     // in r
  const Tensor zeros;           // where r is zero; absent with f

  bool same_as(const Root& other) const {
    if (exponent != other.exponent || of != other.of || flat != other.flat) return false;
    if (same_tensor(operand, other.operand)) return true;
    if (source.op.empty() || source.op != other.source.op) return false;
    if (source.options != other.source.options) return false;
    for (size_t i = 0; i < source.inputs.size(); ++i)
      if (!same_tensor(source.inputs[i], other.source.inputs[i])) return false;
    return true;
  }
  // How many factors of r are smooth in the operand; 0 if no number of them is.
  int step() const {
    const double exact = (of == RootOf::Size ? 2 : 1) / exponent, whole = std::round(exact);
    return std::abs(exact - whole) < 1e-9 && whole <= kMostSteps ? static_cast<int>(whole) : 0;
  }
  // r**step.
  Tensor smooth() const { return of == RootOf::Size ? square(operand) : operand; }
};

// Of a root, or of a function of one.
const Root* function_of_root(const Tensor& x) {
  return static_cast<const Root*>(origin_of(x, Origin::Kind::Root));
}
const Root* root_of(const Tensor& x) {
  const Root* root = function_of_root(x);
  return root && !root->f ? root : nullptr;
}

// y**exponent = operand**power, a whole number.
class PowerOfRoot final : public ThroughOrigin {
 public:
  PowerOfRoot(double exponent, double power) : exponent_(exponent), power_(power) {}
  std::string_view name() const override { return "power"; }
  Saves saves() const override { return {.inputs = power_ == 1 ? 0u : 2u}; }

 protected:
  Tensor value(const Tensor& y) const override {
    if (exponent_ == 1) return copy(y);
    return exponent_ == 2 ? call<kernels::Square>(y)
                          : call<kernels::Power>(y, scalar(exponent_, y.dtype()));
  }
  Tensor scaled(const Tensor& t, const Tensor& operand) const override {
    if (power_ == 1) return t;
    const Tensor slope = power(operand, scalar(power_ - 1, operand.dtype())) * power_;
    return call<kernels::Scale>(t, slope);
  }

 private:
  const double exponent_, power_;
};

// The numbers of x under a shape that it broadcasts to, without what x remembers.
Tensor shown_as(const Tensor& x, const Dims& shape) {
  const Array& array = x.array();
  return Tensor(
      array.with_layout(shape, broadcast_strides(array.shape, array.strides, shape), array.offset));
}

// f(r) = c0 + c1 r + ... as a function of q = r**step, at r = 0: its derivative of some order in q,
// and by parameters of f. Other powers of r have derivatives in q that are infinite at 0, or left
// out where the root is flat. The inputs are q and the parameters.
class SeriesInRoot final : public Primitive {
 public:
  struct Of {
    std::string_view name;
    Ref<const Function> f;
    int step;
    bool flat;
    DType dtype;
    int order = 0;
    SmallVector<size_t, 2> by = {};
  };
  explicit SeriesInRoot(Of of) : of_(std::move(of)), parameters_(of_.f->parameters()) {}

  Ref<const SeriesInRoot> derivative() const {
    Of next = of_;
    ++next.order;
    return make_ref<SeriesInRoot>(std::move(next));
  }
  Ref<const SeriesInRoot> derivative_by(size_t parameter) const {
    Of next = of_;
    next.by.push_back(parameter);
    return make_ref<SeriesInRoot>(std::move(next));
  }

  std::string_view name() const override { return of_.name; }
  Saves saves() const override { return {.inputs = Saves::kAll}; }
  Dependence dependence(const DependenceArgs& args) const override {
    return Dependence::elementwise(args.x, args.outputs[0]);
  }
  Specs infer(TensorSpan x) const override {
    Spec out{x[0].shape(), of_.dtype, x[0].device()};
    for (const Tensor& input : x) out.shape = broadcast_shapes(of_.name, out.shape, input.shape());
    return {out};
  }
  Tensors eval(TensorSpan x, const Specs& specs) const override {
    Tensors values;
    for (size_t i = 1; i < x.size(); ++i) values.push_back(x[i].untracked());
    const Tensor value = copy(astype(derivative_by(values, of_.by), of_.dtype));
    return Tensors::of(shown_as(to_device(value, specs[0].device), specs[0].shape));
  }
  Tensors vjp(const VjpArgs& args) const override {
    Tensors out(args.inputs.size());
    for (size_t i = 0; i < out.size(); ++i)
      if (args.wants[i]) out[i] = call<kernels::Scale>(args.cotangents[0], slope(i, args.inputs));
    return out;
  }
  Tensors jvp(TensorSpan x, TensorSpan t, TensorSpan) const override {
    Tensor sum;
    for (size_t i = 0; i < x.size(); ++i) {
      if (!t[i]) continue;
      Tensor moved = call<kernels::Scale>(t[i], slope(i, x));
      sum = sum ? add(sum, moved) : std::move(moved);
    }
    return {sum};
  }
  BatchResult batch(int64_t, TensorSpan values, std::span<const int> dims) const override {
    return batch_broadcasting(*this, values, dims);
  }

 private:
  Tensor slope(size_t input, TensorSpan x) const {
    return apply1(input == 0 ? derivative() : derivative_by(input - 1), x);
  }

  Tensor derivative_by(const Tensors& values, std::span<const size_t> by) const {
    if (by.empty()) return derivative_at_zero(values);
    const LevelScope scope(Level::Kind::Jvp);
    Tensors moved = values;
    moved[by[0]] = make_dual(scope.level(), values[by[0]], ones_like(values[by[0]]));
    const Tensor y = derivative_by(moved, by.subspan(1));
    const bool moves = y.level() == scope.level().get() && as_dual(y).tangent;
    return moves ? as_dual(y).tangent : zeros_like(y);
  }

  Tensor derivative_at_zero(const Tensors& values) const {
    const int top = of_.step * of_.order;
    const LevelScope scope(Level::Kind::Taylor, top);
    const Tensor zero = scalar(0, of_.dtype);
    const Tensor none = scalar(std::numeric_limits<double>::quiet_NaN(), of_.dtype);
    const Tensor r = make_jet(scope.level(), zero, {scalar(1, of_.dtype)});
    const Tensor y = of_.f->at(r, parameters_, values);
    const auto coefficient = [&](int k) {
      const Tensor c = coefficient_of(scope.level().get(), y, static_cast<size_t>(k));
      return c ? c : zero;
    };
    if (of_.order == 0) return coefficient(0);
    Tensor value = coefficient(top) * std::tgamma(of_.order + 1.0);
    const Tensor defined = call<kernels::IsFinite>(coefficient(0));
    if (of_.flat) {
      // What is not smooth in q to this order counts no more than an odd power does.
      const Tensor known = logical_and(defined, call<kernels::IsFinite>(value));
      return where(known, value, of_.order == 1 ? none : zero);
    }
    // Of fractional powers of q, all infinite, the lowest decides.
    for (int k = top - 1; k > 0; --k) {
      if (k % of_.step == 0) continue;
      const Tensor c = coefficient(k);
      const Tensor infinite = call<kernels::Scale>(c, scalar(slope_of_fraction(k), of_.dtype));
      value = where(equal(c, zero), value + infinite, infinite);
    }
    if (of_.order > 1) return value;
    // No series: left to the rules of the ops that f is made of.
    Tensor known = logical_and(defined, call<kernels::IsFinite>(coefficient(top)));
    for (int k = 1; k < top; ++k)
      known = logical_and(known, call<kernels::IsFinite>(coefficient(k)));
    return where(known, value, none);
  }

  // The derivative of q**(k / step) at 0, which is infinite.
  double slope_of_fraction(int k) const {
    double factor = 1;
    for (int j = 0; j < of_.order; ++j) factor *= static_cast<double>(k) / of_.step - j;
    return std::copysign(kInfinity, factor);
  }

  const Of of_;
  const Function::Parts parameters_;
};

// y = f(r), differentiated as that series where the root is zero and the series has a slope. The
// inputs are y, whether r is zero, r**step, and the parameters of f.
class AtZerosOfRoot final : public Primitive {
 public:
  explicit AtZerosOfRoot(Ref<const SeriesInRoot> series) : series_(std::move(series)) {}
  std::string_view name() const override { return series_->name(); }
  Saves saves() const override { return {.inputs = Saves::kAll & ~1u}; }
  Dependence dependence(const DependenceArgs& args) const override {
    if (args.input == 1) return {Dependence::Kind::None};
    return Dependence::elementwise(args.x, args.outputs[0]);
  }
  Specs infer(TensorSpan x) const override {
    Spec out = x[0].spec();
    for (const Tensor& input : x) out.shape = broadcast_shapes(name(), out.shape, input.shape());
    return {out};
  }
  bool may_view() const override { return true; }
  Tensors eval(TensorSpan x, const Specs& specs) const override {
    return Tensors::of(shown_as(x[0], specs[0].shape));
  }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor &t = args.cotangents[0], &zeros = args.inputs[1];
    const Tensor none = scalar(0, t.dtype());
    Tensors out(args.inputs.size());
    out[0] = t;
    // What later functions of the root are differentiated through has nothing to say here.
    const bool known = t.is_array() && !t.tracked() && zeros.is_array();
    if (known && !holds_anywhere(logical_and(zeros, not_equal(t, none)))) return out;
    const Tensor slope = by(2, args.inputs), smooth = smooth_zeros(zeros, slope);
    const Tensor inside = where(smooth, t, none);
    out[0] = where(smooth, none, t);
    for (size_t i = 2; i < out.size(); ++i)
      if (args.wants[i]) out[i] = call<kernels::Scale>(inside, i == 2 ? slope : by(i, args.inputs));
    return out;
  }
  Tensors jvp(TensorSpan x, TensorSpan t, TensorSpan) const override {
    const Tensor slope = by(2, x);
    Tensor inside = scalar(0, x[0].dtype());
    for (size_t i = 2; i < x.size(); ++i)
      if (t[i]) inside = inside + call<kernels::Scale>(t[i], i == 2 ? slope : by(i, x));
    return {where(smooth_zeros(x[1], slope), inside, t[0] ? t[0] : scalar(0, x[0].dtype()))};
  }
  BatchResult batch(int64_t, TensorSpan values, std::span<const int> dims) const override {
    return batch_broadcasting(*this, values, dims);
  }

 private:
  static Tensor smooth_zeros(const Tensor& zeros, const Tensor& slope) {
    return logical_and(zeros, logical_not(isnan(slope)));
  }
  Tensor by(size_t input, TensorSpan x) const {
    return apply1(input == 2 ? series_->derivative() : series_->derivative_by(input - 3),
                  x.subspan(2));
  }

  const Ref<const SeriesInRoot> series_;
};

// A function of a root as the last op makes it; no root where it is none.
struct Composed {
  const Root* root = nullptr;
  Function::Arguments arguments;
  Tensor zeros;
  SmallVector<bool, 2> affine;  // per argument: an affine function of the root
};

Composed composed_of(TensorSpan x) {
  Composed made;
  for (const Tensor& argument : x) {
    const Root* own = function_of_root(argument);
    made.affine.push_back(own && own->affine);
    if (own) {
      if (made.root && !made.root->same_as(*own)) return {};
      made.root = own;
      made.zeros = own->f ? own->zeros : equal(argument, scalar(0, argument.dtype()));
      made.arguments.push_back({own->f ? own->f : make_ref<Function>(), {}});
    } else if (argument.is_array() && !argument.tracked() && argument.ndim() == 0) {
      made.arguments.push_back({{}, copy(argument)});
    } else {
      made.arguments.push_back({make_ref<Function>(argument), {}});
    }
  }
  return made;
}

// Whether op leaves an affine function of the root affine.
bool stays_affine(const Operation& op, TensorSpan x, const Composed& made) {
  const auto* fn = std::get_if<kernels::FnId>(&op);
  if (!fn) return false;
  size_t others = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const bool depends = made.arguments[i].part && !made.arguments[i].part->parameter();
    if (depends && !made.affine[i]) return false;
    others += !depends;
  }
  if (*fn == kernels::fn_id<kernels::Add>() || *fn == kernels::fn_id<kernels::Subtract>() ||
      *fn == kernels::fn_id<kernels::Negative>())
    return true;
  if (*fn == kernels::fn_id<kernels::Multiply>()) return others == 1;
  return *fn == kernels::fn_id<kernels::Divide>() && others == 1 && made.affine[0];
}

std::string_view name_of(const Operation& op) {
  if (const auto* fn = std::get_if<kernels::FnId>(&op)) return elementwise_primitive(*fn)->name();
  return std::get<Ref<const Primitive>>(op)->name();
}

// Products with a tangent or cotangent in rules, where a zero absorbs infinite slopes: they are no
// functions with a power series.
bool is_of_rules(const Operation& op) { return name_of(op).starts_with("_scale"); }

}  // namespace

void remember_root(const Tensor& y, double exponent, const Tensor& operand, RootOf of) {
  if (!differentiable(y) || !vanishes(y)) return;
  const bool flat = of == RootOf::Size;
  // The root of a root comes from the same operand: origins form no chain.
  if (const Root* inner = root_of(operand)) {
    const RootOf both = inner->of == RootOf::Signed ? of : inner->of;
    y.body()->origin = make_ref<Root>(y, inner->operand, exponent * inner->exponent, both,
                                      flat && inner->flat, inner->source);
  } else if (!operand.body()->origin || function_of_root(operand)) {
    y.body()->origin = make_ref<Root>(y, operand, exponent, of, flat);
  }
}

void remember_square_root(const Tensor& y, const Tensor& square, RootSource source) {
  if (!square.body()->origin)
    y.body()->origin = make_ref<Root>(y, square, 0.5, RootOf::Positive, true, std::move(source));
}

void remember_inverse_cosine(const Tensor& y, const Tensor& x, kernels::FnId inverse_sine) {
  if (!is_floating(y.dtype()) || !differentiable(y) || x.body()->origin || !vanishes(y)) return;
  const Tensor below = (1.0 - x) * 0.5;
  const bool circular = inverse_sine == kernels::fn_id<kernels::Asin>();
  const Root root(y, circular ? below : -below, 0.5, RootOf::Positive, false);
  const auto times_two = [&](Ref<const Function> part) {
    Function::Arguments arguments{{std::move(part), {}}, {{}, scalar(2, y.dtype())}};
    return make_ref<Function>(kernels::fn_id<kernels::Multiply>(), std::move(arguments));
  };
  Function::Arguments of_root{{make_ref<Function>(), {}}};
  Ref<const Function> f =
      times_two(make_ref<Function>(Operation(inverse_sine), std::move(of_root)));
  // Not affine in the root, but as singular, so that its own rule is as good as a series.
  y.body()->origin = make_ref<Root>(y, root, std::move(f), true, equal(y, scalar(0, y.dtype())));
}

std::optional<Tensor> power_of_root(const Tensor& y, double exponent) {
  const Root* origin = root_of(y);
  if (!origin) return {};
  const double whole = exponent * origin->exponent;
  if (whole < 1 || std::fmod(whole, origin->of == RootOf::Size ? 2 : 1) != 0) return {};
  if (origin->of == RootOf::Signed && std::fmod(exponent - whole, 2) != 0) return {};
  return apply1(make_ref<PowerOfRoot>(exponent, whole), Borrowed<2>(y, origin->operand));
}

std::optional<Tensor> product_of_roots(const Tensor& x, const Tensor& y) {
  const Root *first = root_of(x), *second = root_of(y);
  if (!first || !second || !first->same_as(*second) || first->of == RootOf::Signed) return {};
  const double whole = first->exponent + second->exponent;
  if (whole < 1 || std::fmod(whole, first->of == RootOf::Size ? 2 : 1) != 0) return {};
  const Tensor product = call<kernels::Multiply>(copy(x), copy(y));
  return apply1(make_ref<PowerOfRoot>(1, whole), Borrowed<2>(product, first->operand));
}

Tensor through_root(const Operation& op, TensorSpan x, Tensor y) {
  if (!differentiable(y) || !is_floating(y.dtype()) || y.body()->origin) return y;
  // Parts of complex roots have no series in them.
  if (std::any_of(x.begin(), x.end(), [](const Tensor& part) { return is_complex(part.dtype()); }))
    return y;
  Composed made = composed_of(x);
  if (!made.root || is_of_rules(op)) return y;
  const Root& root = *made.root;
  const bool affine = stays_affine(op, x, made);
  auto f = make_ref<Function>(op, std::move(made.arguments));
  const Function::Parts leaves = f->parameters();
  if (root.step() == 0 || f->parts().size() > kMostParts || leaves.size() > kMostParameters)
    return y;
  if (affine) {
    y.body()->origin = make_ref<Root>(y, root, std::move(f), true, made.zeros);
    return y;
  }
  Tensors inputs{y, made.zeros, root.smooth()};
  for (const Function* leaf : leaves) {
    if (!leaf->is_current()) return y;
    inputs.push_back(leaf->parameter());
  }
  const auto series =
      make_ref<SeriesInRoot>(SeriesInRoot::Of{name_of(op), f, root.step(), root.flat, y.dtype()});
  const Tensor out = apply1(make_ref<AtZerosOfRoot>(series), inputs);
  out.body()->origin = make_ref<Root>(out, root, std::move(f), false, made.zeros);
  return out;
}

Tensor root(const Tensor& x, double exponent) {
  const auto constant = [&](double value) { return scalar(value, x.dtype()); };
  const Tensor nothing = equal(x, constant(0));
  const Tensor positive = where(nothing, constant(1), x);
  return where(nothing, constant(0), power(positive, constant(exponent)));
}

}  // namespace pyautograd::ops
