#pragma once

#include "autograd/capture.h"
#include "autograd/primitive.h"
#include "python/autograd_gc.h"

namespace pyautograd::python {

// A captured call that is run again and again on what it returned: among the ops of another
// captured call a loop without Python. The inputs are the state, then what stays as it is; the
// outputs are the last state. It begins with a truth value, as long as which the loop goes on.
// Where the call cannot be run, as a guard holds or an op fails, the loop ends early, as if it had
// not been begun then.
class LoopStep final : public Primitive, public HoldsPython {
 public:
  LoopStep(Ref<const CapturedCall> body, size_t states, int64_t most)
      : body_(std::move(body)), states_(states), most_(most) {}

  std::string_view name() const override { return "_loop"; }
  Specs infer(TensorSpan inputs) const override;
  Tensors eval(TensorSpan inputs, const Specs& specs) const override;
  bool takes_halves(TensorSpan) const override { return true; }
  bool recomputable() const override { return false; }
  bool repeatable() const override { return true; }
  int traverse(visitproc visit, void* arg) const override;

 private:
  const Ref<const CapturedCall> body_;
  const size_t states_;
  const int64_t most_;
};

}  // namespace pyautograd::python
