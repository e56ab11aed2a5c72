#include "python/scalars.h"

#include "ops/ops.h"
#include "python/graph_exit.h"

namespace pyautograd::python {

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
                    " of it: use where, or operations on the whole tensor");
    }
    body = inner_value(*body).body().get();
  }
  return static_cast<const Array&>(*body);
}

Tensor host_copy(const Array& x) {
  if (x.device.kind == Device::Kind::CPU) return {};
  return ops::to_device(Tensor(x.with_layout(x.shape, x.strides, x.offset)), {});
}

PyObject* scalar_object(const Tensor& x, const char* what) {
  note_graph_exit();
  const Array& found = concrete_array(x, what);
  const Tensor on_host = host_copy(found);
  const Array& array = on_host ? on_host.array() : found;
  return visit_dtype(array.dtype, [&]<class T>(TypeTag<T>) -> PyObject* {
    const T value = *array.data<T>();
    if constexpr (std::is_same_v<T, bool>) {
      return PyBool_FromLong(value);
    } else if constexpr (is_complex_type<T>) {
      return PyComplex_FromDoubles(value.real(), value.imag());
    } else if constexpr (std::is_floating_point_v<T>) {
      return PyFloat_FromDouble(value);
    } else if constexpr (std::is_signed_v<T>) {
      return PyLong_FromLongLong(value);
    } else {
      return PyLong_FromUnsignedLongLong(value);
    }
  });
}

}  // namespace pyautograd::python
