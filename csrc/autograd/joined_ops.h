#pragma once

#include "autograd/array_plan.h"

namespace pyautograd {

// The same ops, in another order where that makes no difference: those that can be planned, and the
// views that they read, are brought together and are run by one primitive, which has planned their
// memory (autograd/array_plan.h). The numbers are the same, bit by bit.
StepList join_planned(const StepList& list);

// How a joined list runs over these arguments if all of it is one plan, which gives its results in
// their order; else null.
const ArrayPlan* sole_plan(const StepList& joined, TensorSpan given);

}  // namespace pyautograd
