// eig and eigvals, of matrices without symmetry.

#include <limits>

#include "ops/elementwise.h"
#include "ops/linalg.h"
#include "ops/linear.h"

namespace pyautograd::ops::linalg {

namespace {

constexpr std::string_view kFailed = "eigenvalues did not converge, or the matrix is not finite";

// A copy for LAPACK, which needs half the time for real matrices.
Ref<Array> copy_for_eig(const Tensor& a, bool real) {
  return copy_by_columns(real ? ops::real(a.untracked()) : a, lead(a), a.device());
}

// Eigenvalues and eigenvectors of unit length, whose phase is left as it is. The matrix is complex,
// but may be known to hold real numbers.
class Eig final : public OnMatrices {
 public:
  explicit Eig(bool real) : real_(real) {}
  std::string_view name() const override { return "linalg.eig"; }
  Saves saves() const override { return {.outputs = 3}; }

  Specs infer(TensorSpan inputs) const override {
    const Tensor& a = inputs[0];
    require_square(name(), a);
    return {Spec{lead(a, 1), a.dtype(), a.device()}, a.spec()};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    require_lapack(name(), inputs[0].device());
    const Dims batch = lead(inputs[0]);
    const int64_t n = rows(inputs[0]);
    Ref<Array> copy = copy_for_eig(inputs[0], real_);
    Ref<Array> vectors = empty_by_columns(batch, n, n, specs[1].dtype, specs[1].device);
    Ref<Array> values = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    const kernels::Matrices a = matrices(*copy), v = matrices(*vectors);
    std::vector<int32_t> info(static_cast<size_t>(a.count), 0);
    kernels::eig(a, values->address(), &v, info.data());
    raise_where_nonzero(name(), info, kFailed);
    return {Tensor(std::move(values)), Tensor(std::move(vectors))};
  }
  // Giles 2008, section 2.2.3, with what keeps the vectors at unit length (Boeddeker et al. 2017).
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor &w = args.outputs[0], &v = args.outputs[1];
    Tensor core;
    if (args.cotangents[0]) {
      const Tensor identity = identity_matrix(rows(v), v.dtype(), v.device());
      core = scale_columns(identity, conj(args.cotangents[0]));
    }
    if (args.cotangents[1]) {
      const Tensor along = matmul(adjoint(v), conj(args.cotangents[1]));
      const Tensor lengths = real(diagonal(along, 0, -2, -1));
      const Tensor moved = along - matmul(adjoint(v), scale_columns(v, lengths));
      core = total({core, over_differences(moved, conj(w), moves_by_pairs(args.cotangents[1]))});
    }
    return {conj(solve(adjoint(v), matmul(core, adjoint(v))))};
  }
  Tensors jvp(TensorSpan, TensorSpan tangents, TensorSpan outputs) const override {
    const Tensor &w = outputs[0], &v = outputs[1];
    const Tensor inside = solve(v, matmul(tangents[0], v));
    const Tensor moved = matmul(v, over_differences(inside, w, moves(tangents[0])));
    const Tensor lengths = real(sum(conj(v) * moved, Dims{-2}));
    return {diagonal(inside, 0, -2, -1), moved - scale_columns(v, lengths)};
  }

 private:
  const bool real_;
};

// Zeros, one per eigenvalue of the first input, with the derivative nan for those that the second
// input marks. Eigenvalues that repeat have first derivatives for symmetric functions of them, but
// of these the rules below cannot make second ones: the vectors turn with every perturbation.
class OnceDifferentiable final : public OnMatrices {
 public:
  std::string_view name() const override { return "linalg.eigvals"; }
  Saves saves() const override { return {.inputs = 3}; }
  Specs infer(TensorSpan x) const override {
    return {Spec{lead(x[0], 1), x[0].dtype(), x[0].device()}};
  }
  Tensors eval(TensorSpan, const Specs& specs) const override {
    return {zeros_view(specs[0].shape, specs[0].dtype, specs[0].device)};
  }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor& t = args.cotangents[0];
    const Tensor moving = logical_and(args.inputs[1], not_equal(t, constant_like(t, 0)));
    const Tensor spoilt = expand_dims(any(moving, Dims{-1}, true), {-1});
    const Tensor& a = args.inputs[0];
    return {broadcast_to(nan_where(spoilt, a), a.shape()), Tensor()};
  }
  Tensors jvp(TensorSpan x, TensorSpan tangents, TensorSpan) const override {
    if (!tangents[0]) return {Tensor()};
    const Tensor moving = squeeze(moves(tangents[0]), Dims{-1});
    return {nan_where(logical_and(x[1], moving), tangents[0])};
  }

 protected:
  int64_t core_rank(size_t input) const override { return input == 0 ? 2 : 1; }

 private:
  static Tensor nan_where(const Tensor& mask, const Tensor& like) {
    return where(mask, constant_like(like, std::numeric_limits<double>::quiet_NaN()),
                 constant_like(like, 0));
  }
};

