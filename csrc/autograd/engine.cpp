#include "autograd/engine.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "autograd/algebra.h"
#include "autograd/budget.h"
#include "autograd/capture.h"
#include "autograd/closure.h"
#include "autograd/deferral.h"
#include "autograd/node_map.h"

namespace pyautograd {

namespace {

std::atomic<void (*)()> interrupt_check{nullptr};

// The node whose vjp runs on this thread: nodes recorded meanwhile say so in their traceback.
thread_local const Node* running_node = nullptr;

class RunningNode {
 public:
  explicit RunningNode(const Node* node) noexcept : outer_(std::exchange(running_node, node)) {}
  ~RunningNode() { running_node = outer_; }
  RunningNode(const RunningNode&) = delete;
  RunningNode& operator=(const RunningNode&) = delete;

 private:
  const Node* outer_;
};

// What one pass over the reachable graph finds out before anything is computed.
struct Plan {
  NodeMap<bool> leads_to_target;  // empty: everything is wanted
  bool restricted = false;
  bool differentiable = false;
  bool wants(const Node* node) const {
    if (!restricted) return true;
    const bool* found = leads_to_target.find(node);
    return found && *found;
  }
};

// Nodes reachable from the outputs, each once, in descending order of recording.
std::vector<Node*> reachable(TensorSpan outputs, NodeMap<bool>& seen, const NodeMap<bool>& targets,
                             bool stop_at_targets) {
  std::vector<Node*> found;
  auto visit = [&](Node* node) {
    if (node && seen.insert(node, false)) found.push_back(node);
  };
  for (const Tensor& y : outputs) visit(y.node());
  for (size_t i = 0; i < found.size(); ++i) {
    if (stop_at_targets && targets.find(found[i])) continue;
    for (const Edge& edge : found[i]->edges) visit(edge.node.get());
  }
  const auto later = [](const Node* a, const Node* b) { return a->sequence > b->sequence; };
  // As they are in a chain.
  if (!std::is_sorted(found.begin(), found.end(), later))
    std::sort(found.begin(), found.end(), later);
  return found;
}

bool tracks_cotangents(const BackwardRequest& request) {
  for (size_t i = 0; i < request.cotangents.size(); ++i) {
    const Tensor& cotangent = request.cotangents[i];
    if (cotangent && cotangent.tracked() && cotangent.depth() == request.outputs[i].depth())
      return true;
  }
  return false;
}

Plan make_plan(const BackwardRequest& request) {
  Plan plan;
  plan.differentiable = request.differentiable == Differentiable::Yes;
  if (request.targets.empty()) return plan;
  plan.restricted = true;
  const bool decide = request.differentiable == Differentiable::Auto;
  NodeMap<bool> targets;
  for (const Edge& edge : request.targets) targets.insert(edge.node.get(), true);
  if (decide) plan.differentiable = tracks_cotangents(request);
  const std::vector<Node*> order =
      reachable(request.outputs, plan.leads_to_target, targets, decide);
  for (size_t i = order.size(); i-- > 0;) {
    Node* node = order[i];
    const bool is_target = targets.find(node) != nullptr;
    if (decide) {
      plan.differentiable |= node->is_leaf() ? !is_target && !node->closed() : is_target;
    }
    bool leads = is_target;
    for (const Edge& edge : node->edges) leads = leads || (edge && plan.wants(edge.node.get()));
    if (leads) plan.leads_to_target.assign(node, true);
  }
  return plan;
}

// Targets of a sweep that records: what rules run meanwhile can be differentiated by them, also
// where the function that they were made for has returned.
class OpenTargets {
 public:
  OpenTargets(std::span<const Edge> targets, bool recorded)
      : targets_(recorded ? targets : std::span<const Edge>()) {
    for (const Edge& edge : targets_) edge.node->keep_open();
  }
  ~OpenTargets() {
    for (const Edge& edge : targets_) edge.node->let_close();
  }
  OpenTargets(const OpenTargets&) = delete;
  OpenTargets& operator=(const OpenTargets&) = delete;

