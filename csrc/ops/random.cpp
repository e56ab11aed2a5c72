#include "ops/random.h"

#include <limits>

#include "autograd/engine.h"
#include "kernels/device.h"
#include "ops/elementwise.h"

namespace pyautograd::ops {

namespace {

using kernels::BaseDraw;
using kernels::ParameterDraw;
using kernels::RandomPlace;

// Where a draw happens. It has no mapped input, so the levels that run decide what it means: under
// a vmap of "different" randomness it has one more axis in front, under "same" it is not mapped.
// The element index counts through these axes, outermost vmap first, and then through the shape.
class DrawSite {
 public:
  explicit DrawSite(std::string_view op) {
    for (const Ref<Level>& level : live_levels()) {
      if (level->kind != Level::Kind::Vmap) continue;
      plain_ = false;
      if (level->randomness == Randomness::Same) continue;
      if (level->randomness == Randomness::Error) {
        runtime_error("[", op,
                      "] a random draw inside vmap is ambiguous: pass randomness=\"different\" for "
                      "a draw for every entry or randomness=\"same\" for one draw for all");
      }
      levels_.push_back(level);
    }
  }

  Dims whole(const Dims& shape) const {
    Dims all;
    for (const Ref<Level>& level : levels_) all.push_back(level->size);
    for (int64_t size : shape) all.push_back(size);
    return all;
  }
  // No vmap runs: every element's index is its place.
  bool plain() const { return plain_; }
  Tensor wrap(Tensor value) const {
    for (const Ref<Level>& level : levels_) value = make_batched(level, std::move(value), 0);
    return value;
  }

 private:
  SmallVector<Ref<Level>, 4> levels_;
  bool plain_ = true;
};

// What a captured call knows of a stream from outside.
DrawnStreams::Drawn* captured(const RandomStream& stream) {
  DrawnStreams* const streams = DrawnStreams::current();
  return streams ? streams->of(stream.source) : nullptr;
}

// The words of one draw: from a place on, which in a captured call is counted from where each run
// finds the stream. That is the last input of the op then.
struct Words {
  RandomPlace first;
  Tensor found;

  static Words take(std::string_view op, const RandomStream& stream, Device device,
                    int64_t blocks) {
    const auto count = static_cast<uint64_t>(blocks);
    DrawnStreams::Drawn* const drawn = captured(stream);
    if (!drawn) return {stream.source->take(count), {}};
    if (!is_on_host(drawn->words) && drawn->words.device() != device) {
      runtime_error("[", op, "] is drawn on '", name_of(device), "', which replays of a call of '",
                    name_of(drawn->words.device()),
                    "' do not repeat: draw it outside of the function and pass it");
    }
    return {{{}, std::exchange(drawn->next, drawn->next + count) - drawn->begin}, drawn->words};
  }
};

// Where an op starts that may have the words of a place behind its other inputs.
struct Start {
  RandomPlace from;
  View found;

  Start(const RandomPlace& first, TensorSpan inputs, size_t others) : from(first) {
    if (inputs.size() == others) return;
    const Array& array = inputs[others].array();
    if (!is_on_host(inputs[others])) {
      found = array.device_view();
      return;
    }
    const auto* words = array.data<uint64_t>();
    from = {{{words[0], words[1]}}, words[2] + first.block};
  }
};

class BaseRandom final : public Primitive {
 public:
  BaseRandom(BaseDraw kind, const RandomPlace& first, Spec spec)
      : kind_(kind), first_(first), spec_(std::move(spec)) {}
  std::string_view name() const override { return "random"; }
  Specs infer(TensorSpan) const override { return Specs{spec_}; }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    const Start start(first_, inputs, 0);
    kernels::base_draw(kind_, out->device_view(), start.from, start.found);
    return Tensors::of(Tensor(std::move(out)));
  }

 private:
  const BaseDraw kind_;
  const RandomPlace first_;
  const Spec spec_;
};

// What kernels take: contiguous with a shape, or a single element.
Tensor prepared(const Tensor& x, const Dims& shape, DType dtype) {
  const Tensor plain = cast(x.untracked(), dtype);
  if (plain.size() == 1 || (plain.shape() == shape && plain.array().contiguous())) return plain;
  return copy(broadcast_to(plain, shape));
}

// What a parameter may be; 1 always is.
struct Range {
  double least, most;
  bool nan;
  const char* rule;

