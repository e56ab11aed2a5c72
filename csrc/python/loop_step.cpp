#include "python/loop_step.h"

namespace pyautograd::python {

Specs LoopStep::infer(TensorSpan inputs) const {
  Specs specs;
  for (const Tensor& x : inputs.first(states_)) specs.push_back(x.spec());
  return specs;
}

Tensors LoopStep::eval(TensorSpan inputs, const Specs&) const {
  return body_->repeat(inputs, most_);
}

int LoopStep::traverse(visitproc visit, void* arg) const {
  if (body_->use_count() > 1) return 0;
  for (const StepList::Step& step : body_->list().steps) {
    if (int stop = visit_holder(step.primitive.get(), visit, arg)) return stop;
  }
  return 0;
}

}  // namespace pyautograd::python
