#pragma once

#include "kernels/functors.h"
#include "ops/ops.h"
#include "python/tensor_type.h"

namespace pyautograd::python {

// Writing into a tensor. Where nothing records, NumPy's semantics: the memory is written and every
// view sees it. Where either side records, the handle is rebound to the functional result, which
// must not leave another tensor behind with the old value.

struct InplaceOp {
  const char* name;  // "add"
  Tensor (*function)(const Tensor&, const Tensor&);
  int kernel = -1;  // the elementwise kernel that may write straight into x
};

// x op= y, which is the tensor of `given`
void assign_operator(PyTensor* handle, const InplaceOp& op, const Tensor& y, PyObject* given);
// x[index] = value, which is the tensor of `given`
void assign_items(PyTensor* handle, const ops::Index& index, const Tensor& value, PyObject* given);

}  // namespace pyautograd::python
