#pragma once

#include "autograd/step_list.h"

namespace pyautograd {

// The same ops, in another order where that makes no difference: elementwise ones and the views
// that they read are brought together, and are run by one primitive, which has planned its memory
// (kernels/fused_plan.h). The numbers are the same, bit by bit.
StepList join_elementwise(const StepList& list);

}  // namespace pyautograd