 private:
  const std::span<const Edge> targets_;
};

// Cotangents that wait for their node, taken in descending order of recording.
class Frontier {
 public:
  struct Entry {
    Ref<Node> node;
    Tensors cotangents;
  };

  void add(const Edge& edge, Tensor cotangent) {
    Tensor& slot = find(edge.node)->cotangents[edge.output];
    slot = slot ? algebra::accumulate(std::move(slot), cotangent) : std::move(cotangent);
  }
  void add_recorded(const Edge& edge, Tensor cotangent) {
    Tensor& slot = find(edge.node)->cotangents[edge.output];
    slot = slot ? algebra::add(slot, cotangent) : std::move(cotangent);
  }
  bool empty() const noexcept { return heap_.empty(); }
  // What waits for a leaf, and may be taken away.
  template <class Take>
  void each_leaf(Take&& take) {
    for (Entry& entry : entries_) {
      if (entry.node && entry.node->is_leaf()) take(*entry.node, entry.cotangents[0]);
    }
  }
  Entry pop() {
    std::pop_heap(heap_.begin(), heap_.end(), before);
    const uint32_t index = heap_.back().index;
    heap_.pop_back();
    Entry entry = std::move(entries_[index]);
    free_.push_back(index);
    indices_.erase(entry.node.get());
    return entry;
  }

 private:
  struct Key {
    uint64_t sequence;
    uint32_t index;
  };
  static bool before(const Key& a, const Key& b) { return a.sequence < b.sequence; }

  Entry* find(const Ref<Node>& node) {
    if (const uint32_t* index = indices_.find(node.get())) return &entries_[*index];
    uint32_t index = static_cast<uint32_t>(entries_.size());
    if (free_.empty()) {
      entries_.emplace_back();
    } else {
      index = free_.back();
      free_.pop_back();
    }
    entries_[index] = {node, Tensors(node->outputs.size())};
    indices_.insert(node.get(), index);
    heap_.push_back({node->sequence, index});
    std::push_heap(heap_.begin(), heap_.end(), before);
    return &entries_[index];
  }

  std::vector<Entry> entries_;
  std::vector<uint32_t> free_;
  std::vector<Key> heap_;
  NodeMap<uint32_t> indices_;
};

Tensor initial_cotangent(const Tensor& output, const Tensor& given) {
  if (!given) {
    if (output.size() != 1) {
      runtime_error(
          "[backward] a gradient can be made up only for an output of one element, got shape ",
          shape_string(output.shape()), "; pass the cotangent as gradient=");
    }
    if (is_complex(output.dtype())) {
      runtime_error("[backward] an output of dtype ", name_of(output.dtype()),
                    " has no gradient of its own: differentiate a real scalar, such as its abs, "
                    "real or imag, or pass the cotangent as gradient=");
    }
    return algebra::ones(output.spec());
  }
  if (!(given.shape() == output.shape())) {
    value_error("[backward] gradient of shape ", shape_string(given.shape()),
                " does not match the output's shape ", shape_string(output.shape()));
  }
  return algebra::conj(algebra::expand_to(given, output.spec()));
}

Tensors conjugates(TensorSpan cotangents) {
  Tensors out;
  for (const Tensor& cotangent : cotangents) out.push_back(algebra::conj(cotangent));
  return out;
}

bool present(const Tensor& x) noexcept { return static_cast<bool>(x); }

// What a hook returned in the place of a cotangent, as rules rely on it.
Tensor from_hook(const char* op, const Tensor& replaced, const Spec& spec) {
  if (!replaced) return {};
  if (!(replaced.shape() == spec.shape)) {
    value_error("[", op, "] the hook returned shape ", shape_string(replaced.shape()),
                " for a gradient of shape ", shape_string(spec.shape));
  }
  return algebra::conj(algebra::expand_to(replaced, spec));
}

class Sweep {
 public:
  explicit Sweep(const BackwardRequest& request)
      : request_(request),
        plan_(make_plan(request)),
        open_(request.targets, plan_.differentiable),
        results_(request.targets.size()) {
    for (size_t i = 0; i < request.targets.size(); ++i)
      target_of_.assign(request.targets[i].node.get(), true);
    if (request.unread) unread_.emplace();
  }

