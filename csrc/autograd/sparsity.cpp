#include "autograd/sparsity.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <numeric>

#include "autograd/algebra.h"
#include "autograd/index_sets.h"
#include "autograd/node_map.h"
#include "autograd/rematerialise.h"
#include "core/backend.h"

namespace pyautograd {

namespace {

using Ids = std::vector<IndexSets::Id>;
// The sets of a tensor's elements in row-major order. Null: it does not depend on the targets.
using Rows = std::shared_ptr<const Ids>;

// Row-major offsets of all places of `shape` under strides.
std::vector<int64_t> offsets(const Dims& shape, const Dims& strides) {
  std::vector<int64_t> out(static_cast<size_t>(count_elements(shape)));
  if (out.empty()) return out;
  out[0] = 0;
  size_t filled = 1;
  for (size_t axis = shape.size(); axis-- > 0;) {
    for (int64_t i = 1; i < shape[axis]; ++i) {
      for (size_t k = 0; k < filled; ++k) {
        out[static_cast<size_t>(i) * filled + k] = out[k] + i * strides[axis];
      }
    }
    filled *= static_cast<size_t>(shape[axis]);
  }
  return out;
}

Tensor as_numbers(const Tensor& x) {
  const Tensor whole = algebra::expand_to(x, {x.shape(), DType::Int64, x.device()});
  return whole.array().contiguous() ? whole : algebra::copy(whole);
}

// Patterns are found on the host, wherever the numbers lie that an op saved. In the same layout.
Tensor on_host(const Tensor& x) {
  if (!x || !x.is_array() || x.device().kind == Device::Kind::CPU) return x;
  const Array& there = x.array();
  Ref<Storage> here = Storage::allocate(there.storage->bytes());
  backend().to_host(there.device.index, here->data(), there.storage->data(), here->bytes());
  return Tensor(
      make_ref<Array>(std::move(here), there.shape, there.strides, there.offset, there.dtype));
}

using PerOutput = std::vector<Ids>;  // empty: no dependence

// One node on the way.
struct Passage {
  Node& node;
  Node::Unpacked saved;  // without tracked inputs
  PerOutput outputs;
  std::vector<Tensors> pulled;  // element numbers of each output at each input, once asked for
  bool dense = false;
};

class Propagation {
 public:
  Propagation(int64_t universe, int64_t most, Pattern& pattern)
      : sets_(universe, most), pattern_(pattern) {}

  IndexSets& sets() { return sets_; }
  // The rows of every output of a node, given those of its inputs.
  std::vector<Rows> through(Node& node, std::span<const Rows> inputs);

 private:
  struct Input {
    size_t place;
    const Spec& spec;
    const Ids& rows;
  };

  void add(Passage& at, const Input& x);
  Ids over_axes(const Input& x, const Dependence& how, const Dims& y);
  Ids running(const Input& x, int64_t axis, bool backward);
  Ids linked(const Input& x, const Dependence& links);
  void pick(Passage& at, const Input& x);
  void collect(Passage& at, const Input& x);
  void depend_on_all(Passage& at, const Input& x);
  void unite_into(Ids& total, Ids&& part);
  // Elements in row-major order, numbered from one.
  Tensor element_numbers(const Dims& shape);

  IndexSets sets_;
  Pattern& pattern_;
  Ref<Array> numbers_;
};

std::vector<Rows> Propagation::through(Node& node, std::span<const Rows> inputs) {
  Passage at{node, node.unpack(false), PerOutput(node.outputs.size()), {}};
  for (size_t i = 0; i < node.edges.size() && i < at.saved.inputs.size(); ++i) {
    at.saved.inputs[i] = node.edges[i] ? Tensor() : on_host(at.saved.inputs[i]);
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i]) continue;
    add(at, {i, node.edges[i].spec(), *inputs[i]});
  }
  if (at.dense) ++pattern_.dense_ops[std::string(node.primitive->name())];
  std::vector<Rows> out;
  for (Ids& ids : at.outputs) {
    out.push_back(ids.empty() ? nullptr : std::make_shared<const Ids>(std::move(ids)));
  }
  return out;
}

