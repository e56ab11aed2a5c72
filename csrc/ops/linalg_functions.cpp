// expm, logm, sqrtm, matrix_power.

#include "ops/linalg.h"

namespace pyautograd::ops::linalg {

namespace {

// A function of every matrix, evaluated in place.
class MatrixFunction : public OnMatrices {
 public:
  Specs infer(TensorSpan inputs) const override {
    require_square(name(), inputs[0]);
    return {inputs[0].spec()};
  }
  Tensors eval(TensorSpan inputs, const Specs&) const override {
    require_lapack(name(), inputs[0].device());
    Ref<Array> out = copy_by_columns(inputs[0], lead(inputs[0]), inputs[0].device());
    if (out->size() > 0) run(matrices(*out));
    return {Tensor(std::move(out))};
  }

 protected:
  virtual void run(const kernels::Matrices& a) const = 0;
};

// The derivative L(A, E) is the upper right block of the function of [[A, E], [0, A]] (Mathias
// 1996; Higham 2008, theorem 3.6), so that derivatives of every order are functions of larger
// matrices. The transpose of L(A, .) is L(A^T, .).
class ByBlocks : public MatrixFunction {
 public:
  Saves saves() const override { return {.inputs = 1}; }
  Tensors vjp(const VjpArgs& args) const override {
    return {frechet(matrix_transpose(args.inputs[0]), args.cotangents[0])};
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan) const override {
    return {frechet(primals[0], tangents[0])};
  }

 private:
  Tensor frechet(const Tensor& a, const Tensor& e) const {
    const int64_t n = rows(a);
    const Tensor zero = zeros_view(a.shape(), a.dtype());
    const Tensor above = ops::concat(Tensors{a, e}, -1), below = ops::concat(Tensors{zero, a}, -1);
    const Tensor whole =
        apply1(Ref<const Primitive>(this), Borrowed<1>(ops::concat(Tensors{above, below}, -2)));
    const Tensor block = column_range(row_range(whole, 0, n), n, 2 * n);
    // A masked matrix outside of the domain contributes nothing.
    const Tensor masked = logical_not(any(not_equal(e, scalar(0, e.dtype())), Dims{-2, -1}, true));
    return where(logical_and(masked, isnan(block)), scalar(0, block.dtype()), block);
  }
};

class Expm final : public ByBlocks {
 public:
  std::string_view name() const override { return "linalg.expm"; }

 protected:
  void run(const kernels::Matrices& a) const override { kernels::expm(a); }
};

class Logm final : public ByBlocks {
 public:
  std::string_view name() const override { return "linalg.logm"; }

 protected:
  void run(const kernels::Matrices& a) const override { kernels::logm(a); }
};

// From X X = A: dX X + X dX = dA.
class Sqrtm final : public MatrixFunction {
 public:
  std::string_view name() const override { return "linalg.sqrtm"; }
  Saves saves() const override { return {.outputs = 1}; }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor x = matrix_transpose(args.outputs[0]);
    return {solve_for_root(x, args.cotangents[0])};
  }
  Tensors jvp(TensorSpan, TensorSpan tangents, TensorSpan outputs) const override {
    return {solve_for_root(outputs[0], tangents[0])};
  }

 protected:
  void run(const kernels::Matrices& a) const override { kernels::sqrtm(a); }
};

template <class Function>
Tensor function_of(const Tensor& a) {
  return apply1(make_ref<Function>(), Borrowed<1>(floating(a)));
}

}  // namespace

Tensor expm(const Tensor& a) { return function_of<Expm>(a); }

Tensor matrix_power(const Tensor& a, int64_t n) {
  require_square("linalg.matrix_power", a);
  if (n == 0) return constant_in(a, identity_matrix(rows(a), a.dtype(), a.device()));
  Tensor square = n < 0 ? inv(a) : a, power;
  // Negative numbers wrap to their absolute value, the least one too.
  for (uint64_t rest = n < 0 ? -static_cast<uint64_t>(n) : static_cast<uint64_t>(n); rest > 0;) {
    if (rest % 2 == 1) power = power ? matmul(power, square) : square;
    rest /= 2;
    if (rest > 0) square = matmul(square, square);
  }
  return alias(power);
}

void register_matrix_functions(Registry& registry) {
  registry.add("linalg.matrix_power", &matrix_power, "a, n",
               R"(Every matrix to an integer power, by repeated squaring.

:param a: tensor of shape (..., m, m)
:param n: int; negative powers are those of the inverse
:raises LinAlgError: n is negative and a matrix is singular

>>> pa.linalg.matrix_power(pa.tensor([[1.0, 1.0], [0.0, 1.0]]), 3).tolist()
[[1.0, 3.0], [0.0, 1.0]])");
  registry.add(
      "linalg.expm", &expm, "A",
      R"(The exponential of every matrix, by scaling and squaring (Al-Mohy and Higham 2009).

Derivatives of order k are exponentials of block matrices 2**k times as large (Higham 2008,
"Functions of Matrices", theorem 3.6).

:param A: tensor of shape (..., n, n)

>>> pa.linalg.expm(pa.tensor([[0.0, 1.0], [0.0, 0.0]])).tolist()
[[1.0, 1.0], [0.0, 1.0]])");
  registry.add(
      "linalg.logm", &function_of<Logm>, "A",
      R"(The principal logarithm of every matrix, by inverse scaling and squaring of its Schur
form (Al-Mohy and Higham 2012, in outline).

It is nan for singular matrices, and for real ones with an eigenvalue on the negative axis, whose
logarithm is complex. Derivatives of order k are logarithms of block matrices 2**k times as large.

:param A: tensor of shape (..., n, n)

>>> pa.linalg.logm(pa.tensor([[1.0, 1.0], [0.0, 1.0]])).tolist()
[[0.0, 1.0], [0.0, 0.0]])");
  registry.add("linalg.sqrtm", &function_of<Sqrtm>, "A",
               R"(The principal square root of every matrix, from its Schur form (Bjorck and
Hammarling 1983).

It is nan for real matrices with an eigenvalue on the negative axis, whose root is complex, and for
singular ones without a root. The derivative solves Sylvester's equation (Higham 2008, section 6.1);
it raises LinAlgError at singular matrices, where there is none.

:param A: tensor of shape (..., n, n)

>>> pa.linalg.sqrtm(pa.tensor([[4.0, 0.0], [0.0, 9.0]])).tolist()
[[2.0, 0.0], [0.0, 3.0]])");
}

}  // namespace pyautograd::ops::linalg
