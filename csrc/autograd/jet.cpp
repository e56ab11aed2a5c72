#include "autograd/jet.h"

#include <algorithm>

#include "autograd/algebra.h"
#include "autograd/engine.h"
#include "core/error.h"
#include "core/per_thread.h"

namespace pyautograd {

namespace {

bool is_series(const Level* level, const Tensor& x) {
  return x.level() == level && as_jet(x).expansion;
}

Tensor value_of(const Level* level, const Tensor& x) {
  return x.level() == level ? as_jet(x).primal : x;
}

Expansion& expansion_of(const Tensor& x) { return static_cast<Expansion&>(*as_jet(x).expansion); }

class OpExpansion;

// While an op's coefficients are computed, the ops that its rules apply at the same level stay
// unfinished. They are let go together, for they refer to each other.
struct Unfinished {
  const Level* level;
  size_t order;  // up to which coefficients of the ops that are now applied are needed
  std::vector<Ref<OpExpansion>> expansions = {};
};

struct ThreadState {
  SmallVector<Unfinished*, 4> unfinished;
  size_t depth = 0;  // of coefficients that wait for each other
  InterruptPoll poll_interrupt = {};
};
ThreadState& state() { return PerThread<ThreadState>::get(); }
// Far from the end of the stack.
constexpr size_t kDeepest = 1000;

Unfinished* unfinished_at(const Level* level) {
  auto& stack = state().unfinished;
  const auto found =
      std::find_if(stack.begin(), stack.end(), [&](auto* entry) { return entry->level == level; });
  return found == stack.end() ? nullptr : *found;
}

// Puts a value in a place for as long as it lives.
template <class T>
class Temporarily {
 public:
  Temporarily(T& place, T value) : place_(place), former_(std::exchange(place, value)) {}
  ~Temporarily() { place_ = former_; }
  Temporarily(const Temporarily&) = delete;
  Temporarily& operator=(const Temporarily&) = delete;

 private:
  T& place_;
  const T former_;
};

constexpr size_t kAll = ~size_t{0};

// Coefficients that were given.
class GivenExpansion final : public Expansion {
 public:
  explicit GivenExpansion(TensorSpan coefficients) {
    for (const Tensor& x : coefficients) known_.push_back({x});
  }
  size_t known() const override { return kAll; }

 protected:
  Tensors next(size_t) override { return {Tensor()}; }
};

// The derivative of x by t.
class SlopeExpansion final : public Expansion {
 public:
  explicit SlopeExpansion(const Tensor& x) : x_(x) {}
  size_t known() const override {
    const size_t higher = expansion_of(x_).known();
    return higher == kAll ? kAll : std::max<size_t>(higher, 1) - 1;
  }

 protected:
  Tensors next(size_t k) override {
    const Tensor higher = expansion_of(x_).coefficient(as_jet(x_).output, k + 1);
    return {higher ? algebra::scaled(higher, static_cast<double>(k + 1)) : higher};
  }

 private:
  const Tensor x_;
};

Tensor slope_of(const Ref<Level>& level, const Tensor& x) {
  if (!is_series(level.get(), x) || !is_inexact(x.dtype())) return {};
  Tensor first = coefficient_of(level.get(), x, 1);
  if (!first) first = algebra::zeros(x.spec());
  return Tensor(Ref<Body>(make_ref<Jet>(level, std::move(first), make_ref<SlopeExpansion>(x), 0u)));
}

// The outputs of one op. Coefficients come from the primitive's own rule, else from its jvp: as
// power series, y' = jvp(x, x'), and so coefficient k of y is coefficient k - 1 of that over k
// (Griewank and Walther, Evaluating derivatives, 2008, chapter 13).
class OpExpansion final : public Expansion {
 public:
  OpExpansion(const Ref<Level>& level, const Ref<const Primitive>& primitive, TensorSpan inputs,
              Tensors values, size_t order)
      : level_(level), order_(order), primitive_(primitive), values_(std::move(values)) {
    for (const Tensor& x : inputs) inputs_.push_back(x.level() == level.get() ? x.untracked() : x);
  }

  size_t known() const override { return primitive_ ? known_.size() : kAll; }

  // Everything, and then lets go of what it was made from.
  void complete() {
    Unfinished inner{level_.get(), order_};
    state().unfinished.push_back(&inner);
    struct Closing {
      OpExpansion& own;
      Unfinished& inner;
      ~Closing() {
        state().unfinished.pop_back();
        own.let_go();
        for (const Ref<OpExpansion>& expansion : inner.expansions) expansion->let_go();
      }
    } closing{*this, inner};
    coefficient(0, order_);
  }

  // What can be had at once, so that only what an op takes from itself is computed by recursion.
  void advance() {
    size_t ready = order_;
    for (const Tensor& x : inputs_)
      if (is_series(level_.get(), x)) ready = std::min(ready, expansion_of(x).known());
    if (ready > 0) coefficient(0, ready);
  }

 protected:
  Tensors next(size_t k) override {
    if (!primitive_)
      runtime_error("[taylor] a tensor that a derivative rule made was kept beyond its call");
    const TaylorArgs args(k, *level_, inputs_, values_, *this);
    Tensors found;
    if (auto own = primitive_->taylor(args)) {
      found = std::move(*own);
    } else {
      found = order_ == 1 ? first_order(args) : integrated(args);
    }
    found.resize(values_.size());
    for (size_t i = 0; i < found.size(); ++i) {
      if (!found[i]) continue;
      found[i] = is_inexact(values_[i].dtype())
                     ? algebra::expand_to(args.average(found[i]), values_[i].spec())
                     : Tensor();
    }
    return found;
  }

