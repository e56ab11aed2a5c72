#include "autograd/joined_ops.h"

#include <algorithm>
#include <map>

#include "autograd/deferral.h"
#include "autograd/layout.h"
#include "core/error.h"
#include "core/strides.h"
#include "kernels/fused_plan.h"

namespace pyautograd {

namespace {

using kernels::ElementLoop;
using kernels::PlannedOperand;
using Value = StepList::Value;
using Step = StepList::Step;

constexpr uint32_t kNone = ~uint32_t{0};

// What waits keeps alive what it reads, so among large arrays there must be an end to it.
constexpr size_t kMostLarge = 128;

bool is_large(const Spec& spec) {
  return count_elements(spec.shape) >= Deferral::least.load(std::memory_order_relaxed);
}

// Memory that nobody can read.
class Nowhere final : public Lineage {
 public:
  Nowhere() : Lineage(Kind::Capture) {}
  static Ref<Storage> storage() {
    static Nowhere* lineage = new Nowhere;
    return Storage::absent(0, *lineage);
  }
  void restore(Storage&) override { runtime_error("[captured] there are no numbers yet"); }
  void before_write(Storage& storage) override { restore(storage); }
  void forget(Storage&) noexcept override {}
};

bool is_line(const Dims& shape) {
  return std::count_if(shape.begin(), shape.end(), [](int64_t n) { return n != 1; }) <= 1;
}

// How the values of a list lie in memory if its arguments and whatever takes more than a loop makes
// are row-major: as arrays whose numbers mean nothing.
class Layouts {
 public:
  enum class Kind : uint8_t { Loop, View, Other };

  explicit Layouts(const StepList& list) : list_(list), memory_(Nowhere::storage()) {
    for (const Spec& spec : list.arguments) arguments_.push_back(row_major(spec));
  }

  // To be called for one step after the other; its loop, if that is its kind.
  Kind add(const Step& step, ElementLoop& loop) {
    SmallVector<Tensor, 3> inputs;
    for (const Value& value : step.inputs) inputs.push_back(at(value));
    if (step.specs.size() == 1 && count_elements(step.specs[0].shape) > 0) {
      if (Tensor shown = view(step, inputs)) {
        made_.push_back(std::move(shown));
        return Kind::View;
      }
      if (finds_loop(step, inputs, loop)) {
        made_.push_back(row_major(step.specs[0]));
        return Kind::Loop;
      }
    }
    for (const Spec& spec : step.specs) made_.push_back(row_major(spec));
    return Kind::Other;
  }

  const Tensor& at(const Value& value) const {
    return value.kind == Value::Kind::Made       ? made_[value.index]
           : value.kind == Value::Kind::Constant ? list_.constants[value.index]
                                                 : arguments_[value.index];
  }

 private:
  Tensor row_major(const Spec& spec) const {
    return Tensor(make_ref<Array>(memory_, spec.shape, contiguous_strides(spec.shape), spec.dtype));
  }

  // Absent if it is none: what would copy numbers cannot.
  static Tensor view(const Step& step, TensorSpan inputs) {
    if (step.primitive->copies()) return inputs[0];
    if (!step.primitive->may_view() || inputs.size() != 1) return {};
    try {
      Tensor shown = step.primitive->eval(inputs, step.specs)[0];
      const bool same = shown.array().storage == inputs[0].array().storage;
      return same ? std::move(shown) : Tensor();
    } catch (const Error&) {
      return {};
    }
  }

  // What takes long has threads of its own, if it is large.
  static bool finds_loop(const Step& step, TensorSpan inputs, ElementLoop& loop) {
    return step.primitive->find_loop(inputs, loop) && !(loop.function && is_large(step.specs[0])) &&
           (loop.splice || makes_rows(inputs, step.specs[0].shape));
  }

  static bool makes_rows(TensorSpan inputs, const Dims& shape) {
    const AxisOrder order = elementwise_order(inputs, shape);
    return order.empty() || is_contiguous(shape, dense_strides(shape, order));
  }

  const StepList& list_;
  Ref<Storage> memory_;
  std::vector<Tensor> arguments_, made_;
};

// The steps of a list, which are loops or views, as one op.
class JoinedOps final : public Primitive {
 public:
  explicit JoinedOps(StepList list) : list_(std::move(list)) {
    list_.note_last_reads();
    compile();
  }
  std::string_view name() const override { return "_joined_ops"; }
  const StepList& list() const { return list_; }

  Specs infer(TensorSpan) const override { return specs_; }

  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    SmallVector<char*, 16> memory;
    SmallVector<Ref<Array>, 2> copies;
    for (const Tensor& x : inputs) {
      if (!x.array().contiguous()) {
        // What else is not row-major may lay results out in its own way.
        if (!is_line(x.shape())) return list_.run(inputs);
        copies.push_back(packed(x.array()));
      }
      memory.push_back((x.array().contiguous() ? x.array() : *copies.back()).data<char>());
    }
    for (const Tensor& x : list_.constants)
      memory.push_back(static_cast<char*>(x.array().storage->data()));
    Tensors outputs;
    for (const Spec& spec : specs) {
      Ref<Array> out = Array::empty(spec.shape, spec.dtype);
      memory.push_back(out->data<char>());
      outputs.push_back(Tensor(std::move(out)));
    }
    plan_->run(memory);
    return outputs;
  }

