#pragma once

#include "autograd/step_list.h"

namespace pyautograd {

// The same ops, in another order where that makes no difference: those that can be planned, and the
// views that they read, are brought together and are run by one primitive, which has planned their
// memory (autograd/array_plan.h). The numbers are the same, bit by bit.
StepList join_planned(const StepList& list);

}  // namespace pyautograd