void Propagation::add(Passage& at, const Input& x) {
  const Specs& ys = at.node.outputs;
  const Dependence how = at.node.primitive->dependence({x.place, x.spec, ys, at.saved.inputs});
  switch (how.kind) {
    case Dependence::Kind::None:
      return;
    case Dependence::Kind::Axes:
      for (size_t k = 0; k < ys.size(); ++k)
        unite_into(at.outputs[k], over_axes(x, how, ys[k].shape));
      return;
    case Dependence::Kind::Running:
    case Dependence::Kind::Backward:
      return unite_into(at.outputs[0],
                        running(x, how.places[0], how.kind == Dependence::Kind::Backward));
    case Dependence::Kind::Links:
      return unite_into(at.outputs[0], linked(x, how));
    case Dependence::Kind::Picks:
      return pick(at, x);
    case Dependence::Kind::Collects:
      return collect(at, x);
    case Dependence::Kind::Dense:
      return depend_on_all(at, x);
  }
}

void Propagation::depend_on_all(Passage& at, const Input& x) {
  at.dense = true;
  const IndexSets::Id all = sets_.unite(x.rows);
  for (size_t k = 0; k < at.outputs.size(); ++k)
    unite_into(at.outputs[k], Ids(count_elements(at.node.outputs[k].shape), all));
}

// Elements that agree in all axes with a place form a block, whose union goes to every output
// element at those places.
Ids Propagation::over_axes(const Input& input, const Dependence& how, const Dims& y) {
  const Dims& x = input.spec.shape;
  const Dims strides = contiguous_strides(x);
  Dims kept, kept_strides, mixed, mixed_strides;
  Dims y_strides(y.size(), 0);
  for (size_t i = 0; i < x.size(); ++i) {
    if (how.places[i] == Dependence::kAll) {
      mixed.push_back(x[i]);
      mixed_strides.push_back(strides[i]);
    } else if (x[i] != 1) {
      kept.push_back(x[i]);
      kept_strides.push_back(strides[i]);
    }
  }
  const Dims block_strides = contiguous_strides(kept);
  for (size_t i = 0, block = 0; i < x.size(); ++i) {
    if (how.places[i] != Dependence::kAll && x[i] != 1)
      y_strides[how.places[i]] = block_strides[block++];
  }
  Ids blocks;
  if (count_elements(mixed) == 1) {
    blocks = input.rows;
  } else {
    const std::vector<int64_t> members = offsets(mixed, mixed_strides);
    Ids block(members.size());
    for (int64_t start : offsets(kept, kept_strides)) {
      for (size_t i = 0; i < members.size(); ++i) block[i] = input.rows[start + members[i]];
      blocks.push_back(sets_.unite(block));
    }
  }
  if (y_strides == contiguous_strides(y) && blocks.size() == size_t(count_elements(y)))
    return blocks;
  Ids out;
  out.reserve(static_cast<size_t>(count_elements(y)));
  for (int64_t block : offsets(y, y_strides)) out.push_back(blocks[block]);
  return out;
}

Ids Propagation::running(const Input& input, int64_t axis, bool backward) {
  const Dims& x = input.spec.shape;
  const Dims strides = contiguous_strides(x);
  const int64_t n = x[axis], step = strides[axis];
  Dims lines = x;
  lines[axis] = 1;
  Ids out(input.rows.size());
  for (int64_t start : offsets(lines, strides)) {
    IndexSets::Id seen = IndexSets::kEmpty;
    for (int64_t i = 0; i < n; ++i) {
      const int64_t at = start + (backward ? n - 1 - i : i) * step;
      out[at] = seen = sets_.unite(seen, input.rows[at]);
    }
  }
  return out;
}

void Propagation::pick(Passage& at, const Input& x) {
  Tensors inputs = at.saved.inputs;
  inputs[x.place] = element_numbers(x.spec.shape);
  Specs specs = at.node.outputs;
  for (Spec& spec : specs) {
    spec.dtype = DType::Int64;
    spec.device = {};
  }
  const Pins pins(inputs);
  const Tensors picked = at.node.primitive->eval(inputs, specs);
  for (size_t k = 0; k < picked.size(); ++k) {
    const Tensor numbers = as_numbers(picked[k]);
    const int64_t* from = numbers.array().data<int64_t>();
    Ids ids(numbers.size());
    for (size_t i = 0; i < ids.size(); ++i) {
      ids[i] = from[i] ? x.rows[from[i] - 1] : IndexSets::kEmpty;
    }
    unite_into(at.outputs[k], std::move(ids));
  }
}

