// eigh, eigvalsh, svd, svdvals.

#include <limits>

#include "kernels/kernels.h"
#include "ops/elementwise.h"
#include "ops/linalg.h"
#include "ops/spectrum.h"

namespace pyautograd::ops::linalg {

namespace {

bool reads_lower(std::string_view op, std::string_view uplo) {
  if (uplo == "L" || uplo == "l") return true;
  if (uplo == "U" || uplo == "u") return false;
  value_error("[", op, "] UPLO must be 'L' or 'U', got '", uplo, "'");
}

Tensor skew_part(const Tensor& x) { return (x - adjoint(x)) * 0.5; }

class Eigh final : public OnMatrices {
 public:
  explicit Eigh(bool lower) : lower_(lower) {}
  std::string_view name() const override { return "linalg.eigh"; }
  Saves saves() const override { return {.outputs = 3}; }

  Specs infer(TensorSpan inputs) const override {
    const Tensor& a = inputs[0];
    require_square(name(), a);
    return {Spec{lead(a, 1), real_of(a.dtype()), a.device()}, a.spec()};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    require_lapack(name());
    Ref<Array> vectors = copy_by_columns(inputs[0], lead(inputs[0]));
    Ref<Array> values = Array::empty(specs[0].shape, specs[0].dtype);
    const kernels::Matrices a = matrices(*vectors);
    std::vector<int32_t> info(static_cast<size_t>(a.count), 0);
    kernels::eigh(a, values->data(), lower_, true, info.data());
    raise_where_nonzero(name(), info, "eigenvalues did not converge");
    return {Tensor(std::move(values)), Tensor(std::move(vectors))};
  }
  // Giles 2008, section 2.2.3.
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor &w = args.outputs[0], &v = args.outputs[1];
    Tensor from_values, from_vectors;
    if (args.cotangents[0]) from_values = matmul(scale_columns(v, args.cotangents[0]), adjoint(v));
    if (args.cotangents[1]) {
      const Tensor turn = skew_part(matmul(adjoint(v), conj(args.cotangents[1])));
      from_vectors = matmul(
          matmul(v, over_differences(turn, w, moves_by_pairs(args.cotangents[1]))), adjoint(v));
    }
    return {conj(hermitian_part(total({from_values, from_vectors})))};
  }
  Tensors jvp(TensorSpan, TensorSpan tangents, TensorSpan outputs) const override {
    const Tensor &w = outputs[0], &v = outputs[1];
    const Tensor inside = matmul(matmul(adjoint(v), hermitian_part(tangents[0])), v);
    return {real(diagonal(inside, 0, -2, -1)),
            matmul(v, over_differences(inside, w, moves(tangents[0])))};
  }

