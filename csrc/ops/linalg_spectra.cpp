// eigh, eigvalsh, svd, svdvals.

#include <limits>

#include "kernels/kernels.h"
#include "ops/elementwise.h"
#include "ops/linalg.h"
#include "ops/spectral_derivatives.h"
#include "ops/spectral_slopes.h"
#include "ops/spectrum.h"

namespace pyautograd::ops::linalg {

namespace {

bool reads_lower(std::string_view op, std::string_view uplo) {
  if (uplo == "L" || uplo == "l") return true;
  if (uplo == "U" || uplo == "u") return false;
  value_error("[", op, "] UPLO must be 'L' or 'U', got '", uplo, "'");
}

void require_type(std::string_view op, int64_t type) {
  if (type < 1 || type > 3) value_error("[", op, "] type must be 1, 2 or 3, got ", type);
}

class Eigh final : public OnMatrices {
 public:
  explicit Eigh(bool lower) : lower_(lower) {}
  std::string_view name() const override { return "linalg.eigh"; }
  Saves saves() const override { return {.inputs = 1, .outputs = 3}; }

  Specs infer(TensorSpan inputs) const override {
    const Tensor& a = inputs[0];
    require_square(name(), a);
    return {Spec{lead(a, 1), real_of(a.dtype()), a.device()}, a.spec()};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    require_lapack(name(), inputs[0].device());
    Ref<Array> vectors = copy_by_columns(inputs[0], lead(inputs[0]), inputs[0].device());
    Ref<Array> values = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    const kernels::Matrices a = matrices(*vectors);
    std::vector<int32_t> info(static_cast<size_t>(a.count), 0);
    kernels::eigh(a, values->address(), lower_, true, info.data());
    raise_where_nonzero(name(), info, "eigenvalues did not converge");
    return {Tensor(std::move(values)), Tensor(std::move(vectors))};
  }
  // Giles 2008, section 2.2.3.
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor &w = args.outputs[0], &v = args.outputs[1];
    Tensor from_values, from_vectors;
    if (args.cotangents[0])
      from_values = with_eigenvalues(args.inputs[0], args.cotangents[0], {w, v});
    if (args.cotangents[1] && repeats(w)) {
      from_vectors = eigenvectors_pulled(args.inputs[0], conj(args.cotangents[1]), {w, v});
    } else if (args.cotangents[1]) {
      const Tensor turn = skew_part(matmul(adjoint(v), conj(args.cotangents[1])));
      from_vectors = matmul(
          matmul(v, over_differences(turn, w, moves_by_pairs(args.cotangents[1]))), adjoint(v));
    }
    return {conj(hermitian_part(total({from_values, from_vectors})))};
  }
  Tensors jvp(TensorSpan x, TensorSpan tangents, TensorSpan outputs) const override {
    const Tensor &w = outputs[0], &v = outputs[1];
    const Tensor values = eigenvalues_moved(x[0], tangents[0], {w, v});
    if (repeats(w)) return {values, eigenvectors_moved(x[0], tangents[0], {w, v})};
    const Tensor inside = matmul(matmul(adjoint(v), hermitian_part(tangents[0])), v);
    return {values, matmul(v, over_differences(inside, w, moves(tangents[0])))};
  }

 private:
  const bool lower_;
};

class EigvalsH final : public OnMatrices {
 public:
  explicit EigvalsH(bool lower) : lower_(lower) {}
  std::string_view name() const override { return "linalg.eigvalsh"; }
  Saves saves() const override { return {.inputs = 1}; }

