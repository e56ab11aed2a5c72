#include "python/arguments.h"

#include <pybind11/pybind11.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "python/closure.h"
#include "python/convert.h"
#include "python/errors.h"
#include "python/gil.h"
#include "python/registry_lookup.h"
#include "python/tensor_type.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

using Given = SmallVector<PyObject*, 8>;  // per parameter, null where left out; borrowed

[[noreturn]] void bad_argument(const OpInfo& op, const Param& param, const char* expected,
                               PyObject* got) {
  type_error("[", op.name, "] ", param.name, " must be ", expected,
             param.optional ? " or None" : "", ", not ", Py_TYPE(got)->tp_name);
}

// What PyTorch calls parameters, and what to write here.
constexpr std::pair<std::string_view, std::string_view> kForeign[] = {
    {"dim", "axis="},
    {"keepdim", "keepdims="},
    {"requires_grad", ".requires_grad_() after it"},
    {"unbiased", "correction="},
};

std::string advice_on_keyword(std::string_view keyword) {
  for (const auto& [foreign, ours] : kForeign)
    if (foreign == keyword) return "; write " + std::string(ours);
  return {};
}

// Which value belongs to which parameter.

[[noreturn]] void unknown_keyword(const BoundOp& bound, PyObject* keyword) {
  const auto given = py::cast<std::string>(py::handle(keyword));
  type_error("[", bound.op->name, "] unexpected keyword argument '", given, "': ", bound.op->name,
             signature_text(*bound.op, false), advice_on_keyword(given));
}

// The number of parameters if none has that name.
size_t find_keyword(const BoundOp& bound, PyObject* keyword) {
  const size_t count = bound.names.size();
  for (size_t i = 0; i < count; ++i)
    if (bound.names[i] == keyword) return i;
  for (size_t i = 0; i < count; ++i)
    if (PyUnicode_Compare(bound.names[i], keyword) == 0) return i;
  return count;
}

// Every op takes out=, and none has a parameter of that name.
bool is_out(PyObject* keyword) { return PyUnicode_CompareWithASCIIString(keyword, "out") == 0; }

struct Matched {
  Given given;
  PyObject* out = nullptr;  // where to write the result; borrowed
};

Matched match(const BoundOp& bound, const CallArguments& call) {
  const OpInfo& op = *bound.op;
  if (call.positional > bound.positional) {
    type_error("[", op.name, "] takes ", bound.positional, " positional argument",
               bound.positional == 1 ? "" : "s", ", ", call.positional, " were given: ", op.name,
               signature_text(op, false));
  }
  Matched matched{Given(op.params.size(), nullptr)};
  Given& given = matched.given;
  std::copy_n(call.values, call.positional, given.begin());
  const Py_ssize_t keywords = call.keywords ? PyTuple_GET_SIZE(call.keywords) : 0;
  for (Py_ssize_t k = 0; k < keywords; ++k) {
    PyObject* keyword = PyTuple_GET_ITEM(call.keywords, k);
    PyObject* value = call.values[call.positional + static_cast<size_t>(k)];
    const size_t i = find_keyword(bound, keyword);
    if (i == given.size()) {
      if (!is_out(keyword)) unknown_keyword(bound, keyword);
      matched.out = value;
      continue;
    }
    const Param& param = op.params[i];
    if (param.positional_only)
      type_error("[", op.name, "] ", param.name, " can only be given by position");
    if (given[i]) type_error("[", op.name, "] ", param.name, " was given twice");
    given[i] = value;
  }
  for (size_t i = 0; i < given.size(); ++i) {
    if (!given[i] && op.params[i].required) {
      type_error("[", op.name, "] missing the argument ", op.params[i].name, ": ", op.name,
                 signature_text(op, false));
    }
  }
  return matched;
}

// One value.

int64_t to_integer(const OpInfo& op, const Param& param, PyObject* value, const char* expected) {
  if (!PyIndex_Check(value)) bad_argument(op, param, expected, value);
  const Py_ssize_t number = PyNumber_AsSsize_t(value, PyExc_OverflowError);
  if (number == -1 && PyErr_Occurred()) throw_python_error();
  return number;
}

bool is_plain_sequence(PyObject* value) { return PyTuple_Check(value) || PyList_Check(value); }