 private:
  Tensors first_order(const TaylorArgs& args) const {
    Tensors primals, tangents;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      primals.push_back(args.x(i, 0));
      tangents.push_back(args.x(i, 1));
    }
    const bool moving = std::any_of(tangents.begin(), tangents.end(),
                                    [](const Tensor& t) -> bool { return static_cast<bool>(t); });
    return moving ? primitive_->jvp(primals, tangents, values_) : Tensors();
  }

  Tensors integrated(const TaylorArgs& args) {
    if (slopes_.empty()) {
      Tensors slopes, outputs;
      for (const Tensor& x : inputs_) slopes.push_back(slope_of(level_, x));
      for (uint32_t i = 0; i < values_.size(); ++i) {
        outputs.emplace_back(
            Ref<Body>(make_ref<Jet>(level_, values_[i], Ref<RefCounted>(this), i)));
      }
      const Temporarily lower(unfinished_at(level_.get())->order, order_ - 1);
      slopes_ = primitive_->jvp(inputs_, slopes, outputs);
      slopes_.resize(values_.size());
    }
    Tensors found;
    for (const Tensor& slope : slopes_) {
      Tensor part = slope ? coefficient_of(level_.get(), slope, args.k - 1) : Tensor();
      if (part) part = args.average(part);
      if (part && args.k > 1) part = algebra::divided(part, static_cast<double>(args.k));
      found.push_back(std::move(part));
    }
    return found;
  }

  void let_go() {
    primitive_ = nullptr;
    inputs_.clear();
    slopes_.clear();
  }

  const Ref<Level> level_;
  const size_t order_;
  Ref<const Primitive> primitive_;
  Tensors inputs_, slopes_;
  const Tensors values_;
};

}  // namespace

Tensor Expansion::coefficient(size_t output, size_t k) {
  if (known_.size() >= k) return known_[k - 1][output];
  ThreadState& own = state();
  if (own.depth == kDeepest)
    runtime_error("[taylor] the order is too high, or a derivative rule too long: more than ",
                  kDeepest, " coefficients wait for each other");
  own.poll_interrupt();
  const Temporarily deeper(own.depth, own.depth + 1);
  while (known_.size() < k) {
    Tensors found = next(known_.size() + 1);
    known_.push_back(std::move(found));
  }
  return known_[k - 1][output];
}

Tensor coefficient_of(const Level* level, const Tensor& x, size_t k) {
  if (k == 0) return value_of(level, x);
  return is_series(level, x) ? expansion_of(x).coefficient(as_jet(x).output, k) : Tensor();
}

Tensor TaylorArgs::x(size_t input, size_t j) const {
  return coefficient_of(&level_, inputs_[input], j);
}
Tensor TaylorArgs::y(size_t output, size_t j) const {
  return j == 0 ? outputs_[output] : own_.coefficient(output, j);
}
bool TaylorArgs::moves(size_t input) const { return is_series(&level_, inputs_[input]); }
const Level* TaylorArgs::directions() const {
  return k == static_cast<size_t>(level_.size) ? level_.directions.get() : nullptr;
}
Tensor TaylorArgs::average(const Tensor& term) const {
  if (!directions() || term.level() != directions()) return term;
  const Batched& batched = as_batched(term);
  return batched.dim == kNotMapped ? batched.value : algebra::mean(batched.value, batched.dim);
}

Tensor make_jet(const Ref<Level>& level, Tensor primal, Tensors coefficients) {
  coefficients.resize(static_cast<size_t>(level->size));
  Ref<RefCounted> expansion;
  if (std::any_of(coefficients.begin(), coefficients.end(),
                  [](const Tensor& x) { return static_cast<bool>(x); }))
    expansion = make_ref<GivenExpansion>(coefficients);
  return Tensor(Ref<Body>(make_ref<Jet>(level, std::move(primal), std::move(expansion), 0u)));
}

Tensors apply_jets(const Ref<Level>& level, const Ref<const Primitive>& primitive,
                   TensorSpan inputs) {
  Tensors primals;
  bool moving = false;
  for (const Tensor& x : inputs) {
    primals.push_back(value_of(level.get(), x));
    moving |= is_series(level.get(), x);
  }
  Tensors values = apply(primitive, primals);
  const bool smooth = std::any_of(values.begin(), values.end(),
                                  [](const Tensor& y) { return is_inexact(y.dtype()); });
  Ref<OpExpansion> expansion;
  if (moving && smooth && level->size > 0) {
    Unfinished* outer = unfinished_at(level.get());
    const size_t order = outer ? outer->order : static_cast<size_t>(level->size);
    expansion = make_ref<OpExpansion>(level, primitive, inputs, values, order);
    if (outer) {
      outer->expansions.push_back(expansion);
      expansion->advance();
    } else {
      expansion->complete();
    }
  }
  for (uint32_t i = 0; i < values.size(); ++i) {
    // As at levels of tangents
    if (moving && !is_inexact(values[i].dtype())) continue;
    values[i] = Tensor(
        Ref<Body>(make_ref<Jet>(level, std::move(values[i]), Ref<RefCounted>(expansion), i)));
  }
  return values;
}

}  // namespace pyautograd
