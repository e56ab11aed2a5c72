#include <algorithm>

#include "autograd/algebra.h"
#include "autograd/budget.h"
#include "autograd/closure.h"
#include "autograd/evaluate.h"
#include "autograd/jet.h"
#include "autograd/node.h"
#include "autograd/op_log.h"

namespace pyautograd {

namespace {

[[noreturn]] void escaped(const Primitive& primitive, const Level& level) {
  fail(Error::Kind::Escaped, "[", primitive.name(), "] an input was made inside a ", level.name(),
       " that has already returned; return it from the transformed function instead of keeping it");
}

// Values of `inputs` one level down. Inputs from below the level go through unchanged.
struct DualParts {
  Tensors primals, tangents;
  bool moving = false;
};

DualParts unwrap_dual(const Level* level, TensorSpan inputs) {
  DualParts parts;
  for (const Tensor& x : inputs) {
    if (x.level() == level) {
      const Dual& dual = as_dual(x);
      parts.primals.push_back(dual.primal);
      parts.tangents.push_back(dual.tangent);
      parts.moving |= static_cast<bool>(dual.tangent);
    } else {
      parts.primals.push_back(x);
      parts.tangents.emplace_back();
    }
  }
  return parts;
}

thread_local const Level* batching_level = nullptr;

class BatchingScope {
 public:
  explicit BatchingScope(const Level* level) noexcept
      : outer_(std::exchange(batching_level, level)) {}
  ~BatchingScope() { batching_level = outer_; }
  BatchingScope(const BatchingScope&) = delete;
  BatchingScope& operator=(const BatchingScope&) = delete;

 private:
  const Level* outer_;
};

// Whether there is anything to differentiate: an index or a comparison needs no derivative rule.
bool any_inexact(const Tensors& outputs) {
  return std::any_of(outputs.begin(), outputs.end(),
                     [](const Tensor& y) { return is_inexact(y.dtype()); });
}

Tensors apply_dual(const Ref<Level>& level, const Ref<const Primitive>& primitive,
                   TensorSpan inputs) {
  const DualParts parts = unwrap_dual(level.get(), inputs);
  Tensors outputs = apply(primitive, parts.primals);
  Tensors tangents;
  if (parts.moving && any_inexact(outputs))
    tangents = primitive->jvp(parts.primals, parts.tangents, outputs);
  tangents.resize(outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    const bool inexact = is_inexact(outputs[i].dtype());
    // An index or a comparison is no function of the level's variables.
    if (parts.moving && !inexact) continue;
    if (tangents[i]) {
      tangents[i] = inexact ? algebra::expand_to(tangents[i], outputs[i].spec()) : Tensor();
    }
    outputs[i] = make_dual(level, std::move(outputs[i]), std::move(tangents[i]));
  }
  return outputs;
}

Tensors apply_batched(const Ref<Level>& level, const Ref<const Primitive>& primitive,
                      TensorSpan inputs) {
  Tensors values;
  SmallVector<int, 4> dims;
  bool mapped = false;
  for (const Tensor& x : inputs) {
    const bool here = x.level() == level.get();
    values.push_back(here ? as_batched(x).value : x);
    dims.push_back(here ? as_batched(x).dim : kNotMapped);
    mapped |= dims.back() != kNotMapped;
  }
  BatchResult result;
  if (mapped) {
    const BatchingScope scope(level.get());
    result = primitive->batch(level->size, values, dims);
  } else {
    result.outputs = apply(primitive, values);
    result.dims.resize(result.outputs.size(), kNotMapped);
  }
  for (size_t i = 0; i < result.outputs.size(); ++i)
    result.outputs[i] = make_batched(level, std::move(result.outputs[i]), result.dims[i]);
  return std::move(result.outputs);
}

Tensors apply_at(Level& level, const Ref<const Primitive>& primitive, TensorSpan inputs) {
  const Ref<Level> owner(&level);
  switch (level.kind) {
    case Level::Kind::Jvp:
      return apply_dual(owner, primitive, inputs);
    case Level::Kind::Taylor:
      return apply_jets(owner, primitive, inputs);
    case Level::Kind::Vmap:
      break;
  }
  return apply_batched(owner, primitive, inputs);
}

// Nodes have edges only to tensors at their own level; outputs that cannot be differentiated get
// none.
void record(const Ref<const Primitive>& primitive, TensorSpan inputs, Tensors& outputs, Specs specs,
            Level* level) {
  if (!any_inexact(outputs)) return;
  if (specs.empty()) {
    for (const Tensor& y : outputs) specs.push_back(y.spec());
  }
  // What an op infers is the device of its first input, which may be a number of the host.
  if (devices_in_use()) {
    for (size_t i = 0; i < specs.size(); ++i) specs[i].device = outputs[i].device();
  }
  if (may_rematerialise()) note_recording();
  Ref<Node> node = make_ref<Node>(primitive, inputs, std::move(specs), Ref<Level>(level));
  for (uint32_t i = 0; i < outputs.size(); ++i) {
    if (is_inexact(outputs[i].dtype())) outputs[i] = Tensor(outputs[i].body(), node, i);
  }
  node->save(inputs, outputs);
}

Tensors apply_in_single(const Ref<const Primitive>& primitive, TensorSpan inputs, Closure* closure);

Tensors apply_replaced(const Ref<const Primitive>& primitive, TensorSpan inputs, Closure* closure) {
  Level* level = nullptr;
  uint64_t depth = 0;
  bool tracked = false, halves = false;
  for (const Tensor& x : inputs) {
    halves |= is_half(x.dtype());
    Level* own = x.level();
    const uint64_t own_depth = depth_of(own);
    if (own_depth > depth) {
      level = own;
      depth = own_depth;
      tracked = x.tracked();
    } else if (own_depth == depth) {
      tracked |= x.tracked();
    }
  }
  if (halves && !primitive->takes_halves(inputs)) [[unlikely]]
    return apply_in_single(primitive, inputs, closure);
  if (level && !level->alive()) escaped(*primitive, *level);
  Specs specs = primitive->infer(inputs);
  Tensors outputs = level     ? apply_at(*level, primitive, inputs)
                    : closure ? closure->evaluate(primitive, inputs, specs)
                              : evaluate(primitive, inputs, specs);
  if (!level && logging_ops.load(std::memory_order_relaxed)) [[unlikely]]
    log_op(*primitive);
  if (tracked && recording(depth)) record(primitive, inputs, outputs, std::move(specs), level);
  return outputs;
}

// Out of the way of all other calls.
[[gnu::noinline, gnu::cold]] Tensors apply_in_single(const Ref<const Primitive>& primitive,
                                                     TensorSpan inputs, Closure* closure) {
  return apply_replaced(algebra::in_single(primitive), inputs, closure);
}

}  // namespace

const Level* level_in_batch() noexcept { return batching_level; }

Tensors apply(const Ref<const Primitive>& primitive, TensorSpan inputs) {
  Closure* closure = Closure::current();
  if (!closure) [[likely]]
    return apply_replaced(primitive, inputs, nullptr);
  if (closure->inside_op()) return apply_replaced(primitive, inputs, closure);
  const Closure::OpScope scope(*closure);
  Tensors resolved;
  for (const Tensor& x : inputs) resolved.push_back(closure->resolve(x));
  return apply_replaced(primitive, resolved, closure);
}

}  // namespace pyautograd
