#pragma once

#include <pybind11/pybind11.h>

namespace pyautograd::python {

// What each file adds to pyautograd._core. PYBIND11_MODULE calls them in this order.
void bind_errors(pybind11::module_& module);
void bind_convert(pybind11::module_& module);
void bind_tensor_type(pybind11::module_& module);
void bind_op_functions(pybind11::module_& module);
void bind_op_table(pybind11::module_& module);
void bind_numpy(pybind11::module_& module);
void bind_dlpack(pybind11::module_& module);
void bind_spectra(pybind11::module_& module);
void bind_random(pybind11::module_& module);
void bind_memory_budget(pybind11::module_& module);
void bind_cuda(pybind11::module_& module);
void bind_cuda_streams(pybind11::module_& module);
void bind_runtime(pybind11::module_& module);
void bind_memory(pybind11::module_& module);

}  // namespace pyautograd::python
