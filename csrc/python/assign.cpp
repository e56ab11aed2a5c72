#include "python/assign.h"

#include "autograd/capture.h"
#include "autograd/closure.h"
#include "core/captured_writes.h"
#include "core/strides.h"
#include "kernels/kernels.h"
#include "ops/linear.h"
#include "python/gil.h"

namespace pyautograd::python {

namespace {

bool records(const Tensor& x) {
  return !x.is_array() || (x.tracked() && recording(0)) || Capture::current();
}

void check_not_leaf(const char* op, const Tensor& x) {
  if (x.tracked() && x.node()->is_leaf() && recording(x.depth())) {
    runtime_error(
        "[", op,
        "] a leaf that requires grad cannot be written in place: write inside no_grad(), or "
        "to x.copy(), which records");
  }
}

void check_writable(const char* op, const Array& x) {
  if (!x.storage->writable()) {
    value_error("[", op, "] the tensor's memory is read-only: write to x.copy() instead");
  }
  if (shows_numbers_twice(x.shape, x.strides)) {
    value_error(
        "[", op,
        "] several elements of a broadcast tensor share one place: write to x.copy() instead");
  }
}

int kind_rank(DType dtype) {
  if (is_bool(dtype)) return 0;
  if (is_complex(dtype)) return 4;
  if (is_floating(dtype)) return 3;
  return is_signed_integer(dtype) ? 2 : 1;
}

void check_result(const char* op, const Tensor& x, const Tensor& result) {
  if (result.shape() != x.shape()) {
    value_error("[", op, "] a tensor of shape ", shape_string(x.shape()),
                " cannot hold the broadcast result of shape ", shape_string(result.shape()));
  }
  if (kind_rank(result.dtype()) > kind_rank(x.dtype())) {
    type_error("[", op, "] a tensor of dtype ", name_of(x.dtype()),
               " cannot hold the result of dtype ", name_of(result.dtype()),
               ": use x.astype first");
  }
}

// A handle that only the running expression holds: what x[i] += y makes of x[i] before it stores
// it.
bool is_temporary(PyTensor* handle) {
#if PY_VERSION_HEX >= 0x030E0000
  return PyUnstable_Object_IsUniqueReferencedTemporary(as_object(handle)) != 0;
#else
  return Py_REFCNT(as_object(handle)) == 1;
#endif
}

// Row by row: of elements in another order a reshape is a copy, so that later writes would leave it
// with old numbers, and nobody would notice.
Tensor in_rows(Tensor x) {
  if (x.is_array() && x.array().contiguous()) return x;
  const Tensor flat = ops::reshape(x, {x.size()});
  const bool view = innermost_array(flat).storage == innermost_array(x).storage;
  return view ? x : ops::reshape(flat, x.shape());
}

// A recorded write makes a new value, whose elements must lie in the order of the old ones, in
// which they stay where nobody records: sums go through memory.
Tensor laid_out_as(const Tensor& x, Tensor made) {
  if (!x.is_array() || !made.is_array() || x.shape() != made.shape())
    return in_rows(std::move(made));
  const AxisOrder order = order_in_memory(x.shape(), std::span(&x.array().strides, 1));
  if (made.array().strides == dense_strides(made.shape(), order)) return made;
  if (order.empty()) return in_rows(std::move(made));
  Dims back(order.size(), 0);
  for (size_t i = 0; i < order.size(); ++i) back[order[i]] = static_cast<int64_t>(i);
  return ops::permute_dims(in_rows(ops::permute_dims(made, order)), back);
}

bool same_memory(const Storage& a, const Storage& b) {
  const Capture* capture = Capture::current();
  return capture ? capture->same_memory(a, b) : &a == &b;
}

// What is written, `given`, may be a view that only the running expression holds: x[0] = x[1].
void replace(const char* op, PyTensor* handle, Tensor result, PyObject* given) {
  const Storage& storage = *innermost_array(handle->tensor).storage;
  const bool vanishes = is_tensor(given) && as_handle(given) != handle &&
                        same_memory(*innermost_array(unwrap(given)).storage, storage) &&
                        is_temporary(as_handle(given));
  const Capture* capture = Capture::current();
  if ((capture ? capture->handles(storage) : storage.handles()) > 1 + vanishes) {
    runtime_error("[", op,
                  "] a recorded write gives this tensor a new value, but another live tensor "
                  "shares its memory and would keep the old one: write to x.copy(), or use an "
                  "expression that makes a new tensor");
  }
  rebind(handle, std::move(result));
}

// Straight into x's memory; false if the operands do not allow it.
bool write_kernel(const InplaceOp& op, const Tensor& x, const Tensor& y) {
  if (op.kernel < 0 || x.dtype() != y.dtype()) return false;
  const auto id = static_cast<kernels::FnId>(op.kernel);
  if (!kernels::supports(id, x.dtype()) || kernels::result_dtype(id, x.dtype()) != x.dtype())
    return false;
  const Array& out = x.array();
  const Array& in = y.array();
  const bool same_view = in.storage == out.storage && in.shape == out.shape &&
                         in.strides == out.strides && in.offset == out.offset;
  if (!same_view && may_share_memory(in, out)) return false;
  if (in.device != out.device) return false;
  if (in.shape.size() > out.shape.size()) return false;
  Dims strides(out.shape.size(), 0);
  const size_t lead = out.shape.size() - in.shape.size();
  for (size_t i = 0; i < in.shape.size(); ++i) {
    if (in.shape[i] == out.shape[lead + i]) {
      strides[lead + i] = in.strides[i];
    } else if (in.shape[i] != 1) {
      return false;
    }
  }
  out.storage->prepare_write();
  kernels::binary(id, out.device_view(), out.device_view(),
                  {in.address(), in.dtype, out.shape, strides, in.device});
  note_write(*out.storage);
  return true;
}

// Writing is copying: what is written may lie on another device, whatever the index. Numbers of the
// host go along as they are, but what is one number to vmap, or to a tangent, may be many there.
Tensor placed_for(const Tensor& x, const Tensor& value) {
  const bool goes_along = value.is_array() && value.ndim() == 0 && ops::is_on_host(value);
  return goes_along || value.device() == x.device() ? value : ops::to_device(value, x.device());
}

}  // namespace

void assign_operator(PyTensor* handle, const InplaceOp& op, const Tensor& other, PyObject* given) {
  const Tensor x = handle->tensor;
  const Tensor y = Closure::resolved(other);
  const int64_t elements = x.size() + y.size();
  const Closure::WriteScope scope(op.name, x);
  if (const Capture* capture = Capture::current()) capture->check_write(op.name, x);
  check_not_leaf(op.name, x);
  if (records(x) || records(y)) {
    Tensor result = run_op(elements, [&] { return laid_out_as(x, op.function(x, y)); });
    check_result(op.name, x, result);
    if (result.dtype() != x.dtype()) result = ops::astype(result, x.dtype());
    if (is_temporary(handle)) return rebind(handle, std::move(result));
    return replace(op.name, handle, std::move(result), given);
  }
  check_writable(op.name, x.array());
  run_op(elements, [&] {
    if (write_kernel(op, x, y)) return;
    const Tensor result = op.function(x.untracked(), y.untracked());
    check_result(op.name, x, result);
    ops::copy_inplace(x.untracked(), result);
  });
}

void assign_items(PyTensor* handle, const ops::Index& index, const Tensor& source,
                  PyObject* given) {
  const Tensor x = handle->tensor;
  const Tensor value = placed_for(x, Closure::resolved(source));  // no op may ask for it
  const Closure::WriteScope scope("setitem", x);
  if (const Capture* capture = Capture::current()) capture->check_write("setitem", x);
  check_not_leaf("setitem", x);
  ops::warn_of_discarded_part("setitem", value.dtype(), x.dtype());
  bool recorded = records(x) || records(value);
  for (const ops::IndexItem& item : index) {
    if (const Tensor* indices = std::get_if<Tensor>(&item)) recorded |= !indices->is_array();
  }
  const int64_t elements = value.size();
  if (recorded) {
    const Tensor cast = value.dtype() == x.dtype() ? value : ops::astype(value, x.dtype());
    Tensor result =
        run_op(elements + x.size(), [&] { return laid_out_as(x, ops::setitem(x, index, cast)); });
    // Nobody would see what x[i][j] = y makes of the temporary x[i].
    return replace("setitem", handle, std::move(result), given);
  }
  check_writable("setitem", x.array());
  run_op(elements, [&] { ops::setitem_inplace(x.untracked(), index, value.untracked()); });
}

}  // namespace pyautograd::python
