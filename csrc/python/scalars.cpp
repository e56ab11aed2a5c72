#include "python/scalars.h"

#include <string_view>

#include "autograd/capture.h"
#include "autograd/level.h"
#include "autograd/primitive.h"
#include "core/error.h"
#include "kernels/scalar/convert.h"
#include "ops/ops.h"
#include "python/graph_exit.h"

namespace pyautograd::python {

namespace {

const char* advice_inside_vmap(std::string_view what) {
  if (what == "numpy")
    return "use pyautograd's functions or NumPy's, and pa.asarray(array)[x] for array[x]";
  return "use where, or operations on the whole tensor";
}

bool carries_derivative(const Tensor& x) noexcept {
  if (x.tracked() && recording(depth_of(x.level()))) return true;
  if (x.is_array()) return false;
  const Body& body = *x.body();
  if (body.kind == Body::Kind::Jet) return true;
  if (body.kind == Body::Kind::Dual && as_dual(x).tangent) return true;
  return carries_derivative(inner_value(body));
}

}  // namespace

const Array& concrete_array(const Tensor& x, const char* what) {
  const Body* body = x.body().get();
  while (body->kind != Body::Kind::Array) {
    const Level& level = *static_cast<const Wrapper*>(body)->level;
    if (!level.alive()) {
      fail(Error::Kind::Escaped, "[", what, "] the tensor was made inside a ", level.name(),
           " that has already returned");
    }
    if (body->kind == Body::Kind::Batched) {
      runtime_error("[", what,
                    "] inside vmap a tensor has one value per index, so Python cannot take ", what,
                    " of it: ", advice_inside_vmap(what));
    }
    body = inner_value(*body).body().get();
  }
  const auto& array = static_cast<const Array&>(*body);
  Capture::looked_at(array);
  return array;
}

void warn_of_lost_derivative(const Tensor& x, const char* what) {
  if (!carries_derivative(x)) return;
  warn(concat(
      "[", what, "] the derivative of the tensor is lost: a Python ", what,
      " counts as a constant, also in math.sin(x) and where it is written into a NumPy array. "
      "Use pyautograd's or NumPy's functions and pa.stack; or x.item() if a constant is "
      "meant"));
}

Tensor host_copy(const Array& x) {
  if (x.device.kind == Device::Kind::CPU) return {};
  return ops::to_device(plain(x), {});
}

PyObject* scalar_object(const Tensor& x, const char* what) {
  note_graph_exit();
  const Array& found = concrete_array(x, what);
  const Tensor on_host = host_copy(found);
  const Array& array = on_host ? on_host.array() : found;
  return visit_stored_dtype(array.dtype, [&]<class T>(TypeTag<T>) -> PyObject* {
    const T value = *array.data<T>();
    if constexpr (std::is_same_v<T, bool>) {
      return PyBool_FromLong(value);
    } else if constexpr (is_complex_type<T>) {
      return PyComplex_FromDoubles(value.real(), value.imag());
    } else if constexpr (is_floating(dtype_of<T>)) {
      return PyFloat_FromDouble(kernels::convert<double>(value));
    } else if constexpr (std::is_signed_v<T>) {
      return PyLong_FromLongLong(value);
    } else {
      return PyLong_FromUnsignedLongLong(value);
    }
  });
}

}  // namespace pyautograd::python
