#include <utility>

#include "core/backend.h"
#include "kernels/device.h"
#include "python/caster.h"
#include "python/gil.h"
#include "python/module.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

py::dict memory_of(const std::string& device) {
  const DeviceMemory memory = backend().memory(parse_device(device).index);
  py::dict out;
  out["live"] = memory.live;
  out["peak"] = memory.peak;
  out["cached"] = memory.cached;
  out["captured"] = memory.captured;
  out["free"] = memory.free;
  out["total"] = memory.total;
  return out;
}

// sys.path as it is when a device is first asked for.
std::vector<std::string> package_folders() {
  const WithGil held;
  std::vector<std::string> out;
  for (const py::handle entry : py::module_::import("sys").attr("path").cast<py::list>())
    if (py::isinstance<py::str>(entry)) out.push_back(entry.cast<std::string>());
  return out;
}

py::dict libraries() {
  py::dict out;
  for (const Backend::Found& library : backend().libraries())
    out[py::str(library.name)] = py::make_tuple(library.found, library.place);
  return out;
}

}  // namespace

void bind_cuda(py::module_& module) {
  module.def(
      "set_backend_library", &set_backend_library, py::arg("path"), py::pos_only(),
      "For tests: the library to open when a device other than the host is first asked for.");
  set_package_search(&package_folders);
  module.def("device_libraries", &libraries);
  module.def(
      "allow_tf32", [](bool allowed) { return std::exchange(kernels::tf32_allowed(), allowed); },
      py::arg("allowed"), py::pos_only());
  module.def("device_count", [] { return backend().device_count(); });
  module.def(
      "device", [](const std::string& name) { return name_of(parse_device(name)); },
      py::arg("name"), py::pos_only(),
      "The full name of a device that is there: ``'cpu'``, or ``'cuda:0'`` for ``'cuda'``.\n\n"
      "Raises ``RuntimeError`` where this machine has no such device, which says why, and\n"
      "``ValueError`` for any other name.\n\n>>> pa.device('cpu')\n'cpu'");
  module.def(
      "device_name",
      [](const std::string& name) { return backend().name(parse_device(name).index); },
      py::arg("device"), py::pos_only());
  module.def("device_memory", &memory_of, py::arg("device"), py::pos_only());
  module.def(
      "device_reset_peak",
      [](const std::string& name) { backend().reset_peak(parse_device(name).index); },
      py::arg("device"), py::pos_only());
  module.def(
      "device_release_cached",
      [](const std::string& name) { return backend().release_cached(parse_device(name).index); },
      py::arg("device"), py::pos_only());
  module.def(
      "device_synchronize",
      [](const std::string& name) {
        const Device device = parse_device(name);
        const WithoutGil released;
        backend().synchronize(device.index);
      },
      py::arg("device"), py::pos_only());
}

}  // namespace pyautograd::python
