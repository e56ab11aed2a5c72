#include "autograd/array_plan.h"

#include <algorithm>

#include "autograd/deferral.h"
#include "autograd/layout.h"
#include "core/error.h"
#include "core/strides.h"

namespace pyautograd {

namespace {

using kernels::PlannedOperand;
using kernels::PlannedStep;
using Value = StepList::Value;
using Step = StepList::Step;

// Memory that nobody can read.
class Nowhere final : public Lineage {
 public:
  Nowhere() : Lineage(Kind::Capture) {}
  static const Ref<Storage>& storage() {
    static Nowhere* const lineage = new Nowhere;
    static const Ref<Storage>* const memory = new Ref<Storage>(Storage::absent(0, *lineage));
    return *memory;
  }
  void restore(Storage&) override { runtime_error("[captured] there are no numbers yet"); }
  void before_write(Storage& storage) override { restore(storage); }
  void forget(Storage&) noexcept override {}
};
// Made when the library is loaded: a user who counts storages finds as many after the first plan.
[[maybe_unused]] const Ref<Storage>& nowhere = Nowhere::storage();

// How its output will lie; absent if it has no loop, or one that takes long on a large array and
// has threads of its own there.
Tensor loop_of(const Step& step, TensorSpan inputs, PlannedStep& planned) {
  const Spec& spec = step.specs[0];
  const bool copies = step.primitive->copies() && !step.primitive->may_view();
  if (copies)
    planned.loop.unary = kernels::conversion_loop(spec.dtype, spec.dtype);
  else if (!step.primitive->find_loop(inputs, planned.loop))
    return {};
  if (copies ? !planned.loop.unary : planned.loop.function && is_large(spec)) return {};
  // A loop runs through its result's memory; a splice finds its places in row-major order, in which
  // a copy lies.
  const bool row_major = planned.loop.splice || copies;
  const AxisOrder order = row_major ? AxisOrder() : elementwise_order(inputs, spec.shape);
  return Layouts::layout(spec, dense_strides(spec.shape, order));
}

// Likewise; on large arrays a kernel has threads and memory of its own.
Tensor kernel_of(const Step& step, TensorSpan inputs, PlannedStep& planned) {
  const Spec& spec = step.specs[0];
  const bool large =
      is_large(spec) ||
      std::any_of(inputs.begin(), inputs.end(), [](const Tensor& x) { return is_large(x.spec()); });
  kernels::ArrayKernel kernel;
  if (large || !step.primitive->find_kernel(inputs, step.specs, kernel)) return {};
  planned.kernel = std::move(kernel);
  return Layouts::layout(spec, contiguous_strides(spec.shape));
}

}  // namespace

bool is_large(const Spec& spec) {
  return count_elements(spec.shape) >= Deferral::least.load(std::memory_order_relaxed);
}

// All of its elements lie from the start of the memory on.
Tensor Layouts::layout(const Spec& spec, Dims strides) {
  int64_t first = 0;
  for (size_t d = 0; d < strides.size(); ++d)
    first += std::max<int64_t>(-strides[d], 0) * std::max<int64_t>(spec.shape[d] - 1, 0);
  return Tensor(
      make_ref<Array>(Nowhere::storage(), spec.shape, std::move(strides), first, spec.dtype));
}

std::vector<Tensor> Layouts::row_major(std::span<const Spec> specs) {
  std::vector<Tensor> made;
  for (const Spec& spec : specs) made.push_back(layout(spec, contiguous_strides(spec.shape)));
  return made;
}

const Tensor& Layouts::at(const Value& value) const {
  return value.kind == Value::Kind::Made       ? made_[value.index]
         : value.kind == Value::Kind::Constant ? list_.constants[value.index]
                                               : arguments_[value.index];
}

Layouts::Kind Layouts::add(const Step& step, PlannedStep& planned, bool is_result) {
  SmallVector<Tensor, 3> inputs;
  for (const Value& value : step.inputs) inputs.push_back(at(value));
  const bool empty = std::any_of(step.specs.begin(), step.specs.end(),
                                 [](const Spec& spec) { return count_elements(spec.shape) == 0; });
  if (!empty && !is_result) {
    Tensors shown = views(step, inputs);
    for (Tensor& output : shown) made_.push_back(std::move(output));
    if (!shown.empty()) return Kind::View;
  }
  if (!empty && step.specs.size() == 1) {
    Tensor output = loop_of(step, inputs, planned);
    if (!output) output = kernel_of(step, inputs, planned);
    if (output) {
      made_.push_back(std::move(output));
      return Kind::Planned;
    }
  }
  for (Tensor& output : row_major(step.specs)) made_.push_back(std::move(output));
  return Kind::Other;
}

// None if they are none: what would copy numbers cannot.
Tensors Layouts::views(const Step& step, TensorSpan inputs) {
  const Primitive& primitive = *step.primitive;
  if (inputs.size() != 1) return {};
  // Other copies lie in another way than what they copy.
  if (primitive.copies() && (primitive.may_view() || inputs[0].array().contiguous()))
    return {inputs[0]};
  if (!primitive.may_view()) return primitive.shown(inputs);
  try {
    Tensors shown = primitive.eval(inputs, step.specs);
    const bool same = std::all_of(shown.begin(), shown.end(), [&](const Tensor& x) {
      return x.array().storage == inputs[0].array().storage;
    });
    return same ? shown : Tensors();
  } catch (const Error&) {
    return {};
  }
}

bool ArrayPlan::fits(TensorSpan inputs) const {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Array &x = inputs[i].array(), &expected = arguments_[i].array();
    if (x.contiguous() ? !expected.contiguous() : x.strides != expected.strides) return false;
  }
  return true;
}