Dims to_dims(const OpInfo& op, const Param& param, PyObject* value) {
  constexpr const char* kExpected = "an int or a tuple of ints";
  const bool array =
      is_tensor(value) ? unwrap(value).ndim() == 1 : is_ndarray(value) && array_ndim(value) > 0;
  if (!is_plain_sequence(value) && !array) return {to_integer(op, param, value, kExpected)};
  py::object items = py::reinterpret_steal<py::object>(PySequence_Tuple(value));
  if (!items) throw_python_error();
  Dims dims;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items.ptr()); ++i)
    dims.push_back(to_integer(op, param, PyTuple_GET_ITEM(items.ptr(), i), kExpected));
  return dims;
}

// A count, or a pair of axes or sequences of axes, flattened to one list.
Arg to_axis_pairs(const OpInfo& op, const Param& param, PyObject* value) {
  constexpr const char* kExpected = "an int or a pair of ints or sequences of ints";
  if (!is_plain_sequence(value)) return to_integer(op, param, value, kExpected);
  py::object pair = py::reinterpret_steal<py::object>(PySequence_Tuple(value));
  if (!pair) throw_python_error();
  if (PyTuple_GET_SIZE(pair.ptr()) != 2) bad_argument(op, param, kExpected, value);
  Dims both = to_dims(op, param, PyTuple_GET_ITEM(pair.ptr(), 0));
  const Dims second = to_dims(op, param, PyTuple_GET_ITEM(pair.ptr(), 1));
  if (both.size() != second.size()) {
    value_error("[", op.name, "] ", param.name, " pairs ", both.size(), " axes with ",
                second.size());
  }
  for (int64_t axis : second) both.push_back(axis);
  return both;
}

bool to_bool(const OpInfo& op, const Param& param, PyObject* value) {
  if (!PyBool_Check(value) && !PyLong_Check(value) && !is_numpy_scalar(value))
    bad_argument(op, param, "a bool", value);
  const int truth = PyObject_IsTrue(value);
  if (truth < 0) throw_python_error();
  return truth != 0;
}

double to_double(const OpInfo& op, const Param& param, PyObject* value) {
  if (PyUnicode_Check(value) || !PyNumber_Check(value)) bad_argument(op, param, "a number", value);
  const double number = PyFloat_AsDouble(value);
  if (number == -1.0 && PyErr_Occurred()) throw_python_error();
  return number;
}

std::string to_string(const OpInfo& op, const Param& param, PyObject* value) {
  if (!PyUnicode_Check(value)) bad_argument(op, param, "a string", value);
  return py::cast<std::string>(py::handle(value));
}

// Names the op and the parameter in what a conversion raised.
template <class F>
auto named(const OpInfo& op, const Param& param, F&& convert) {
  try {
    return convert();
  } catch (const Error& error) {
    if (error.what()[0] == '[') throw;
    throw Error(error.kind(), concat("[", op.name, "] ", param.name, ": ", error.what()));
  }
}

// Tensors: Python's scalars take the dtype of the tensors they meet.

bool is_operand(const Param& param) {
  static constexpr std::string_view kOthers[] = {
      "condition", "indices", "index",    "mask",    "repeats", "indices_or_sections",
      "pad_width", "piv",     "exponent", "initial", "where"};
  return param.kind == ArgKind::Tensor &&
         std::find(std::begin(kOthers), std::end(kOthers), param.name) == std::end(kOthers);
}

class TensorArguments {
 public:
  explicit TensorArguments(const BoundOp& bound) : bound_(bound) {}

  // Nothing for a scalar, whose dtype the other tensors decide: fill_weak makes it.
  Arg convert(PyObject* value, size_t i) {
    const Param& param = bound_.op->params[i];
    if (param.kind == ArgKind::TensorList) return list(value, param);
    if (value == Py_None && param.optional) return {};
    if (!bound_.operands[i]) return strong(value, param);
    if (!is_tensor(value) && is_weak_scalar(value)) {
      has_weak_ = true;
      return {};
    }
    Tensor x = strong(value, param);
    meet(x);
    return x;
  }
  void fill_weak(const Given& given, std::span<Arg> args) const {
    for (size_t i = 0; has_weak_ && i < given.size(); ++i) {
      const Param& param = bound_.op->params[i];
      if (given[i] && args[i].index() == 0 && bound_.operands[i] && is_weak_scalar(given[i])) {
        args[i] = named(*bound_.op, param, [&] { return weak(given[i], ints_of(param)); });
      }
    }
  }
  int64_t elements() const noexcept { return elements_; }

