// cholesky, qr, lu, lu_factor.

#include <numeric>

#include "ops/linalg.h"
#include "ops/reduce.h"

namespace pyautograd::ops::linalg {

namespace {

constexpr TriangularForm kLower{.lower = true}, kUnitLower{true, Transpose::None, true},
    kUnitLowerTransposed{true, Transpose::Plain, true}, kUpper{},
    kUpperTransposed{false, Transpose::Plain};

// x a^-1 for triangular a.
Tensor divide_right(const Tensor& x, const Tensor& a, TriangularForm form) {
  form.transpose = form.transpose == Transpose::None ? Transpose::Plain : Transpose::None;
  return matrix_transpose(solve_matrix(a, matrix_transpose(x), form));
}

// The lower triangle with half of the diagonal.
Tensor half_lower(const Tensor& x) { return (tril(x) + tril(x, -1)) * 0.5; }

class Cholesky final : public OnMatrices {
 public:
  // `failure` is what a function of its own says of a matrix that has no factor.
  explicit Cholesky(bool upper, std::string_view op = "linalg.cholesky",
                    std::string_view failure = "the matrix is not positive definite")
      : upper_(upper), op_(op), failure_(failure) {}
  std::string_view name() const override { return op_; }
  Saves saves() const override { return {.outputs = 1}; }

  Specs infer(TensorSpan inputs) const override {
    require_square(name(), inputs[0]);
    return {inputs[0].spec()};
  }
  Tensors eval(TensorSpan inputs, const Specs&) const override {
    require_lapack(name(), inputs[0].device());
    // Of the transposed matrix, it is the transposed factor.
    Ref<Array> factor = copy_by_rows(inputs[0], lead(inputs[0]), inputs[0].device());
    const kernels::Matrices a = transposed_matrices(*factor);
    std::vector<int32_t> info(static_cast<size_t>(a.count), 0);
    kernels::cholesky(a, !upper_, info.data());
    raise_where_nonzero(name(), info, failure_);
    return {Tensor(std::move(factor))};
  }
  // Murray 2016, equations 9 and 10, for the lower factor; the upper one is its adjoint.
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor lower = upper_ ? adjoint(args.outputs[0]) : args.outputs[0];
    const Tensor t = conj(upper_ ? adjoint(args.cotangents[0]) : args.cotangents[0]);
    const Tensor middle = half_lower(lower_product(adjoint(lower), t, true));
    const Tensor left = solve_matrix(lower, middle, {true, Transpose::Conjugate});
    return {conj(hermitian_part(divide_right(left, lower, kLower)))};
  }
  Tensors jvp(TensorSpan, TensorSpan tangents, TensorSpan outputs) const override {
    const Tensor lower = upper_ ? adjoint(outputs[0]) : outputs[0];
    const Tensor left = solve_matrix(lower, hermitian_part(tangents[0]), kLower);
    const Tensor moved =
        matmul(lower, half_lower(adjoint(solve_matrix(lower, adjoint(left), kLower))));
    return {upper_ ? adjoint(moved) : moved};
  }

 private:
  const bool upper_;
  const std::string_view op_, failure_;
};

// a = q r. With `complete`, q is square; its last columns, a basis of the complement that nothing
// determines, are taken to move as little as they can.
class Qr final : public OnMatrices {
 public:
  explicit Qr(bool complete) : complete_(complete) {}
  std::string_view name() const override { return "linalg.qr"; }
  Saves saves() const override { return {.inputs = 1, .outputs = 3}; }