  Tensors run() {
    const TransientScope scope(may_rematerialise() && !plan_.differentiable);
    if (may_rematerialise() && !retains_graph()) {
      for (const Tensor& y : request_.outputs) keep(*y.body());
    }
    for (size_t i = 0; i < request_.outputs.size(); ++i) {
      const Tensor& y = request_.outputs[i];
      if (!y.tracked() || !plan_.wants(y.node())) continue;
      const Tensor given = i < request_.cotangents.size() ? request_.cotangents[i] : Tensor();
      Tensor cotangent = initial_cotangent(y, given);
      if (is_complex(cotangent.dtype()) && is_plain(cotangent) && is_plain(given))
        conjugates_.emplace_back(cotangent, given);
      send(edge_of(y), std::move(cotangent), y.depth());
    }
    if (request_.spent) request_.spent->clear();
    while (!frontier_.empty()) {
      poll_interrupt_();
      step(frontier_.pop());
    }
    return std::move(results_);
  }

 private:
  // A result found worth differentiating needs the nodes that it was made from.
  bool retains_graph() const noexcept {
    return request_.retain_graph ||
           (request_.differentiable == Differentiable::Auto && plan_.differentiable);
  }

  // Nobody will differentiate the result: edges at the node's own level end here, lower ones go on.
  Tensor without_own_edge(Tensor x, uint64_t depth) const {
    return plan_.differentiable || x.depth() != depth || !x.tracked() ? std::move(x)
                                                                      : x.untracked();
  }

  void send(const Edge& edge, Tensor cotangent, uint64_t depth) {
    Tensor fitted = without_own_edge(algebra::reduce_to(cotangent, edge.spec()), depth);
    cotangent = Tensor();  // an in-place sum needs to be the only owner
    if (accumulates_at_once(*edge.node)) return finish_leaf(*edge.node, std::move(fitted));
    if (plan_.differentiable) {
      frontier_.add_recorded(edge, std::move(fitted));
    } else {
      frontier_.add(edge, std::move(fitted));
    }
  }

  // Leaves were made first, so their turn comes last, and a sweep that fails leaves every `.grad`
  // as it was. But beside recomputation, whose point is memory, the gradients of all parameters
  // must not wait: from the first checkpoint on, what reaches a leaf without hooks is added at
  // once.
  bool accumulates_at_once(const Node& node) const {
    if (!recomputes_ || !node.is_leaf() || plan_.differentiable || node.extras_if_any())
      return false;
    return !plan_.restricted || (request_.accumulate && target_of_.find(&node));
  }

  void begin_recomputation() {
    recomputes_ = true;
    in_turn_.emplace();
    frontier_.each_leaf([&](Node& node, Tensor& cotangent) {
      if (accumulates_at_once(node)) finish_leaf(node, std::exchange(cotangent, Tensor()));
    });
  }

  void step(Frontier::Entry entry) {
    Node& node = *entry.node;
    if (node.level && !node.level->alive()) {
      fail(Error::Kind::Escaped, "[", node.is_leaf() ? "backward" : node.primitive->name(),
           "] backward reached a node recorded inside a ", node.level->name(),
           " that has already returned");
    }
    run_tensor_hooks(node, entry.cotangents);
    const bool target = plan_.restricted && target_of_.find(&node);
    const bool into_leaf = node.is_leaf() && (!plan_.restricted || (request_.accumulate && target));
    if (target && !into_leaf) collect(node, entry.cotangents);
    if (node.is_leaf()) {
      if (into_leaf) finish_leaf(node, std::move(entry.cotangents[0]));
      return;
    }
    if (leads_further(node)) backward_through(node, entry.cotangents);
  }

  bool leads_further(const Node& node) const {
    if (!plan_.restricted) return true;
    for (const Edge& edge : node.edges) {
      if (edge && plan_.wants(edge.node.get())) return true;
    }
    return false;
  }

