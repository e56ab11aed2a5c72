#include "ops/random.h"

#include <algorithm>
#include <span>

#include "python/caster.h"
#include "python/gil.h"
#include "python/module.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

using Shape = std::vector<int64_t>;
using kernels::BaseDraw;
using kernels::ParameterDraw;
using ops::RandomStream;

Dims dims_of(const Shape& shape) { return Dims(std::span<const int64_t>(shape)); }

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

template <class Kind, size_t N>
Kind find_kind(const Named<Kind> (&table)[N], const std::string& name) {
  for (const Named<Kind>& entry : table)
    if (name == entry.name) return entry.kind;
  value_error("[random] there is no kind of draw named ", name);
}

Tensor draw(RandomStream& stream, const std::string& op, const std::string& kind,
            const Shape& shape, py::handle dtype) {
  const BaseDraw wanted = find_kind(kBase, kind);
  const DType type = wanted == BaseDraw::Words ? DType::UInt64 : to_dtype(dtype.ptr());
  if (wanted != BaseDraw::Words && type != DType::Float32 && type != DType::Float64) {
    type_error("[", op, "] dtype must be float32 or float64, got ", name_of(type));
  }
  const Dims dims = dims_of(shape);
  return run_op(work_of(shape), [&] { return ops::base_draw(op, stream, wanted, dims, type); });
}

Tensor draw_with(RandomStream& stream, const std::string& op, const std::string& kind,
                 const std::vector<Tensor>& parameters, const std::optional<Shape>& shape) {
  const ParameterDraw wanted = find_kind(kParameter, kind);
  const size_t count =
      wanted == ParameterDraw::LogGamma || wanted == ParameterDraw::Poisson ? 1 : 2;
  if (parameters.size() != count) value_error("[", op, "] takes ", count, " parameters");
  std::optional<Dims> dims;
  if (shape) dims = dims_of(*shape);
  Shape sizes;
  for (const Tensor& x : parameters) sizes.push_back(x.size());
  return run_op(work_of(shape ? *shape : sizes),
                [&] { return ops::parameter_draw(op, stream, wanted, parameters, dims); });
}

}  // namespace

void bind_random(py::module_& module) {
  py::class_<RandomStream>(module, "RandomStream",
                           "A stream of Philox4x64-10 by its key, and how many blocks of four "
                           "words are used up.")
      .def(py::init([](uint64_t key0, uint64_t key1, uint64_t position, const std::string& device) {
             return std::make_unique<RandomStream>(kernels::RandomKey{{key0, key1}}, position,
                                                   parse_device(device));
           }),
           py::arg("key0"), py::arg("key1"), py::arg("position") = 0, py::arg("device") = "cpu")
      .def_property_readonly("device", [](const RandomStream& s) { return name_of(s.device); })
      .def_property_readonly(
          "key",
          [](const RandomStream& s) { return py::make_tuple(s.key.words[0], s.key.words[1]); })
      .def_property("position", &RandomStream::position, &RandomStream::seek)
      .def("draw", &draw, py::arg("op"), py::arg("kind"), py::arg("shape"), py::arg("dtype"))
      .def("draw_with", &draw_with, py::arg("op"), py::arg("kind"), py::arg("parameters"),
           py::arg("shape"))
      .def(
          "permutation",
          [](RandomStream& stream, const std::string& op, int64_t n) {
            return run_op(n, [&] { return ops::permutation(op, stream, n); });
          },
          py::arg("op"), py::arg("n"));
  module.def("count_at_most", &ops::count_at_most, py::arg("u"), py::arg("cdf"));
}

}  // namespace pyautograd::python