  bool holds(double x) const { return (least <= x && x <= most) || (nan && x != x); }
  Tensor broken(const Tensor& x) const {
    const Tensor outside =
        logical_or(less(x, scalar(least, x.dtype())), greater(x, scalar(most, x.dtype())));
    return nan ? outside : logical_or(outside, isnan(x));
  }
};
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr Range kShape{0, kInfinity, true, "shape must not be negative"};
// NumPy's bound: ten standard deviations below the largest int64.
constexpr Range kMean{0, 9.2e18, false, "lam must be from 0 to 9.2e18"};
constexpr Range kTrials{0, 0x1p53, false, "n must be from 0 to 2**53"};
constexpr Range kProbability{0, 1, false, "p must be from 0 to 1"};

// Of numbers on a device the ends tell.
Tensor ends_on_host(const Tensor& x) {
  if (is_on_host(x)) return x;
  return to_device(stack(Tensors{min(x), max(x)}, 0), {});
}

// The parameter, or raises. In a captured call, where nobody can look, the graph is told later, and
// meanwhile there is something to draw.
Tensor checked(std::string_view op, const Range& range, const Tensor& x) {
  if (!is_on_host(x) && backend().capturing()) {
    const Tensor broken = range.broken(x);
    kernels::reported_later(any(broken).array().device_view(), Backend::Fault::Value);
    return where(broken, scalar(1, x.dtype()), x);
  }
  const Tensor seen = ends_on_host(x);
  const auto* values = seen.array().data<double>();
  for (int64_t i = 0; i < seen.size(); ++i)
    if (!range.holds(values[i])) value_error("[", op, "] ", range.rule, ", got ", values[i]);
  return x;
}

size_t count_parameters(ParameterDraw kind) {
  return kind == ParameterDraw::LogGamma || kind == ParameterDraw::Poisson ? 1 : 2;
}

// Inputs: the index of every element in the stream, then the parameters, all broadcast together.
// With `counts` the indices are 0, 1, 2, ... and the first input has but their shape.
class ParameterRandom final : public Primitive {
 public:
  ParameterRandom(std::string_view op, ParameterDraw kind, const RandomPlace& first, bool counts)
      : op_(op), kind_(kind), first_(first), counts_(counts) {}
  std::string_view name() const override { return op_; }
  Dependence dependence(const DependenceArgs& args) const override {
    return Dependence::elementwise(args.x, args.outputs[0]);
  }

  Specs infer(TensorSpan inputs) const override {
    Spec spec = inputs[0].spec();
    for (const Tensor& x : parameters(inputs))
      spec.shape = broadcast_shapes(op_, spec.shape, x.shape());
    spec.dtype = kind_ == ParameterDraw::LogGamma ? DType::Float64 : DType::Int64;
    return Specs{spec};
  }

  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    const Dims& shape = specs[0].shape;
    Ref<Array> out = Array::empty(shape, specs[0].dtype, specs[0].device);
    const Tensor index = counts_ ? inputs[0] : prepared(inputs[0], shape, DType::Int64);
    Tensors values;
    SmallVector<View, 2> views;
    const DType dtype = kind_ == ParameterDraw::Integers ? DType::Int64 : DType::Float64;
    for (const Tensor& x : parameters(inputs)) values.push_back(prepared(x, shape, dtype));
    for (size_t i = 0; i < values.size() && out->size() > 0; ++i)
      if (const Range* range = range_of(i)) values[i] = checked(op_, *range, values[i]);
    for (const Tensor& x : values) views.push_back(x.device_view());
    const Start start(first_, inputs, 1 + count_parameters(kind_));
    kernels::parameter_draw(kind_, out->device_view(), start.from, start.found,
                            counts_ ? View() : index.device_view(), views);
    return Tensors::of(Tensor(std::move(out)));
  }

