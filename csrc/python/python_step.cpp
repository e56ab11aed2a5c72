#include "python/python_step.h"

#include "core/error.h"
#include "python/apart.h"
#include "python/autograd_bind.h"
#include "python/caster.h"
#include "python/gil.h"

namespace py = pybind11;

namespace pyautograd::python {

Tensors PythonStep::eval(TensorSpan inputs, const Specs&) const {
  if (substitute_) {
    if (*inputs[1].array().data<bool>()) return {inputs[0].untracked()};
    inputs = inputs.subspan(2);
  }
  const CallOfUsers call;
  const Apart apart;
  const py::tuple given(to_list(inputs));
  PyObject* const made =
      waiting_at_exit([&] { return PyObject_CallObject(function_.get(), given.ptr()); });
  if (!made) throw py::error_already_set();
  const auto found = py::reinterpret_steal<py::object>(made);
  if (!is_tensor(found.ptr())) type_error("[", name_, "] the function must return a tensor");
  Tensor y = unwrap(found.ptr()).untracked();
  if (y.shape() != result_.shape || y.dtype() != result_.dtype) {
    value_error("[", name_, "] the function returned ", name_of(y.dtype()), " of shape ",
                shape_string(y.shape()), ", and ", name_of(result_.dtype), " of shape ",
                shape_string(result_.shape), " when the call was captured");
  }
  return {std::move(y)};
}

void bind_python_steps(py::module_& module) {
  module.def(
      "python_step",
      [](std::string name, const py::function& function, const py::object& inputs,
         const Tensor& like, const py::object& substitute) {
        Tensors given;
        const bool some = !substitute.is_none();
        if (some) given = to_tensors(substitute, "[python_step]");
        for (Tensor& x : to_tensors(inputs, "[python_step]")) given.push_back(std::move(x));
        return apply1(make_ref<PythonStep>(std::move(name), function, like.spec(), some), given);
      },
      py::arg("name"), py::arg("function"), py::arg("inputs"), py::arg("like"),
      py::arg("substitute") = py::none(), py::pos_only(),
      "Have a captured call run a function of plain tensors each time; its result is like `like`. "
      "Given a tensor to return instead and a truth value, only where that does not hold.");
}

}  // namespace pyautograd::python