class EigVals final : public OnMatrices {
 public:
  explicit EigVals(bool real) : real_(real) {}
  std::string_view name() const override { return "linalg.eigvals"; }
  Saves saves() const override { return {.inputs = 1}; }

  Specs infer(TensorSpan inputs) const override {
    require_square(name(), inputs[0]);
    return {Spec{lead(inputs[0], 1), inputs[0].dtype(), inputs[0].device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    require_lapack(name(), inputs[0].device());
    Ref<Array> copy = copy_for_eig(inputs[0], real_);
    Ref<Array> values = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    const kernels::Matrices a = matrices(*copy);
    std::vector<int32_t> info(static_cast<size_t>(a.count), 0);
    kernels::eig(a, values->address(), nullptr, info.data());
    raise_where_nonzero(name(), info, kFailed);
    return {Tensor(std::move(values))};
  }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensors f = apply(make_ref<Eig>(real_), Borrowed<1>(args.inputs[0]));
    const Tensor &v = f[1], t = conj(args.cotangents[0]);
    const Tensor lost = sum(call<kernels::Scale>(t, doubt(args.inputs[0], f)), Dims{-1});
    const Tensor regular = solve(adjoint(v), expand_dims(t, {-1}) * adjoint(v));
    return {conj(regular + expand_dims(lost, {-2, -1}))};
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan) const override {
    const Tensors f = apply(make_ref<Eig>(real_), Borrowed<1>(primals[0]));
    const Tensor regular = diagonal(solve(f[1], matmul(tangents[0], f[1])), 0, -2, -1);
    return {regular + doubt(primals[0], f)};
  }

 private:
  // What is wrong with the derivative of each eigenvalue: nan where the matrix is defective, two
  // equal values with one vector; else zero, but without derivatives where the value repeats.
  static Tensor doubt(const Tensor& a, const Tensors& f) {
    const Tensor &w = f[0], v = detached(f[1]);
    const Tensor pairs = equal_pairs(w), cosines = absolute(matmul(adjoint(v), v));
    const double nearly =
        1 - 100 * (w.dtype() == DType::Complex64 ? std::numeric_limits<float>::epsilon()
                                                 : std::numeric_limits<double>::epsilon());
    const Tensor parallel = greater_equal(cosines, constant_like(cosines, nearly));
    const Tensor defective = any(logical_and(pairs, parallel), Dims{-1});
    const Tensor nan = constant_like(w, std::numeric_limits<double>::quiet_NaN());
    const Tensor repeated = any(pairs, Dims{-1});
    return where(defective, nan, apply1(make_ref<OnceDifferentiable>(), Borrowed<2>(a, repeated)));
  }

  const bool real_;
};

Tensor as_complex(const Tensor& a) { return cast(a, complex_of(to_floating(a.dtype()))); }

}  // namespace

Tensors eig(const Tensor& a) {
  return apply(make_ref<Eig>(!is_complex(a.dtype())), Borrowed<1>(as_complex(a)));
}
Tensor eigvals(const Tensor& a) {
  return apply1(make_ref<EigVals>(!is_complex(a.dtype())), Borrowed<1>(as_complex(a)));
}

void register_general_spectra(Registry& registry) {
  registry.add("linalg.eig", &eig, "a",
               R"(Eigenvalues and eigenvectors of square matrices, in no particular order.

The result is complex, for real matrices too, as the array API has it; NumPy returns real numbers
where all eigenvalues happen to be real. An eigenvector has unit length and an arbitrary phase: what
depends on that has no meaningful derivative. Derivatives through the vectors are nan where
eigenvalues repeat (Giles 2008, section 2.2.3; Boeddeker et al. 2017 for the length).

:param a: tensor of shape (..., n, n)
:returns: ``EigResult(eigenvalues, eigenvectors)`` of shapes (..., n) and (..., n, n)
:raises LinAlgError: no convergence, or inf or nan

>>> pa.linalg.eig(pa.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues.tolist()
[(2+0j), (1+0j)])");
  registry.result_type("EigResult");
  registry.add("linalg.eigvals", &eigvals, "a",
               R"(The eigenvalues of square matrices, complex, in no particular order.

They have derivatives of every order where they are simple. Where an eigenvalue repeats and its
eigenvectors are independent, first derivatives of symmetric functions are right, and second ones
that it takes part in are nan; where the matrix is defective, first ones are nan, too. Differentiate
sums of powers as traces of powers of the matrix there.

:param a: tensor of shape (..., n, n)
:returns: complex tensor of shape (..., n)
:raises LinAlgError: no convergence, or inf or nan

>>> pa.linalg.eigvals(pa.tensor([[2.0, 0.0], [0.0, 1.0]])).tolist()
[(2+0j), (1+0j)])");
}

}  // namespace pyautograd::ops::linalg
