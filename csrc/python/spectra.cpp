// What functions of Hermitian matrices in pyautograd/compositions are made of.

#include "ops/linalg.h"
#include "python/caster.h"
#include "python/gil.h"
#include "python/module.h"

namespace py = pybind11;

namespace pyautograd::python {

void bind_spectra(py::module_& module) {
  module.def(
      "eigh_for_function",
      [](const std::string& op, const Tensor& a) {
        const Tensors found =
            run_op(a.size(), [&] { return ops::linalg::eigh_for_function(op, a); });
        return py::make_tuple(found[0], found[1]);
      },
      py::arg("op"), py::arg("a"), py::pos_only(),
      "Eigenvalues, elementwise functions of which remember the matrix, and eigenvectors.");
  module.def(
      "function_from_eigen",
      [](const Tensor& y, const Tensor& v) {
        return run_op(v.size(), [&] { return ops::linalg::function_from_eigen(y, v); });
      },
      py::arg("y"), py::arg("v"), py::pos_only(), "The matrix with these values and vectors.");
}

}  // namespace pyautograd::python