 private:
  const bool lower_;
};

// (c[i] - c[j]) / (w[i] - w[j]), or with the sums of both. Where the divisor is zero it is nan, but
// zero where both c are: eigenvalues that nothing asks for spoil no derivative of the others.
Tensor quotients(const Tensor& c, const Tensor& w, bool sums) {
  const Tensor ci = expand_dims(c, {-1}), cj = expand_dims(c, {-2});
  const Tensor wi = expand_dims(w, {-1}), wj = expand_dims(w, {-2});
  const Tensor zero = constant_like(w, 0);
  const Tensor diagonal = identity_matrix(w.shape().back(), DType::Bool);
  const Tensor divisor = sums ? wi + wj : wi - wj;
  const Tensor singular = sums ? equal(divisor, zero) : logical_or(equal_pairs(w), diagonal);
  const Tensor still = logical_and(equal(ci, zero), equal(cj, zero));
  const Tensor nan = constant_like(w, std::numeric_limits<double>::quiet_NaN());
  const Tensor regular = (sums ? ci + cj : ci - cj) / where(singular, constant_like(w, 1), divisor);
  return where(sums ? still : logical_or(still, diagonal), zero, where(singular, nan, regular));
}

// Element by element, but nan altogether if x is not zero and a quotient is not known: V x V^H
// needs all of them.
Tensor times_quotients(const Tensor& x, const Tensor& quotients) {
  const Tensor unknown = logical_and(isnan(quotients), moves(x));
  const Tensor nan = constant_like(quotients, std::numeric_limits<double>::quiet_NaN());
  return call<kernels::Scale>(x, quotients) + where(unknown, nan, constant_like(quotients, 0));
}

// V diag(c) V^H, for the eigenvectors V of a: the first derivative of functions of its eigenvalues
// is such a matrix. The derivative by a is a product with quotients of c element by element (Higham
// 2008, "Functions of Matrices", section 3.2), and its own transpose.
class WithEigenvalues final : public OnMatrices {
 public:
  explicit WithEigenvalues(bool lower) : lower_(lower) {}
  std::string_view name() const override { return "linalg.eigvalsh"; }
  Saves saves() const override { return {.inputs = 3}; }
  Specs infer(TensorSpan x) const override {
    const Dims batch = broadcast_shapes(name(), lead(x[0]), lead(x[1], 1));
    return {Spec{with_core(batch, {rows(x[0]), rows(x[0])}), promote(x[0].dtype(), x[1].dtype()),
                 x[0].device()}};
  }
  Tensors eval(TensorSpan x, const Specs&) const override {
    const Tensor v = decomposed(x[0].untracked())[1];
    const Tensor sum = matmul(scale_columns(v, x[1].untracked()), adjoint(v));
    return {hermitian_part(sum)};
  }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensors f = decomposed(args.inputs[0]);
    const Tensor inside = turned(f, hermitian_part(conj(args.cotangents[0])));
    return {args.wants[0] ? conj(moved(f, args.inputs[1], inside)) : Tensor(),
            real(diagonal(inside, 0, -2, -1))};
  }
  Tensors jvp(TensorSpan x, TensorSpan t, TensorSpan) const override {
    Tensor by_matrix, by_values;
    if (t[0]) {
      const Tensors f = decomposed(x[0]);
      by_matrix = moved(f, x[1], turned(f, hermitian_part(t[0])));
    }
    if (t[1]) by_values = apply1(Ref<const Primitive>(this), Borrowed<2>(x[0], t[1]));
    return {total({by_matrix, by_values})};
  }

 protected:
  int64_t core_rank(size_t input) const override { return input == 0 ? 2 : 1; }

 private:
  Tensors decomposed(const Tensor& a) const {
    return apply(make_ref<Eigh>(lower_), Borrowed<1>(a));
  }
  static Tensor turned(const Tensors& f, const Tensor& x) {
    return matmul(matmul(adjoint(f[1]), x), f[1]);
  }
  static Tensor moved(const Tensors& f, const Tensor& c, const Tensor& inside) {
    const Tensor core = times_quotients(inside, quotients(c, f[0], false));
    return matmul(matmul(f[1], core), adjoint(f[1]));
  }

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
    require_lapack(name());
    Ref<Array> copy = copy_by_columns(inputs[0], lead(inputs[0]));
    Ref<Array> values = Array::empty(specs[0].shape, specs[0].dtype);
    const kernels::Matrices a = matrices(*copy);
    std::vector<int32_t> info(static_cast<size_t>(a.count), 0);
    kernels::eigh(a, values->data(), lower_, false, info.data());
    raise_where_nonzero(name(), info, "eigenvalues did not converge");
    return {Tensor(std::move(values))};
  }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor slope =
        apply1(make_ref<WithEigenvalues>(lower_), Borrowed<2>(args.inputs[0], args.cotangents[0]));
    return {conj(slope)};
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan) const override {
    const Tensor v = vectors(primals[0]);
    return {real(sum(conj(v) * matmul(hermitian_part(tangents[0]), v), Dims{-2}))};
  }

 private:
  Tensor vectors(const Tensor& a) const { return apply(make_ref<Eigh>(lower_), Borrowed<1>(a))[1]; }

  const bool lower_;
};

