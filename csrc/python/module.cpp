#include "python/module.h"

#include "python/autograd_bind.h"

// What PYBIND11_MODULE defines, under another name: in a sub-interpreter it would wait for ever for
// the GIL of the main one, before it comes to the module's body.
#define PyInit__core init_in_main_interpreter
PYBIND11_MODULE(_core, module) {
  using namespace pyautograd::python;
  module.doc() = "The engine of pyautograd; its public face is the package around it.";
  bind_errors(module);
  bind_convert(module);
  bind_tensor_type(module);
  bind_op_functions(module);
  bind_op_table(module);
  bind_numpy(module);
  bind_dlpack(module);
  bind_spectra(module);
  bind_random(module);
  bind_cuda(module);
  bind_cuda_streams(module);
  bind_runtime(module);
  bind_memory(module);
  bind_memory_budget(module);
  bind_autograd(module);
}
#undef PyInit__core

extern "C" PYBIND11_EXPORT PyObject* PyInit__core() {
  if (PyInterpreterState_Get() == PyInterpreterState_Main()) return init_in_main_interpreter();
  PyErr_SetString(PyExc_ImportError, "pyautograd works in the main interpreter of a process only");
  return nullptr;
}
