#include "ops/linear.h"

#include "autograd/capture.h"
#include "kernels/kernels.h"
#include "ops/series.h"

namespace pyautograd::ops {

Tensor zeros_view(const Dims& shape, DType dtype, Device device) {
  const Tensor zero = to_device(scalar(0, dtype), device);
  return Tensor(zero.array().with_layout(shape, Dims(shape.size(), 0), 0));
}

Tensors Linear::jvp(TensorSpan primals, TensorSpan tangents, TensorSpan) const {
  const size_t linear = linear_inputs(primals.size());
  Tensors inputs;
  for (size_t i = 0; i < primals.size(); ++i) {
    if (i >= linear) {
      inputs.push_back(primals[i]);
    } else {
      inputs.push_back(
          tangents[i] ? tangents[i]
                      : zeros_view(primals[i].shape(), primals[i].dtype(), primals[i].device()));
    }
  }
  return pyautograd::apply(Ref<const Primitive>(this), inputs);
}

std::optional<Tensors> Linear::taylor(const TaylorArgs& args) const {
  return linear_series(*this, args);
}

BatchResult LinearElementwise::batch(int64_t, TensorSpan values, std::span<const int> dims) const {
  return {pyautograd::apply(Ref<const Primitive>(this), values), {dims[0]}};
}

Tensor alias(const Tensor& x) { return x.tracked() ? algebra::identity(x) : x; }

void require_real(std::string_view op, const Tensor& x) {
  if (!is_complex(x.dtype())) return;
  type_error("[", op, "] is not defined for dtype ", name_of(x.dtype()),
             ": take abs, real or imag first");
}

void warn_of_discarded_part(std::string_view op, DType from, DType to) {
  if (!is_complex(from) || is_complex(to) || is_bool(to)) return;
  warn(pyautograd::concat("[", op, "] a cast to a real dtype discards the imaginary part"),
       Warning::DiscardsImaginary);
}

Tensor cast_for(std::string_view op, const Tensor& x, std::optional<DType> asked, DType otherwise) {
  if (asked) warn_of_discarded_part(op, x.dtype(), *asked);
  return cast(x, asked.value_or(otherwise));
}

void check_shape(std::string_view op, const Dims& shape, DType dtype) {
  try {
    checked_bytes(shape, dtype);
  } catch (const Error& error) {
    fail(error.kind(), "[", op, "] ", error.what());
  }
}

const Array& concrete_array(std::string_view op, const Tensor& x, std::string_view advice) {
  const Body* body = x.body().get();
  while (body->kind != Body::Kind::Array) {
    const auto& wrapper = static_cast<const Wrapper&>(*body);
    if (!wrapper.level->alive()) {
      fail(Error::Kind::Escaped, "[", op, "] input belongs to a ", wrapper.level->name(),
           " that has already returned");
    }
    if (body->kind == Body::Kind::Batched && static_cast<const Batched*>(body)->dim != kNotMapped) {
      runtime_error("[", op,
                    "] the values would differ along the dimension that vmap maps: ", advice);
    }
    body = inner_value(*body).body().get();
  }
  const auto& array = static_cast<const Array&>(*body);
  Capture::looked_at(array);
  return array;
}

Dims concrete_integers(std::string_view op, const Tensor& x) {
  const Array& source = concrete_array(op, x, "give plain integers");
  if (source.size() == 0) return {};
  if (!is_integer(source.dtype)) {
    type_error("[", op, "] expected integers, got dtype ", name_of(source.dtype));
  }
  Ref<Array> plain = Array::empty(source.shape, DType::Int64);
  kernels::copy(plain->view(), source.device_view());
  const int64_t* values = plain->data<int64_t>();
  return Dims(values, values + plain->size());
}

bool has_zero(const Tensor& x) {
  const Array& array = innermost_array(x);
  return Capture::unknown(array) || kernels::any_zero(array.device_view());
}
bool has_infinity(const Tensor& x) {
  const Array& array = innermost_array(x);
  return Capture::unknown(array) || kernels::any_infinite(array.device_view());
}

bool surely(const Tensor& truth) {
  const Tensor found = any(plain(innermost_array(truth)));
  if (Capture* capture = Capture::current(); capture && capture->guard(found)) return false;
  return holds(found);
}

bool holds(const Tensor& truth) { return *to_device(truth, {}).array().data<bool>(); }

Tensor fitted(std::string_view op, const Tensor& value, const Dims& shape) {
  Dims own = value.shape();
  while (own.size() > shape.size() && own[0] == 1) own.erase(0);
  bool fits = own.size() <= shape.size();
  for (size_t i = 0; fits && i < own.size(); ++i) {
    fits = own[i] == 1 || own[i] == shape[shape.size() - own.size() + i];
  }
  if (!fits) {
    value_error("[", op, "] a value of shape ", shape_string(value.shape()),
                " does not broadcast to shape ", shape_string(shape));
  }
  const Tensor stripped = own == value.shape() ? value : reshape(value, own);
  return own == shape ? stripped : broadcast_to(stripped, shape);
}

int64_t checked_product(std::string_view op, int64_t a, int64_t b) {
  int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) {
    fail(Error::Kind::Memory, "[", op, "] an axis of ", a, " times ", b,
         " elements is more than can be addressed");
  }
  return product;
}

}  // namespace pyautograd::ops