  Saves saves() const override { return {.inputs = 2, .outputs = 1}; }
  Tensors vjp(const VjpArgs& args) const override {
    Tensors found(args.wants.size());
    found[1] = moved(args.cotangents[0], args.inputs[1], args.outputs[0]);
    return found;
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override {
    if (!tangents[1]) return {Tensor()};
    return {moved(tangents[1], primals[1], outputs[0])};
  }

  BatchResult batch(int64_t, TensorSpan values, std::span<const int> dims) const override {
    const size_t broadcast = 1 + count_parameters(kind_);
    return batch_broadcasting(*this, values, dims, values.size() - broadcast);
  }

 private:
  TensorSpan parameters(TensorSpan inputs) const {
    return inputs.subspan(1, count_parameters(kind_));
  }

  // dy/da at a fixed quantile of y, the log of a gamma variate of shape a.
  static Tensor moved(const Tensor& t, const Tensor& a, const Tensor& y) {
    return -call<kernels::Scale>(t, gamma_shape_slope(a, y, 1));
  }

  const Range* range_of(size_t parameter) const {
    switch (kind_) {
      case ParameterDraw::LogGamma:
        return &kShape;
      case ParameterDraw::Poisson:
        return &kMean;
      case ParameterDraw::Binomial:
        return parameter == 0 ? &kTrials : &kProbability;
      case ParameterDraw::Integers:
        return nullptr;
    }
    return nullptr;
  }

  const std::string op_;
  const ParameterDraw kind_;
  const RandomPlace first_;
  const bool counts_;
};

Device place(const RandomStream& stream, TensorSpan parameters) {
  for (const Tensor& x : parameters)
    if (!is_on_host(x)) return x.device();
  return stream.device;
}

class Permutation final : public Primitive {
 public:
  Permutation(Dims shape, const RandomPlace& first) : shape_(std::move(shape)), first_(first) {}
  std::string_view name() const override { return "permutation"; }
  Specs infer(TensorSpan) const override { return Specs{Spec{shape_, DType::Int64, {}}}; }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    Ref<Array> out = Array::empty(specs[0].shape, DType::Int64);
    const int64_t n = shape_.back(), rows = n > 0 ? out->size() / n : 0;
    const Dims flat{rows, n}, strides{n, 1};
    const Start start(first_, inputs, 0);
    InterruptPoll poll_interrupt;
    const int64_t piece = std::max(kLeastPiece, kPiece / std::max<int64_t>(1, rows));
    for (int64_t first = 0; first < n; first += piece, poll_interrupt())
      kernels::permutations({out->data(), DType::Int64, flat, strides}, start.from, first,
                            std::min(first + piece, n));
    return Tensors::of(Tensor(std::move(out)));
  }

 private:
  // Elements between two looks for signals, of all rows; at least so many of each.
  static constexpr int64_t kPiece = 1 << 16, kLeastPiece = 1 << 12;

  const Dims shape_;
  const RandomPlace first_;
};

}  // namespace

uint64_t RandomStream::position() const {
  const DrawnStreams::Drawn* const drawn = captured(*this);
  return drawn ? drawn->next : source->place().block;
}

void RandomStream::seek(uint64_t block) const {
  if (DrawnStreams::Drawn* const drawn = captured(*this))
    drawn->next = block;
  else
    source->seek(block);
}

Tensor base_draw(std::string_view op, const RandomStream& stream, BaseDraw kind, const Dims& shape,
                 DType dtype, TensorSpan parameters) {
  const DrawSite site(op);
  const Dims whole = site.whole(shape);
  check_shape(op, whole, dtype);
  const Device device = place(stream, parameters);
  const auto [first, found] = Words::take(
      op, stream, device, kernels::base_draw_blocks(kind, dtype, count_elements(whole)));
  const auto primitive = make_ref<BaseRandom>(kind, first, Spec{whole, dtype, device});
  return site.wrap(apply1(primitive, found ? TensorSpan(&found, 1) : TensorSpan()));
}

Tensor parameter_draw(std::string_view op, const RandomStream& stream, ParameterDraw kind,
                      TensorSpan parameters, const std::optional<Dims>& shape) {
  const DrawSite site(op);
  Dims logical;
  for (const Tensor& x : parameters) logical = broadcast_shapes(op, logical, x.shape());
  if (parameters.size() != count_parameters(kind))
    value_error("[", op, "] takes ", count_parameters(kind), " parameters");
  if (shape) {
    if (broadcast_shapes(op, logical, *shape) != *shape) {
      value_error("[", op, "] size ", shape_string(*shape), " does not fit parameters of shape ",
                  shape_string(logical));
    }
    logical = *shape;
  }
  const Dims whole = site.whole(logical);
  check_shape(op, whole, DType::Int64);
  const int64_t n = count_elements(whole);
  const Device device = place(stream, parameters);
  const auto [first, found] =
      Words::take(op, stream, device, kernels::parameter_draw_blocks(kind, n));
  Tensors inputs{
      site.plain()
          ? zeros_view(whole, DType::Int64, stream.device)
          : site.wrap(reshape(arange(0, static_cast<double>(n), 1, DType::Int64, device), whole))};
  for (const Tensor& x : parameters)
    inputs.push_back(x.ndim() > 0 && is_on_host(x) ? to_device(x, stream.device) : x);
  if (found) inputs.push_back(found);
  return apply1(make_ref<ParameterRandom>(op, kind, first, site.plain()), inputs);
}

Tensor permutation(std::string_view op, const RandomStream& stream, int64_t n) {
  const DrawSite site(op);
  const Dims whole = site.whole({n});
  check_shape(op, whole, DType::Int64);
  const auto [first, found] =
      Words::take(op, stream, {},
                  kernels::base_draw_blocks(BaseDraw::Words, DType::UInt64, count_elements(whole)));
  // Each step depends on those before it: the host makes it.
  const Tensor order =
      apply1(make_ref<Permutation>(whole, first), found ? TensorSpan(&found, 1) : TensorSpan());
  return site.wrap(to_device(order, stream.device));
}

}  // namespace pyautograd::ops
