#include "autograd/joined_ops.h"

#include <algorithm>
#include <list>
#include <map>
#include <mutex>

#include "autograd/deferral.h"

namespace pyautograd {

namespace {

using Value = StepList::Value;
using Step = StepList::Step;

constexpr uint32_t kNone = ~uint32_t{0};

// What waits keeps alive what it reads, so among large arrays there must be an end to it.
constexpr size_t kMostLarge = 128;
// Ways in which the arguments may lie in memory, each with a plan of its own.
constexpr size_t kMostPlans = 8;

// The steps of a list, which can be planned or are views, as one op.
class JoinedOps final : public Primitive {
 public:
  explicit JoinedOps(StepList list) : list_(std::move(list)) {
    list_.note_last_reads();
    const std::vector<uint32_t> makers = list_.makers();
    for (const Value& value : list_.results)
      specs_.push_back(list_.steps[makers[value.index]].specs[0]);
    usual_.emplace(list_, Layouts::row_major(list_.arguments));
  }
  std::string_view name() const override { return "_joined_ops"; }
  const StepList& list() const { return list_; }

  Specs infer(TensorSpan) const override { return specs_; }

  Tensors eval(TensorSpan inputs, const Specs&) const override {
    if (const ArrayPlan* plan = plan_for(inputs)) return plan->run(inputs);
    const Deferral::Scope scope;
    return list_.run(inputs);
  }

  // Null if there is none.
  const ArrayPlan* plan_for(TensorSpan inputs) const {
    const ArrayPlan* plan = fitting(inputs);
    return plan && plan->exists() ? plan : nullptr;
  }

 private:
  const ArrayPlan* fitting(TensorSpan inputs) const {
    if (usual_->fits(inputs)) return &*usual_;
    const std::lock_guard lock(mutex_);
    for (const ArrayPlan& plan : others_) {
      if (plan.fits(inputs)) return &plan;
    }
    if (others_.size() == kMostPlans) return nullptr;
    std::vector<Tensor> layouts;
    for (const Tensor& x : inputs) layouts.push_back(Layouts::layout(x.spec(), x.array().strides));
    return &others_.emplace_back(list_, std::move(layouts));
  }

  StepList list_;
  Specs specs_;
  std::optional<ArrayPlan> usual_;  // of row-major arguments
  mutable std::mutex mutex_;
  mutable std::list<ArrayPlan> others_;
};

class Joining {
 public:
  explicit Joining(const StepList& list)
      : list_(list), makers_(list.makers()), parts_of_(list.steps.size(), kNone) {
    Layouts layouts(list, Layouts::row_major(list.arguments));
    for (const Step& step : list.steps) {
      kernels::PlannedStep planned{};
      kinds_.push_back(layouts.add(step, planned));
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

  // Planned steps wait in the open part, and others that read what it makes wait behind it, until a
  // planned one reads these; all else runs before. A view is made where somebody else than planned
  // steps reads it.
  void visit(uint32_t i) {
    if (kinds_[i] == Kind::View) return;
    if (kinds_[i] == Kind::Planned) {
      if (reads_unplaced(i, Kind::Other)) close();
      open_large_ += is_large(list_.steps[i].specs[0]);
      open_.steps.push_back(i);
      if (open_large_ == kMostLarge) close();
    } else if (reads_unplaced(i, Kind::Planned) || reads_unplaced(i, Kind::Other)) {
      behind_.push_back(i);
    } else {
      place_alone(i);
    }
  }

  bool reads_unplaced(uint32_t i, Kind kind) const {
    const auto& inputs = list_.steps[i].inputs;
    return std::any_of(inputs.begin(), inputs.end(), [&](const Value& value) {
      const Value x = root(value);
      if (x.kind != Value::Kind::Made) return false;
      const uint32_t maker = makers_[x.index];
      return parts_of_[maker] == kNone && kinds_[maker] == kind;
    });
  }

  void require(const Value& value) {
    if (value.kind != Value::Kind::Made) return;
    const uint32_t maker = makers_[value.index];
    if (parts_of_[maker] != kNone) return;
    if (kinds_[maker] != Kind::View) return close();
    place_alone(maker);
  }

  void close() {
    open_large_ = 0;
    if (!open_.steps.empty()) place(std::exchange(open_, {}));
    for (uint32_t i : std::exchange(behind_, {})) place_alone(i);
  }

  void place_alone(uint32_t i) {
    for (const Value& value : list_.steps[i].inputs) require(value);
    place({{i}, {}});
  }

  void place(Part part) {
    for (uint32_t i : part.steps) parts_of_[i] = static_cast<uint32_t>(parts_.size());
    parts_.push_back(std::move(part));
  }

  // One step, which reads no view that nobody else made.
  bool alone(const Part& part) const {
    if (part.steps.size() > 1) return false;
    const Step& step = list_.steps[part.steps[0]];
    return kinds_[part.steps[0]] != Kind::Planned ||
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
          note(kinds_[i] == Kind::Planned ? root(value) : value, p);
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
        const uint32_t first = inner.push(step.primitive, step.specs, {x});
        for (uint32_t k = 0; k < step.specs.size(); ++k)
          within.emplace(Value{Value::Kind::Made, step.first_made + k},
                         Value{Value::Kind::Made, first + k});
        return within.at(value);
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
  std::vector<uint32_t> behind_;
  std::vector<uint32_t> places_;  // of what the list makes, in the joined one
};

}  // namespace

StepList join_planned(const StepList& list) { return Joining(list)(); }

const ArrayPlan* sole_plan(const StepList& joined, TensorSpan given) {
  if (joined.steps.size() != 1 || one_by_one()) return nullptr;
  const Step& step = joined.steps[0];
  const auto* ops = dynamic_cast<const JoinedOps*>(step.primitive.get());
  if (!ops || joined.results.size() != joined.made) return nullptr;
  for (uint32_t i = 0; i < joined.made; ++i)
    if (joined.results[i] != Value{Value::Kind::Made, i}) return nullptr;
  return ops->plan_for(joined.inputs_of(step, given));
}

}  // namespace pyautograd
