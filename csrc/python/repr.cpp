#include "python/repr.h"

#include <pybind11/numpy.h>

#include "autograd/node.h"
#include "ops/ops.h"
#include "python/convert.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

// "grad_fn=<MulBackward>", "requires_grad=True" or nothing.
std::string edge_text(const Tensor& x) {
  if (!x.tracked()) return "";
  if (x.node()->is_leaf()) return "requires_grad=True";
  return concat("grad_fn=<", x.node()->name(), ">");
}

bool is_default(DType dtype) {
  return dtype == DType::Float64 || dtype == DType::Complex128 || dtype == DType::Int64 ||
         dtype == DType::Bool;
}

std::string values(const Tensor& x) {
  const Tensor here = readable(ops::to_device(x.untracked(), {}));
  py::object array = py::reinterpret_steal<py::object>(to_numpy(here, false));
  py::object text = py::module_::import("numpy").attr("array2string")(
      array, py::arg("separator") = ", ", py::arg("prefix") = "tensor(");
  return py::cast<std::string>(text);
}

std::string text_of(const Tensor& x);

std::string array_text(const Tensor& x) {
  std::string out = "tensor(" + values(x);
  if (x.size() == 0 && x.ndim() > 1) out += ", shape=" + shape_string(x.shape());
  if (!is_default(x.dtype()) || x.size() == 0) out += concat(", dtype=", name_of(x.dtype()));
  if (x.device().kind != Device::Kind::CPU) out += concat(", device='", name_of(x.device()), "'");
  const std::string edge = edge_text(x);
  return out + (edge.empty() ? "" : ", " + edge) + ")";
}

std::string wrapper_text(const Tensor& x) {
  const Level& level = *static_cast<const Wrapper&>(*x.body()).level;
  const std::string edge = edge_text(x);
  const std::string tail = (edge.empty() ? "" : ", " + edge) + (level.alive() ? ")" : ", ended)");
  if (x.body()->kind == Body::Kind::Dual) {
    const Dual& dual = as_dual(x);
    return concat("Dual(level ", level.id, ", primal=", text_of(dual.primal),
                  ", tangent=", dual.tangent ? text_of(dual.tangent) : "zero", tail);
  }
  if (x.body()->kind == Body::Kind::Jet) {
    const Jet& jet = as_jet(x);
    return concat("Jet(level ", level.id, ", primal=", text_of(jet.primal),
                  jet.expansion ? concat(", order=", level.size) : ", constant", tail);
  }
  const Batched& batched = as_batched(x);
  return concat("Batched(level ", level.id, ", value=", text_of(batched.value),
                ", dim=", batched.dim == kNotMapped ? "None" : std::to_string(batched.dim), tail);
}

std::string text_of(const Tensor& x) { return x.is_array() ? array_text(x) : wrapper_text(x); }

}  // namespace

PyObject* describe(const Tensor& x) {
  const std::string text = text_of(x);
  return PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
}

}  // namespace pyautograd::python
