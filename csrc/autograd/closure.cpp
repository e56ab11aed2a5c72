#include "autograd/closure.h"

#include <algorithm>
#include <memory>

#include "autograd/costs.h"
#include "autograd/engine.h"
#include "autograd/evaluate.h"

namespace pyautograd {

namespace {

size_t mix(size_t seed, const void* pointer) noexcept {
  return (seed ^ std::hash<const void*>()(pointer)) * 0x9e3779b97f4a7c15u;
}

// Wrappers are equal if their parts are: x.detach() makes another of them each time.
size_t hash_body(const Tensor& x) noexcept;

size_t hash_tensor(const Tensor& x) noexcept {
  return mix(hash_body(x) + x.output(), x.node_ref().get());
}

size_t hash_body(const Tensor& x) noexcept {
  if (x.is_array()) return mix(0, x.body().get());
  const size_t level = mix(1, x.level());
  return level + hash_tensor(inner_value(*x.body()));
}

bool same_body(const Tensor& a, const Tensor& b) noexcept;

bool same_tensor(const Tensor& a, const Tensor& b) noexcept {
  if (!a || !b) return !a && !b;
  return a.node_ref() == b.node_ref() && a.output() == b.output() && same_body(a, b);
}

bool same_body(const Tensor& a, const Tensor& b) noexcept {
  if (a.body() == b.body()) return true;
  if (a.is_array() || a.body()->kind != b.body()->kind || a.level() != b.level()) return false;
  if (a.body()->kind == Body::Kind::Dual) {
    return same_tensor(as_dual(a).primal, as_dual(b).primal) &&
           same_tensor(as_dual(a).tangent, as_dual(b).tangent);
  }
  if (a.body()->kind == Body::Kind::Jet) {
    return as_jet(a).expansion == as_jet(b).expansion && as_jet(a).output == as_jet(b).output &&
           same_tensor(as_jet(a).primal, as_jet(b).primal);
  }
  return as_batched(a).dim == as_batched(b).dim &&
         same_tensor(as_batched(a).value, as_batched(b).value);
}

bool renames_memory(std::string_view op) {
  static constexpr std::string_view kNames[] = {"identity",     "reshape", "broadcast_to",
                                                "permute_dims", "astype",  "flip"};
  return std::find(std::begin(kNames), std::end(kNames), op) != std::end(kNames);
}

std::string described(std::string_view op, const Dims& shape, DType dtype) {
  return concat(op, " giving ", name_of(dtype), " ", shape_string(shape));
}

[[noreturn]] void diverged(const std::string& what) {
  runtime_error("[checkpoint] the function did not do the same again: ", what,
                ". A checkpointed function must depend on its arguments, on captured tensors and "
                "on pyautograd's random draws only");
}

}  // namespace

struct Closure::Mirroring {
  HiddenLevels hidden;
  std::vector<std::pair<const Level*, std::unique_ptr<LevelScope>>> scopes;
  int64_t former_disabled = disabled_through();