// Thin or full; the columns of u and rows of vh beyond the singular values, bases that nothing
// determines, are taken to move as little as they can.
class Svd final : public OnMatrices {
 public:
  explicit Svd(bool full) : full_(full) {}
  std::string_view name() const override { return "linalg.svd"; }
  Saves saves() const override { return {.outputs = 7}; }

  Specs infer(TensorSpan inputs) const override {
    const Tensor& a = inputs[0];
    require_matrices(name(), a);
    const int64_t m = rows(a), n = columns(a), k = std::min(m, n);
    return {Spec{with_core(lead(a), {m, full_ ? m : k}), a.dtype(), a.device()},
            Spec{with_core(lead(a), {k}), real_of(a.dtype()), a.device()},
            Spec{with_core(lead(a), {full_ ? n : k, n}), a.dtype(), a.device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    require_lapack(name());
    const Dims batch = lead(inputs[0]);
    Ref<Array> copy = copy_by_columns(inputs[0], batch);
    const auto vectors = [&](const Spec& spec) {
      const size_t rank = spec.shape.size();
      return empty_by_columns(batch, spec.shape[rank - 2], spec.shape[rank - 1], spec.dtype);
    };
    Ref<Array> u = vectors(specs[0]), vh = vectors(specs[2]);
    Ref<Array> s = Array::empty(specs[1].shape, specs[1].dtype);
    const kernels::Matrices a = matrices(*copy), left = matrices(*u), right = matrices(*vh);
    if (a.rows == 0 || a.columns == 0) {
      for (const Ref<Array>& x : {u, vh}) {
        const Tensor ones = identity_matrix(x->shape.back(), x->dtype);
        if (x->size() > 0) kernels::copy(x->view(), broadcast_to(ones, x->shape).view());
      }
    } else {
      std::vector<int32_t> info(static_cast<size_t>(a.count), 0);
      kernels::svd(a, s->data(), &left, &right, info.data());
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
  const Tensor diagonal = identity_matrix(s.shape().back(), DType::Bool);
  const Tensor divided = over_differences(x, s, moving);
  return where(diagonal, constant_like(s, 0),
               call<kernels::ScaleOver>(divided, where(diagonal, constant_like(s, 1), sums)));
}

// x diag(1 / s), where what is zero stays zero.
Tensor over_columns(const Tensor& x, const Tensor& s) {
  return call<kernels::Scale>(x, expand_dims(reciprocal(s), {-2}));
}

// x without its part in the span of the orthonormal columns of u.
Tensor outside(const Tensor& x, const Tensor& u) { return x - matmul(u, matmul(adjoint(u), x)); }

// The imaginary part, as an imaginary number.
Tensor imaginary_part(const Tensor& x) { return (x - conj(x)) * 0.5; }

// Townsend 2016, "Differentiating the singular value decomposition", for u, s and v with full
// complements. Of the phase that a pair of complex vectors has in common, u takes all.
Tensors Svd::vjp(const VjpArgs& args) const {
  const Tensor &s = args.outputs[1], v = adjoint(args.outputs[2]);
  const int64_t m = rows(args.outputs[0]), n = rows(v), k = s.shape().back();
  const Tensor u1 = column_range(args.outputs[0], 0, k), v1 = column_range(v, 0, k);
  Tensor core, left, right;
  if (args.cotangents[1]) {
    core = identity_matrix(k, s.dtype()) * expand_dims(args.cotangents[1], {-2});
  }
  if (args.cotangents[0]) {
    const Tensor t = conj(args.cotangents[0]), t1 = column_range(t, 0, k);
    core =
        total({core, scale_columns(over_square_differences(2.0 * skew_part(matmul(adjoint(u1), t1)),
                                                           s, moves_by_pairs(t1)),
                                   s)});
    if (is_complex(t.dtype())) {
      const Tensor turns = imaginary_part(diagonal(matmul(adjoint(u1), t1), 0, -2, -1));
      const Tensor phases = call<kernels::ScaleOver>(turns, s);
      core = core + identity_matrix(k, s.dtype()) * expand_dims(phases, {-2});
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
  return {conj(total({matmul(matmul(u1, core), adjoint(v1)), left, right}))};
}

Tensors Svd::jvp(TensorSpan, TensorSpan tangents, TensorSpan outputs) const {
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
  return {t_u, real(diagonal(inside, 0, -2, -1)), adjoint(t_v)};
}

// U diag(c) V^H, for the singular vectors of a, likewise: the Hermitian part of U^H X V, for a
// direction X, meets the quotients of differences, the rest those of sums.
class WithSingularValues final : public OnMatrices {
 public:
  std::string_view name() const override { return "linalg.svdvals"; }
  Saves saves() const override { return {.inputs = 3}; }
  Specs infer(TensorSpan x) const override {
    const Dims batch = broadcast_shapes(name(), lead(x[0]), lead(x[1], 1));
    return {Spec{with_core(batch, {rows(x[0]), columns(x[0])}), promote(x[0].dtype(), x[1].dtype()),
                 x[0].device()}};
  }
  Tensors eval(TensorSpan x, const Specs&) const override {
    const Tensors f = thin(x[0].untracked());
    return {matmul(scale_columns(f[0], x[1].untracked()), f[2])};
  }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensors f = thin(args.inputs[0]);
    const Tensor direction = conj(args.cotangents[0]), inside = turned(f, direction);
    return {args.wants[0] ? conj(moved(f, args.inputs[1], direction, inside)) : Tensor(),
            real(diagonal(inside, 0, -2, -1))};
  }
  Tensors jvp(TensorSpan x, TensorSpan t, TensorSpan) const override {
    Tensor by_matrix, by_values;
    if (t[0]) {
      const Tensors f = thin(x[0]);
      by_matrix = moved(f, x[1], t[0], turned(f, t[0]));
    }
    if (t[1]) by_values = apply1(Ref<const Primitive>(this), Borrowed<2>(x[0], t[1]));
    return {total({by_matrix, by_values})};
  }

  static Tensors thin(const Tensor& a) { return apply(make_ref<Svd>(false), Borrowed<1>(a)); }

 protected:
  int64_t core_rank(size_t input) const override { return input == 0 ? 2 : 1; }

 private:
  static Tensor turned(const Tensors& f, const Tensor& x) {
    return matmul(matmul(adjoint(f[0]), x), adjoint(f[2]));
  }
  static Tensor moved(const Tensors& f, const Tensor& c, const Tensor& x, const Tensor& inside) {
    const Tensor &u = f[0], &s = f[1], v = adjoint(f[2]);
    const Tensor core = times_quotients(hermitian_part(inside), quotients(c, s, false)) +
                        times_quotients(skew_part(inside), quotients(c, s, true));
    const Tensor rates = call<kernels::ScaleOver>(c, s);
    Tensor left, right;
    if (rows(u) > columns(u)) left = matmul(scale_by(outside(matmul(x, v), u), rates), f[2]);
    if (rows(v) > columns(v))
      right = matmul(u, adjoint(scale_by(outside(matmul(adjoint(x), u), v), rates)));
    return total({matmul(matmul(u, core), f[2]), left, right});
  }
  static Tensor scale_by(const Tensor& x, const Tensor& columns) {
    return call<kernels::Scale>(x, expand_dims(columns, {-2}));
  }
};

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
      return {Tensor(copy_by_rows(inputs[1], Dims(shape.begin(), shape.end() - 1), 1))};
    }
    require_lapack(name());
    Ref<Array> copy = copy_by_columns(inputs[0], lead(inputs[0]));
    Ref<Array> s = Array::empty(specs[0].shape, specs[0].dtype);
    if (s->size() == 0) return {Tensor(std::move(s))};
    const kernels::Matrices a = matrices(*copy);
    std::vector<int32_t> info(static_cast<size_t>(a.count), 0);
    kernels::svd(a, s->data(), nullptr, nullptr, info.data());
    raise_where_nonzero(name(), info, "the SVD did not converge");
    return {Tensor(std::move(s))};
  }
  Tensors vjp(const VjpArgs& args) const override {
    Tensors out(args.inputs.size());
    out[0] = conj(
        apply1(make_ref<WithSingularValues>(), Borrowed<2>(args.inputs[0], args.cotangents[0])));
    return out;
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan) const override {
    if (!tangents[0]) return {Tensor()};
    const Tensors f = WithSingularValues::thin(primals[0]);
    return {real(sum(conj(f[0]) * matmul(tangents[0], adjoint(f[2])), Dims{-2}))};
  }

 protected:
  int64_t core_rank(size_t input) const override { return input == 0 ? 2 : 1; }
};

}  // namespace

Tensors eigh(const Tensor& given, std::string_view uplo) {
  const bool lower = reads_lower("linalg.eigh", uplo);
  const Tensor a = floating(given);
  Tensors out = apply(make_ref<Eigh>(lower), Borrowed<1>(a));
  remember_spectrum(out[0], lower ? SpectrumOf::Lower : SpectrumOf::Upper, a);
  return out;
}

Tensor eigvalsh(const Tensor& given, std::string_view uplo) {
  const bool lower = reads_lower("linalg.eigvalsh", uplo);
  const Tensor a = floating(given);
  Tensor w = apply1(make_ref<EigvalsH>(lower), Borrowed<1>(a));
  remember_spectrum(w, lower ? SpectrumOf::Lower : SpectrumOf::Upper, a);
  return w;
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
      "linalg.eigh", &eigh, "a, UPLO='L'",
      R"(Eigenvalues, rising, and orthonormal eigenvectors of symmetric (Hermitian) matrices.

One triangle of a is read; a is taken to be symmetric, and so is its gradient (Giles 2008, section
2.2.3). An eigenvector is determined up to its sign (phase): what depends on that has no meaningful
derivative. The same holds of any eigenvector of a repeated eigenvalue, so there derivatives through
eigenvectors are nan. Those of the eigenvalues are as for ``eigvalsh``.

:param a: tensor of shape (..., n, n)
:param UPLO: the triangle to read, 'L' or 'U'
:returns: ``EighResult(eigenvalues, eigenvectors)`` of shapes (..., n) and (..., n, n)
:raises LinAlgError: no convergence. A matrix with inf or nan gives nan

>>> pa.linalg.eigh(pa.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues.tolist()
[1.0, 2.0])");
  registry.result_type("EighResult");
  registry.add("linalg.eigvalsh", &eigvalsh, "a, UPLO='L'",
               R"(The eigenvalues of symmetric (Hermitian) matrices, rising.

Where eigenvalues repeat, first derivatives of symmetric functions of them are right. Those that are
sums, means, products, variances, 2-norms, logsumexp or softmax along the last axis, or dot products,
of functions made of elementwise ops, have all higher derivatives, too: sum(f(w)) is the trace of
f(a), and is differentiated as that (Higham 2008, "Functions of Matrices", section 3.2). f may hold
scalars and tensors that are the same along the axis, such as ``mean(w, axis=-1, keepdims=True)``.
Second derivatives of anything else that the repeated eigenvalues take part in are nan there.

:param a: tensor of shape (..., n, n)
:param UPLO: the triangle to read, 'L' or 'U'
:returns: tensor of shape (..., n)
:raises LinAlgError: no convergence. A matrix with inf or nan gives nan

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
