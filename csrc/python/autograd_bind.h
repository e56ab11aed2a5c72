#pragma once

#include <pybind11/pybind11.h>

#include <span>

#include "autograd/node.h"

namespace pyautograd::python {

// Levels, recording, the backward pass, nodes, hooks and custom functions of pyautograd._core.
void bind_autograd(pybind11::module_& module);

void bind_levels(pybind11::module_& module);
void bind_backward(pybind11::module_& module);
void bind_nodes(pybind11::module_& module);
void bind_hooks(pybind11::module_& module);
void bind_saved_hooks(pybind11::module_& module);
void bind_custom(pybind11::module_& module);
void bind_anomaly(pybind11::module_& module);
void bind_closures(pybind11::module_& module);
void bind_captures(pybind11::module_& module);
void bind_python_steps(pybind11::module_& module);
void bind_sparse(pybind11::module_& module);

// Lists of tensors, with None for absent ones.
pybind11::list to_list(TensorSpan tensors);
pybind11::tuple to_tuple(TensorSpan tensors);
// `what` names the offender in the TypeError, e.g. "[MyFunction] backward".
Tensors to_tensors(pybind11::handle sequence, const char* what);

}  // namespace pyautograd::python