  void run_tensor_hooks(Node& node, Tensors& cotangents) {
    NodeExtras* extra = node.extras_if_any();
    if (!extra) return;
    const auto hooks = extra->copy_of(extra->tensor_hooks);
    for (const auto& entry : hooks) {
      Tensor& cotangent = cotangents[entry.output];
      if (!cotangent) continue;
      if (Tensor replaced = entry.hook->call(algebra::conj(cotangent)))
        cotangent = from_hook("register_hook", replaced, node.outputs[entry.output]);
    }
    for (const auto& retained : extra->copy_of(extra->retained)) {
      const Tensor& cotangent = cotangents[retained.output];
      if (auto slot = retained.slot.lock(); slot && cotangent) {
        if (const Capture* capture = Capture::current()) capture->check_gradient(node);
        std::lock_guard lock(slot->mutex);
        const Tensor shown = algebra::conj(cotangent);
        // A copy: users write `.grad` in place, and the cotangent goes on.
        slot->value = slot->value ? algebra::add(slot->value, shown) : algebra::copy(shown);
      }
    }
  }

  static bool is_plain(const Tensor& x) { return x && x.is_array() && !x.tracked(); }

  // What users see of a cotangent: one that they gave and that rules have only passed on comes back
  // as it was.
  Tensor shown(Tensor cotangent) const {
    for (const auto& [ours, theirs] : conjugates_)
      if (is_plain(cotangent) && cotangent.body() == ours.body() &&
          cotangent.dtype() == theirs.dtype())
        return theirs;
    return algebra::conj(std::move(cotangent));
  }

  void collect(const Node& node, Tensors& cotangents) {
    size_t last = 0;  // nobody needs a leaf's cotangent after that many targets
    if (node.is_leaf() && !request_.accumulate) {
      last = request_.targets.size();
      while (last > 0 && request_.targets[last - 1].node.get() != &node) --last;
    }
    for (size_t i = 0; i < request_.targets.size(); ++i) {
      const Edge& target = request_.targets[i];
      if (target.node.get() != &node) continue;
      Tensor& cotangent = cotangents[target.output];
      results_[i] = shown(i + 1 == last ? std::move(cotangent) : cotangent);
    }
  }

  // By value: accumulate takes the memory of a cotangent that nobody else has.
  void finish_leaf(Node& node, Tensor cotangent) {
    auto* leaf = dynamic_cast<AccumulateGrad*>(&node);
    if (!leaf || !cotangent) return;
    cotangent = shown(std::move(cotangent));
    leaf->accumulate(cotangent, plan_.differentiable);
  }

  static void run_hooks_before(Node& node, Tensors& cotangents) {
    NodeExtras* extra = node.extras_if_any();
    if (!extra) return;
    const auto hooks = extra->copy_of(extra->before);
    if (hooks.empty()) return;
    Tensors none, shown = conjugates(cotangents);
    for (const auto& entry : hooks) entry.hook->call(none, shown);
    for (size_t i = 0; i < cotangents.size(); ++i)
      cotangents[i] = from_hook("register_prehook", shown[i], node.outputs[i]);
  }

