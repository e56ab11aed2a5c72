// eig and eigvals, of matrices without symmetry.

#include "ops/linalg.h"

namespace pyautograd::ops::linalg {

namespace {

constexpr std::string_view kFailed = "eigenvalues did not converge, or the matrix is not finite";

// Eigenvalues and eigenvectors of unit length, whose phase is left as it is.
class Eig final : public OnMatrices {
 public:
  std::string_view name() const override { return "linalg.eig"; }
  Saves saves() const override { return {.outputs = 3}; }

  Specs infer(TensorSpan inputs) const override {
    const Tensor& a = inputs[0];
    require_square(name(), a);
    return {Spec{lead(a, 1), a.dtype(), a.device()}, a.spec()};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    require_lapack(name());
    const Dims batch = lead(inputs[0]);
    const int64_t n = rows(inputs[0]);
    Ref<Array> copy = copy_by_columns(inputs[0], batch);
    Ref<Array> vectors = empty_by_columns(batch, n, n, specs[1].dtype);
    Ref<Array> values = Array::empty(specs[0].shape, specs[0].dtype);
    const kernels::Matrices a = matrices(*copy), v = matrices(*vectors);
    std::vector<int32_t> info(static_cast<size_t>(a.count), 0);
    kernels::eig(a, values->data(), &v, info.data());
    raise_where_nonzero(name(), info, kFailed);
    return {Tensor(std::move(values)), Tensor(std::move(vectors))};
  }
  // Giles 2008, section 2.2.3, with what keeps the vectors at unit length (Boeddeker et al. 2017).
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor &w = args.outputs[0], &v = args.outputs[1];
    Tensor core;
    if (args.cotangents[0]) {
      const Tensor identity = identity_matrix(rows(v), v.dtype());
      core = scale_columns(identity, conj(args.cotangents[0]));
    }
    if (args.cotangents[1]) {
      const Tensor along = matmul(adjoint(v), conj(args.cotangents[1]));
      const Tensor lengths = real(diagonal(along, 0, -2, -1));
      const Tensor moved = along - matmul(adjoint(v), scale_columns(v, lengths));
      core = total({core, over_differences(moved, conj(w), args.cotangents[1])});
    }
    return {conj(solve(adjoint(v), matmul(core, adjoint(v))))};
  }
  Tensors jvp(TensorSpan, TensorSpan tangents, TensorSpan outputs) const override {
    const Tensor &w = outputs[0], &v = outputs[1];
    const Tensor inside = solve(v, matmul(tangents[0], v));
    const Tensor moved = matmul(v, over_differences(inside, w, tangents[0]));
    const Tensor lengths = real(sum(conj(v) * moved, Dims{-2}));
    return {diagonal(inside, 0, -2, -1), moved - scale_columns(v, lengths)};
  }
};

class EigVals final : public OnMatrices {
 public:
  std::string_view name() const override { return "linalg.eigvals"; }
  Saves saves() const override { return {.inputs = 1}; }

  Specs infer(TensorSpan inputs) const override {
    require_square(name(), inputs[0]);
    return {Spec{lead(inputs[0], 1), inputs[0].dtype(), inputs[0].device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    require_lapack(name());
    Ref<Array> copy = copy_by_columns(inputs[0], lead(inputs[0]));
    Ref<Array> values = Array::empty(specs[0].shape, specs[0].dtype);
    const kernels::Matrices a = matrices(*copy);
    std::vector<int32_t> info(static_cast<size_t>(a.count), 0);
    kernels::eig(a, values->data(), nullptr, info.data());
    raise_where_nonzero(name(), info, kFailed);
    return {Tensor(std::move(values))};
  }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor v = vectors(args.inputs[0]), t = conj(args.cotangents[0]);
    return {conj(solve(adjoint(v), expand_dims(t, {-1}) * adjoint(v)))};
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan) const override {
    const Tensor v = vectors(primals[0]);
    return {diagonal(solve(v, matmul(tangents[0], v)), 0, -2, -1)};
  }

 private:
  static Tensor vectors(const Tensor& a) { return apply(make_ref<Eig>(), Borrowed<1>(a))[1]; }
};

Tensor as_complex(const Tensor& a) { return cast(a, complex_of(to_floating(a.dtype()))); }

}  // namespace

Tensors eig(const Tensor& a) { return apply(make_ref<Eig>(), Borrowed<1>(as_complex(a))); }
Tensor eigvals(const Tensor& a) { return apply1(make_ref<EigVals>(), Borrowed<1>(as_complex(a))); }

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

They have derivatives where the matrix has independent eigenvectors; as for ``eigvalsh``, those of
symmetric functions are right where eigenvalues repeat.

:param a: tensor of shape (..., n, n)
:returns: complex tensor of shape (..., n)
:raises LinAlgError: no convergence, or inf or nan

>>> pa.linalg.eigvals(pa.tensor([[2.0, 0.0], [0.0, 1.0]])).tolist()
[(2+0j), (1+0j)])");
}

}  // namespace pyautograd::ops::linalg
