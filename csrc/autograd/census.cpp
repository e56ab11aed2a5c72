#include "autograd/census.h"

#include <unordered_map>
#include <unordered_set>

namespace pyautograd {

namespace {

class Census {
 public:
  void visit_handle(const Tensor& x) {
    visit(x, {x.node(), nullptr, true});
    drain();
  }
  std::vector<Resident> take() { return std::move(found_); }

 private:
  struct Owner {
    const Node* maker;     // null: not recorded
    const Node* saved_by;  // null: a handle
    bool held;
  };

  void meet(Node* node) {
    if (node && met_.insert(node).second) nodes_.emplace_back(node);
  }

  // A tower of transforms has its arrays at the bottom and edges at every level.
  void visit(const Tensor& x, Owner owner) {
    meet(x.node());
    if (x.tracked()) owner.maker = x.node();
    switch (x.body()->kind) {
      case Body::Kind::Array:
        return note(x.array(), owner);
      case Body::Kind::Batched:
        return visit(as_batched(x).value, owner);
      case Body::Kind::Dual:
        visit(as_dual(x).primal, owner);
        if (as_dual(x).tangent) visit(as_dual(x).tangent, owner);
        return;
      case Body::Kind::Jet:  // the ops that made its other coefficients keep them
        return visit(as_jet(x).primal, owner);
      case Body::Kind::Packed:
        return;  // its arrays lie with the hooks
    }
  }

  void note(const Array& array, const Owner& owner) {
    const Storage& storage = *array.storage;
    const auto [place, fresh] = places_.try_emplace(&storage, found_.size());
    if (fresh) found_.emplace_back();
    Resident& resident = found_[place->second];
    if (fresh || array.size() > count_elements(resident.spec.shape)) {
      resident.bytes = storage.bytes();
      resident.owned = storage.owned();
      resident.spec = {array.shape, array.dtype, array.device};
    }
    resident.held |= owner.held;
    if (owner.saved_by) resident.saved_by.emplace(owner.saved_by->primitive->name());
    // Views come later than what they show.
    if (owner.maker && owner.maker->sequence < resident.sequence) {
      resident.sequence = owner.maker->sequence;
      resident.op = owner.maker->is_leaf() ? "leaf" : owner.maker->primitive->name();
      NodeExtras* extra = owner.maker->extras_if_any();
      resident.trace = extra ? extra->trace : std::string();
    }
  }

  void drain() {
    for (; next_ < nodes_.size(); ++next_) {
      const Node* node = nodes_[next_].get();
      for (const Edge& edge : node->edges) meet(edge.node.get());
      const Node::Saved saved = node->saved();
      for (size_t i = 0; i < saved.values.size(); ++i) {
        const bool own_output = i >= saved.of_inputs;
        visit(saved.values[i].value(), {own_output ? node : nullptr, node, false});
      }
    }
  }

  std::unordered_set<const Node*> met_;
  std::vector<Ref<Node>> nodes_;  // another thread may let go of them meanwhile
  size_t next_ = 0;
  std::unordered_map<const Storage*, size_t> places_;
  std::vector<Resident> found_;
};

}  // namespace

std::vector<Resident> census(TensorSpan handles) {
  Census census;
  for (const Tensor& x : handles) census.visit_handle(x);
  return census.take();
}

}  // namespace pyautograd
