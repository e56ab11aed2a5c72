#include "autograd/sparsity.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <numeric>

#include "autograd/algebra.h"
#include "autograd/capture.h"
#include "autograd/index_sets.h"
#include "autograd/node_map.h"
#include "autograd/rematerialise.h"
#include "core/backend.h"

namespace pyautograd {

namespace {

using Ids = CachedVector<IndexSets::Id>;

// The sets of a tensor's elements in row-major order: a stretch of memory that others may share.
// False: the tensor does not depend on the targets.
struct Rows {
  std::shared_ptr<Ids> owner;
  std::span<const IndexSets::Id> ids;

  Rows() = default;
  explicit Rows(Ids&& own) : owner(std::make_shared<Ids>(std::move(own))), ids(*owner) {}
  explicit operator bool() const noexcept { return owner != nullptr; }
  // Whether the whole memory is this tensor's alone.
  bool sole() const noexcept { return owner.use_count() == 1 && ids.size() == owner->size(); }
};

// Calls visit(k, offset) for place k of `shape` in row-major order.
template <class Visit>
void each_offset(const Dims& shape, const Dims& strides, int64_t start, Visit&& visit) {
  const int64_t count = count_elements(shape);
  const size_t last = shape.empty() ? 0 : shape.size() - 1;
  const int64_t line = shape.empty() ? 1 : shape[last], step = shape.empty() ? 0 : strides[last];
  Dims at(last, 0);
  for (int64_t k = 0; k < count;) {
    for (int64_t i = 0; i < line; ++i) visit(k++, start + i * step);
    for (size_t axis = last; axis-- > 0;) {
      start += strides[axis];
      if (++at[axis] < shape[axis]) break;
      start -= at[axis] * strides[axis];
      at[axis] = 0;
    }
  }
}

std::vector<int64_t> offsets(const Dims& shape, const Dims& strides) {
  std::vector<int64_t> out(static_cast<size_t>(count_elements(shape)));
  each_offset(shape, strides, 0, [&](int64_t k, int64_t offset) { out[k] = offset; });
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

using PerOutput = std::vector<Rows>;

// One node on the way.
struct Passage {
  Node& node;
  Node::Unpacked saved;  // without tracked inputs
  PerOutput outputs;
  std::vector<Tensors> pulled;  // element numbers of each output at each input, once asked for
  bool dense = false;
  bool unknown = false;  // what it reads beside, before a captured call is run
};

class Propagation {
 public:
  Propagation(int64_t universe, int64_t most, Pattern& pattern, Capture* capture)
      : sets_(universe, most), pattern_(pattern), capture_(capture) {}

  IndexSets& sets() { return sets_; }
  // The rows of every output of a node, given those of its inputs.
  std::vector<Rows> through(Node& node, std::span<const Rows> inputs);

 private:
  struct Input {
    size_t place;
    const Spec& spec;
    const Rows& rows;
  };

  void add(Passage& at, const Input& x);
  Rows over_axes(const Input& x, const Dependence& how, const Dims& y);
  Rows blocks(const Input& x, const Dependence& how);
  Rows running(const Input& x, int64_t axis, bool backward);
  Rows linked(const Input& x, const Dependence& links);
  void pick(Passage& at, const Input& x);
  void collect(Passage& at, const Input& x);
  void depend_on_all(Passage& at, const Input& x);
  void unite_into(Rows& total, const Rows& part);
  // Elements in row-major order, numbered from one.
  Tensor element_numbers(const Dims& shape);
  // Whether an op only moved these numbers: then they need not be read.
  bool is_view(const Tensor& numbers) const {
    return numbers.array().storage == numbers_->storage && numbers.dtype() == DType::Int64;
  }
  template <class Visit>
  void each_number(const Tensor& numbers, Visit&& visit) const;

  IndexSets sets_;
  Pattern& pattern_;
  Capture* const capture_;  // within a call that is captured
  Ref<Array> numbers_;
};

std::vector<Rows> Propagation::through(Node& node, std::span<const Rows> inputs) {
  Passage at{node, node.unpack(false), PerOutput(node.outputs.size()), {}};
  for (size_t i = 0; i < node.edges.size() && i < at.saved.inputs.size(); ++i) {
    Tensor& x = at.saved.inputs[i];
    x = node.edges[i] ? Tensor() : on_host(x);
    if (!capture_ || !x || !x.is_array()) continue;
    if (Capture::captured(*x.array().storage)) {
      x = Tensor();
      at.unknown = true;
    } else {
      capture_->look_at(x.array());
    }
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i]) continue;
    add(at, {i, node.edges[i].spec(), inputs[i]});
  }
  if (at.dense) ++pattern_.dense_ops[std::string(node.primitive->name())];
  return std::move(at.outputs);
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
      return at.unknown ? depend_on_all(at, x) : pick(at, x);
    case Dependence::Kind::Collects:
      return at.unknown ? depend_on_all(at, x) : collect(at, x);
    case Dependence::Kind::Dense:
      return depend_on_all(at, x);
  }
}

