#pragma once

#include "autograd/primitive.h"

// What one evaluation of an op costs, roughly, from its name and its shapes: so that the same
// program decides the same.
namespace pyautograd {

// Arithmetic operations.
double operations_of(std::string_view op, TensorSpan inputs, const Tensors& outputs);

// Nanoseconds of a core.
double time_of(std::string_view op, TensorSpan inputs, const Tensors& outputs);

}  // namespace pyautograd
