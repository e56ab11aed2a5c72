#include "autograd/capture.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "autograd/algebra.h"
#include "autograd/engine.h"
#include "autograd/evaluate.h"
#include "autograd/joined_ops.h"
#include "autograd/node.h"
#include "core/error.h"
#include "core/fingerprint.h"
#include "kernels/kernels.h"

namespace pyautograd {

namespace {

// What is larger is made in every run rather than kept.
constexpr size_t kMostKept = 1 << 18;

bool on_host(const Spec& spec) { return spec.device.kind == Device::Kind::CPU; }

// Row-major numbers of its own.
Ref<Array> packed(const Array& x) {
  Ref<Array> out = Array::empty(x.shape, x.dtype);
  kernels::copy(out->view(), x.view());
  return out;
}

// Of a place in a random stream.
Spec words_spec() { return {{kernels::kPlaceWords}, DType::UInt64, {}}; }

Tensor words_of(const RandomSource::Place& place) {
  Ref<Array> words = Array::empty(words_spec().shape, words_spec().dtype);
  kernels::write_place(words->view(), place);
  return Tensor(std::move(words));
}

}  // namespace

std::optional<Tensors> CapturedCall::run(TensorSpan given) const {
  try {
    return draws() ? run_drawing(given) : run_steps(given);
  } catch (const Error& error) {
    if (error.kind() == Error::Kind::Memory) throw;
    return {};
  }
}

std::optional<Tensors> CapturedCall::run_steps(TensorSpan given) const {
  const Tensors values = list_.run(given);
  for (size_t i = shared_.size(); i < values.size(); ++i) {
    if (*values[i].array().data<bool>()) return {};
  }
  Tensors results;
  for (size_t i = 0; i < shared_.size(); ++i)
    results.push_back(shared_[i] ? algebra::copy(values[i]) : values[i]);
  return results;
}

std::optional<Tensors> CapturedCall::run_drawing(TensorSpan given) const {
  const std::vector<RandomSource::Place> places = drawn_.take();
  Tensors all(given.begin(), given.end());
  for (const RandomSource::Place& place : places) all.push_back(words_of(place));
  try {
    std::optional<Tensors> results = run_steps(all);
    // Where the function is called instead, it draws what would have been drawn here.
    if (!results) drawn_.give_back(places);
    return results;
  } catch (const Error&) {
    drawn_.give_back(places);
    throw;
  }
}

const ArrayPlan* CapturedCall::plan_of_repeats(TensorSpan given) const {
  const bool plain = !draws() && list_.results.size() == shared_.size() &&
                     std::find(shared_.begin(), shared_.end(), true) == shared_.end();
  return plain ? sole_plan(list_, given) : nullptr;
}

Tensors CapturedCall::repeat(TensorSpan arguments, int64_t most) const {
  Tensors now(arguments.begin(), arguments.end());
  const size_t states = shared_.size();
  const auto holds = [&] { return most-- > 0 && *now[0].array().data<bool>(); };
  // From the second run on the state is what this call made: it lies as results do, and the memory
  // of the state before is free for the next one.
  const ArrayPlan* plan = nullptr;
  Tensors next;
  InterruptPoll poll_interrupt;
  for (bool first = true; holds(); first = false) {
    poll_interrupt();
    if (plan) {
      try {
        plan->run(list_.inputs_of(list_.steps[0], now), next);
      } catch (const Error& error) {
        if (error.kind() == Error::Kind::Memory) throw;
        break;
      }
    } else {
      std::optional<Tensors> made = run(now);
      if (!made) break;
      next = std::move(*made);
    }
    for (size_t i = 0; i < states; ++i) std::swap(now[i], next[i]);
    if (!first || !(plan = plan_of_repeats(now))) continue;
    next = plan->results();
    Tensors later = now;
    std::copy(next.begin(), next.end(), later.begin());
    if (plan_of_repeats(later) != plan) plan = nullptr;
  }
  now.resize(states);
  return now;
}

bool CapturedCall::Pin::holds() const {
  if (array->storage->version() != version) return false;
  return !copy || std::memcmp(copy->data(), packed(*array)->data(), copy->storage->bytes()) == 0;
}

bool CapturedCall::stale() const {
  return !std::all_of(pins_.begin(), pins_.end(), std::mem_fn(&Pin::holds));
}

Capture::Capture() : Lineage(Kind::Capture), drawn_([this] { return argument(words_spec()); }) {}

Tensor Capture::absent(const Spec& spec, Value value, Family family) {
  const Ref<Storage> storage = Storage::absent(checked_bytes(spec.shape, spec.dtype), *this);
  retain();  // until `forget`
  places_.emplace(storage.get(), Place{value, family});
  bytes_ += static_cast<int64_t>(storage->bytes());
  return Tensor(make_ref<Array>(storage, spec.shape, contiguous_strides(spec.shape), spec.dtype));
}

Tensor Capture::argument(const Spec& spec) {
  list_.arguments.push_back(spec);
  const auto index = static_cast<uint32_t>(list_.arguments.size() - 1);
  return absent(spec, {Value::Kind::Argument, index}, ++families_);
}

void Capture::begin() {
  if (current_) runtime_error("[captured] a call is captured already");
  current_ = this;
  first_node_ = Node::next_sequence();
}

void Capture::end() noexcept {
  current_ = nullptr;
  drawn_.forget_words();
}

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
      runtime_error(
          "[captured] a tensor of another captured call is used: pass it to the function as an "
          "argument, or return it from there");
    const bool whole = array.contiguous() && array.offset == 0 &&
                       array.storage->bytes() == checked_bytes(array.shape, array.dtype);
    if (!whole) runtime_error("[captured] part of a tensor is read in a way that is no op");
    return found->second.value;
  }
  const auto [found, fresh] =
      constant_places_.try_emplace(&array, static_cast<uint32_t>(list_.constants.size()));
  if (fresh) {
    list_.constants.push_back(x.untracked());
    if (array.storage->exposed()) exposed_.push_back({found->second, fingerprint(array)});
  }
  return {Value::Kind::Constant, found->second};
}

