#include "python/autograd_gc.h"

#include <unordered_map>
#include <vector>

#include "autograd/node.h"
#include "python/saved_hooks.h"

namespace pyautograd::python {

int visit_holder(const RefCounted* object, visitproc visit, void* arg) {
  if (!object || object->use_count() != 1) return 0;
  const auto* holder = dynamic_cast<const HoldsPython*>(object);
  return holder ? holder->traverse(visit, arg) : 0;
}

namespace {

template <class Entries>
int visit_hooks(const Entries& entries, visitproc visit, void* arg) {
  for (const auto& entry : entries) {
    if (int stop = visit_holder(entry.hook.get(), visit, arg)) return stop;
  }
  return 0;
}

// Packings that saved values share, each visited once all its owners were met.
class PackingVisitor {
 public:
  int visit(const Node& node, visitproc visit, void* arg) {
    int stop = 0;
    node.each_packed([&](const PackedArray& array) {
      const auto* packed = dynamic_cast<const PythonPacked*>(&array);
      if (stop || !packed || array.use_count() != 1) return;
      const long owners = packed->packing().use_count();
      if (owners == 1 || ++met_[packed->packing().get()] == owners)
        stop = packed->traverse(visit, arg);
    });
    return stop;
  }

 private:
  std::unordered_map<const Packing*, long> met_;
};

int visit_node(const Node& node, visitproc visit, void* arg) {
  if (int stop = visit_holder(node.context(), visit, arg)) return stop;
  if (int stop = visit_holder(node.primitive.get(), visit, arg)) return stop;
  const NodeExtras* extra = node.extras_if_any();
  if (!extra) return 0;
  if (int stop = visit_hooks(extra->tensor_hooks, visit, arg)) return stop;
  if (int stop = visit_hooks(extra->before, visit, arg)) return stop;
  if (int stop = visit_hooks(extra->after, visit, arg)) return stop;
  return visit_hooks(extra->after_accumulation, visit, arg);
}

int visit_graph(std::span<const Node* const> references, visitproc visit, void* arg) {
  std::vector<const Node*> owned;
  std::unordered_map<const Node*, uint32_t> met;
  PackingVisitor packings;
  auto meet = [&](const Node* node) {
    const uint32_t owners = node->use_count();
    if (owners == 1 || ++met[node] == owners) owned.push_back(node);
  };
  for (const Node* node : references) {
    if (node) meet(node);
  }
  while (!owned.empty()) {
    const Node* node = owned.back();
    owned.pop_back();
    if (int stop = visit_node(*node, visit, arg)) return stop;
    if (int stop = packings.visit(*node, visit, arg)) return stop;
    node->each_owned_node(meet);
  }
  return 0;
}

}  // namespace

int visit_owned(std::span<const Node* const> references, visitproc visit, void* arg) noexcept {
  if (held_objects() == 0) return 0;
  try {
    return visit_graph(references, visit, arg);
  } catch (const std::bad_alloc&) {
    return 0;  // what is not visited counts as reachable: less is freed, never too much
  }
}

}  // namespace pyautograd::python