 private:
  Tensor strong(PyObject* value, const Param& param) {
    Tensor x = is_tensor(value) ? unwrap(value)
                                : named(*bound_.op, param, [&] { return to_tensor(value); });
    elements_ += x.size();
    return x;
  }
  void meet(const Tensor& x) {
    dtype_ = met_ ? promote(dtype_, x.dtype()) : x.dtype();
    met_ = true;
  }

  Ints ints_of(const Param& param) const noexcept {
    if (bound_.op->name != "clip") return bound_.ints;
    return param.name == "min" ? Ints::LowerBound : Ints::UpperBound;
  }
  Tensor weak(PyObject* scalar, Ints ints) const {
    return weak_operand(scalar, met_ ? dtype_ : default_dtype(scalar), ints);
  }

  Tensors list(PyObject* value, const Param& param) {
    const bool array = is_tensor(value) || is_ndarray(value);
    if (!is_plain_sequence(value) && !array) {
      bad_argument(*bound_.op, param, "a tuple or list of tensors", value);
    }
    py::object items = py::reinterpret_steal<py::object>(PySequence_Tuple(value));
    if (!items) throw_python_error();
    const Py_ssize_t count = PyTuple_GET_SIZE(items.ptr());
    PyObject** item = PySequence_Fast_ITEMS(items.ptr());
    Tensors out;
    for (Py_ssize_t i = 0; i < count; ++i) {
      out.push_back(is_weak_scalar(item[i]) ? Tensor() : strong(item[i], param));
      if (out.back()) meet(out.back());
    }
    for (Py_ssize_t i = 0; i < count; ++i)
      if (!out[i]) out[i] = weak(item[i], bound_.ints);
    return out;
  }

  const BoundOp& bound_;
  DType dtype_ = DType::Bool;
  bool met_ = false;
  bool has_weak_ = false;
  int64_t elements_ = 0;
};

bool takes_tensors(const Param& param) {
  return param.kind == ArgKind::Tensor || param.kind == ArgKind::TensorList;
}

// Of any other parameter.
Arg to_arg(const OpInfo& op, const Param& param, PyObject* value) {
  if (value == Py_None) {
    if (param.optional) return {};
    bad_argument(op, param, "given", value);
  }
  switch (param.kind) {
    case ArgKind::Bool:
      return to_bool(op, param, value);
    case ArgKind::Int:
      return to_integer(op, param, value, "an int");
    case ArgKind::Float:
      return to_double(op, param, value);
    case ArgKind::Dims:
    case ArgKind::Axes:
      return to_dims(op, param, value);
    case ArgKind::AxisPairs:
      return to_axis_pairs(op, param, value);
    case ArgKind::DType:
      if (PyLong_Check(value) && op.params[0].name == "shape") {
        type_error("[", op.name, "] ", param.name, " must be a dtype, not int: a shape of several ",
                   "axes is a tuple, as in ", op.name, "((2, 3))");
      }
      return named(op, param, [&] { return to_dtype(value); });
    case ArgKind::Device:
      return named(op, param, [&] { return to_device(value); });
    case ArgKind::String:
      return to_string(op, param, value);
    case ArgKind::NumberOrName:
      if (PyUnicode_Check(value)) return to_string(op, param, value);
      return to_double(op, param, value);
    case ArgKind::Tensor:
    case ArgKind::TensorList:
      break;
  }
  return {};
}

py::tuple wrap_all(Tensors results) {
  py::tuple out(results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    PyObject* item = wrap(std::move(results[i]));
    if (!item) throw_python_error();
    PyTuple_SET_ITEM(out.ptr(), static_cast<Py_ssize_t>(i), item);
  }
  return out;
}

// The class of an op's result: a name of the Python module that the op is found in.
PyObject* result_type(const BoundOp& bound) {
  if (!bound.result_type) {
    const std::string& name = bound.op->name;
    const std::string module = "pyautograd." + name.substr(0, name.find('.'));
    py::object type = py::module_::import(module.c_str()).attr(bound.op->result_type.c_str());
    bound.result_type = type.release().ptr();
  }
  return bound.result_type;
}

PyObject* wrap_results(const BoundOp& bound, Tensors results) {
  const OpInfo& op = *bound.op;
  const bool is_named = !op.result_type.empty();
  if (op.returns == Returns::Tensor || (is_named && results.size() == 1))
    return wrap(std::move(results[0]));
  py::tuple out = wrap_all(std::move(results));
  if (!is_named && op.returns == Returns::Tuple) return out.release().ptr();
  PyObject* wrapped =
      is_named ? PyObject_CallObject(result_type(bound), out.ptr()) : PySequence_List(out.ptr());
  if (!wrapped) throw_python_error();
  return wrapped;
}