Tensors Capture::evaluate(const Ref<const Primitive>& primitive, TensorSpan inputs,
                          const Specs& specs) {
  if (!primitive->repeatable()) return primitive->eval(inputs, specs);
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
  SmallVector<Value, 2> values;
  for (const Tensor& x : inputs) values.push_back(value_of(x));
  uint32_t index = list_.push(primitive, specs, std::move(values));
  Tensors outputs;
  for (const Spec& spec : specs) {
    const Family family = primitive->may_view() ? family_of_view(inputs[0].array()) : ++families_;
    outputs.push_back(absent(spec, {Value::Kind::Made, index++}, family));
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
  guards_.push_back(value_of(plain(array)));
  return true;
}

void Capture::look_at(const Array& x) {
  if (captured(*x.storage) || constant(x)) return;
  const bool exposed = x.storage->exposed();
  pins_.push_back({Ref<const Array>(&x), x.storage->version(), exposed ? packed(x) : Ref<Array>()});
}

void Capture::look_at_those_of(const CapturedCall& call) {
  for (const CapturedCall::Pin& pin : call.pins_) look_at(*pin.array);
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
      "[captured] backward puts a gradient into `.grad` of a tensor from outside, and later "
      "calls do not: return what pa.grad gives instead");
}

size_t Capture::held() const noexcept {
  return static_cast<size_t>(std::count_if(places_.begin(), places_.end(), [](const auto& place) {
    return place.first->handles() > 0;
  }));
}

// A list reads the memory when it runs, where the function read it once with each of its numbers.
void Capture::check_unwritten() const {
  for (const auto& [place, print] : exposed_) {
    const Array& x = list_.constants[place].array();
    if (fingerprint(x) == print) continue;
    runtime_error(
        "[captured] an array of shape ", shape_string(x.shape),
        " was written in place after it was read: write into a tensor (pa.zeros), or pass "
        "a copy of the array");
  }
}

Ref<CapturedCall> Capture::finish(TensorSpan outputs) {
  if (asked_) refuse();
  check_unwritten();
  const Suspended done;
  Ref<CapturedCall> call = make_ref<CapturedCall>();
  for (const Tensor& y : outputs) {
    list_.results.push_back(value_of(y));
    call->shared_.push_back(constant(y.array()));
  }
  list_.results.insert(list_.results.end(), guards_.begin(), guards_.end());
  call->pins_ = std::move(pins_);
  call->drawn_ = std::move(drawn_);
  std::vector<bool> fixed;
  for (const Tensor& x : list_.constants) fixed.push_back(constant(x.array()));
  merge_repeated(list_, fixed);
  list_ = without_unread(std::move(list_));
  combine_with_makers(list_);
  list_ = without_unread(std::move(list_));
  for (const auto& step : list_.steps)
    for (const Spec& spec : step.specs) call->elements_ += count_elements(spec.shape);
  call->list_ = join_planned(list_);
  call->list_.note_last_reads();
  return call;
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