  Specs infer(TensorSpan inputs) const override {
    const Tensor& a = inputs[0];
    require_matrices(name(), a);
    const int64_t m = rows(a), n = columns(a), k = complete_ ? m : std::min(m, n);
    return {Spec{with_core(lead(a), {m, k}), a.dtype(), a.device()},
            Spec{with_core(lead(a), {k, n}), a.dtype(), a.device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    require_lapack(name(), inputs[0].device());
    const Dims batch = lead(inputs[0]);
    const int64_t m = rows(inputs[0]), n = columns(inputs[0]), k = specs[0].shape.back();
    Ref<Array> factored = copy_by_columns(inputs[0], batch, inputs[0].device());
    Ref<Array> q = empty_by_columns(batch, m, k, specs[0].dtype, specs[0].device);
    const kernels::Matrices q_matrices = matrices(*q);
    kernels::qr(matrices(*factored), &q_matrices);
    Tensor r(std::move(factored));
    return {Tensor(std::move(q)), k == m && n > 0 ? r : row_range(r, 0, std::min(k, m))};
  }
  Tensors vjp(const VjpArgs& args) const override;
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override;

 private:
  const bool complete_;
};

// Walter and Lehmann 2010, and Roberts and Roberts 2020 for wide matrices, where the first columns
// determine q, and r beyond them is q^H a.
Tensors Qr::vjp(const VjpArgs& args) const {
  const Tensor &a = args.inputs[0], &q = args.outputs[0], &r = args.outputs[1];
  const int64_t m = rows(a), n = columns(a), k = std::min(m, n);
  const auto given = [&](size_t i) {
    return args.cotangents[i] ? conj(args.cotangents[i])
                              : zeros_view(args.outputs[i].shape(), a.dtype());
  };
  const Tensor t_q = given(0), t_r = given(1);
  const Tensor q1 = column_range(q, 0, k), r1 = column_range(row_range(r, 0, k), 0, k);
  Tensor t_q1 = column_range(t_q, 0, k);
  const Tensor t_r1 = column_range(row_range(t_r, 0, k), 0, k);
  Tensor rest;
  if (n > k) {
    const Tensor t_r2 = column_range(t_r, k, n);
    t_q1 = t_q1 + matmul(column_range(a, k, n), adjoint(t_r2));
    rest = matmul(q1, t_r2);
  }
  const Tensor mixed = matmul(r1, adjoint(t_r1)) - matmul(adjoint(t_q1), q1);
  // The lower triangle, mirrored: the diagonal must not count twice.
  const Tensor mirrored = hermitian_part(tril(mixed) + tril(mixed, -1));
  Tensor inner = t_q1 + matmul(q1, mirrored);
  if (columns(q) > k) {
    const Tensor q2 = column_range(q, k, m), t_q2 = column_range(t_q, k, m);
    inner = inner - matmul(q2, matmul(adjoint(t_q2), q1));
  }
  const Tensor first = divide_right(inner, conj(r1), kUpperTransposed);
  return {conj(rest ? ops::concat(Tensors{first, rest}, -1) : first)};
}

Tensors Qr::jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const {
  const Tensor &a = primals[0], &t = tangents[0], &q = outputs[0], &r = outputs[1];
  const int64_t m = rows(a), n = columns(a), k = std::min(m, n);
  const Tensor q1 = column_range(q, 0, k), r1 = column_range(row_range(r, 0, k), 0, k);
  const Tensor scaled = divide_right(column_range(t, 0, k), r1, kUpper);
  const Tensor inside = matmul(adjoint(q1), scaled);
  const Tensor below = tril(inside, -1);
  Tensor turn = below - adjoint(below);
  if (is_complex(t.dtype())) {  // r keeps a real diagonal
    const Tensor phases = diagonal(inside, 0, -2, -1);
    turn = turn +
           scale_columns(identity_matrix(k, t.dtype(), t.device()), (phases - conj(phases)) * 0.5);
  }
  Tensor t_q = scaled - matmul(q1, inside - turn);
  Tensor t_r = matmul(inside - turn, r1);
  if (n > k) {
    const Tensor t_r2 =
        matmul(adjoint(t_q), column_range(a, k, n)) + matmul(adjoint(q1), column_range(t, k, n));
    t_r = ops::concat(Tensors{t_r, t_r2}, -1);
  }
  if (columns(q) > k) {
    const Tensor q2 = column_range(q, k, m);
    const Tensor t_q2 = -matmul(q1, adjoint(matmul(adjoint(q2), scaled)));
    t_q = ops::concat(Tensors{t_q, t_q2}, -1);
    Dims padding = lead(a);
    padding = with_core(padding, {m - k, n});
    t_r = ops::concat(Tensors{t_r, zeros(padding, a.dtype(), a.device())}, -2);
  }
  return {t_q, t_r};
}

// Row i of the matrix comes from row permutation[i] once the exchanges are made.
class Permutation final : public Primitive {
 public:
  Permutation(int64_t rows, bool inverted) : rows_(rows), inverted_(inverted) {}
  std::string_view name() const override { return "permutation"; }

  Specs infer(TensorSpan inputs) const override {
    return {Spec{with_core(lead(inputs[0], 1), {rows_}), DType::Int64, inputs[0].device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    const Dims exchanges = concrete_integers("linalg.lu_solve", inputs[0]);
    Ref<Array> out = Array::empty(specs[0].shape, DType::Int64);
    const int64_t count = inputs[0].shape().back(), batch = rows_ == 0 ? 0 : out->size() / rows_;
    std::vector<int64_t> order(static_cast<size_t>(rows_));
    for (int64_t i = 0; i < batch; ++i) {
      std::iota(order.begin(), order.end(), 0);
      for (int64_t j = 0; j < count; ++j)
        std::swap(order[size_t(j)], order[size_t(exchange(exchanges[size_t(i * count + j)]))]);
      int64_t* row = out->data<int64_t>() + i * rows_;
      for (int64_t j = 0; j < rows_; ++j)
        (inverted_ ? row[order[size_t(j)]] : row[j]) = inverted_ ? j : order[size_t(j)];
    }
    return {to_device(Tensor(std::move(out)), specs[0].device)};
  }
  BatchResult batch(int64_t, TensorSpan values, std::span<const int> dims) const override {
    return {{apply1(Ref<const Primitive>(this), mapped_to_front(values[0], dims[0]))}, {0}};
  }

 private:
  int64_t exchange(int64_t row) const {
    if (row < 0 || row >= rows_)
      value_error("[linalg.lu_solve] piv: row ", row, " is out of range for ", rows_, " rows");
    return row;
  }

  const int64_t rows_;
  const bool inverted_;
};

// Both factors in one matrix, and the row exchanges: a[permutation] = l u.
class LuFactor final : public OnMatrices {
 public:
  std::string_view name() const override { return "linalg.lu_factor"; }
  Saves saves() const override { return {.outputs = 3}; }

  Specs infer(TensorSpan inputs) const override {
    const Tensor& a = inputs[0];
    require_matrices(name(), a);
    const int64_t k = std::min(rows(a), columns(a));
    return {a.spec(), Spec{with_core(lead(a), {k}), DType::Int32, a.device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    require_lapack(name(), inputs[0].device());
    Ref<Array> lu = copy_by_columns(inputs[0], lead(inputs[0]), inputs[0].device());
    Ref<Array> pivots = Array::empty(specs[1].shape, DType::Int32, specs[1].device);
    const kernels::Matrices a = matrices(*lu);
    kernels::lu(a, pivots_of(*pivots), nullptr);  // singular is no error
    return {Tensor(std::move(lu)), Tensor(std::move(pivots))};
  }
  Tensors vjp(const VjpArgs& args) const override;
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override;
};

// With F = L^-1 dA U^-1 over the leading square part, dL = L tril(F, -1) and dU = triu(F) U.
Tensors LuFactor::jvp(TensorSpan, TensorSpan tangents, TensorSpan outputs) const {
  const Tensor& lu = outputs[0];
  const int64_t m = rows(lu), n = columns(lu), k = std::min(m, n);
  const Tensor t = permute_rows(tangents[0], outputs[1], false);
  const Tensor square = column_range(row_range(lu, 0, k), 0, k);
  const Tensor l = tril(square, -1) + identity_matrix(k, lu.dtype(), lu.device()), u = triu(square);
  const Tensor t_square = column_range(row_range(t, 0, k), 0, k);
  const Tensor f = divide_right(solve_matrix(square, t_square, kUnitLower), square, kUpper);
  const Tensor t_l = matmul(l, tril(f, -1)), t_u = matmul(triu(f), u);
  if (m > k) {
    const Tensor below = row_range(t, k, m) - matmul(row_range(lu, k, m), t_u);
    return {ops::concat(Tensors{t_l + t_u, divide_right(below, square, kUpper)}, -2), Tensor()};
  }
  if (n > k) {
    const Tensor right = column_range(t, k, n) - matmul(t_l, column_range(lu, k, n));
    return {ops::concat(Tensors{t_l + t_u, solve_matrix(square, right, kUnitLower)}, -1), Tensor()};
  }
  return {t_l + t_u, Tensor()};
}

Tensors LuFactor::vjp(const VjpArgs& args) const {
  const Tensor &lu = args.outputs[0], &t = args.cotangents[0];
  const int64_t m = rows(lu), n = columns(lu), k = std::min(m, n);
  const Tensor square = column_range(row_range(lu, 0, k), 0, k);
  const Tensor l = tril(square, -1) + identity_matrix(k, lu.dtype(), lu.device()), u = triu(square);
  Tensor t_l = column_range(row_range(t, 0, k), 0, k), t_u = t_l, below, right;
  if (m > k) {
    below = divide_right(row_range(t, k, m), square, kUpperTransposed);
    t_u = t_u - matmul(matrix_transpose(row_range(lu, k, m)), below);
  }
  if (n > k) {
    right = solve_matrix(square, column_range(t, k, n), kUnitLowerTransposed);
    t_l = t_l - matmul(right, matrix_transpose(column_range(lu, k, n)));
  }
  const Tensor f = tril(matmul(matrix_transpose(l), tril(t_l, -1)), -1) +
                   triu(matmul(triu(t_u), matrix_transpose(u)));
  Tensor out =
      divide_right(solve_matrix(square, f, kUnitLowerTransposed), square, kUpperTransposed);
  if (below) out = ops::concat(Tensors{out, below}, -2);
  if (right) out = ops::concat(Tensors{out, right}, -1);
  return {permute_rows(out, args.outputs[1], true)};
}

Tensors lu(const Tensor& a, bool permute_l, bool p_indices) {
  require_matrices("linalg.lu", a);
  const Tensors factored = lu_factor(a);
  const Tensor& packed = factored[0];
  const int64_t m = rows(packed), n = columns(packed), k = std::min(m, n);
  const Tensor l = tril(column_range(packed, 0, k), -1) +
                   to_device(eye(m, k, 0, packed.dtype()), packed.device());
  const Tensor u = triu(row_range(packed, 0, k));
  if (permute_l) return {permute_rows(l, factored[1], true), u};
  // SciPy's indices put the rows of l back: a = l[p] @ u.
  const Tensor order = permutation_of(factored[1], m, true);
  if (p_indices) return {order, l, u};
  const Tensor positions = arange(0, static_cast<double>(m), 1, DType::Int64, a.device());
  const Tensor p = equal(expand_dims(order, {-1}), positions);
  return {astype(p, real_of(packed.dtype())), l, u};
}

}  // namespace

Tensor permute_rows(const Tensor& x, const Tensor& pivots, bool inverted) {
  const Tensor order = permutation_of(pivots, rows(x), inverted);
  const Dims batch = broadcast_shapes("linalg.lu", lead(x), lead(order, 1));
  const Tensor values = broadcast_to(x, with_core(batch, {rows(x), columns(x)}));
  const Tensor places = broadcast_to(expand_dims(order, {-1}), with_core(batch, {rows(x), 1}));
  return take_along_axis(values, places, -2);
}

Tensor permutation_of(const Tensor& pivots, int64_t rows, bool inverted) {
  return apply1(make_ref<Permutation>(rows, inverted), Borrowed<1>(pivots));
}

Tensor cholesky(const Tensor& a, bool upper) {
  return apply1(make_ref<Cholesky>(upper), Borrowed<1>(floating(a)));
}

Tensor cholesky_within(std::string_view op, std::string_view failure, const Tensor& a, bool upper) {
  return apply1(make_ref<Cholesky>(upper, op, failure), Borrowed<1>(a));
}

Tensors qr(const Tensor& a, std::string_view mode) {
  if (mode == "raw") return householder(floating(a));
  if (mode != "reduced" && mode != "complete" && mode != "r") {
    value_error("[linalg.qr] mode must be 'reduced', 'complete', 'r' or 'raw', got '", mode, "'");
  }
  Tensors made = apply(make_ref<Qr>(mode == "complete"), Borrowed<1>(floating(a)));
  if (mode == "r") return {made[1]};
  return made;
}

Tensors lu_factor(const Tensor& a) { return apply(make_ref<LuFactor>(), Borrowed<1>(floating(a))); }

void register_factorizations(Registry& registry) {
  registry.add("linalg.cholesky", &cholesky, "a, *, upper=False",
               R"(The triangular L with positive diagonal and ``a = L @ L.mT``.

Only one triangle of a is read; a is taken to be symmetric (Hermitian), and so is its gradient
(Murray 2016, "Differentiation of the Cholesky decomposition").

:param a: tensor of shape (..., n, n), positive definite
:param upper: return ``L.mT``, conjugated, and read the upper triangle
:raises LinAlgError: a matrix is not positive definite

>>> pa.linalg.cholesky(pa.tensor([[4.0, 2.0], [2.0, 2.0]])).tolist()
[[2.0, 0.0], [1.0, 1.0]])");
  registry.add("linalg.qr", &qr, "a, mode='reduced'",
               R"(Orthonormal columns Q and upper triangular R with ``a = Q @ R``.

Derivatives exist where the first ``min(m, n)`` columns of a are independent (Walter and Lehmann
2010; Roberts and Roberts 2020 for wide matrices). The last ``m - n`` columns of a complete Q are an
arbitrary basis: what depends on more than their span has no meaningful derivative.

:param a: tensor of shape (..., m, n)
:param mode: 'reduced', with k = min(m, n); 'complete', with k = m; 'r', only R, reduced; 'raw', the
    reflections that Q is made of, as LAPACK has them
:returns: ``QRResult(Q, R)`` of shapes (..., m, k) and (..., k, n), or R alone; with 'raw', NumPy's h
    and tau of shapes (..., n, m) and (..., min(m, n)) in their place

>>> pa.linalg.qr(pa.tensor([[3.0], [4.0]]), mode="r").tolist()
[[-5.0]])");
  registry.result_type("QRResult");
  registry.add("linalg.lu", &lu, "a, permute_l=False, p_indices=False",
               R"(A permutation P, a unit lower triangular L and an upper triangular U with
``a = P @ L @ U``, by partial pivoting. Derivatives need independent leading columns.

:param a: tensor of shape (..., m, n)
:param permute_l: return ``P @ L`` and U
:param p_indices: return P as indices, ``a = L[p] @ U``
:returns: list of P (..., m, m), L (..., m, k) and U (..., k, n), with k = min(m, n)

>>> p, l, u = pa.linalg.lu(pa.tensor([[0.0, 2.0], [4.0, 0.0]]))
>>> u.tolist()
[[4.0, 0.0], [0.0, 2.0]])");
  registry.add(
      "linalg.lu_factor", &lu_factor, "a",
      R"(The LU decomposition with partial pivoting, packed in one matrix, for ``lu_solve``.

:param a: tensor of shape (..., m, n)
:returns: list of both factors (..., m, n), the ones on L's diagonal left out, and the row exchanges
    (..., min(m, n)) of dtype int32: row i was exchanged with row piv[i]

>>> lu, piv = pa.linalg.lu_factor(pa.tensor([[0.0, 2.0], [4.0, 0.0]]))
>>> lu.tolist(), piv.tolist()
([[4.0, 0.0], [0.0, 2.0]], [1, 1]))");
}

}  // namespace pyautograd::ops::linalg