// The numbers of all outputs' elements at all inputs, so that an op with many inputs is pulled back
// through once.
std::vector<Tensors> pull_numbers(const Passage& at, std::span<const Tensor> numbers) {
  const Node& node = at.node;
  SmallVector<bool, 8> wants;
  for (const Edge& edge : node.edges) wants.push_back(static_cast<bool>(edge));
  std::vector<Tensors> pulled;
  for (size_t k = 0; k < numbers.size(); ++k) {
    Tensors cotangents(numbers.size());
    cotangents[k] = numbers[k];
    pulled.push_back(node.primitive->vjp({cotangents, at.saved.inputs, at.saved.outputs,
                                          at.saved.specs, wants, at.saved.context.get(), false}));
  }
  return pulled;
}

void Propagation::collect(Passage& at, const Input& x) {
  if (at.pulled.empty()) {
    Tensors numbers;
    for (const Spec& y : at.node.outputs) numbers.push_back(element_numbers(y.shape));
    at.pulled = pull_numbers(at, numbers);
  }
  for (size_t k = 0; k < at.pulled.size(); ++k) {
    const Tensor& found = at.pulled[k][x.place];
    if (!found) continue;
    if (found.shape() != x.spec.shape) return depend_on_all(at, x);
    const Tensor numbers = as_numbers(found);
    const int64_t* to = numbers.array().data<int64_t>();
    Ids& ids = at.outputs[k];
    if (ids.empty()) ids.assign(count_elements(at.node.outputs[k].shape), IndexSets::kEmpty);
    for (int64_t i = 0; i < numbers.size(); ++i) {
      if (to[i]) ids[to[i] - 1] = sets_.unite(ids[to[i] - 1], x.rows[i]);
    }
  }
}

Tensor Propagation::element_numbers(const Dims& shape) {
  const int64_t count = count_elements(shape);
  if (!numbers_ || numbers_->size() < count) {
    numbers_ = Array::empty({count}, DType::Int64);
    std::iota(numbers_->data<int64_t>(), numbers_->data<int64_t>() + count, 1);
  }
  return Tensor(numbers_->with_layout(shape, contiguous_strides(shape), 0));
}

Ids Propagation::linked(const Input& input, const Dependence& links) {
  Ids out, parts;
  for (size_t i = 0; i + 1 < links.rows.size(); ++i) {
    parts.clear();
    for (int64_t k = links.rows[i]; k < links.rows[i + 1]; ++k)
      parts.push_back(input.rows[links.columns[k]]);
    out.push_back(sets_.unite(parts));
  }
  return out;
}

void Propagation::unite_into(Ids& total, Ids&& part) {
  if (total.empty()) {
    total = std::move(part);
    return;
  }
  // Broadcast rows repeat: the last union is remembered.
  IndexSets::Id a = IndexSets::kEmpty, b = IndexSets::kEmpty, both = IndexSets::kEmpty;
  for (size_t i = 0; i < part.size(); ++i) {
    if (total[i] != a || part[i] != b) {
      a = total[i];
      b = part[i];
      both = sets_.unite(a, b);
    }
    total[i] = both;
  }
}

// The nodes between outputs and targets, oldest first.
std::vector<Node*> nodes_towards(TensorSpan outputs, const NodeMap<size_t>& targets) {
  std::vector<Node*> found;
  NodeMap<bool> seen;
  const auto visit = [&](Node* node) {
    if (node && seen.insert(node, true)) found.push_back(node);
  };
  for (const Tensor& y : outputs) visit(y.node());
  for (size_t i = 0; i < found.size(); ++i) {
    if (targets.find(found[i])) continue;
    for (const Edge& edge : found[i]->edges) visit(edge.node.get());
  }
  std::sort(found.begin(), found.end(),
            [](const Node* a, const Node* b) { return a->sequence < b->sequence; });
  return found;
}