  Specs infer(TensorSpan inputs) const override {
    require_square(name(), inputs[0]);
    return {Spec{lead(inputs[0], 1), real_of(inputs[0].dtype()), inputs[0].device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    require_lapack(name(), inputs[0].device());
    Ref<Array> copy = copy_by_columns(inputs[0], lead(inputs[0]), inputs[0].device());
    Ref<Array> values = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    const kernels::Matrices a = matrices(*copy);
    std::vector<int32_t> info(static_cast<size_t>(a.count), 0);
    kernels::eigh(a, values->address(), lower_, false, info.data());
    raise_where_nonzero(name(), info, "eigenvalues did not converge");
    return {Tensor(std::move(values))};
  }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor& a = args.inputs[0];
    return {conj(with_eigenvalues(a, args.cotangents[0], decomposed(a)))};
  }
  Tensors jvp(TensorSpan x, TensorSpan tangents, TensorSpan) const override {
    return {eigenvalues_moved(x[0], tangents[0], decomposed(x[0]))};
  }

 private:
  Eigen decomposed(const Tensor& a) const {
    const Tensors found = apply(make_ref<Eigh>(lower_), Borrowed<1>(a));
    return {found[0], found[1]};
  }

  const bool lower_;
};

// Thin or full; the columns of u and rows of vh beyond the singular values, bases that nothing
// determines, are taken to move as little as they can.
class Svd final : public OnMatrices {
 public:
  explicit Svd(bool full) : full_(full) {}
  std::string_view name() const override { return "linalg.svd"; }
  Saves saves() const override { return {.inputs = 1, .outputs = 7}; }