 private:
  // A value as it lies in the memory of an argument, of a constant or of what a loop makes.
  struct Source {
    bool made;
    uint32_t index;  // of the step; or of what a run is given
    Tensor whole, layout;
  };

  void compile() {
    Layouts layouts(list_);
    std::vector<Source> arguments, constants, made;
    std::vector<kernels::PlannedStep> steps;
    uint32_t given = 0;
    for (uint32_t i = 0; i < list_.arguments.size(); ++i) {
      const Tensor& layout = layouts.at({Value::Kind::Argument, i});
      arguments.push_back({false, given++, layout, layout});
    }
    for (const Tensor& x : list_.constants) constants.push_back({false, given++, x, x});
    for (const Step& step : list_.steps) {
      const auto source = [&](size_t i) -> const Source& {
        const Value& value = step.inputs[i];
        return value.kind == Value::Kind::Made       ? made[value.index]
               : value.kind == Value::Kind::Constant ? constants[value.index]
                                                     : arguments[value.index];
      };
      ElementLoop loop;
      const Layouts::Kind kind = layouts.add(step, loop);
      const Tensor& layout = layouts.at({Value::Kind::Made, step.first_made});
      if (kind == Layouts::Kind::View) {
        made.push_back(source(0));
        made.back().layout = layout;
        continue;
      }
      const Spec& spec = step.specs[0];
      kernels::PlannedStep planned{count_elements(spec.shape), itemsize(spec.dtype),
                                   std::move(loop)};
      for (size_t i = 0; i < step.inputs.size(); ++i)
        planned.operands.push_back(operand(source(i), planned, i, spec.shape));
      made.push_back({true, static_cast<uint32_t>(steps.size()), layout, layout});
      steps.push_back(std::move(planned));
    }
    const std::vector<uint32_t> makers = list_.makers();
    for (uint32_t i = 0; i < list_.results.size(); ++i) {
      const uint32_t index = list_.results[i].index;
      steps[made[index].index].result = i;
      specs_.push_back(list_.steps[makers[index]].specs[0]);
    }
    plan_.emplace(steps, given);
  }

  static PlannedOperand operand(const Source& source, const kernels::PlannedStep& step, size_t i,
                                const Dims& shape) {
    using Kind = PlannedOperand::Kind;
    const Array &x = source.layout.array(), &whole = source.whole.array();
    PlannedOperand out{Kind::Layout, source.made, source.index, itemsize(x.dtype)};
    out.offset = x.offset * out.itemsize;
    out.shape = step.loop.is_part(i) ? x.shape : shape;
    out.strides = broadcast_strides(x.shape, x.strides, out.shape);
    if (step.loop.is_part(i)) return out;
    const bool all = x.offset == 0 && x.dtype == whole.dtype && whole.size() == step.count;
    if (is_contiguous(out.shape, out.strides) && (all || !source.made)) {
      out.kind = Kind::Elements;
    } else if (step.loop.takes_number(i) && shows_one_number(out.shape, out.strides)) {
      out.kind = Kind::Number;
    }
    return out;
  }

  StepList list_;
  Specs specs_;
  std::optional<kernels::FusedPlan> plan_;
};

class Joining {
 public:
  explicit Joining(const StepList& list)
      : list_(list), makers_(list.makers()), parts_of_(list.steps.size(), kNone) {
    Layouts layouts(list);
    for (const Step& step : list.steps) {
      ElementLoop loop;
      kinds_.push_back(layouts.add(step, loop));
    }
    for (uint32_t i = 0; i < list.steps.size(); ++i) visit(i);
    for (const Value& value : list.results) require(value);
    close();
  }

  StepList operator()() {
    find_results();
    StepList joined;
    joined.arguments = list_.arguments;
    joined.constants = list_.constants;
    places_.assign(list_.made, kNone);
    for (const Part& part : parts_) {
      if (alone(part)) {
        copy(part.steps[0], joined);
      } else {
        join(part, joined);
      }
    }
    for (const Value& value : list_.results) joined.results.push_back(moved(value));
    return joined;
  }

 private:
  using Kind = Layouts::Kind;

  // Steps of the list that run together, or one.
  struct Part {
    std::vector<uint32_t> steps;
    std::vector<uint32_t> results;  // made, and read by others
  };

  bool is_view(const Value& value) const {
    return value.kind == Value::Kind::Made && kinds_[makers_[value.index]] == Kind::View;
  }
  // What it is a view of.
  Value root(Value value) const {
    while (is_view(value)) value = list_.steps[makers_[value.index]].inputs[0];
    return value;
  }

