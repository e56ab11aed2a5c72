#pragma once

#include <optional>
#include <vector>

#include "autograd/step_list.h"
#include "kernels/fused_plan.h"

namespace pyautograd {

// Whether ops on such an array are put off (autograd/deferral.h).
bool is_large(const Spec& spec);

// How the values of a list lie in memory, if its arguments lie as given and whatever cannot be
// planned is row-major: as arrays whose numbers mean nothing.
class Layouts {
 public:
  enum class Kind : uint8_t { Planned, View, Other };

  static std::vector<Tensor> row_major(std::span<const Spec> specs);
  static Tensor layout(const Spec& spec, Dims strides);

  Layouts(const StepList& list, std::vector<Tensor> arguments)
      : list_(list), arguments_(std::move(arguments)) {}

  // To be called for one step after the other; its loop or kernel, if that is its kind. What is a
  // result needs memory of its own.
  Kind add(const StepList::Step& step, kernels::PlannedStep& planned, bool is_result = false);
  const Tensor& at(const StepList::Value& value) const;

 private:
  static Tensors views(const StepList::Step& step, TensorSpan inputs);

  const StepList& list_;
  std::vector<Tensor> arguments_, made_;
};

// A list, which must outlive it, as one plan of kernels for arguments that lie in memory in one
// way.
class ArrayPlan {
 public:
  ArrayPlan(const StepList& list, std::vector<Tensor> arguments_given);

  bool fits(TensorSpan inputs) const;
  // False if a step is no view and cannot be planned for such arguments.
  bool exists() const { return plan_.has_value(); }
  Tensors run(TensorSpan inputs) const;
  // The same in two parts: memory for the results, which a run writes.
  Tensors results() const;
  void run(TensorSpan inputs, TensorSpan outputs) const;

 private:
  struct Source;

  static kernels::PlannedOperand operand(const Source& source, const kernels::PlannedStep& step,
                                         size_t i, const Array& out);

  const StepList& list_;
  const std::vector<Tensor> arguments_;
  std::vector<Tensor> results_;  // as they will lie
  std::optional<kernels::FusedPlan> plan_;
};

}  // namespace pyautograd
