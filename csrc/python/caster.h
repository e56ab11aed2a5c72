#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "python/convert.h"
#include "python/errors.h"
#include "python/tensor_type.h"

namespace pybind11::detail {

// Tensors pass through every pybind11 signature; array-likes convert where conversion is allowed.
template <>
struct type_caster<pyautograd::Tensor> {
  PYBIND11_TYPE_CASTER(pyautograd::Tensor, const_name("Tensor"));

  bool load(handle source, bool convert) {
    if (pyautograd::python::is_tensor(source.ptr())) {
      value = pyautograd::python::unwrap(source.ptr());
      return true;
    }
    if (!convert || source.is_none()) return false;
    value = pyautograd::python::to_tensor(source.ptr());
    return true;
  }
  static handle cast(pyautograd::Tensor tensor, return_value_policy, handle) {
    return pyautograd::python::wrap(std::move(tensor));
  }
};

}  // namespace pybind11::detail