void Propagation::depend_on_all(Passage& at, const Input& x) {
  at.dense = true;
  const IndexSets::Id all = sets_.unite(x.rows.ids);
  for (size_t k = 0; k < at.outputs.size(); ++k)
    unite_into(at.outputs[k], Rows(Ids(count_elements(at.node.outputs[k].shape), all)));
}

// Elements that agree in all axes with a place form a block: the union of each.
Rows Propagation::blocks(const Input& input, const Dependence& how) {
  const Dims& x = input.spec.shape;
  const Dims strides = contiguous_strides(x);
  Dims kept, kept_strides, mixed, mixed_strides;
  for (size_t i = 0; i < x.size(); ++i) {
    const bool mixes = how.places[i] == Dependence::kAll;
    (mixes ? mixed : kept).push_back(x[i]);
    (mixes ? mixed_strides : kept_strides).push_back(strides[i]);
  }
  if (count_elements(mixed) == 1) return input.rows;
  const std::vector<int64_t> members = offsets(mixed, mixed_strides);
  Ids block(members.size()), out(count_elements(kept));
  each_offset(kept, kept_strides, 0, [&](int64_t k, int64_t start) {
    for (size_t i = 0; i < members.size(); ++i) block[i] = input.rows.ids[start + members[i]];
    out[k] = sets_.unite(block);
  });
  return Rows(std::move(out));
}

// The union of a block goes to every output element at its places.
Rows Propagation::over_axes(const Input& input, const Dependence& how, const Dims& y) {
  const Dims& x = input.spec.shape;
  Dims strides(y.size(), 0);
  for (int64_t i = static_cast<int64_t>(x.size()), step = 1; i-- > 0;) {
    if (how.places[i] == Dependence::kAll) continue;
    if (x[i] != 1) strides[how.places[i]] = step;
    step *= x[i];
  }
  const Rows found = blocks(input, how);
  if (static_cast<int64_t>(found.ids.size()) == count_elements(y) && is_contiguous(y, strides))
    return found;
  Ids out(count_elements(y));
  each_offset(y, strides, 0, [&](int64_t k, int64_t block) { out[k] = found.ids[block]; });
  return Rows(std::move(out));
}

Rows Propagation::running(const Input& input, int64_t axis, bool backward) {
  const Dims& x = input.spec.shape;
  const Dims strides = contiguous_strides(x);
  const int64_t n = x[axis], step = strides[axis];
  Dims lines = x;
  lines[axis] = 1;
  Ids out(input.rows.ids.size());
  each_offset(lines, strides, 0, [&](int64_t, int64_t start) {
    IndexSets::Id seen = IndexSets::kEmpty;
    for (int64_t i = 0; i < n; ++i) {
      const int64_t at = start + (backward ? n - 1 - i : i) * step;
      out[at] = seen = sets_.unite(seen, input.rows.ids[at]);
    }
  });
  return Rows(std::move(out));
}

