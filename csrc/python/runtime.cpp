#include <pybind11/pybind11.h>

#include "autograd/capture.h"
#include "autograd/deferral.h"
#include "core/allocator.h"
#include "core/counters.h"
#include "kernels/kernels.h"
#include "python/errors.h"
#include "python/module.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

py::dict live_objects() {
  Deferral::mine().finish_everything();  // what is put off keeps alive what it reads
  py::dict out;
  out["nodes"] = live(Live::Nodes);
  out["bodies"] = live(Live::Bodies);
  out["storages"] = live(Live::Storages);
  out["bytes"] = live(Live::Bytes);
  return out;
}

}  // namespace

void bind_runtime(py::module_& module) {
  module.def("live", live_objects,
             "How many graph nodes, tensor bodies, storages and bytes are alive.");
  module.def(
      "planned_bytes",
      [] {
        Deferral::mine().finish_everything();
        const Capture* capture = Capture::current();
        return live(Live::Bytes) + (capture ? capture->bytes() : 0);
      },
      "How many bytes of tensors are alive, and will be where a captured call is run.");
  module.def("peak_bytes", &peak_bytes, "The most bytes of tensors alive at once.");
  module.def("reset_peak_bytes", &reset_peak_bytes, "Starts the peak again from what is alive.");
  module.def(
      "set_data_limit", [](size_t bytes) { set_data_limit(bytes); }, py::arg("bytes"),
      py::pos_only(), "Raises MemoryError where tensors would hold more bytes; 0 lifts the limit.");
  module.def(
      "release_cached_data", [] { return release_cached_data(); },
      "Gives cached memory back to the system; returns the number of bytes.");
  module.def("cached_data_bytes", [] { return cached_data_bytes(); });
  module.def(
      "set_num_threads",
      [](int count) {
        if (count < 1)
          throw py::value_error("[set_num_threads] the number of threads must be at least 1");
        kernels::set_num_threads(count);
      },
      py::arg("count"), py::pos_only(),
      "Sets how many threads large operations use; results do not depend on it.\n\n"
      "By default there are as many as processors, or as the environment variable\n"
      "``PYAUTOGRAD_NUM_THREADS`` says when the first operation runs. There are at most 1024.\n"
      "Raises ValueError below 1.\n\n"
      ">>> before = pa.get_num_threads()\n"
      ">>> pa.set_num_threads(1)\n"
      ">>> pa.get_num_threads()\n"
      "1\n"
      ">>> pa.set_num_threads(before)\n");
  module.def("get_num_threads", &kernels::num_threads,
             "The number of threads that large operations use; see :func:`set_num_threads`.\n\n"
             ">>> pa.get_num_threads() >= 1\n"
             "True");
  module.def(
      "instruction_set", [] { return std::string(kernels::instruction_set()); },
      "The instruction set that kernels were chosen for.");
  module.def(
      "set_blas_library", [](const std::string& path) { kernels::set_blas_library(path.c_str()); },
      py::arg("path"), py::pos_only(),
      "The library to open when a matrix product first needs one.");
  module.def("blas_name", [] { return std::string(kernels::blas_name()); });
}

}  // namespace pyautograd::python
