#include "autograd/census.h"
#include "autograd/op_log.h"
#include "core/counters.h"
#include "core/ref.h"
#include "python/autograd_bind.h"
#include "python/caster.h"
#include "python/module.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

py::dict to_dict(const Resident& resident) {
  py::tuple shape(resident.spec.shape.size());
  for (size_t i = 0; i < resident.spec.shape.size(); ++i) shape[i] = resident.spec.shape[i];
  py::dict out;
  out["bytes"] = resident.bytes;
  out["owned"] = resident.owned;
  out["shape"] = shape;
  out["dtype"] = py::reinterpret_steal<py::object>(numpy_dtype(resident.spec.dtype));
  out["op"] = resident.op;
  out["trace"] = resident.trace;
  out["saved_by"] = py::tuple(
      py::cast(std::vector<std::string>(resident.saved_by.begin(), resident.saved_by.end())));
  out["held"] = resident.held;
  return out;
}

py::list census_of(const py::list& handles) {
  Tensors tensors = to_tensors(handles, "[memory]");
  for (py::handle handle : handles) {
    if (handle.is_none()) continue;
    const std::shared_ptr<GradSlot> slot = grad_slot(as_handle(handle.ptr()));
    if (!slot) continue;
    const std::unique_lock lock = lock_slot(*slot);
    if (slot->value) tensors.push_back(slot->value);
  }
  py::list out;
  for (const Resident& resident : census(tensors)) out.append(to_dict(resident));
  return out;
}

py::object finish_op_log() {
  const OpLog log = stop_op_log();
  py::list events;
  for (const OpLog::Event& event : log.events)
    events.append(py::make_tuple(event.op, event.part, event.nanoseconds, event.bytes));
  return py::make_tuple(log.names, events);
}

}  // namespace

void bind_memory(py::module_& module) {
  module.def("raise_peak_bytes", &raise_peak_bytes, py::arg("at_least"), py::pos_only());
  module.def("census", &census_of, py::arg("handles"), py::pos_only(),
             "The blocks of memory that tensors and the graphs behind them reach.");
  module.def("start_op_log", &start_op_log);
  module.def("stop_op_log", &finish_op_log);
  module.def("fail_allocation", &fail_allocation, py::arg("n"), py::pos_only(),
             "For tests: the n-th allocation of this thread raises MemoryError, once; 0 for none. "
             "Returns how many were left to go.");
}

}  // namespace pyautograd::python
