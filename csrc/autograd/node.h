#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "autograd/hooks.h"
#include "autograd/primitive.h"
#include "autograd/saved_hooks.h"

namespace pyautograd {

template <class T>
class DeadList;

struct Edge {
  Ref<Node> node;
  uint32_t output = 0;
  explicit operator bool() const noexcept { return static_cast<bool>(node); }
  const Spec& spec() const noexcept;
};
Edge edge_of(const Tensor& x);
// The same value with another edge.
Tensor with_edge(const Tensor& x, const Edge& edge);

// A tensor as a node keeps it: payload, edge and version, never the handle that owns `.grad`.
class SavedTensor {
 public:
  SavedTensor() = default;
  SavedTensor(const Tensor& x, bool keep_edge);
  // The value with its edge; raises if the memory was written since.
  Tensor unpack(const Primitive& reader) const;
  explicit operator bool() const noexcept { return static_cast<bool>(body_); }
  const Body& body() const noexcept { return *body_; }
  // Lets hooks put something in place of the value; the edge stays.
  void pack(SavedTensorHooks& hooks, bool computed);
  bool packed() const noexcept { return body_->kind == Body::Kind::Packed; }
  void each_packed(const std::function<void(const PackedArray&)>& visit) const {
    if (packed()) static_cast<const Packed&>(*body_).each_array(visit);
  }
  const Ref<RefCounted>& node_ref() const noexcept { return node_; }
  // As it is kept: no check, no hook; the body may be Packed.
  Tensor value() const { return Tensor(body_, node_, output_); }

 private:
  uint32_t version() const;

  Ref<Body> body_;
  Ref<RefCounted> node_;
  uint32_t output_ : 31 = 0;
  // Others could write the memory unnoticed when it was saved: the version goes by the numbers,
  // too.
  uint32_t exposed_ : 1 = 0;
  uint32_t version_ = 0;
};

// Raises if the memory of a value that `reader` needs was written since it was saved.
void check_version(const Primitive& reader, const Body& body, uint32_t saved);

// One recorded primitive, or, without a primitive, a leaf. Ownership, the whole of it:
//   tensor -> node -> edges -> earlier nodes, never the other way round;
//   a leaf's handle -> its AccumulateGrad -> (weak) the slot of `.grad`, which the handle owns;
//   a node keeps its own output without its edge and puts the edge back on unpacking.
// So dropping the last handle frees a graph, even where `.grad` holds a graph that holds the leaf.
class Node : public RefCounted {
 public:
  Node(Ref<const Primitive> primitive, TensorSpan inputs, Specs outputs, Ref<Level> level);
  // A leaf.
  Node(Spec spec, Ref<Level> level);

  const uint64_t sequence;
  const Ref<const Primitive> primitive;
  const Specs outputs;
  const Ref<Level> level;  // null: level 0
  // One per input; empty where the input is not tracked at this node's level.
  SmallVector<Edge, 2> edges;

  virtual std::string name() const;  // "MulBackward"
  bool is_leaf() const noexcept { return !primitive; }
  uint64_t depth() const noexcept { return depth_of(level.get()); }

  void save(TensorSpan inputs, TensorSpan outputs);
  // What vjp reads. Edges of saved tensors at this node's own level are kept only if the result
  // shall be differentiable there; edges at lower levels always are.
  struct Unpacked {
    Tensors inputs, outputs;
    Specs specs;
    Ref<RefCounted> context;
  };
  Unpacked unpack(bool differentiable);
  void release_saved();
  // What is kept now, for reports: of inputs, then of outputs.
  struct Saved {
    SmallVector<SavedTensor, 2> values;
    size_t of_inputs;
  };
  Saved saved() const;

  // A functional transform is done with this leaf: nobody else can ask for derivatives by it, so it
  // makes no result worth differentiating. Sweeps whose results that transform differentiates by it
  // keep it open while they run.
  void close() noexcept { closed_.store(true, std::memory_order_relaxed); }
  void keep_open() noexcept { sweeps_.fetch_add(1, std::memory_order_relaxed); }
  void let_close() noexcept { sweeps_.fetch_sub(1, std::memory_order_relaxed); }
  bool closed() const noexcept {
    return closed_.load(std::memory_order_relaxed) && sweeps_.load(std::memory_order_relaxed) == 0;
  }

  // Every node recorded from now on has at least this number.
  static uint64_t next_sequence() noexcept;

  // What this node keeps alive, once per reference: for a collector that follows sole owners.
  template <class Visit>
  void each_owned_node(Visit&& visit) const {
    for (const Edge& edge : edges) {
      if (edge) visit(edge.node.get());
    }
    for (const SavedTensor& saved : saved_) {
      if (saved.node_ref()) visit(static_cast<const Node*>(saved.node_ref().get()));
    }
  }
  void each_packed(const std::function<void(const PackedArray&)>& visit) const {
    if (!packed_) return;
    for (const SavedTensor& saved : saved_) saved.each_packed(visit);
  }
  const RefCounted* context() const noexcept { return context_.get(); }

  // Made on first use: hooks, retained gradients, the traceback of detect_anomaly.
  NodeExtras& extras();
  NodeExtras* extras_if_any() const noexcept { return extras_.load(std::memory_order_acquire); }

 protected:
  ~Node() override;
  void destroy() noexcept override;

 private:
  friend class DeadList<Node>;
  std::mutex& mutex() const noexcept;
  Saves saves() const;
  void pack_saved(Ref<SavedTensorHooks> hooks, size_t inputs);

  SmallVector<SavedTensor, 2> saved_;  // inputs that saves() names, then outputs
  std::unique_ptr<Specs> specs_;       // of the inputs, if saves() asks for them
  Ref<RefCounted> context_;
  std::atomic<NodeExtras*> extras_{nullptr};
  Node* next_dead_ = nullptr;
  bool released_ = false;
  bool packed_ = false;  // some saved value is
  std::atomic<bool> closed_{false};
  std::atomic<int32_t> sweeps_{0};  // that keep it open
};

inline const Spec& Edge::spec() const noexcept { return node->outputs[output]; }
inline Node* Tensor::node() const noexcept { return static_cast<Node*>(node_.get()); }

// Where a leaf's `.grad` lives. The leaf's handle owns it; its node only looks.
struct GradSlot {
  std::mutex mutex;
  Tensor value;
};

// The leaf node of a tensor with requires_grad: what reaches it is added to `.grad`.
class AccumulateGrad final : public Node {
 public:
  AccumulateGrad(Spec spec, std::weak_ptr<GradSlot> slot);
  std::string name() const override { return "AccumulateGrad"; }
  void accumulate(const Tensor& cotangent, bool differentiable);
  const std::weak_ptr<GradSlot> slot;
};

// A tensor with requires_grad, as the C++ library sees it.
struct Leaf {
  Tensor tensor;
  std::shared_ptr<GradSlot> grad;
};
Leaf make_leaf(const Tensor& x);

// Lifts x to the innermost level and makes a leaf of it there, or, if it is tracked there already,
// an identity of it: what `vjp` differentiates with respect to.
Tensor make_vjp_input(const Tensor& x);
// To be called when the function under differentiation has returned.
void close_vjp_input(const Tensor& x) noexcept;

// While set, every recorded node remembers where it was recorded.
using TraceProvider = std::string (*)();
void set_anomaly_detection(bool enabled, bool check_nan = true) noexcept;
bool anomaly_detection() noexcept;
bool checks_for_nan() noexcept;
void set_trace_provider(TraceProvider provider) noexcept;

}  // namespace pyautograd
