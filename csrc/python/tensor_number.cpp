#include <pybind11/pybind11.h>

#include "ops/ops.h"
#include "python/assign.h"
#include "python/closure.h"
#include "python/convert.h"
#include "python/errors.h"
#include "python/gil.h"
#include "python/registry_lookup.h"
#include "python/scalars.h"
#include "python/tensor_slots.h"
#include "python/tensor_type.h"

namespace pyautograd::python {

namespace {

// The other operand of an operator; absent for what operators do not take.
Tensor operand(PyObject* object, const Tensor& other, Ints ints) {
  if (is_tensor(object)) return unwrap(object);
  if (is_weak_scalar(object)) return weak_operand(object, other.dtype(), ints);
  if (is_ndarray(object) || is_numpy_scalar(object) || is_pandas(object)) return to_tensor(object);
  // As NumPy's arrays do, where a list would be repeated, joined or found unequal as a whole.
  if (PyList_Check(object) || PyTuple_Check(object)) return to_tensor(object);
  return Tensor();
}

// Of NumPy's operators only these mean something else for np.matrix: * is its product with vectors
// and matrices, ** repeats that.
void refuse_matrix(const char* op, PyObject* a, PyObject* b) {
  if ((is_tensor(a) && is_tensor(b)) || !(is_matrix(a) || is_matrix(b))) return;
  type_error("[", op,
             "] of an np.matrix would be a product of matrices in NumPy: take @ for that, ",
             "or np.asarray(matrix) for elements");
}

PyObject* call(UnaryFunction function, const Tensor& x) {
  return wrap(run_on_handles(function, x));
}

PyObject* call(BinaryFunction function, const Tensor& x, const Tensor& y) {
  return wrap(run_on_handles(function, x, y));
}

// Either operand may be ours.
PyObject* call(BinaryFunction function, PyObject* a, PyObject* b, Ints ints) {
  if (is_tensor(a) && is_tensor(b)) return call(function, unwrap(a), unwrap(b));
  const Tensor x = is_tensor(a) ? unwrap(a) : operand(a, unwrap(b), ints);
  if (!x) Py_RETURN_NOTIMPLEMENTED;
  const Tensor y = operand(b, x, ints);
  if (!y) Py_RETURN_NOTIMPLEMENTED;
  return call(function, x, y);
}

template <Name name>
PyObject* binary(PyObject* a, PyObject* b) noexcept {
  return guarded([&] { return noted(name.text, call(binary_op<name>(), a, b, Ints::MustFit)); });
}

PyObject* multiply(PyObject* a, PyObject* b) noexcept {
  return guarded([&] {
    refuse_matrix("multiply", a, b);
    return noted("multiply", call(binary_op<"multiply">(), a, b, Ints::MustFit));
  });
}

PyObject* divide(PyObject* a, PyObject* b) noexcept {
  return guarded([&] { return noted("divide", call(&ops::divide, a, b, Ints::Divided)); });
}

template <Name name>
PyObject* unary(PyObject* self) noexcept {
  return guarded([&] { return noted(name.text, call(unary_op<name>(), unwrap(self))); });
}

PyObject* matmul(PyObject* a, PyObject* b) noexcept {
  return guarded([&] { return noted("matmul", call(&ops::matmul, a, b, Ints::MustFit)); });
}

// x ** 2 is what programs write for a square, and much the cheaper of the two.
PyObject* power(PyObject* a, PyObject* b, PyObject* modulus) noexcept {
  return guarded([&]() -> PyObject* {
    if (modulus != Py_None) type_error("[power] a third argument is not supported");
    refuse_matrix("power", a, b);
    const bool two = PyLong_CheckExact(b) && PyLong_AsLong(b) == 2;
    if (!two && PyErr_Occurred()) PyErr_Clear();
    if (two && is_inexact(unwrap(a).dtype()))
      return noted("square", call(unary_op<"square">(), unwrap(a)));
    return noted("power", call(&ops::power, a, b, Ints::MustFit));
  });
}

PyObject* divmod(PyObject* a, PyObject* b) noexcept {
  PyObject* quotient = binary<"floor_divide">(a, b);
  if (!quotient || quotient == Py_NotImplemented) return quotient;
  PyObject* rest = binary<"remainder">(a, b);
  PyObject* pair = rest ? PyTuple_Pack(2, quotient, rest) : nullptr;
  Py_DECREF(quotient);
  Py_XDECREF(rest);
  return pair;
}

PyObject* positive(PyObject* self) noexcept {
  return guarded([&] {
    const Tensor& x = unwrap(self);
    if (is_bool(x.dtype())) type_error("[positive] is not defined for dtype bool");
    return wrap(ops::copy(x));
  });
}

PyObject* write(PyObject* self, PyObject* other, const InplaceOp& op) {
  const Tensor y = operand(other, unwrap(self), Ints::MustFit);
  if (!y) Py_RETURN_NOTIMPLEMENTED;
  assign_operator(as_handle(self), op, y, other);
  return Py_NewRef(self);
}

template <Name name, class Functor>
PyObject* inplace(PyObject* self, PyObject* other) noexcept {
  return guarded([&] {
    if constexpr (std::is_same_v<Functor, kernels::Multiply>) refuse_matrix(name.text, self, other);
    return write(self, other, {name.text, binary_op<name>(), kernels::fn_id<Functor>()});
  });
}

PyObject* inplace_matmul(PyObject* self, PyObject* other) noexcept {
  return guarded([&] { return write(self, other, {"matmul", &ops::matmul}); });
}

// Not straight through a kernel: the op checks for negative integer exponents.
PyObject* inplace_power(PyObject* self, PyObject* other, PyObject*) noexcept {
  return guarded([&] {
    refuse_matrix("power", self, other);
    return write(self, other, {"power", &ops::power});
  });
}

PyObject* compare(PyObject* a, PyObject* b, int operation) noexcept {
  return guarded([&] {
    // In the order of Py_LT, Py_LE, Py_EQ, Py_NE, Py_GT, Py_GE.
    static constexpr BinaryFunction functions[] = {&ops::less,    &ops::less_equal,
                                                   &ops::equal,   &ops::not_equal,
                                                   &ops::greater, &ops::greater_equal};
    return noted("compare", call(functions[operation], a, b, Ints::Compared));
  });
}

Py_hash_t identity_hash(PyObject* self) noexcept { return PyBaseObject_Type.tp_hash(self); }

int truth(PyObject* self) noexcept {
  return guarded([&] {
    const Tensor& x = unwrap(self);
    if (x.size() != 1) {
      value_error("the truth value of a tensor of shape ", shape_string(x.shape()),
                  " is ambiguous: use any or all");
    }
    PyObject* value = scalar_object(x, "bool");
    if (!value) return -1;
    const int result = PyObject_IsTrue(value);
    Py_DECREF(value);
    return result;
  });
}

template <PyObject* (*Convert)(PyObject*)>
PyObject* number(const Tensor& x, const char* what) {
  if (x.size() != 1) {
    type_error("only tensors of one element can be converted to a Python ", what, ", not shape ",
               shape_string(x.shape()));
  }
  PyObject* value = scalar_object(x, what);
  if (!value) return nullptr;
  PyObject* result = Convert(value);
  Py_DECREF(value);
  return result;
}

PyObject* to_float(PyObject* self) noexcept {
  return guarded([&] {
    warn_of_lost_derivative(unwrap(self), "float");
    return number<PyNumber_Float>(unwrap(self), "float");
  });
}

PyObject* to_int(PyObject* self) noexcept {
  return guarded([&] { return number<PyNumber_Long>(unwrap(self), "int"); });
}

PyObject* as_index(PyObject* self) noexcept {
  return guarded([&] {
    const Tensor& x = unwrap(self);
    if (x.ndim() != 0 || !is_integer(x.dtype())) {
      type_error("only 0-d integer tensors can be used as an index, not shape ",
                 shape_string(x.shape()), " ", name_of(x.dtype()));
    }
    return scalar_object(x, "index");
  });
}

template <class F>
constexpr PyType_Slot slot(int id, F* function) {
  return {id, reinterpret_cast<void*>(function)};
}

}  // namespace

std::span<const PyType_Slot> number_slots() {
  using namespace kernels;
  static const PyType_Slot slots[] = {
      slot(Py_nb_add, binary<"add">),
      slot(Py_nb_subtract, binary<"subtract">),
      slot(Py_nb_multiply, multiply),
      slot(Py_nb_true_divide, divide),
      slot(Py_nb_floor_divide, binary<"floor_divide">),
      slot(Py_nb_remainder, binary<"remainder">),
      slot(Py_nb_divmod, divmod),
      slot(Py_nb_power, power),
      slot(Py_nb_matrix_multiply, matmul),
      slot(Py_nb_and, binary<"bitwise_and">),
      slot(Py_nb_or, binary<"bitwise_or">),
      slot(Py_nb_xor, binary<"bitwise_xor">),
      slot(Py_nb_lshift, binary<"bitwise_left_shift">),
      slot(Py_nb_rshift, binary<"bitwise_right_shift">),
      slot(Py_nb_negative, unary<"negative">),
      slot(Py_nb_positive, positive),
      slot(Py_nb_absolute, unary<"absolute">),
      slot(Py_nb_invert, unary<"bitwise_invert">),
      slot(Py_nb_inplace_add, inplace<"add", Add>),
      slot(Py_nb_inplace_subtract, inplace<"subtract", Subtract>),
      slot(Py_nb_inplace_multiply, inplace<"multiply", Multiply>),
      slot(Py_nb_inplace_true_divide, inplace<"divide", Divide>),
      slot(Py_nb_inplace_floor_divide, inplace<"floor_divide", FloorDivide>),
      slot(Py_nb_inplace_remainder, inplace<"remainder", Remainder>),
      slot(Py_nb_inplace_power, inplace_power),
      slot(Py_nb_inplace_matrix_multiply, inplace_matmul),
      slot(Py_nb_inplace_and, inplace<"bitwise_and", BitwiseAnd>),
      slot(Py_nb_inplace_or, inplace<"bitwise_or", BitwiseOr>),
      slot(Py_nb_inplace_xor, inplace<"bitwise_xor", BitwiseXor>),
      slot(Py_nb_inplace_lshift, inplace<"bitwise_left_shift", LeftShift>),
      slot(Py_nb_inplace_rshift, inplace<"bitwise_right_shift", RightShift>),
      slot(Py_nb_bool, truth),
      slot(Py_nb_float, to_float),
      slot(Py_nb_int, to_int),
      slot(Py_nb_index, as_index),
      slot(Py_tp_richcompare, compare),
      slot(Py_tp_hash, identity_hash),
  };
  return slots;
}

}  // namespace pyautograd::python