// What is known of a node's outputs, until the last node that reads them has been passed.
struct State {
  std::vector<Rows> outputs;
  size_t readers = 0;
};

void append(Pattern& pattern, const IndexSets& sets, const Tensor& y, const Rows& rows,
            int64_t most) {
  int64_t entries = 0;
  for (int64_t i = 0; rows && i < y.size(); ++i) entries += sets.size((*rows)[i]);
  const int64_t total = static_cast<int64_t>(pattern.indices.size()) + entries;
  if (total > most) throw IndexSets::TooMany();
  if (total >= std::numeric_limits<int32_t>::max()) {
    fail(Error::Kind::Memory,
         "[sparsity] the derivatives are not sparse: more than 2**31 entries may differ from zero; "
         "see which ops depend on everything, or use products (hvp, jvp, vjp)");
  }
  // Of many small outputs each may not pay for a copy of what is there.
  if (2 * entries > total) pattern.indices.reserve(static_cast<size_t>(total));
  for (int64_t i = 0; i < y.size(); ++i) {
    if (rows) {
      const std::span<const int32_t> row = sets.of((*rows)[i]);
      pattern.indices.insert(pattern.indices.end(), row.begin(), row.end());
    }
    pattern.starts.push_back(static_cast<int64_t>(pattern.indices.size()));
  }
}

Pattern found_pattern(TensorSpan outputs, std::span<const Edge> targets, int64_t most) {
  Pattern pattern;
  NodeMap<size_t> target_of;
  SmallVector<int64_t, 4> first;
  for (size_t i = 0; i < targets.size(); ++i) {
    target_of.insert(targets[i].node.get(), i);
    first.push_back(pattern.columns);
    pattern.columns += count_elements(targets[i].spec().shape);
  }
  Propagation propagation(pattern.columns, most, pattern);
  const std::vector<Node*> order = nodes_towards(outputs, target_of);
  NodeMap<size_t> place;
  std::vector<State> states(order.size());
  for (size_t i = 0; i < order.size(); ++i) place.insert(order[i], i);
  const auto state_of = [&](const Node* node) -> State& { return states[*place.find(node)]; };
  for (const Tensor& y : outputs) {
    if (y.tracked()) ++state_of(y.node()).readers;
  }
  for (Node* node : order) {
    if (target_of.find(node)) continue;
    for (const Edge& edge : node->edges) {
      if (edge) ++state_of(edge.node.get()).readers;
    }
  }
  std::vector<Rows> inputs;
  for (size_t i = 0; i < order.size(); ++i) {
    Node& node = *order[i];
    if (const size_t* target = target_of.find(&node)) {
      Ids own(count_elements(node.outputs[0].shape));
      std::iota(own.begin(), own.end(), propagation.sets().singleton(first[*target]));
      states[i].outputs = {std::make_shared<const Ids>(std::move(own))};
      continue;
    }
    inputs.clear();
    bool depends = false;
    for (const Edge& edge : node.edges) {
      Rows rows;
      if (edge) {
        State& from = state_of(edge.node.get());
        if (!from.outputs.empty()) rows = from.outputs[edge.output];
        if (--from.readers == 0) from.outputs.clear();
      }
      depends = depends || rows;
      inputs.push_back(std::move(rows));
    }
    if (depends) states[i].outputs = propagation.through(node, inputs);
  }
  pattern.starts.push_back(0);
  for (const Tensor& y : outputs) {
    const std::vector<Rows>* found = y.tracked() ? &state_of(y.node()).outputs : nullptr;
    append(pattern, propagation.sets(), y,
           found && !found->empty() ? (*found)[y.output()] : nullptr, most);
  }
  return pattern;
}

}  // namespace

std::optional<Pattern> jacobian_pattern(TensorSpan outputs, std::span<const Edge> targets,
                                        int64_t most) {
  try {
    return found_pattern(outputs, targets, most);
  } catch (const IndexSets::TooMany&) {
    return std::nullopt;
  }
}

}  // namespace pyautograd