// Calls visit(k, at) with the place that number k names, -1 where it names none.
template <class Visit>
void Propagation::each_number(const Tensor& numbers, Visit&& visit) const {
  if (is_view(numbers)) {
    const Array& view = numbers.array();
    return each_offset(view.shape, view.strides, view.offset, visit);
  }
  const Tensor read = as_numbers(numbers);
  const int64_t* found = read.array().data<int64_t>();
  for (int64_t k = 0; k < read.size(); ++k) visit(k, found[k] - 1);
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
    if (is_view(picked[k]) && picked[k].array().contiguous()) {
      Rows part = x.rows;
      part.ids = part.ids.subspan(picked[k].array().offset, picked[k].size());
      unite_into(at.outputs[k], part);
      continue;
    }
    Ids ids(picked[k].size());
    each_number(picked[k], [&](int64_t i, int64_t from) {
      ids[i] = from < 0 ? IndexSets::kEmpty : x.rows.ids[from];
    });
    unite_into(at.outputs[k], Rows(std::move(ids)));
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
    Rows& total = at.outputs[k];
    const int64_t count = count_elements(at.node.outputs[k].shape);
    if (!total) total = Rows(Ids(count, IndexSets::kEmpty));
    if (!total.sole()) total = Rows(Ids(total.ids.begin(), total.ids.end()));
    Ids& ids = *total.owner;
    each_number(found, [&](int64_t i, int64_t to) {
      if (to >= 0) ids[to] = sets_.unite(ids[to], x.rows.ids[i]);
    });
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

Rows Propagation::linked(const Input& input, const Dependence& links) {
  Ids out(links.rows.size() - 1), parts;
  for (size_t i = 0; i < out.size(); ++i) {
    parts.clear();
    for (int64_t k = links.rows[i]; k < links.rows[i + 1]; ++k)
      parts.push_back(input.rows.ids[links.columns[k]]);
    out[i] = sets_.unite(parts);
  }
  return Rows(std::move(out));
}

void Propagation::unite_into(Rows& total, const Rows& part) {
  if (!total) total = part;
  const Rows former = total.sole() ? Rows() : total;  // keeps what is read
  const std::span<const IndexSets::Id> x = total.ids, y = part.ids;
  if (x.data() == y.data()) return;
  if (former) total = Rows(Ids(x.size()));
  IndexSets::Id* out = total.owner->data();
  // Broadcast rows repeat: the last union is remembered.
  IndexSets::Id a = IndexSets::kEmpty, b = IndexSets::kEmpty, both = IndexSets::kEmpty;
  for (size_t i = 0; i < y.size(); ++i) {
    if (x[i] != a || y[i] != b) {
      a = x[i];
      b = y[i];
      both = sets_.unite(a, b);
    }
    out[i] = both;
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
  for (IndexSets::Id id : rows.ids) entries += sets.size(id);
  const int64_t total = static_cast<int64_t>(pattern.indices.size()) + entries;
  if (total > most) throw IndexSets::TooMany();
  if (total >= std::numeric_limits<int32_t>::max()) {
    fail(Error::Kind::Memory,
         "[sparsity] the derivatives are not sparse: more than 2**31 entries may differ from zero; "
         "see which ops depend on everything, or use products (hvp, jvp, vjp)");
  }
  const size_t before = pattern.indices.size(), first = pattern.starts.size();
  pattern.indices.resize(static_cast<size_t>(total));
  pattern.starts.resize(first + static_cast<size_t>(y.size()), static_cast<int32_t>(before));
  int32_t* const begin = pattern.indices.data();
  int32_t *to = begin + before, *end = pattern.starts.data() + first;
  for (IndexSets::Id id : rows.ids) {
    for (int32_t column : sets.of(id)) *to++ = column;
    *end++ = static_cast<int32_t>(to - begin);
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
  const Capture::Suspended suspended;
  Propagation propagation(pattern.columns, most, pattern, suspended.former());
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
      states[i].outputs = {Rows(std::move(own))};
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
    append(pattern, propagation.sets(), y, found && !found->empty() ? (*found)[y.output()] : Rows(),
           most);
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