PyObject* call_fast(const OpInfo& op, PyObject* const* values, size_t count) {
  const Tensor x = unwrap(values[0]);
  if (count == 1) return wrap(run_op(x.size(), [&] { return op.unary(x); }));
  const Tensor y = unwrap(values[1]);
  return wrap(run_op(x.size() + y.size(), [&] { return op.binary(x, y); }));
}

// Written as `out[...] = result` writes it.
PyObject* stored(const BoundOp& bound, const py::object& result, py::handle out) {
  const py::object store = py::module_::import("pyautograd._numpy.arguments").attr("stored_in");
  return store(bound.op->name, result, out).release().ptr();
}

PyObject* run_call(const BoundOp& bound, const CallArguments& call) {
  const OpInfo& op = *bound.op;
  const char* name = op.name.c_str();
  if (!call.keywords) {
    if (op.unary && call.positional == 1 && is_tensor(call.values[0]))
      return noted(name, call_fast(op, call.values, 1));
    if (op.binary && call.positional == 2 && is_tensor(call.values[0]) &&
        is_tensor(call.values[1])) {
      return noted(name, call_fast(op, call.values, 2));
    }
  }
  const Matched matched = match(bound, call);
  const Given& given = matched.given;
  SmallVector<Arg, 8> args;
  args.reserve(given.size());
  TensorArguments tensors(bound);
  for (size_t i = 0; i < given.size(); ++i) {
    const Param& param = op.params[i];
    if (!given[i]) {
      args.push_back(param.default_value);
    } else {
      args.push_back(takes_tensors(param) ? tensors.convert(given[i], i)
                                          : to_arg(op, param, given[i]));
    }
  }
  tensors.fill_weak(given, {args.data(), args.size()});
  Tensors results = run_op(tensors.elements(), [&] { return op.invoke(op.function, args); });
  PyObject* wrapped = noted(name, wrap_results(bound, std::move(results)));
  if (!wrapped || !matched.out) return wrapped;
  return stored(bound, py::reinterpret_steal<py::object>(wrapped), matched.out);
}

}  // namespace

BoundOp::BoundOp(const OpInfo& info) : op(&info) {
  static constexpr std::string_view kComparisons[] = {"equal",       "not_equal",  "less",
                                                      "less_equal",  "greater",    "greater_equal",
                                                      "logical_and", "logical_or", "logical_xor"};
  static constexpr std::string_view kFloating[] = {"divide",    "atan2",      "hypot",
                                                   "logaddexp", "logaddexp2", "float_power",
                                                   "copysign",  "nextafter",  "heaviside"};
  for (const Param& param : info.params) {
    names.push_back(PyUnicode_InternFromString(param.name.c_str()));
    if (!names.back()) throw_python_error();
    positional += !param.keyword_only;
    operands.push_back(is_operand(param));
  }
  const auto is_among = [&](const auto& list) {
    return std::find(std::begin(list), std::end(list), info.name) != std::end(list);
  };
  if (is_among(kComparisons)) ints = Ints::Compared;
  if (is_among(kFloating)) ints = Ints::Divided;
  if (!info.alone.empty()) alone = new BoundOp(*find_op(info.alone));
}

PyObject* call_op(const BoundOp& bound, const CallArguments& call) {
  const bool alone = bound.alone && call.positional == 1 && !call.keywords;
  return run_call(alone ? *bound.alone : bound, call);
}

std::string signature_text(const OpInfo& op, bool self) {
  std::string out = "(";
  bool keyword_only = false, positional_only = false;
  auto separate = [&] {
    if (out.size() > 1) out += ", ";
  };
  for (size_t i = 0; i < op.params.size(); ++i) {
    const Param& param = op.params[i];
    if (positional_only && !param.positional_only) out += ", /";
    positional_only = param.positional_only;
    separate();
    if (param.keyword_only && !keyword_only) out += "*, ";
    keyword_only = param.keyword_only;
    const bool is_self = self && i == 0;
    out += is_self ? "$self" : param.name;
    if (is_self) positional_only = true;
    if (!param.required && !is_self) out += "=" + param.default_text;
  }
  if (positional_only) out += ", /";
  return out + ")";
}

}  // namespace pyautograd::python