  // Loops wait in the open part until another step reads what they make; until then other steps
  // run before them. A view is made where somebody else than a loop reads it.
  void visit(uint32_t i) {
    if (kinds_[i] == Kind::View) return;
    if (kinds_[i] == Kind::Loop) {
      open_large_ += is_large(list_.steps[i].specs[0]);
      open_.steps.push_back(i);
      if (open_large_ == kMostLarge) close();
      return;
    }
    for (const Value& value : list_.steps[i].inputs) require(value);
    place({{i}, {}});
  }

  void require(const Value& value) {
    if (value.kind != Value::Kind::Made) return;
    const uint32_t maker = makers_[value.index];
    if (parts_of_[maker] != kNone) return;
    if (kinds_[maker] == Kind::Loop) return close();
    require(list_.steps[maker].inputs[0]);
    place({{maker}, {}});
  }

  void close() {
    open_large_ = 0;
    if (!open_.steps.empty()) place(std::exchange(open_, {}));
  }

  void place(Part part) {
    for (uint32_t i : part.steps) parts_of_[i] = static_cast<uint32_t>(parts_.size());
    parts_.push_back(std::move(part));
  }

  // One step, which reads no view that nobody else made.
  bool alone(const Part& part) const {
    if (part.steps.size() > 1) return false;
    const Step& step = list_.steps[part.steps[0]];
    return kinds_[part.steps[0]] != Kind::Loop ||
           std::none_of(step.inputs.begin(), step.inputs.end(),
                        [&](const Value& value) { return is_view(value); });
  }

  void find_results() {
    std::vector<bool> noted(list_.made);
    const auto note = [&](const Value& value, uint32_t reader) {
      if (value.kind != Value::Kind::Made || noted[value.index]) return;
      const uint32_t maker = parts_of_[makers_[value.index]];
      if (maker == reader) return;
      noted[value.index] = true;
      parts_[maker].results.push_back(value.index);
    };
    for (uint32_t p = 0; p < parts_.size(); ++p) {
      for (uint32_t i : parts_[p].steps) {
        for (const Value& value : list_.steps[i].inputs)
          note(kinds_[i] == Kind::Loop ? root(value) : value, p);
      }
    }
    for (const Value& value : list_.results) note(value, kNone);
  }

  Value moved(Value value) const {
    if (value.kind == Value::Kind::Made) value.index = places_[value.index];
    return value;
  }

  void copy(uint32_t i, StepList& joined) {
    const Step& step = list_.steps[i];
    SmallVector<Value, 2> inputs;
    for (const Value& value : step.inputs) inputs.push_back(moved(value));
    const uint32_t first = joined.push(step.primitive, step.specs, std::move(inputs));
    for (uint32_t k = 0; k < step.specs.size(); ++k) places_[step.first_made + k] = first + k;
  }

  void join(const Part& part, StepList& joined) {
    StepList inner;
    SmallVector<Value, 2> inputs;  // of the whole part
    std::map<Value, Value> within;
    const auto value_within = [&](const auto& self, const Value& value) -> Value {
      if (const auto found = within.find(value); found != within.end()) return found->second;
      Value made{Value::Kind::Made, inner.made};
      if (is_view(value)) {
        const Step& step = list_.steps[makers_[value.index]];
        const Value x = self(self, step.inputs[0]);
        made.index = inner.push(step.primitive, step.specs, {x});
      } else if (value.kind == Value::Kind::Constant) {
        made = {Value::Kind::Constant, static_cast<uint32_t>(inner.constants.size())};
        inner.constants.push_back(list_.constants[value.index]);
      } else {
        made = {Value::Kind::Argument, static_cast<uint32_t>(inputs.size())};
        inner.arguments.push_back(spec(value));
        inputs.push_back(moved(value));
      }
      within.emplace(value, made);
      return made;
    };
    for (uint32_t i : part.steps) {
      const Step& step = list_.steps[i];
      SmallVector<Value, 2> read;
      for (const Value& value : step.inputs) read.push_back(value_within(value_within, value));
      const Value made{Value::Kind::Made, inner.push(step.primitive, step.specs, std::move(read))};
      within.emplace(Value{Value::Kind::Made, step.first_made}, made);
    }
    for (uint32_t index : part.results)
      inner.results.push_back(within.at({Value::Kind::Made, index}));
    const Ref<JoinedOps> primitive = make_ref<JoinedOps>(std::move(inner));
    const uint32_t first =
        joined.push(primitive, primitive->infer({}), std::move(inputs), &primitive->list());
    for (uint32_t k = 0; k < part.results.size(); ++k) places_[part.results[k]] = first + k;
  }

  Spec spec(const Value& value) const {
    if (value.kind == Value::Kind::Argument) return list_.arguments[value.index];
    const Step& step = list_.steps[makers_[value.index]];
    return step.specs[value.index - step.first_made];
  }

  const StepList& list_;
  const std::vector<uint32_t> makers_;
  std::vector<Kind> kinds_;
  std::vector<Part> parts_;
  std::vector<uint32_t> parts_of_;  // of each step
  Part open_;
  size_t open_large_ = 0;
  std::vector<uint32_t> places_;  // of what the list makes, in the joined one
};

}  // namespace

StepList join_elementwise(const StepList& list) { return Joining(list)(); }

}  // namespace pyautograd