Tensors ArrayPlan::results() const {
  Tensors outputs;
  for (const Tensor& result : results_) {
    const Array& layout = result.array();
    Ref<Array> out = Array::empty(layout.shape, layout.dtype);
    outputs.push_back(Tensor(
        layout.contiguous() ? std::move(out) : out->with_layout(layout.shape, layout.strides, 0)));
  }
  return outputs;
}

Tensors ArrayPlan::run(TensorSpan inputs) const {
  Tensors outputs = results();
  run(inputs, outputs);
  return outputs;
}

void ArrayPlan::run(TensorSpan inputs, TensorSpan outputs) const {
  SmallVector<char*, 16> memory;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Array& layout = arguments_[i].array();
    memory.push_back(static_cast<char*>(inputs[i].array().address()) -
                     layout.offset * itemsize(layout.dtype));
  }
  for (const Tensor& x : list_.constants)
    memory.push_back(static_cast<char*>(x.array().storage->data()));
  for (const Tensor& out : outputs)
    memory.push_back(static_cast<char*>(out.array().storage->data()));
  plan_->run(memory);
}

// A value as it lies in the memory of an argument, of a constant or of what a step makes.
struct ArrayPlan::Source {
  bool made;
  uint32_t index;  // of the step; or of what a run is given
  Tensor whole, layout;
};

ArrayPlan::ArrayPlan(const StepList& list, std::vector<Tensor> arguments_given)
    : list_(list), arguments_(std::move(arguments_given)) {
  Layouts layouts(list_, arguments_);
  std::vector<Source> arguments, constants, made;
  std::vector<PlannedStep> steps;
  std::vector<bool> is_result(list_.made);
  for (const Value& value : list_.results) is_result[value.index] = true;
  uint32_t given = 0;
  for (const Tensor& x : arguments_) arguments.push_back({false, given++, x, x});
  for (const Tensor& x : list_.constants) constants.push_back({false, given++, x, x});
  for (const Step& step : list_.steps) {
    const auto source = [&](size_t i) -> const Source& {
      const Value& value = step.inputs[i];
      return value.kind == Value::Kind::Made       ? made[value.index]
             : value.kind == Value::Kind::Constant ? constants[value.index]
                                                   : arguments[value.index];
    };
    const Spec& spec = step.specs[0];
    PlannedStep planned{count_elements(spec.shape), itemsize(spec.dtype)};
    const Layouts::Kind kind = layouts.add(step, planned, is_result[step.first_made]);
    if (kind == Layouts::Kind::Other) return;
    if (kind == Layouts::Kind::View) {
      for (uint32_t k = 0; k < step.specs.size(); ++k) {
        made.push_back(source(0));
        made.back().layout = layouts.at({Value::Kind::Made, step.first_made + k});
      }
      continue;
    }
    const Tensor& layout = layouts.at({Value::Kind::Made, step.first_made});
    for (size_t i = 0; i < step.inputs.size(); ++i)
      planned.operands.push_back(operand(source(i), planned, i, layout.array()));
    made.push_back({true, static_cast<uint32_t>(steps.size()), layout, layout});
    steps.push_back(std::move(planned));
  }
  for (uint32_t i = 0; i < list_.results.size(); ++i) {
    const Source& source = made[list_.results[i].index];
    steps[source.index].result = i;
    results_.push_back(source.whole);
  }
  plan_.emplace(steps, given);
}

PlannedOperand ArrayPlan::operand(const Source& source, const PlannedStep& step, size_t i,
                                  const Array& out) {
  using Kind = PlannedOperand::Kind;
  const Array &x = source.layout.array(), &whole = source.whole.array();
  PlannedOperand read{Kind::Layout, source.made, source.index, itemsize(x.dtype)};
  read.offset = x.offset * read.itemsize;
  if (step.kernel) return read;  // which knows the rest
  if (step.loop.is_part(i)) {
    read.shape = x.shape;
    read.strides = x.strides;
    return read;
  }
  const AxisOrder order = order_in_memory(out.shape, {&out.strides, 1});
  read.shape = in_order(out.shape, order);
  read.strides = in_order(broadcast_strides(x.shape, x.strides, out.shape), order);
  const bool all = x.offset == 0 && x.dtype == whole.dtype && whole.size() == step.count;
  if (is_contiguous(read.shape, read.strides) && (all || !source.made)) {
    read.kind = Kind::Elements;
  } else if (step.loop.takes_number(i) && shows_one_number(read.shape, read.strides)) {
    read.kind = Kind::Number;
  }
  return read;
}

}  // namespace pyautograd
