#include "python/module.h"

#include "python/autograd_bind.h"

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