  static void run_hooks_after(Node& node, const Tensors& cotangents, Tensors& inputs) {
    NodeExtras* extra = node.extras_if_any();
    if (!extra) return;
    const auto hooks = extra->copy_of(extra->after);
    if (hooks.empty()) return;
    inputs.resize(node.edges.size());
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i] && node.edges[i])
        inputs[i] = algebra::reduce_to(inputs[i], node.edges[i].spec());
    }
    Tensors shown = conjugates(inputs), received = conjugates(cotangents);
    for (const auto& entry : hooks) entry.hook->call(shown, received);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Edge& edge = node.edges[i];
      inputs[i] = edge ? from_hook("register_hook", shown[i], edge.spec()) : Tensor();
    }
  }

  void backward_through(Node& node, Tensors& cotangents) {
    run_hooks_before(node, cotangents);
    if (!recomputes_ && node.primitive->name() == kCheckpoint) begin_recomputation();
    Tensors inputs;
    if (std::any_of(cotangents.begin(), cotangents.end(), present)) inputs = vjp(node, cotangents);
    run_hooks_after(node, cotangents, inputs);
    if (!retains_graph()) node.release_saved();
    cotangents.clear();
    const uint64_t depth = node.depth();
    for (size_t i = 0; i < inputs.size() && i < node.edges.size(); ++i) {
      const Edge& edge = node.edges[i];
      if (edge && inputs[i] && plan_.wants(edge.node.get()))
        send(edge, std::exchange(inputs[i], Tensor()), depth);
    }
  }

  Tensors vjp(Node& node, const Tensors& cotangents) {
    const Node::Unpacked saved = node.unpack(plan_.differentiable);
    auto wants = SmallVector<bool, 8>::uninitialized(node.edges.size());
    for (size_t i = 0; i < wants.size(); ++i)
      wants[i] = node.edges[i] && plan_.wants(node.edges[i].node.get());
    const RunningNode scope(&node);
    Tensors inputs = node.primitive->vjp({cotangents, saved.inputs, saved.outputs, saved.specs,
                                          wants, saved.context.get(), plan_.differentiable});
    if (checks_for_nan()) check_anomaly(node, inputs);
    return inputs;
  }

  static void check_anomaly(Node& node, const Tensors& inputs) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!inputs[i] || !algebra::any_nan(inputs[i])) continue;
      NodeExtras* extra = node.extras_if_any();
      runtime_error(
          "[", node.primitive->name(), "] backward produced nan in the gradient of input ", i, "; ",
          extra && !extra->trace.empty()
              ? "the op was recorded at " + extra->trace
              : std::string("run the forward pass inside detect_anomaly() to learn where it "
                            "was recorded"));
    }
  }

  const BackwardRequest& request_;
  Plan plan_;
  const OpenTargets open_;
  NodeMap<bool> target_of_;
  Frontier frontier_;
  Tensors results_;
  std::vector<std::pair<Tensor, Tensor>> conjugates_;  // of complex cotangents, and as given
  InterruptPoll poll_interrupt_;
  const Deferral::Scope together_;
  std::optional<Deferral::UnreadSweep> unread_;
  std::optional<Deferral::Pause> in_turn_;  // what is put off keeps alive what it reads
  bool recomputes_ = false;                 // a checkpoint was met
};

}  // namespace

Tensors run_backward(const BackwardRequest& request) { return Sweep(request).run(); }

Tensor without_closed_edge(const Tensor& x) {
  if (!x.tracked()) return x;
  NodeMap<bool> seen;
  std::vector<Node*> found{x.node()};
  seen.insert(x.node(), true);
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i]->is_leaf() && !found[i]->closed()) return x;
    for (const Edge& edge : found[i]->edges) {
      if (edge && seen.insert(edge.node.get(), true)) found.push_back(edge.node.get());
    }
  }
  return x.untracked();
}

bool leads_below(TensorSpan outputs, const Tensor& x) {
  NodeMap<bool> seen;
  std::vector<Node*> found;
  const auto reach = [&](Node* node) {
    if (node && seen.insert(node, true)) found.push_back(node);
  };
  std::vector<const Tensor*> parts;
  for (const Tensor& y : outputs) {
    if (y) parts.push_back(&y);
  }
  const size_t whole = parts.size();
  for (size_t i = 0; i < parts.size(); ++i) {
    const Tensor& part = *parts[i];
    if (part.depth() == x.depth() && i >= whole) reach(part.node());
    if (part.depth() <= x.depth()) continue;
    parts.push_back(&inner_value(*part.body()));
    if (part.body()->kind == Body::Kind::Dual && as_dual(part).tangent)
      parts.push_back(&as_dual(part).tangent);
  }
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i] == x.node()) return true;
    for (const Edge& edge : found[i]->edges) reach(edge.node.get());
  }
  return false;
}

const Node* node_in_backward() noexcept { return running_node; }

void set_interrupt_check(void (*check)()) noexcept { interrupt_check = check; }

void InterruptPoll::operator()() {
  if ((++steps_ & 15) != 0) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(20);
  if (auto* check = interrupt_check.load(std::memory_order_relaxed)) check();
}

}  // namespace pyautograd