  Specs infer(TensorSpan inputs) const override {
    const Tensor& a = inputs[0];
    require_matrices(name(), a);
    const int64_t m = rows(a), n = columns(a), k = std::min(m, n);
    return {Spec{with_core(lead(a), {m, full_ ? m : k}), a.dtype(), a.device()},
            Spec{with_core(lead(a), {k}), real_of(a.dtype()), a.device()},
            Spec{with_core(lead(a), {full_ ? n : k, n}), a.dtype(), a.device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    require_lapack(name(), inputs[0].device());
    const Dims batch = lead(inputs[0]);
    Ref<Array> copy = copy_by_columns(inputs[0], batch, inputs[0].device());
    const auto vectors = [&](const Spec& spec) {
      const size_t rank = spec.shape.size();
      return empty_by_columns(batch, spec.shape[rank - 2], spec.shape[rank - 1], spec.dtype,
                              spec.device);
    };
    Ref<Array> u = vectors(specs[0]), vh = vectors(specs[2]);
    Ref<Array> s = Array::empty(specs[1].shape, specs[1].dtype, specs[1].device);
    const kernels::Matrices a = matrices(*copy), left = matrices(*u), right = matrices(*vh);
    if (a.rows == 0 || a.columns == 0) {
      for (const Ref<Array>& x : {u, vh}) {
        const Tensor ones = identity_matrix(x->shape.back(), x->dtype, x->device);
        if (x->size() > 0)
          kernels::copy(x->device_view(), broadcast_to(ones, x->shape).array().device_view());
      }
    } else {
      std::vector<int32_t> info(static_cast<size_t>(a.count), 0);
      kernels::svd(a, s->address(), &left, &right, info.data());
      raise_where_nonzero(name(), info, "the SVD did not converge");
    }
    return {Tensor(std::move(u)), Tensor(std::move(s)), Tensor(std::move(vh))};
  }
  Tensors vjp(const VjpArgs& args) const override;
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override;

 private:
  const bool full_;
};

// The difference of squares as a product, which keeps small singular values apart.
Tensor over_square_differences(const Tensor& x, const Tensor& s, const Tensor& moving) {
  const Tensor sums = expand_dims(s, {-2}) + expand_dims(s, {-1});
  const Tensor diagonal = identity_matrix(s.shape().back(), DType::Bool, s.device());
  const Tensor divided = over_differences(x, s, moving);
  return where(diagonal, constant_like(s, 0),
               call<kernels::ScaleOver>(divided, where(diagonal, constant_like(s, 1), sums)));
}

// x diag(1 / s), where what is zero stays zero.
Tensor over_columns(const Tensor& x, const Tensor& s) {
  return call<kernels::Scale>(x, expand_dims(reciprocal(s), {-2}));
}

// The imaginary part, as an imaginary number.
Tensor imaginary_part(const Tensor& x) { return (x - conj(x)) * 0.5; }

// Townsend 2016, "Differentiating the singular value decomposition", for u, s and v with full
// complements. Of the phase that a pair of complex vectors has in common, u takes all.
Tensors Svd::vjp(const VjpArgs& args) const {
  const Tensor &s = args.outputs[1], v = adjoint(args.outputs[2]);
  const int64_t m = rows(args.outputs[0]), n = rows(v), k = s.shape().back();
  const Tensor u1 = column_range(args.outputs[0], 0, k), v1 = column_range(v, 0, k);
  Tensor core, left, right, from_values;
  if (args.cotangents[1])
    from_values = with_singular_values(args.inputs[0], args.cotangents[1], {u1, s, adjoint(v1)});
  if (args.cotangents[0]) {
    const Tensor t = conj(args.cotangents[0]), t1 = column_range(t, 0, k);
    core =
        total({core, scale_columns(over_square_differences(2.0 * skew_part(matmul(adjoint(u1), t1)),
                                                           s, moves_by_pairs(t1)),
                                   s)});
    if (is_complex(t.dtype())) {
      const Tensor turns = imaginary_part(diagonal(matmul(adjoint(u1), t1), 0, -2, -1));
      const Tensor phases = call<kernels::ScaleOver>(turns, s);
      core = core + identity_matrix(k, s.dtype(), s.device()) * expand_dims(phases, {-2});
    }
    if (m > k) {
      Tensor moved = outside(t1, u1);
      if (full_) {
        const Tensor u2 = column_range(args.outputs[0], k, m);
        moved = moved - matmul(u2, matmul(adjoint(column_range(t, k, m)), u1));
      }
      left = matmul(over_columns(moved, s), adjoint(v1));
    }
  }
  if (args.cotangents[2]) {
    const Tensor t = adjoint(conj(args.cotangents[2])), t1 = column_range(t, 0, k);
    core = total({core, expand_dims(s, {-1}) *
                            over_square_differences(2.0 * skew_part(matmul(adjoint(v1), t1)), s,
                                                    moves_by_pairs(t1))});
    if (n > k) {
      Tensor moved = outside(t1, v1);
      if (full_) {
        const Tensor v2 = column_range(v, k, n);
        moved = moved - matmul(v2, matmul(adjoint(column_range(t, k, n)), v1));
      }
      right = matmul(u1, adjoint(over_columns(moved, s)));
    }
  }
  if (core) core = matmul(matmul(u1, core), adjoint(v1));
  return {conj(total({from_values, core, left, right}))};
}

Tensors Svd::jvp(TensorSpan x, TensorSpan tangents, TensorSpan outputs) const {
  const Tensor &t = tangents[0], &s = outputs[1], v = adjoint(outputs[2]);
  const int64_t m = rows(outputs[0]), n = rows(v), k = s.shape().back();
  const Tensor u1 = column_range(outputs[0], 0, k), v1 = column_range(v, 0, k);
  const Tensor inside = matmul(matmul(adjoint(u1), t), v1);
  const Tensor by_columns = scale_columns(inside, s), by_rows = expand_dims(s, {-1}) * inside;
  Tensor t_u = matmul(u1, over_square_differences(by_columns + adjoint(by_columns), s, moves(t)));
  Tensor t_v = matmul(v1, over_square_differences(by_rows + adjoint(by_rows), s, moves(t)));
  if (is_complex(t.dtype()))
    t_u = t_u + scale_columns(u1, imaginary_part(diagonal(inside, 0, -2, -1)) / s);
  if (m > k) {
    t_u = t_u + over_columns(outside(matmul(t, v1), u1), s);
    if (full_) {
      const Tensor u2 = column_range(outputs[0], k, m);
      t_u = ops::concat(Tensors{t_u, -matmul(u1, matmul(adjoint(t_u), u2))}, -1);
    }
  }
  if (n > k) {
    t_v = t_v + over_columns(outside(matmul(adjoint(t), u1), v1), s);
    if (full_) {
      const Tensor v2 = column_range(v, k, n);
      t_v = ops::concat(Tensors{t_v, -matmul(v1, matmul(adjoint(t_v), v2))}, -1);
    }
  }
  return {t_u, singular_values_moved(x[0], t, {u1, s, adjoint(v1)}), adjoint(t_v)};
}

// Of the first input; a second one may hold the values, as numbers without derivatives.
class SvdVals final : public OnMatrices {
 public:
  std::string_view name() const override { return "linalg.svdvals"; }
  Saves saves() const override { return {.inputs = 1}; }

  Specs infer(TensorSpan inputs) const override {
    const Tensor& a = inputs[0];
    require_matrices(name(), a, "x");
    const int64_t k = std::min(rows(a), columns(a));
    const Dims batch =
        inputs.size() == 1 ? lead(a) : broadcast_shapes(name(), lead(a), lead(inputs[1], 1));
    return {Spec{with_core(batch, {k}), real_of(a.dtype()), a.device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    if (inputs.size() == 2) {
      const Dims& shape = specs[0].shape;
      return {Tensor(
          copy_by_rows(inputs[1], Dims(shape.begin(), shape.end() - 1), specs[0].device, 1))};
    }
    require_lapack(name(), inputs[0].device());
    Ref<Array> copy = copy_by_columns(inputs[0], lead(inputs[0]), inputs[0].device());
    Ref<Array> s = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    if (s->size() == 0) return {Tensor(std::move(s))};
    const kernels::Matrices a = matrices(*copy);
    std::vector<int32_t> info(static_cast<size_t>(a.count), 0);
    kernels::svd(a, s->address(), nullptr, nullptr, info.data());
    raise_where_nonzero(name(), info, "the SVD did not converge");
    return {Tensor(std::move(s))};
  }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor& a = args.inputs[0];
    Tensors out(args.inputs.size());
    out[0] = conj(with_singular_values(a, args.cotangents[0], thin(a)));
    return out;
  }
  Tensors jvp(TensorSpan x, TensorSpan tangents, TensorSpan) const override {
    if (!tangents[0]) return {Tensor()};
    return {singular_values_moved(x[0], tangents[0], thin(x[0]))};
  }

 protected:
  int64_t core_rank(size_t input) const override { return input == 0 ? 2 : 1; }

 private:
  static Singular thin(const Tensor& a) {
    const Tensors found = apply(make_ref<Svd>(false), Borrowed<1>(a));
    return {found[0], found[1], found[2]};
  }
};

// With b = f f^H, a v = w b v is the problem of one matrix, f^-1 a f^-H, and its vectors f^H v;
// a b v = w v that of f^H a f with the same vectors, and b a v = w v with the vectors f^-1 v.
struct Reduced {
  Tensor matrix, factor;
};

// The matrix of which one triangle was given; the tangent that it takes is symmetric, as of eigh.
Tensor mirrored(const Tensor& a, bool lower) {
  const Tensor x = detached(a);
  const Tensor twice = lower ? tril(x) + tril(x, -1) : triu(x) + triu(x, 1);
  return value_of(hermitian_part(twice), hermitian_part(a));
}

Reduced reduced(std::string_view op, const Tensor& a, const Tensor& b, bool lower, int64_t type) {
  require_square(op, a);
  require_square(op, b, "b");
  if (rows(a) != rows(b)) {
    value_error("[", op, "] shapes ", shape_string(a.shape()), " and ", shape_string(b.shape()),
                " do not match: b must have as many rows as a");
  }
  const DType dtype = to_floating(promote(a.dtype(), b.dtype()));
  const Tensor f = cholesky_within(op, "b is not positive definite", cast(b, dtype), !lower);
  const Tensor factor = lower ? f : adjoint(f);
  const Tensor middle = mirrored(cast(a, dtype), lower);
  if (type != 1) return {matmul(adjoint(factor), matmul(middle, factor)), factor};
  constexpr TriangularForm kLower{.lower = true};
  const Tensor left = solve_matrix(factor, middle, kLower);
  return {solve_matrix(factor, adjoint(left), kLower), factor};
}

}  // namespace

Tensors eigh(const Tensor& given, const std::optional<Tensor>& b, std::string_view uplo,
             int64_t type) {
  const bool lower = reads_lower("linalg.eigh", uplo);
  require_type("linalg.eigh", type);
  if (b) {
    const Reduced one = reduced("linalg.eigh", given, *b, lower, type);
    const Tensors found = eigh(one.matrix);
    if (type == 3) return {found[0], matmul(one.factor, found[1])};
    return {found[0], solve_matrix(one.factor, found[1], {true, Transpose::Conjugate})};
  }
  const Tensor a = floating(given);
  Tensors out = apply(make_ref<Eigh>(lower), Borrowed<1>(a));
  remember_spectrum(out[0], lower ? SpectrumOf::Lower : SpectrumOf::Upper, a);
  return out;
}

Tensor eigvalsh(const Tensor& given, const std::optional<Tensor>& b, std::string_view uplo,
                int64_t type) {
  const bool lower = reads_lower("linalg.eigvalsh", uplo);
  require_type("linalg.eigvalsh", type);
  if (b) return eigvalsh(reduced("linalg.eigvalsh", given, *b, lower, type).matrix);
  const Tensor a = floating(given);
  Tensor w = apply1(make_ref<EigvalsH>(lower), Borrowed<1>(a));
  remember_spectrum(w, lower ? SpectrumOf::Lower : SpectrumOf::Upper, a);
  return w;
}

Tensors eigh_for_function(std::string_view op, const Tensor& a) {
  require_square(op, a);
  if (a.size() > 0) {
    const double n = static_cast<double>(columns(a));
    const double epsilon = real_of(a.dtype()) == DType::Float32
                               ? std::numeric_limits<float>::epsilon()
                               : std::numeric_limits<double>::epsilon();
    const Tensor numbers = detached(a);
    const Tensor largest = max(absolute(numbers), Axes(Dims{-2, -1}), true);
    if (surely(greater(absolute(numbers - adjoint(numbers)), largest * (16 * n * epsilon))))
      value_error("[", op, "] the matrix must be symmetric, or Hermitian");
  }
  Tensors out = apply(make_ref<Eigh>(true), Borrowed<1>(a));
  remember_matrix(out[0], a);
  return out;
}

Tensor function_from_eigen(const Tensor& y, const Tensor& v) {
  if (std::optional<Tensor> f = matrix_of_spectrum(y)) return *f;
  return matmul(scale_columns(v, y), adjoint(v));
}

Tensor svdvals(const Tensor& x) {
  const Tensor a = floating(x);
  Tensor s = apply1(make_ref<SvdVals>(), Borrowed<1>(a));
  remember_spectrum(s, SpectrumOf::Singular, a);
  return s;
}

Tensor svdvals_known(const Tensor& a, const Tensor& values) {
  Tensor s = apply1(make_ref<SvdVals>(), Borrowed<2>(a, values));
  remember_spectrum(s, SpectrumOf::Singular, a);
  return s;
}

Tensors svd(const Tensor& given, bool full_matrices, bool compute_uv, bool hermitian) {
  if (hermitian) require_square("linalg.svd", given);
  if (!compute_uv) return {svdvals(given)};
  const Tensor a = floating(given);
  Tensors out = apply(make_ref<Svd>(full_matrices), Borrowed<1>(a));
  remember_spectrum(out[1], SpectrumOf::Singular, a);
  return out;
}

void register_spectra(Registry& registry) {
  registry.add(
      "linalg.eigh", &eigh, "a, b=None, UPLO='L', *, type=1",
      R"(Eigenvalues, rising, and orthonormal eigenvectors of symmetric (Hermitian) matrices.

With b the solutions of ``a @ v = w * b @ v``, as SciPy's, for vibrations, normal modes and linear
discriminants: ``v^H @ b @ v`` is then the identity. Of type 2 those of ``a @ b @ v = w * v``, with
the same scale, of type 3 those of ``b @ a @ v = w * v``, where ``v^H @ inv(b) @ v`` is the identity.
A string in the place of b is NumPy's ``UPLO``.

One triangle of a is read; a is taken to be symmetric, and so is its gradient (Giles 2008, section
2.2.3). An eigenvector is determined up to its sign (phase): what depends on that has no meaningful
derivative. The same holds of any eigenvector of a repeated eigenvalue, so derivatives through it are
nan; those of the others have all of theirs. Those of the eigenvalues are as for ``eigvalsh``.

:param a: tensor of shape (..., n, n)
:param b: tensor of shape (..., n, n), positive definite, of which the same triangle is read; leading
    axes broadcast
:param UPLO: the triangle to read, 'L' or 'U'
:param type: 1, 2 or 3, what is solved with b
:returns: ``EighResult(eigenvalues, eigenvectors)`` of shapes (..., n) and (..., n, n)
:raises LinAlgError: no convergence, or b is not positive definite. A matrix a with inf or nan gives
    nan

>>> pa.linalg.eigh(pa.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues.tolist()
[1.0, 2.0]
>>> stiffness, mass = pa.tensor([[2.0, -1.0], [-1.0, 2.0]]), pa.tensor([[2.0, 0.0], [0.0, 2.0]])
>>> pa.linalg.eigh(stiffness, mass).eigenvalues.numpy().round(12).tolist()
[0.5, 1.5])");
  registry.result_type("EighResult");
  registry.add("linalg.eigvalsh", &eigvalsh, "a, b=None, UPLO='L', *, type=1",
               R"(The eigenvalues of symmetric (Hermitian) matrices, rising; with b those of
``a @ v = w * b @ v``, as SciPy's, of types 2 and 3 those of ``a @ b`` and of ``b @ a``, which are the
same. A string in the place of b is NumPy's ``UPLO``.

Where eigenvalues repeat, first derivatives of symmetric functions of them are right. Those that are
sums, means, products, variances, 2-norms, logsumexp or softmax along the last axis, or dot products,
of functions made of elementwise ops, have all higher derivatives, too: sum(f(w)) is the trace of
f(a), and is differentiated as that (Higham 2008, "Functions of Matrices", section 3.2). f may hold
scalars and tensors that are the same along the axis, such as ``mean(w, axis=-1, keepdims=True)``.
Of anything else that the repeated eigenvalues take part in, such as one of them, or
``(w[0] - w[1])**2``, first derivatives are those of one choice of eigenvectors, and higher ones nan,
in every mode. (Only if not an index tells them apart but another op, such as a product with a
constant vector, a slope that is exactly zero counts as zero.) A single eigenvalue beside repeated
ones has its derivatives of every order.

:param a: tensor of shape (..., n, n)
:param b: tensor of shape (..., n, n), positive definite, of which the same triangle is read; leading
    axes broadcast
:param UPLO: the triangle to read, 'L' or 'U'
:param type: 1, 2 or 3, what is solved with b
:returns: tensor of shape (..., n)
:raises LinAlgError: no convergence, or b is not positive definite. A matrix a with inf or nan gives
    nan

>>> pa.linalg.eigvalsh(pa.tensor([[0.0, 1.0], [1.0, 0.0]])).tolist()
[-1.0, 1.0])");
  registry.add("linalg.svd", &svd, "a, full_matrices=True, compute_uv=True, hermitian=False",
               R"(The singular value decomposition ``a = U @ diag(S) @ Vh``.

Singular vectors are determined up to a common sign (phase) of a pair: what depends on it has no
meaningful derivative, nor has what depends on more than the span of the vectors beyond
k = min(m, n). Derivatives through the vectors are nan where singular values repeat; those of the
values are as for ``svdvals`` (Townsend 2016, "Differentiating the singular value decomposition").

:param a: tensor of shape (..., m, n)
:param full_matrices: square U and Vh, instead of k columns and rows
:param compute_uv: False: return S alone
:param hermitian: a promise that a is symmetric, of which no use is made
:returns: ``SVDResult(U, S, Vh)``, S of shape (..., k), falling
:raises LinAlgError: no convergence, or a nan

>>> pa.linalg.svd(pa.tensor([[0.0, 2.0], [1.0, 0.0]])).S.tolist()
[2.0, 1.0])");
  registry.result_type("SVDResult");
  registry.add("linalg.svdvals", &svdvals, "x, /",
               R"(The singular values of every matrix, falling.

Where values repeat, first derivatives of symmetric functions of them are right, and higher ones as
for ``eigvalsh``; if a value is zero, of functions with slope zero there. At a zero value the derivative is that of the signed value along its singular vectors.

:param x: tensor of shape (..., m, n)
:returns: tensor of shape (..., min(m, n))
:raises LinAlgError: no convergence, or a nan

>>> pa.linalg.svdvals(pa.tensor([[0.0, -2.0], [1.0, 0.0]])).tolist()
[2.0, 1.0])");
}

}  // namespace pyautograd::ops::linalg
