#include "autograd/node.h"

#include <array>
#include <atomic>
#include <cctype>

#include "autograd/algebra.h"
#include "autograd/capture.h"
#include "autograd/closure.h"
#include "autograd/engine.h"
#include "autograd/recipe.h"
#include "core/dead_list.h"
#include "core/fingerprint.h"

namespace pyautograd {

namespace {

std::atomic<uint64_t> sequences{1};
std::atomic<bool> anomaly_enabled{false};
std::atomic<bool> nan_checked{false};
TraceProvider trace_provider = nullptr;

// A node recorded while a backward pass runs belongs to the derivative of a node that the user
// wrote.
std::string describe_place() {
  const Node* origin = node_in_backward();
  NodeExtras* extra = origin ? origin->extras_if_any() : nullptr;
  if (!extra || extra->trace.empty()) return trace_provider();
  return concat(extra->trace, " (as part of the derivative of [", origin->primitive->name(), "])");
}

// Nobody else shows or holds the memory of x, and it is no larger than x.
bool owns_its_memory(const Tensor& x) {
  const Array& array = x.array();
  const Storage& storage = *array.storage;
  const size_t bytes = static_cast<size_t>(x.size() * itemsize(x.dtype()));
  return array.use_count() == 1 && storage.use_count() == 1 && storage.owned() &&
         !storage.exposed() && storage.bytes() == bytes && array.contiguous() && !array.origin;
}

}  // namespace

Edge edge_of(const Tensor& x) { return {Ref<Node>(x.node()), x.output()}; }

Tensor with_edge(const Tensor& x, const Edge& edge) {
  return Tensor(x.body(), edge.node, edge.output);
}

void check_version(const Primitive& reader, const Body& body, uint32_t saved) {
  const uint32_t now = version_of(body);
  if (now == saved) return;
  runtime_error("[", reader.name(), "] a value of shape ", shape_string(body.shape),
                " that backward needs was modified in place: it was saved at version ", saved,
                " and is at version ", now, "; copy it before writing, or write before it is used");
}

SavedTensor::SavedTensor(const Tensor& x, bool keep_edge)
    : body_(x.body()), exposed_(exposed(*x.body())), version_(version()) {
  if (!keep_edge) return;
  node_ = x.node_ref();
  output_ = x.output();
}

uint32_t SavedTensor::version() const {
  uint32_t version = version_of(*body_);
  if (exposed_)
    for_each_array(*body_, [&](const Array& x) { version = version * 31 + fingerprint(x); });
  return version;
}

void SavedTensor::pack(SavedTensorHooks& hooks, bool computed) {
  computed |= node_ && !static_cast<const Node&>(*node_).is_leaf();
  if (Ref<Body> packed = pack_value(body_, hooks, computed)) body_ = std::move(packed);
}

Tensor SavedTensor::unpack(const Primitive& reader) const {
  if (packed()) return Tensor(static_cast<const Packed&>(*body_).unpack(reader), node_, output_);
  if (may_rematerialise()) claim(*body_);
  if (!exposed_) {
    check_version(reader, *body_, version_);
  } else if (version() != version_) {
    runtime_error("[", reader.name(), "] a value of shape ", shape_string(body_->shape),
                  " that backward needs was modified in place, in memory that it shares with a "
                  "NumPy array or another library: pass a copy (x.copy()), or write before it is "
                  "used");
  }
  return Tensor(body_, node_, output_);
}

Node::Node(Ref<const Primitive> primitive, TensorSpan inputs, Specs outputs, Ref<Level> level)
    : sequence(sequences.fetch_add(1, std::memory_order_relaxed)),
      primitive(std::move(primitive)),
      outputs(std::move(outputs)),
      level(std::move(level)) {
  const uint64_t own = depth();
  edges.reserve(inputs.size());
  for (const Tensor& x : inputs) edges.push_back(x.depth() == own ? edge_of(x) : Edge());
  if (anomaly_detection() && trace_provider) extras().trace = describe_place();
  count(Live::Nodes, 1);  // when nothing can throw any more: the destructor counts back
}

Node::Node(Spec spec, Ref<Level> level)
    : sequence(sequences.fetch_add(1, std::memory_order_relaxed)),
      outputs({std::move(spec)}),
      level(std::move(level)) {
  count(Live::Nodes, 1);
}

uint64_t Node::next_sequence() noexcept { return sequences.load(std::memory_order_relaxed); }

Node::~Node() {
  delete extras_if_any();
  count(Live::Nodes, -1);
}

void Node::destroy() noexcept { DeadList<Node>::add(this); }

std::string Node::name() const {
  if (is_leaf()) return "Leaf";
  std::string out;
  bool upper = true;
  for (char c : primitive->name()) {
    if (c == '_' || c == '.') {
      upper = true;
    } else {
      out += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
      upper = false;
    }
  }
  return out + "Backward";
}

Saves Node::saves() const {
  if (context_) return primitive->saves_with(*context_);
  auto tracked = SmallVector<bool, 8>::uninitialized(edges.size());
  for (size_t i = 0; i < edges.size(); ++i) tracked[i] = static_cast<bool>(edges[i]);
  return primitive->saves_for(tracked);
}

void Node::save(TensorSpan inputs, TensorSpan made) {
  context_ = primitive->context(inputs, made);
  const Saves saves = this->saves();
  for (size_t i = 0; saves.inputs && i < inputs.size(); ++i) {
    if (Saves::has(saves.inputs, i)) saved_.emplace_back(inputs[i], true);
  }
  const size_t of_inputs = saved_.size();
  for (size_t i = 0; saves.outputs && i < made.size(); ++i) {
    if (Saves::has(saves.outputs, i)) saved_.emplace_back(made[i], false);
  }
  if (saves.specs) {
    specs_ = std::make_unique<Specs>();
    for (const Tensor& x : inputs) specs_->push_back(x.spec());
  }
  if (SavedTensorHooks* hooks = saved_tensor_hooks())
    pack_saved(Ref<SavedTensorHooks>(hooks), of_inputs);
}

void Node::pack_saved(Ref<SavedTensorHooks> hooks, size_t inputs) {
  for (size_t i = 0; i < saved_.size(); ++i) {
    saved_[i].pack(*hooks, i >= inputs);
    packed_ |= saved_[i].packed();
  }
}

Node::Unpacked Node::unpack(bool differentiable) {
  std::unique_lock lock(mutex());
  if (released_) {
    runtime_error(
        "[", primitive->name(),
        "] backward a second time: the saved values were freed; pass retain_graph=True to "
        "the first backward");
  }
  // Not under the lock: hooks, and what checks for signals while it makes dropped values again, are
  // somebody's code.
  const bool runs_code = packed_ || may_rematerialise();
  SmallVector<SavedTensor, 2> copied;
  const SavedTensor* saved = saved_.data();
  if (runs_code) {
    copied = saved_;
    saved = copied.data();
  }
  const Saves saves = this->saves();
  const uint64_t own = depth();
  Unpacked out{Tensors(edges.size()), Tensors(outputs.size()), specs_ ? *specs_ : Specs(),
               context_};
  if (runs_code) lock.unlock();
  size_t next = 0;
  for (size_t i = 0; saves.inputs && i < edges.size(); ++i) {
    if (!Saves::has(saves.inputs, i)) continue;
    Tensor x = saved[next++].unpack(*primitive);
    out.inputs[i] = differentiable || x.depth() < own ? std::move(x) : x.untracked();
  }
  for (uint32_t i = 0; saves.outputs && i < outputs.size(); ++i) {
    if (!Saves::has(saves.outputs, i)) continue;
    Tensor y = saved[next++].unpack(*primitive);
    const bool edge = differentiable && is_inexact(y.dtype());
    out.outputs[i] = edge ? Tensor(y.body(), Ref<RefCounted>(this), i) : std::move(y);
  }
  return out;
}

Node::Saved Node::saved() const {
  std::lock_guard lock(mutex());
  Saved found{saved_, 0};
  if (released_ || is_leaf()) return found;
  const Saves saves = this->saves();
  for (size_t i = 0; i < edges.size(); ++i) found.of_inputs += Saves::has(saves.inputs, i);
  return found;
}

void Node::release_saved() {
  SmallVector<SavedTensor, 2> saved;
  Ref<RefCounted> context;
  {
    std::lock_guard lock(mutex());
    saved = std::move(saved_);
    context = std::move(context_);
    released_ = true;
  }
}

// Two threads may sweep one graph; a few shared locks are cheaper than one in every node.
std::mutex& Node::mutex() const noexcept {
  static std::array<std::mutex, 16> mutexes;
  return mutexes[sequence % mutexes.size()];
}

NodeExtras& Node::extras() {
  if (NodeExtras* made = extras_if_any()) return *made;
  auto fresh = std::make_unique<NodeExtras>();
  NodeExtras* other = nullptr;
  return extras_.compare_exchange_strong(other, fresh.get()) ? *fresh.release() : *other;
}

AccumulateGrad::AccumulateGrad(Spec spec, std::weak_ptr<GradSlot> slot)
    : Node(std::move(spec), nullptr), slot(std::move(slot)) {}

void AccumulateGrad::accumulate(const Tensor& cotangent, bool differentiable) {
  if (std::shared_ptr<GradSlot> grad = slot.lock()) {
    if (const Capture* capture = Capture::current()) capture->check_gradient(*this);
    std::lock_guard lock(grad->mutex);
    if (cotangent.depth() > 0) {
      runtime_error(
          "[backward] a gradient made inside a ", cotangent.level()->name(),
          " reached a leaf outside it; call backward outside, or use pyautograd.func.grad");
    }
    if (!grad->value) {
      // The leaf must be the only owner of its gradient, which users write in place: elements of a
      // broadcast view would move together.
      grad->value = owns_its_memory(cotangent) ? cotangent : algebra::copy(cotangent);
    } else if (differentiable) {
      grad->value = algebra::add(grad->value, cotangent);
    } else {
      grad->value = algebra::accumulate(std::move(grad->value), cotangent);
    }
    if (may_rematerialise()) keep(*grad->value.body());
  }
  if (NodeExtras* extra = extras_if_any()) {
    const auto hooks = extra->copy_of(extra->after_accumulation);
    for (const auto& entry : hooks) entry.hook->call();
  }
}

Leaf make_leaf(const Tensor& x) {
  if (!is_inexact(x.dtype())) {
    type_error("[requires_grad] only floating-point and complex tensors can require grad, got ",
               name_of(x.dtype()));
  }
  if (may_rematerialise()) keep(*x.body());
  auto slot = std::make_shared<GradSlot>();
  Ref<Node> node = make_ref<AccumulateGrad>(x.spec(), slot);
  return {Tensor(x.body(), node, 0), std::move(slot)};
}

Tensor make_vjp_input(const Tensor& given) {
  const Tensor x = Closure::resolved(given);
  if (!is_inexact(x.dtype())) {
    type_error("[grad] only floating-point and complex tensors can be differentiated, got ",
               name_of(x.dtype()));
  }
  const Tensor lifted = lift_to_innermost(x);
  if (lifted.level() && !lifted.level()->alive()) {
    fail(Error::Kind::Escaped, "[grad] an input was made inside a ", lifted.level()->name(),
         " that has already returned");
  }
  if (lifted.tracked() && recording(lifted.depth())) return algebra::identity(lifted);
  Ref<Node> leaf = make_ref<Node>(lifted.spec(), Ref<Level>(lifted.level()));
  return Tensor(lifted.body(), leaf, 0);
}

void close_vjp_input(const Tensor& x) noexcept {
  if (x.tracked() && x.node()->is_leaf()) x.node()->close();
}

void set_anomaly_detection(bool enabled, bool check_nan) noexcept {
  anomaly_enabled = enabled;
  nan_checked = enabled && check_nan;
}
bool checks_for_nan() noexcept { return nan_checked.load(std::memory_order_relaxed); }
bool anomaly_detection() noexcept { return anomaly_enabled.load(std::memory_order_relaxed); }
void set_trace_provider(TraceProvider provider) noexcept { trace_provider = provider; }

}  // namespace pyautograd
