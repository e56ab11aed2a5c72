#include "python/autograd_bind.h"

#include "core/error.h"
#include "python/caster.h"

namespace py = pybind11;

namespace pyautograd::python {

py::list to_list(TensorSpan tensors) {
  py::list out(tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) out[i] = py::cast(tensors[i]);
  return out;
}

py::tuple to_tuple(TensorSpan tensors) { return py::tuple(to_list(tensors)); }

Tensors to_tensors(py::handle sequence, const char* what) {
  Tensors out;
  for (py::object item : py::reinterpret_borrow<py::sequence>(sequence)) {
    if (item.is_none()) {
      out.emplace_back();
    } else if (is_tensor(item.ptr())) {
      out.push_back(unwrap(item.ptr()));
    } else {
      type_error(what, " expected tensors, got ", Py_TYPE(item.ptr())->tp_name);
    }
  }
  return out;
}

void bind_autograd(py::module_& module) {
  bind_levels(module);
  bind_nodes(module);
  bind_hooks(module);
  bind_saved_hooks(module);
  bind_backward(module);
  bind_anomaly(module);
  bind_custom(module);
  bind_closures(module);
  bind_captures(module);
  bind_python_steps(module);
  bind_sparse(module);
}

}  // namespace pyautograd::python
