#include <pybind11/pybind11.h>

#include <array>

#include "python/arguments.h"
#include "python/errors.h"
#include "python/module.h"
#include "python/registry_lookup.h"
#include "python/tensor_slots.h"
#include "python/tensor_type.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

// A definition must outlive the function made from it; ops live as long as the process.
struct Definition {
  BoundOp bound;
  std::string doc;
  PyMethodDef method;
};

// What an op function carries as its __self__. A built-in function pickles as an attribute of that,
// so it pickles as the module in which the function is found.
struct Op {
  PyObject_HEAD const BoundOp* bound;
  PyObject* module;
};

PyObject* reduce_op(PyObject* self, PyObject*) noexcept {
  return guarded([&] {
    const py::object import = py::module_::import("importlib").attr("import_module");
    const py::handle module(reinterpret_cast<Op*>(self)->module);
    return py::make_tuple(import, py::make_tuple(module)).release().ptr();
  });
}

PyObject* make_op(const BoundOp& bound, const std::string& module) {
  static PyMethodDef methods[] = {{"__reduce__", reduce_op, METH_NOARGS, nullptr}, {}};
  static PyType_Slot slots[] = {{Py_tp_methods, methods}, {}};
  static PyType_Spec spec = {"pyautograd._core.Op", sizeof(Op), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  static auto* type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (!type) throw_python_error();
  Op* op = PyObject_New(Op, type);
  if (!op) throw_python_error();
  op->bound = &bound;
  op->module = py::str(module).release().ptr();
  return reinterpret_cast<PyObject*>(op);
}

PyObject* call_function(PyObject* self, PyObject* const* values, Py_ssize_t count,
                        PyObject* keywords) noexcept {
  return guarded([&] {
    const BoundOp& bound = *reinterpret_cast<Op*>(self)->bound;
    return call_op(bound, {values, static_cast<size_t>(count), keywords});
  });
}

template <class F>
PyCFunction as_c_function(F* function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

std::string documentation(const OpInfo& op, const std::string& name, bool self) {
  return name + signature_text(op, self) + "\n--\n\n" + op.doc;
}

// "linalg.solve" is solve in pyautograd.linalg, made from _core.linalg_solve.
struct Place {
  explicit Place(const std::string& name) : attribute(name) {
    const size_t dot = name.find('.');
    if (dot == std::string::npos) return;
    attribute[dot] = '_';
    module += "." + name.substr(0, dot);
    start = dot + 1;
  }
  std::string attribute, module = "pyautograd";
  size_t start = 0;
};

py::object make_function(const OpInfo& op, const Place& place) {
  const char* name = op.name.c_str() + place.start;
  auto* definition = new Definition{BoundOp(op), documentation(op, name, false), {}};
  definition->method = {name, as_c_function(call_function), METH_FASTCALL | METH_KEYWORDS,
                        definition->doc.c_str()};
  const py::object self =
      py::reinterpret_steal<py::object>(make_op(definition->bound, place.module));
  py::object function = py::reinterpret_steal<py::object>(
      PyCFunction_NewEx(&definition->method, self.ptr(), py::str(place.module).ptr()));
  if (!function) throw_python_error();
  return function;
}

// Methods: x.sum(axis=0) is sum(x, axis=0).

struct Method {
  const char* name;
  const char* op = nullptr;  // where it is called otherwise
  bool spreads = false;      // x.reshape(2, 3) for x.reshape((2, 3))
};

constexpr Method kMethods[] = {
    {"sum"},
    {"mean"},
    {"prod"},
    {"max"},
    {"min"},
    {"argmax"},
    {"argmin"},
    {"var"},
    {"std"},
    {"any"},
    {"all"},
    {"cumsum"},
    {"cumprod"},
    {"reshape", nullptr, true},
    {"permute_dims", nullptr, true},
    {"transpose", nullptr, true},
    {"ravel"},
    {"squeeze"},
    {"swapaxes"},
    {"expand_dims"},
    {"broadcast_to", nullptr, true},
    {"clip"},
    {"round"},
    {"astype"},
    {"copy"},
    {"take"},
    {"repeat"},
    {"dot"},
    {"trace"},
    {"diagonal"},
    {"nonzero"},
    {"argsort"},
    {"searchsorted"},
    {"conj"},
    {"conjugate", "conj"},
    {"logsumexp"},
    {"softmax"},
    {"log_softmax"},
    {"exp"},
    {"log"},
    {"sin"},
    {"cos"},
    {"tanh"},
    {"sqrt"},
    {"square"},
    {"abs", "absolute"},
    {"sigmoid"},
    {"relu"},
};

std::array<const BoundOp*, std::size(kMethods)> method_ops{};

// x.reshape(2, 3): the ints after self become one tuple.
PyObject* call_spread(const BoundOp& bound, PyObject* self, PyObject* const* values, size_t count,
                      PyObject* keywords) {
  py::tuple packed(count);
  for (size_t i = 0; i < count; ++i)
    PyTuple_SET_ITEM(packed.ptr(), static_cast<Py_ssize_t>(i), Py_NewRef(values[i]));
  SmallVector<PyObject*, 8> all{self, packed.ptr()};
  const Py_ssize_t named = keywords ? PyTuple_GET_SIZE(keywords) : 0;
  for (Py_ssize_t i = 0; i < named; ++i) all.push_back(values[count + static_cast<size_t>(i)]);
  return call_op(bound, {all.data(), 2, keywords});
}

template <size_t I>
PyObject* call_method(PyObject* self, PyObject* const* values, Py_ssize_t given,
                      PyObject* keywords) noexcept {
  return guarded([&] {
    const BoundOp& bound = *method_ops[I];
    const auto count = static_cast<size_t>(given);
    if (kMethods[I].spreads && count > 0 && PyIndex_Check(values[0])) {
      return call_spread(bound, self, values, count, keywords);
    }
    const size_t named = keywords ? static_cast<size_t>(PyTuple_GET_SIZE(keywords)) : 0;
    SmallVector<PyObject*, 8> all{self};
    for (size_t i = 0; i < count + named; ++i) all.push_back(values[i]);
    return call_op(bound, {all.data(), count + 1, keywords});
  });
}

template <size_t I>
void add_method(std::vector<PyMethodDef>& methods) {
  const OpInfo* op = find_op(kMethods[I].op ? kMethods[I].op : kMethods[I].name);
  if (!op) return;
  auto* definition = new Definition{BoundOp(*op), documentation(*op, kMethods[I].name, true), {}};
  method_ops[I] = &definition->bound;
  methods.push_back({kMethods[I].name, as_c_function(call_method<I>), METH_FASTCALL | METH_KEYWORDS,
                     definition->doc.c_str()});
}

}  // namespace

void add_op_methods() {
  auto* methods = new std::vector<PyMethodDef>;
  [&]<size_t... I>(std::index_sequence<I...>) {
    (add_method<I>(*methods), ...);
  }(std::make_index_sequence<std::size(kMethods)>());
  methods->push_back({});
  add_tensor_methods(methods->data());
}

void bind_op_functions(py::module_& module) {
  py::list names;
  for (const OpInfo& op : registry().ops()) {
    const Place place(op.name);
    module.attr(place.attribute.c_str()) = make_function(op, place);
    names.append(op.name);
  }
  module.attr("ops") = py::tuple(names);
}

}  // namespace pyautograd::python
