#include "ops/random.h"

#include <algorithm>
#include <span>

#include "python/caster.h"
#include "python/gil.h"
#include "python/module.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

using kernels::BaseDraw;
using kernels::ParameterDraw;
using ops::RandomStream;

// What run_op wants to know: a draw costs about as much as this many elements of a simple op.
int64_t work_of(std::span<const int64_t> sizes) {
  double draws = 1;
  for (int64_t size : sizes) draws *= static_cast<double>(size);
  return static_cast<int64_t>(std::clamp(64 * draws, 0.0, kReleaseAbove + 1.0));
}

template <class Kind>
struct Named {
  const char* name;
  Kind kind;
};
constexpr Named<BaseDraw> kBase[] = {{"words", BaseDraw::Words},
                                     {"uniform", BaseDraw::Uniform},
                                     {"normal", BaseDraw::Normal},
                                     {"exponential", BaseDraw::Exponential}};
constexpr Named<ParameterDraw> kParameter[] = {{"log_gamma", ParameterDraw::LogGamma},
                                               {"poisson", ParameterDraw::Poisson},
                                               {"binomial", ParameterDraw::Binomial},
                                               {"integers", ParameterDraw::Integers}};

std::string_view to_text(PyObject* object) {
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(object, &size);
  if (!text) throw py::error_already_set();
  return {text, static_cast<size_t>(size)};
}

template <class Kind, size_t N>
Kind find_kind(const Named<Kind> (&table)[N], PyObject* object) {
  const std::string_view name = to_text(object);
  for (const Named<Kind>& entry : table)
    if (name == entry.name) return entry.kind;
  value_error("[random] there is no kind of draw named ", name);
}

// f(item) for the items of a tuple or list.
template <class F>
void each_item(PyObject* object, const F& f) {
  const py::object items =
      py::reinterpret_steal<py::object>(PySequence_Fast(object, "[random] expected a sequence"));
  if (!items) throw py::error_already_set();
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.ptr()); ++i)
    f(PySequence_Fast_GET_ITEM(items.ptr(), i));
}

Dims to_dims(PyObject* shape) {
  Dims dims;
  each_item(shape, [&](PyObject* item) {
    const long long size = PyLong_AsLongLong(item);
    if (size == -1 && PyErr_Occurred()) throw py::error_already_set();
    dims.push_back(size);
  });
  return dims;
}

// Small draws cost little more than their call, so these two are methods by the fast convention.
template <PyObject* (*method)(RandomStream&, PyObject* const*), Py_ssize_t arity>
PyObject* call(PyObject* self, PyObject* const* values, Py_ssize_t count) noexcept {
  return guarded([&] {
    if (count != arity) type_error("[random] a draw takes ", arity, " arguments, got ", count);
    return method(*py::cast<RandomStream*>(py::handle(self)), values);
  });
}

// draw(op, kind, shape, dtype, parameters)
PyObject* draw(RandomStream& stream, PyObject* const* values) {
  const std::string_view op = to_text(values[0]);
  const BaseDraw kind = find_kind(kBase, values[1]);
  const Dims dims = to_dims(values[2]);
  const DType dtype = kind == BaseDraw::Words ? DType::UInt64 : to_dtype(values[3]);
  if (kind != BaseDraw::Words && dtype != DType::Float32 && dtype != DType::Float64)
    type_error("[", op, "] dtype must be float32 or float64, got ", name_of(dtype));
  Tensors parameters;
  each_item(values[4], [&](PyObject* item) {
    if (is_tensor(item)) parameters.push_back(to_tensor(item));
  });
  return wrap(run_op(work_of(dims),
                     [&] { return ops::base_draw(op, stream, kind, dims, dtype, parameters); }));
}

// draw_with(op, kind, parameters, shape or None)
PyObject* draw_with(RandomStream& stream, PyObject* const* values) {
  const std::string_view op = to_text(values[0]);
  const ParameterDraw kind = find_kind(kParameter, values[1]);
  Tensors parameters;
  Dims sizes;
  each_item(values[2], [&](PyObject* item) {
    parameters.push_back(to_tensor(item));
    sizes.push_back(parameters.back().size());
  });
  std::optional<Dims> dims;
  if (values[3] != Py_None) dims = to_dims(values[3]);
  return wrap(run_op(work_of(dims ? *dims : sizes),
                     [&] { return ops::parameter_draw(op, stream, kind, parameters, dims); }));
}

template <PyObject* (*method)(RandomStream&, PyObject* const*), Py_ssize_t arity>
void add_method(py::handle type, PyMethodDef& definition) {
  auto* with_arity = &call<method, arity>;
  definition.ml_meth = reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(with_arity));
  definition.ml_flags = METH_FASTCALL;
  const py::object descriptor = py::reinterpret_steal<py::object>(
      PyDescr_NewMethod(reinterpret_cast<PyTypeObject*>(type.ptr()), &definition));
  if (!descriptor) throw py::error_already_set();
  type.attr(definition.ml_name) = descriptor;
}

}  // namespace

void bind_random(py::module_& module) {
  py::class_<RandomStream> type(
      module, "RandomStream",
      "A stream of Philox4x64-10 by its key, and how many blocks of four words are used up.");
  static PyMethodDef definitions[] = {{"draw", nullptr, 0, nullptr},
                                      {"draw_with", nullptr, 0, nullptr}};
  add_method<draw, 5>(type, definitions[0]);
  add_method<draw_with, 4>(type, definitions[1]);
  type.def(py::init([](uint64_t key0, uint64_t key1, uint64_t position, const std::string& device) {
             const DrawnStreams* streams = DrawnStreams::current();
             const RandomSource::Place place{{{key0, key1}}, position};
             return RandomStream{make_ref<RandomSource>(place, streams ? streams->serial() : 0),
                                 parse_device(device)};
           }),
           py::arg("key0"), py::arg("key1"), py::arg("position") = 0, py::arg("device") = "cpu")
      .def_property_readonly("device", [](const RandomStream& s) { return name_of(s.device); })
      .def_property_readonly("key",
                             [](const RandomStream& s) {
                               const auto key = s.source->place().key;
                               return py::make_tuple(key.words[0], key.words[1]);
                             })
      .def_property("position", &RandomStream::position, &RandomStream::seek)
      .def(
          "restart",
          [](const RandomStream& s, uint64_t key0, uint64_t key1, uint64_t position) {
            s.source->move_to({{{key0, key1}}, position});
          },
          py::arg("key0"), py::arg("key1"), py::arg("position") = 0)
      .def_property_readonly(
          "foreign",
          [](const RandomStream& s) {
            const DrawnStreams* streams = DrawnStreams::current();
            return streams && streams->serial() != s.source->capture;
          },
          "Whether a call is being captured, for the host or a device, that did not make it.")
      .def(
          "permutation",
          [](RandomStream& stream, const std::string& op, int64_t n) {
            return run_op(n, [&] { return ops::permutation(op, stream, n); });
          },
          py::arg("op"), py::arg("n"));
}

}  // namespace pyautograd::python
