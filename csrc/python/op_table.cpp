#include <pybind11/pybind11.h>

#include "ops/registry.h"
#include "python/module.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

const char* kind_name(ArgKind kind) {
  switch (kind) {
    case ArgKind::Tensor:
      return "Tensor";
    case ArgKind::TensorList:
      return "TensorList";
    case ArgKind::Bool:
      return "Bool";
    case ArgKind::Int:
      return "Int";
    case ArgKind::Float:
      return "Float";
    case ArgKind::Dims:
      return "Dims";
    case ArgKind::Axes:
      return "Axes";
    case ArgKind::DType:
      return "DType";
    case ArgKind::AxisPairs:
      return "AxisPairs";
    case ArgKind::NumberOrName:
      return "NumberOrName";
    case ArgKind::Device:
      return "Device";
    case ArgKind::String:
      break;
  }
  return "String";
}

py::tuple describe_param(const Param& param) {
  const char* place = param.positional_only ? "positional" : param.keyword_only ? "keyword" : "any";
  const py::object standard = param.required ? py::object(py::none()) : py::str(param.default_text);
  return py::make_tuple(param.name, kind_name(param.kind), param.optional, place, standard);
}

std::string result_name(const OpInfo& op) {
  if (!op.result_type.empty()) return op.result_type;
  switch (op.returns) {
    case Returns::List:
      return "list[Tensor]";
    case Returns::Tuple:
      return "tuple[Tensor, ...]";
    case Returns::Tensor:
      break;
  }
  return "Tensor";
}

// What the stub generator needs to know about every op.
py::list op_table() {
  py::list table;
  for (const OpInfo& op : registry().ops()) {
    py::list params;
    for (const Param& param : op.params) params.append(describe_param(param));
    table.append(py::make_tuple(op.name, result_name(op), params));
  }
  return table;
}

}  // namespace

void bind_op_table(py::module_& module) {
  module.def("op_table", &op_table,
             "Per op: name, annotation of the result, and its parameters as (name, kind, may be "
             "None, place, default).");
}

}  // namespace pyautograd::python
