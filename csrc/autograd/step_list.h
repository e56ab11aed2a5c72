#pragma once

#include <string_view>
#include <vector>

#include "autograd/primitive.h"

namespace pyautograd {

// Ops in the order in which they run, on arguments, constants and what earlier ones make.
struct StepList {
  struct Value {
    enum class Kind : uint8_t { Argument, Constant, Made } kind;
    uint32_t index;
    friend auto operator<=>(const Value&, const Value&) = default;
  };
  struct Step {
    Ref<const Primitive> primitive;
    Specs specs;
    SmallVector<Value, 2> inputs;
    uint32_t first_made;                      // its outputs
    const StepList* parts = nullptr;          // what the primitive runs, where that is several ops
    SmallVector<uint32_t, 2> last_read = {};  // made, and not read by later steps
  };

  std::vector<Spec> arguments;
  std::vector<Tensor> constants;
  std::vector<Step> steps;
  std::vector<Value> results;
  uint32_t made = 0;
  size_t most_inputs = 0;  // of a step

  // Adds a step; its first output.
  uint32_t push(Ref<const Primitive> primitive, Specs specs, SmallVector<Value, 2> inputs,
                const StepList* parts = nullptr);
  // Fills in `last_read`.
  void note_last_reads();

  Tensors run(TensorSpan given) const;
  // Of a step that reads arguments and constants only.
  SmallVector<Tensor, 16> inputs_of(const Step& step, TensorSpan given) const;
  std::vector<std::string_view> names() const;
  // The step that makes it, for each value that is made.
  std::vector<uint32_t> makers() const;
};

// Whether somebody wants to know of every op, or to make the numbers of any again.
bool one_by_one();

// The same without ops that are there twice: parameterless ones of the same inputs. Of constants,
// those are compared that are `fixed`: nobody can write them.
void merge_repeated(StepList& list, const std::vector<bool>& fixed);
// The same where ops do the work of those that make their inputs, if nobody else reads these.
void combine_with_makers(StepList& list);
// The same without what nobody reads.
StepList without_unread(StepList list);

}  // namespace pyautograd