  Mirroring() {
    for (const Ref<Level>& level : hidden.hidden()) {
      if (level->kind != Level::Kind::Vmap) continue;
      scopes.emplace_back(
          level.get(), std::make_unique<LevelScope>(level->kind, level->size, level->randomness));
    }
    set_disabled_through(
        std::max(former_disabled, static_cast<int64_t>(depth_of(innermost_level()))));
  }
  ~Mirroring() {
    while (!scopes.empty()) scopes.pop_back();
    set_disabled_through(former_disabled);
  }
};

bool Trace::Evaluation::serves(const Specs& specs) const {
  if (kept.size() != specs.size()) return false;
  for (size_t i = 0; i < specs.size(); ++i) {
    if (specs[i].shape != kept[i].shape() || specs[i].dtype != kept[i].dtype() ||
        version_of(*kept[i].body()) != versions[i])
      return false;
  }
  return true;
}

Closure::Mark Closure::Mark::now() noexcept { return {Node::next_sequence(), next_level_id()}; }

Closure::Closure(Trace& trace, Policy policy)
    : former_(current_),
      mark_(Mark::now()),
      trace_(trace),
      recorded_(&trace),
      policy_(std::move(policy)),
      running_(node_in_backward()),
      mirroring_(std::make_unique<Mirroring>()) {
  for (const auto& [level, scope] : mirroring_->scopes) {
    mirrors_.push_back(scope->level());
    trace.levels.push_back(level->size);
  }
  current_ = this;
}

Closure::Closure(const Trace& trace, Mark mark, TensorSpan outside, TensorSpan replacements)
    : former_(current_),
      mark_(mark),
      trace_(trace),
      recorded_(nullptr),
      running_(node_in_backward()) {
  for (size_t i = 0; i < outside.size(); ++i) replacements_.emplace(outside[i], replacements[i]);
  std::vector<int64_t> sizes;
  for (const Ref<Level>& level : live_levels()) {
    comparable_ = comparable_ && level->kind == Level::Kind::Vmap;
    sizes.push_back(level->size);
  }
  comparable_ = comparable_ && sizes == trace.levels;
  current_ = this;
}

Closure::~Closure() { current_ = former_; }

Tensor Closure::fresh(const Tensor& x) { return x.is_array() ? plain(x.array()) : x.untracked(); }

size_t Closure::Hash::operator()(const Tensor& x) const noexcept { return hash_tensor(x); }
bool Closure::Same::operator()(const Tensor& a, const Tensor& b) const noexcept {
  return same_tensor(a, b);
}

bool Closure::is_outside(const Tensor& x) const noexcept {
  if (x.is_array()) return x.tracked() && x.node()->sequence < mark_.sequence;
  return x.depth() < mark_.level;
}

Tensor Closure::resolve(const Tensor& x) {
  if (!x || !is_outside(x)) return x;
  const auto found = replacements_.find(x);
  return found == replacements_.end() ? meet(x) : found->second;
}

Tensor Closure::meet(const Tensor& x) {
  if (!recorded_) {
    diverged(concat("it uses a recorded ", name_of(x.dtype()), " tensor of shape ",
                    shape_string(x.shape()), " that it did not use before"));
  }
  Tensor replacement = adopt(former_ ? former_->resolve(x) : x);
  outside_.push_back(x);
  replacements_.emplace(x, replacement);
  return replacement;
}

Tensor Closure::adopt(const Tensor& x) {
  if (x.is_array()) {
    arguments_.push_back(x.array().storage.get());
    return fresh(x);
  }
  if (x.body()->kind != Body::Kind::Batched) return adopt(inner_value(*x.body()));
  const Batched& batched = as_batched(x);
  for (size_t i = 0; i < mirrors_.size(); ++i) {
    if (mirroring_->scopes[i].first == batched.level.get())
      return make_batched(mirrors_[i], adopt(batched.value), batched.dim);
  }
  fail(Error::Kind::Escaped, "[checkpoint] an input was made inside a ", batched.level->name(),
       " that has already returned");
}

void Closure::note_call(const char* op, const Tensor& x) {
  if (finished_ || node_in_backward() != running_ || !trace_.compares) return;
  if (recorded_) {
    recorded_->calls.push_back({op, x.shape(), x.dtype()});
  } else if (comparable_) {
    if (calls_ >= trace_.calls.size()) {
      diverged(concat("it goes on with ", described(op, x.shape(), x.dtype()), " after the ",
                      calls_, " operations that it did before"));
    }
    const Trace::Call& before = trace_.calls[calls_];
    if (before.op != op || before.shape != x.shape() || before.dtype != x.dtype()) {
      diverged(concat("operation ", calls_, " is ", described(op, x.shape(), x.dtype()),
                      ", and was ", described(before.op, before.shape, before.dtype)));
    }
  }
  ++calls_;
  evaluated_.clear();
}

void Closure::finish() {
  finished_ = true;
  if (recorded_ || !comparable_ || !trace_.compares || calls_ == trace_.calls.size()) return;
  const Trace::Call& missing = trace_.calls[calls_];
  diverged(concat("it ends after ", calls_, " operations, where ",
                  described(missing.op, missing.shape, missing.dtype), " came before"));
}

void Closure::label(const Tensor& x, std::string_view text) {
  if (!policy_) return;
  const Array& made = innermost_array(x);
  const auto found = made_by_.find(&made);
  if (found == made_by_.end()) return;
  Trace::Evaluation& evaluation = recorded_->evaluations[found->second];
  const Tensor value = fresh(Tensor(Ref<Body>(const_cast<Array*>(&made))));
  if (evaluation.kept.empty() && policy_({evaluation.op, text, value.spec(), evaluation.cost}))
    evaluation.kept.push_back(value);
}

void Closure::check_write(const char* op, const Tensor& x) const {
  const Storage* storage = innermost_array(x).storage.get();
  if (!is_outside(x) &&
      std::find(arguments_.begin(), arguments_.end(), storage) == arguments_.end())
    return;
  runtime_error("[", op,
                "] a checkpointed function must not write into its arguments or into captured "
                "tensors, which it needs again for its recomputation: write into x.copy()");
}

Tensors Closure::evaluate(const Ref<const Primitive>& primitive, TensorSpan inputs,
                          const Specs& specs) {
  // Where only eval can tell the outputs, a custom function may: its rules need to have run.
  const bool counted = !finished_ && !writes_ && node_in_backward() == running_ && comparable_ &&
                       !specs.empty() && !renames_memory(primitive->name());
  if (recorded_) return evaluate_first(primitive, inputs, specs, counted);
  if (counted) {
    if (const Trace::Evaluation* kept = find_kept(primitive->name(), specs)) {
      Tensors outputs;
      for (const Tensor& y : kept->kept) outputs.push_back(fresh(y));
      return outputs;
    }
  }
  return pyautograd::evaluate(primitive, inputs, specs);
}

Tensors Closure::evaluate_first(const Ref<const Primitive>& primitive, TensorSpan inputs,
                                const Specs& specs, bool counted) {
  Tensors outputs = pyautograd::evaluate(primitive, inputs, specs);
  if (!policy_) return outputs;
  // It may lie where something lay that is gone.
  for (const Tensor& y : outputs) made_by_.erase(y.body().get());
  if (counted) remember(primitive->name(), inputs, outputs);
  return outputs;
}

void Closure::remember(std::string_view op, TensorSpan inputs, const Tensors& outputs) {
  const double cost = operations_of(op, inputs, outputs);
  Trace::Evaluation evaluation{calls_, std::string(op), cost, {}, {}};
  for (const Tensor& y : outputs) evaluation.versions.push_back(version_of(*y.body()));
  if (outputs.size() == 1) made_by_[outputs[0].body().get()] = recorded_->evaluations.size();
  if (policy_({evaluation.op, "", outputs[0].spec(), cost})) {
    for (const Tensor& y : outputs) evaluation.kept.push_back(fresh(y));
  }
  recorded_->evaluations.push_back(std::move(evaluation));
}

const Trace::Evaluation* Closure::find_kept(std::string_view op, const Specs& specs) {
  const auto& all = trace_.evaluations;
  while (next_evaluation_ < all.size() && all[next_evaluation_].call < calls_) ++next_evaluation_;
  auto earlier = std::count(evaluated_.begin(), evaluated_.end(), op);
  evaluated_.emplace_back(op);
  size_t at = next_evaluation_;
  while (at < all.size() && all[at].call == calls_ && (all[at].op != op || earlier-- > 0)) ++at;
  if (at == all.size() || all[at].call != calls_ || !all[at].serves(specs)) return nullptr;
  return &all[at];
}

}  // namespace pyautograd
