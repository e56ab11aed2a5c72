#pragma once

#include "autograd/step_list.h"

namespace pyautograd {

// The same ops, in another order where that makes no difference: elementwise ones on small arrays,
// and the views that they read, are brought together and run by one primitive each, which lays out
// all memory ahead (kernels/straight.h). The numbers are the same, bit by bit.
StepList join_small(StepList list);

}  // namespace pyautograd
