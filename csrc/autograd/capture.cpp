#include "autograd/capture.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "autograd/algebra.h"
#include "autograd/evaluate.h"
#include "autograd/node.h"
#include "autograd/op_log.h"
#include "core/error.h"
#include "kernels/kernels.h"

namespace pyautograd {

namespace {

constexpr uint32_t kNone = ~uint32_t{0};
// What is larger is made in every run rather than kept.
constexpr size_t kMostKept = 1 << 18;

bool on_host(const Spec& spec) { return spec.device.kind == Device::Kind::CPU; }

// Inputs of one step after the other, side by side, without touching their reference counts.
class Row {
 public:
  explicit Row(size_t most) : bytes_(most * sizeof(Tensor)) {}
  void start() noexcept { count_ = 0; }
  void add(const Tensor& x) noexcept {
    std::memcpy(bytes_.data() + count_++ * sizeof(Tensor), &x, sizeof(Tensor));
  }
  TensorSpan span() const noexcept {
    return {std::launder(reinterpret_cast<const Tensor*>(bytes_.data())), count_};
  }

 private:
  std::vector<std::byte> bytes_;
  size_t count_ = 0;
};

// Row-major numbers of its own.
Ref<Array> packed(const Array& x) {
  Ref<Array> out = Array::empty(x.shape, x.dtype);
  kernels::copy(out->view(), x.view());
  return out;
}

// Ops on large memory that others can write are not put off.
Tensors unexposed(TensorSpan arguments) {
  Tensors out;
  for (const Tensor& x : arguments) {
    const bool copied =
        x.size() >= Deferral::least.load(std::memory_order_relaxed) && x.array().storage->exposed();
    out.push_back(copied ? algebra::copy(x) : x);
  }
  return out;
}

}  // namespace

std::optional<Tensors> CapturedCall::run(TensorSpan given) const {
  try {
    return run_steps(given);
  } catch (const Error& error) {
    if (error.kind() == Error::Kind::Memory) throw;
    return {};
  }
}

std::optional<Tensors> CapturedCall::run_steps(TensorSpan given) const {
  const Deferral::Scope scope;
  const Tensors arguments = unexposed(given);
  std::vector<Tensor> made(made_);
  const auto at = [&](const Value& value) -> const Tensor& {
    return value.kind == Value::Kind::Made       ? made[value.index]
           : value.kind == Value::Kind::Constant ? constants_[value.index]
                                                 : arguments[value.index];
  };
  Row inputs(most_inputs_);
  for (const Step& step : steps_) {
    inputs.start();
    for (const Value& value : step.inputs) inputs.add(at(value));
    Tensors outputs = pyautograd::evaluate(step.primitive, inputs.span(), step.specs);
    if (logging_ops.load(std::memory_order_relaxed)) [[unlikely]]
      log_op(*step.primitive);
    for (size_t i = 0; i < outputs.size(); ++i) made[step.first_made + i] = std::move(outputs[i]);
    for (uint32_t i : step.last_read) made[i] = Tensor();
  }
  for (const Value& guard : guards_) {
    if (*at(guard).array().data<bool>()) return {};
  }
  Tensors results;
  for (const Output& output : outputs_) {
    const bool is_argument = output.value.kind == Value::Kind::Argument;
    const Tensor& y = is_argument ? given[output.value.index] : at(output.value);
    results.push_back(output.shared ? algebra::copy(y) : y);
  }
  return results;
}

bool CapturedCall::Pin::holds() const {
  if (array->storage->version() != version) return false;
  return !copy || std::memcmp(copy->data(), packed(*array)->data(), copy->storage->bytes()) == 0;
}

std::vector<std::string_view> CapturedCall::ops() const {
  std::vector<std::string_view> names;
  for (const Step& step : steps_) names.push_back(step.primitive->name());
  return names;
}

bool CapturedCall::stale() const {
  return !std::all_of(pins_.begin(), pins_.end(), std::mem_fn(&Pin::holds));
}

Tensor Capture::absent(const Spec& spec, Value value, Family family) {
  const Ref<Storage> storage = Storage::absent(checked_bytes(spec.shape, spec.dtype), *this);
  retain();  // until `forget`
  places_.emplace(storage.get(), Place{value, family});
  bytes_ += static_cast<int64_t>(storage->bytes());
  return Tensor(make_ref<Array>(storage, spec.shape, contiguous_strides(spec.shape), spec.dtype));
}

Tensor Capture::argument(const Spec& spec) {
  return absent(spec, {Value::Kind::Argument, arguments_++}, ++families_);
}

void Capture::begin() {
  if (current_) runtime_error("[captured] a call is captured already");
  current_ = this;
  first_node_ = Node::next_sequence();
}

void Capture::end() noexcept { current_ = nullptr; }

// Memory that nobody can write: the numbers that Python wrote in the function are such.
bool Capture::constant(const Array& x) const noexcept {
  const Storage& storage = *x.storage;
  if (captured(storage)) return false;
  return owned(storage) || (storage.handles() == 0 && !storage.exposed());
}

Capture::Value Capture::value_of(const Tensor& x) {
  const Array& array = x.array();
  if (captured(*array.storage)) {
    const auto found = places_.find(array.storage.get());
    if (found == places_.end())
      runtime_error("[captured] a tensor of another captured call is used: return it from there");
    const bool whole = array.contiguous() && array.offset == 0 &&
                       array.storage->bytes() == checked_bytes(array.shape, array.dtype);
    if (!whole) runtime_error("[captured] part of a tensor is read in a way that is no op");
    return found->second.value;
  }
  const auto [found, fresh] =
      constant_places_.try_emplace(&array, static_cast<uint32_t>(constants_.size()));
  if (fresh) constants_.push_back(x.untracked());
  return {Value::Kind::Constant, found->second};
}

Tensors Capture::evaluate(const Ref<const Primitive>& primitive, TensorSpan inputs,
                          const Specs& specs) {
  // What runs Python calls ops of its own.
  if (!primitive->recomputable()) return primitive->eval(inputs, specs);
  const bool small = std::all_of(specs.begin(), specs.end(), [](const Spec& spec) {
    return checked_bytes(spec.shape, spec.dtype) <= kMostKept;
  });
  if (small && std::all_of(inputs.begin(), inputs.end(),
                           [&](const Tensor& x) { return constant(x.array()); }))
    return evaluate_now(primitive, inputs, specs);
  if (!std::all_of(specs.begin(), specs.end(), on_host)) {
    runtime_error("[captured] ", primitive->name(),
                  " runs on a device: capture the call with pa.cuda.graph");
  }
  Step step{primitive, specs, {}, made_};
  for (const Tensor& x : inputs) step.inputs.push_back(value_of(x));
  steps_.push_back(std::move(step));
  Tensors outputs;
  for (const Spec& spec : specs) {
    const Family family = primitive->may_view() ? family_of_view(inputs[0].array()) : ++families_;
    outputs.push_back(absent(spec, {Value::Kind::Made, made_++}, family));
  }
  return outputs;
}

Capture::Family Capture::family_of_view(const Array& x) {
  const auto found = places_.find(x.storage.get());
  return found == places_.end() ? kForeign : found->second.family;
}

Tensors Capture::evaluate_now(const Ref<const Primitive>& primitive, TensorSpan inputs,
                              const Specs& specs) {
  Tensors outputs = evaluate_on_host(primitive, inputs, specs);
  for (const Tensor& y : outputs) own(y.array().storage);
  return outputs;
}

void Capture::own(const Ref<Storage>& storage) {
  if (!captured(*storage) && owned_.insert(storage.get()).second) held_.push_back(storage);
}

void Capture::note_made(const Tensor& x) {
  if (!x.is_array() || x.body()->use_count() > 1) return;
  const Ref<Storage>& storage = x.array().storage;
  if (storage->use_count() == 1 && !storage->exposed()) own(storage);
}

bool Capture::guard(const Tensor& truth) {
  // The numbers that control flow sees; what vmap maps has no one number.
  for (const Body* body = truth.body().get(); body->kind != Body::Kind::Array;) {
    if (body->kind == Body::Kind::Batched) return false;
    body = inner_value(*body).body().get();
  }
  const Array& array = innermost_array(truth);
  if (!unknown(array)) return false;
  guards_.push_back(value_of(Tensor(array.with_layout(array.shape, array.strides, array.offset))));
  return true;
}

void Capture::look_at(const Array& x) {
  if (captured(*x.storage) || constant(x)) return;
  const bool exposed = x.storage->exposed();
  pins_.push_back({Ref<const Array>(&x), x.storage->version(), exposed ? packed(x) : Ref<Array>()});
}

void Capture::check_write(const char* op, const Tensor& x) const {
  const Storage& storage = *innermost_array(x).storage;
  const auto found = places_.find(&storage);
  if (found == places_.end() ? owned(storage) : found->second.family != kForeign) return;
  runtime_error("[", op,
                "] a captured function must not write into tensors that it did not make, since "
                "later calls would not do so: return the new value instead");
}

int32_t Capture::handles(const Storage& storage) const noexcept {
  int32_t count = 0;
  for (const auto& [other, place] : places_)
    if (same_memory(storage, *other)) count += other->handles();
  return captured(storage) ? count : storage.handles();
}

bool Capture::same_memory(const Storage& a, const Storage& b) const noexcept {
  if (&a == &b) return true;
  const auto first = places_.find(&a), second = places_.find(&b);
  return first != places_.end() && second != places_.end() &&
         first->second.family == second->second.family;
}

void Capture::check_gradient(const Node& node) const {
  if (node.sequence >= first_node_) return;
  runtime_error(
      "[captured] backward puts a gradient into `.grad` of a tensor from outside, and later calls "
      "do "
      "not: return what pa.grad gives instead");
}

size_t Capture::held() const noexcept {
  return static_cast<size_t>(std::count_if(places_.begin(), places_.end(), [](const auto& place) {
    return place.first->handles() > 0;
  }));
}

Ref<CapturedCall> Capture::finish(TensorSpan outputs) {
  if (asked_) refuse();
  Ref<CapturedCall> call = make_ref<CapturedCall>();
  for (const Tensor& y : outputs) call->outputs_.push_back({value_of(y), constant(y.array())});
  std::vector<uint32_t> last_read(made_, kNone);  // the step; kNone: nobody reads it
  std::vector<bool> read(constants_.size());
  const auto note = [&](const Value& value, uint32_t by) {
    if (value.kind == Value::Kind::Constant) read[value.index] = true;
    if (value.kind == Value::Kind::Made && last_read[value.index] == kNone)
      last_read[value.index] = by;
  };
  const auto end = static_cast<uint32_t>(steps_.size());
  call->guards_ = std::move(guards_);
  call->pins_ = std::move(pins_);
  for (const auto& output : call->outputs_) note(output.value, end);
  for (const Value& guard : call->guards_) note(guard, end);
  std::vector<bool> needed(end);
  for (uint32_t i = end; i-- > 0;) {
    for (size_t k = 0; k < steps_[i].specs.size(); ++k)
      needed[i] = needed[i] || last_read[steps_[i].first_made + k] != kNone;
    if (!needed[i]) continue;
    for (const Value& value : steps_[i].inputs) note(value, i);
  }
  write_down(*call, needed, last_read, read);
  return call;
}

// What is needed, numbered anew.
void Capture::write_down(CapturedCall& call, const std::vector<bool>& needed,
                         const std::vector<uint32_t>& last_read, const std::vector<bool>& read) {
  std::vector<uint32_t> places(made_, kNone), constants(constants_.size(), kNone);
  for (size_t i = 0; i < constants_.size(); ++i) {
    if (!read[i]) continue;
    constants[i] = static_cast<uint32_t>(call.constants_.size());
    call.constants_.push_back(constants_[i]);
  }
  const auto renumber = [&](Value& value) {
    if (value.kind == Value::Kind::Constant) value.index = constants[value.index];
    if (value.kind == Value::Kind::Made) value.index = places[value.index];
  };
  std::vector<size_t> kept(steps_.size());
  for (size_t i = 0; i < steps_.size(); ++i) {
    if (!needed[i]) continue;
    Step step = std::move(steps_[i]);
    kept[i] = call.steps_.size();
    call.most_inputs_ = std::max(call.most_inputs_, step.inputs.size());
    for (Value& value : step.inputs) renumber(value);
    const uint32_t first = call.made_;
    call.steps_.push_back({step.primitive, step.specs, step.inputs, first, {}});
    for (size_t k = 0; k < step.specs.size(); ++k) {
      const uint32_t old = step.first_made + static_cast<uint32_t>(k);
      places[old] = call.made_++;
      call.elements_ += count_elements(step.specs[k].shape);
      if (last_read[old] == kNone) call.steps_.back().last_read.push_back(places[old]);
    }
  }
  for (uint32_t i = 0; i < made_; ++i) {
    if (last_read[i] < steps_.size())
      call.steps_[kept[last_read[i]]].last_read.push_back(places[i]);
  }
  for (auto& output : call.outputs_) renumber(output.value);
  for (Value& guard : call.guards_) renumber(guard);
  steps_.clear();
}

void Capture::restore(Storage&) {
  if (current_ != this) {
    runtime_error(
        "[captured] this tensor was made while a call was captured, and has no numbers: return it "
        "from the captured function instead of keeping it");
  }
  asked_ = true;
  refuse();
}

void Capture::refuse() {
  runtime_error(
      "[captured] the function asks for numbers that each call computes anew (float(x), print(x), "
      "if x > 0, np.asarray(x), a boolean mask), so that what it does would depend on them: use "
      "pa.where and the like, or call it without pa.captured");
}

void Capture::before_write(Storage& storage) { restore(storage); }

void Capture::forget(Storage& storage) noexcept {
  places_.erase(&storage);
  bytes_ -= static_cast<int64_t>(storage.bytes());
  release();
}

}  // namespace pyautograd
