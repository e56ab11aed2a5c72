#pragma once

#include <span>
#include <variant>
#include <vector>

#include "kernels/array_kernel.h"
#include "kernels/fused.h"
#include "kernels/small_program.h"

namespace pyautograd::kernels {

// What a step reads, in memory that each run is given or in the result of an earlier step.
struct PlannedOperand {
  enum class Kind : uint8_t {
    Elements,  // row-major, as many as the step has
    Number,    // one in the place of an array
    Layout,
  } kind;
  bool made;       // by an earlier step
  uint32_t index;  // of that step, or of what is given
  int64_t itemsize;
  int64_t offset = 0;             // bytes
  Dims shape = {}, strides = {};  // of a layout
};

// A loop, or a kernel on whole arrays.
struct PlannedStep {
  static constexpr uint32_t kNoResult = ~uint32_t{0};

  int64_t count;
  int64_t itemsize;
  ElementLoop loop = {};
  std::optional<ArrayKernel> kernel = {};
  SmallVector<PlannedOperand, 3> operands =
      {};                       // layouts of a kernel, and of a splice's second one
  uint32_t result = kNoResult;  // of the plan; none: only later steps read it
};

// Steps of whatever sizes, cut into programs and calls of kernels. The steps of a program have the
// same number of elements and read each other's results element by element; what reads one in
// another way waits for the whole program. Built once, it may be run often, by several threads.
class FusedPlan {
 public:
  // A run gets `given` pieces of memory, then one for each result.
  FusedPlan(std::span<const PlannedStep> steps, size_t given);

  void run(std::span<char* const> given_and_results) const;

 private:
  struct KernelCall {
    ArrayKernel kernel;
    FusedProgram::Memory out;
    SmallVector<FusedProgram::Memory, 2> inputs;
    void run(std::span<char* const> pieces) const;
  };
  using Program = std::variant<FusedProgram, SmallProgram, KernelCall>;
  class Cut;

  std::vector<Program> programs_;
  int64_t scratch_bytes_ = 0;
};

}  // namespace pyautograd::kernels
