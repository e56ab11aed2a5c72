// solve, inv, tensorsolve, tensorinv, solve_triangular, cho_solve, lu_solve, solve_sylvester.

#include <algorithm>

#include "kernels/device.h"
#include "kernels/kernels.h"
#include "ops/linalg.h"
#include "ops/series.h"

namespace pyautograd::ops::linalg {

namespace {

// Elements of matrices up to which solving once is part of a joined program (autograd/joined_ops.h)
constexpr int64_t kMostSolvedOnce = 1024;

// The factors of transposed square matrices, which become those; pivots of them are written.
void factor_transposed(std::string_view op, const Array& by_rows, const Array& pivots,
                       bool checked) {
  const kernels::Matrices factored = transposed_matrices(by_rows);
  std::vector<int32_t> info(checked ? static_cast<size_t>(factored.count) : 0, 0);
  kernels::lu(factored, pivots_of(pivots), checked ? info.data() : nullptr);
  raise_where_nonzero(op, info, kSingular);
}

// lu and pivots of square matrices, transposed, as numbers to solve with. Solve knows how its
// result depends on the matrix, so these carry no derivative.
class FactorSquare final : public OnMatrices {
 public:
  FactorSquare(std::string_view op, bool checked) : op_(op), checked_(checked) {}
  std::string_view name() const override { return op_; }

  Specs infer(TensorSpan inputs) const override {
    const Tensor& a = inputs[0];
    require_square(op_, a);
    return {a.spec(), Spec{lead(a, 1), DType::Int32, a.device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    const Device device = inputs[0].device();
    require_lapack(op_, device);
    Ref<Array> lu = copy_by_rows(inputs[0], lead(inputs[0]), device);
    Ref<Array> pivots = Array::empty(specs[1].shape, DType::Int32, device);
    factor_transposed(op_, *lu, *pivots, checked_);
    return {Tensor(std::move(lu)), Tensor(std::move(pivots))};
  }
  Tensors vjp(const VjpArgs&) const override { return {Tensor()}; }
  Tensors jvp(TensorSpan, TensorSpan, TensorSpan) const override { return {Tensor(), Tensor()}; }
  bool checked() const { return checked_; }

 private:
  const std::string_view op_;
  const bool checked_;
};

Factors factors_of(std::string_view op, const Tensor& a, bool checked) {
  Tensors made = apply(make_ref<FactorSquare>(op, checked), Borrowed<1>(a.untracked()));
  return {std::move(made[0]), std::move(made[1])};
}

// a x = b or a^T x = b, for inputs a, lu, pivots, b.
class Solve final : public OnMatrices {
 public:
  explicit Solve(bool transposed) : transposed_(transposed) {}
  std::string_view name() const override { return "linalg.solve"; }
  Saves saves() const override { return {.inputs = 7, .outputs = 1}; }

  Specs infer(TensorSpan inputs) const override {
    const Tensor &a = inputs[0], &b = inputs[3];
    if (rows(a) != rows(b)) {
      value_error("[linalg.solve] shapes ", shape_string(a.shape()), " and ",
                  shape_string(b.shape()), " do not match: b must have as many rows as a");
    }
    const Dims batch = broadcast_shapes(name(), lead(a), lead(b));
    return {Spec{with_core(batch, {rows(b), columns(b)}), b.dtype(), b.device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    const Device device = specs[0].device;
    const Tensor lu = stored_by_rows(inputs[1], device);
    const Tensor pivots = stored_by_rows(inputs[2], device, 1);
    const Dims full(specs[0].shape.begin(), specs[0].shape.end() - 2);
    Ref<Array> x = copy_by_rows(inputs[3], full, device);
    // Transposed like the factors, x stands on their left; a vector is the same either way.
    const bool vector = columns(inputs[3]) == 1;
    kernels::lu_solve(transposed_matrices(lu.array()), pivots_of(pivots.array()),
                      vector ? matrices(*x) : transposed_matrices(*x),
                      broadcast_numbers(lead(lu), full).data(),
                      {.right = !vector, .transposed = transposed_ == !vector});
    return {Tensor(std::move(x))};
  }
  Tensors vjp(const VjpArgs& args) const override {
    const Factors f{args.inputs[1], args.inputs[2]};
    const Tensor& x = args.outputs[0];
    const Tensor b = solve_with(f, args.inputs[0], args.cotangents[0], !transposed_);
    Tensor a;
    if (args.wants[0])
      a = -(transposed_ ? matmul(x, matrix_transpose(b)) : matmul(b, matrix_transpose(x)));
    return {a, {}, {}, b};
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override {
    Tensor moved;
    if (tangents[0])
      moved = -matmul(transposed_ ? matrix_transpose(tangents[0]) : tangents[0], outputs[0]);
    return {
        solve_with({primals[1], primals[2]}, primals[0], total({moved, tangents[3]}), transposed_)};
  }
  std::optional<Tensors> taylor(const TaylorArgs& args) const override {
    Tensor moved = implicit_series(args, 0, [this](const Tensor& a, const Tensor& x) {
      return matmul(transposed_ ? matrix_transpose(a) : a, x);
    });
    if (moved) moved = -moved;
    const Tensor b = total({moved, args.x(3, args.k)});
    if (!b) return Tensors();
    return Tensors{solve_with({args.x(1, 0), args.x(2, 0)}, args.x(0, 0), b, transposed_)};
  }
  Combined with_maker(const Primitive& maker, const Specs& specs) const override {
    const auto* factoring = dynamic_cast<const FactorSquare*>(&maker);
    const Dims& x = specs[0].shape;
    const int64_t n = x[x.size() - 2];
    if (!factoring || !factoring->checked() || factoring->name() != name() || x.back() == 0 ||
        count_elements(x) / x.back() * n > kMostSolvedOnce)
      return {};
    return {solve_once(transposed_), {0, 3}};
  }

 protected:
  int64_t core_rank(size_t input) const override { return input == 2 ? 1 : 2; }

 private:
  const bool transposed_;
};

// The inverse, computed from factors of a if these follow a.
class Inverse final : public OnMatrices {
 public:
  std::string_view name() const override { return "linalg.inv"; }
  Saves saves() const override { return {.outputs = 1}; }

  Specs infer(TensorSpan inputs) const override {
    require_square(name(), inputs[0]);
    return {inputs[0].spec()};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    const Device device = specs[0].device;
    require_lapack(name(), device);
    const Dims batch = lead(inputs[0]);
    const bool factored = inputs.size() == 3;
    Ref<Array> out = copy_by_rows(inputs[factored ? 1 : 0], batch, device);
    Ref<Array> pivots = factored ? copy_by_rows(inputs[2], batch, device, 1)
                                 : Array::empty(lead(inputs[0], 1), DType::Int32, device);
    if (!factored) factor_transposed(name(), *out, *pivots, true);
    kernels::lu_inverse(transposed_matrices(*out), pivots_of(*pivots));
    return {Tensor(std::move(out))};
  }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor transposed = matrix_transpose(args.outputs[0]);
    Tensors out(args.inputs.size());
    out[0] = -matmul(transposed, matmul(args.cotangents[0], transposed));
    return out;
  }
  Tensors jvp(TensorSpan, TensorSpan tangents, TensorSpan outputs) const override {
    if (!tangents[0]) return {Tensor()};
    return {-matmul(outputs[0], matmul(tangents[0], outputs[0]))};
  }
  std::optional<Tensors> taylor(const TaylorArgs& args) const override {
    const Tensor moved =
        implicit_series(args, 0, [](const Tensor& a, const Tensor& x) { return matmul(a, x); });
    if (!moved) return Tensors();
    return Tensors{-matmul(args.y(0, 0), moved)};
  }

 protected:
  int64_t core_rank(size_t input) const override { return input == 2 ? 1 : 2; }
};

class SolveTriangular final : public OnMatrices {
 public:
  explicit SolveTriangular(TriangularForm form) : form_(form) {}
  std::string_view name() const override { return "linalg.solve_triangular"; }
  Saves saves() const override { return {.inputs = 1, .outputs = 1}; }

  Specs infer(TensorSpan inputs) const override {
    const Tensor &a = inputs[0], &b = inputs[1];
    const Dims batch = broadcast_shapes(name(), lead(a), lead(b));
    return {Spec{with_core(batch, {rows(b), columns(b)}), b.dtype(), b.device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    const Device device = specs[0].device;
    require_lapack(name(), device);
    const Dims full(specs[0].shape.begin(), specs[0].shape.end() - 2), own = lead(inputs[0]);
    if (form_.checked && !form_.unit_diagonal) check_diagonal(inputs[0]);
    // What is stored by rows, kernels see transposed: then x stands on the other side.
    const bool a_columns = is_by_columns(inputs[0]) && inputs[0].device() == device;
    const Tensor a = a_columns ? inputs[0] : stored_by_rows(inputs[0], device);
    const bool vector = columns(inputs[1]) == 1;
    const bool x_columns = vector || (is_by_columns(inputs[1]) && full == lead(inputs[1]));
    Ref<Array> x = x_columns && !vector ? copy_by_columns(inputs[1], full, device)
                                        : copy_by_rows(inputs[1], full, device);
    kernels::solve_triangular(
        a_columns ? matrices(a.array()) : transposed_matrices(a.array()),
        x_columns ? matrices(*x) : transposed_matrices(*x), broadcast_numbers(own, full).data(),
        {.lower = form_.lower == a_columns,
         .unit_diagonal = form_.unit_diagonal,
         .side = {.right = !x_columns, .transposed = transposed() == (a_columns == x_columns)}});
    return {Tensor(std::move(x))};
  }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor& x = args.outputs[0];
    TriangularForm other = form_;
    other.transpose = transposed() ? Transpose::None : Transpose::Plain;
    const Tensor b = solve_matrix(args.inputs[0], args.cotangents[0], other);
    if (!args.wants[0]) return {Tensor(), b};
    const Tensor left = transposed() ? x : b, right = matrix_transpose(transposed() ? b : x);
    const Tensor a = form_.lower ? lower_product(left, right) : upper_product(left, right);
    return {-(form_.unit_diagonal ? read_part(a) : a), b};
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override {
    Tensor moved;
    if (tangents[0]) {
      const Tensor part = read_part(tangents[0]);
      moved = -matmul(transposed() ? matrix_transpose(part) : part, outputs[0]);
    }
    return {solve_matrix(primals[0], total({moved, tangents[1]}), form_)};
  }
  std::optional<Tensors> taylor(const TaylorArgs& args) const override {
    Tensor moved = implicit_series(args, 0, [this](const Tensor& a, const Tensor& x) {
      const Tensor part = read_part(a);
      return matmul(transposed() ? matrix_transpose(part) : part, x);
    });
    if (moved) moved = -moved;
    const Tensor b = total({moved, args.x(1, args.k)});
    if (!b) return Tensors();
    return Tensors{solve_matrix(args.x(0, 0), b, form_)};
  }

 private:
  bool transposed() const { return form_.transpose == Transpose::Plain; }
  void check_diagonal(const Tensor& a) const {
    const Tensor zero = any(equal(diagonal(a, 0, -2, -1), scalar(0, a.dtype())));
    if (!kernels::reported_later(zero.array().device_view(), Backend::Fault::Matrix) && holds(zero))
      linalg_error(name(), "the matrix is singular: there is a zero on its diagonal");
  }
  // What the op reads of a matrix, and zeros elsewhere.
  Tensor read_part(const Tensor& a) const {
    const int64_t skipped = form_.unit_diagonal ? 1 : 0;
    return form_.lower ? tril(a, -skipped) : triu(a, skipped);
  }

  const TriangularForm form_;
};

// X with A X + X B = Q (Bartels and Stewart 1972).
class Sylvester final : public OnMatrices {
 public:
  explicit Sylvester(bool of_root) : of_root_(of_root) {}
  std::string_view name() const override { return "linalg.solve_sylvester"; }
  Saves saves() const override { return {.inputs = 3, .outputs = 1}; }

  Specs infer(TensorSpan inputs) const override {
    const Tensor &a = inputs[0], &b = inputs[1], &q = inputs[2];
    require_square(name(), a, "a");
    require_square(name(), b, "b");
    require_matrices(name(), q, "q");
    if (rows(q) != rows(a) || columns(q) != rows(b)) {
      value_error("[linalg.solve_sylvester] shapes ", shape_string(a.shape()), ", ",
                  shape_string(b.shape()), " and ", shape_string(q.shape()),
                  " do not match: q must have as many rows as a and columns as b");
    }
    return {
        Spec{with_core(common_lead(name(), inputs), {rows(q), columns(q)}), q.dtype(), q.device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    const Device device = specs[0].device;
    require_lapack(name(), device);
    const Dims full(specs[0].shape.begin(), specs[0].shape.end() - 2);
    Ref<Array> a = copy_by_columns(inputs[0], full, device);
    Ref<Array> b = copy_by_columns(inputs[1], full, device);
    Ref<Array> x = copy_by_columns(inputs[2], full, device);
    std::vector<int32_t> info(static_cast<size_t>(count_elements(full)), 0);
    kernels::solve_sylvester(matrices(*a), matrices(*b), matrices(*x), info.data());
    if (of_root_) {
      raise_where_nonzero("linalg.sqrtm", info,
                          "the root has no derivative: two of its eigenvalues sum to zero, or "
                          "nearly so");
    }
    raise_where_nonzero(name(), info, "a and -b have a common eigenvalue, or nearly so");
    return {Tensor(std::move(x))};
  }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor transposed = matrix_transpose(args.outputs[0]);
    const Tensor q = solve_sylvester(matrix_transpose(args.inputs[0]),
                                     matrix_transpose(args.inputs[1]), args.cotangents[0]);
    return {args.wants[0] ? -matmul(q, transposed) : Tensor(),
            args.wants[1] ? -matmul(transposed, q) : Tensor(), q};
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override {
    const Tensor& x = outputs[0];
    const Tensor a = tangents[0] ? -matmul(tangents[0], x) : Tensor();
    const Tensor b = tangents[1] ? -matmul(x, tangents[1]) : Tensor();
    return {solve_sylvester(primals[0], primals[1], total({a, b, tangents[2]}))};
  }

 private:
  const bool of_root_;
};

struct System {
  Tensor a, b;
  bool vector;
};

// The sides of a x = b in one floating dtype, b as matrices; only a 1-D b is a vector.
System system(std::string_view op, const Tensor& a, const Tensor& b) {
  require_square(op, a);
  const bool vector = b.ndim() == 1;
  if (b.ndim() == 0) linalg_error(op, "b must have at least 1 dimension, got shape ()");
  const DType dtype = to_floating(promote(a.dtype(), b.dtype()));
  System s{cast(a, dtype), cast(b, dtype), vector};
  if (vector) s.b = expand_dims(s.b, {1});
  require_matrices(op, s.b, "b");
  if (rows(s.a) != rows(s.b)) {
    value_error("[", op, "] shapes ", shape_string(a.shape()), " and ", shape_string(b.shape()),
                " do not match: b must have as many rows as a");
  }
  return s;
}

Tensor as_given(const System& s, const Tensor& x) { return s.vector ? squeeze(x, Dims{-1}) : x; }

Transpose parse_transpose(std::string_view op, const NumberOrName& trans) {
  constexpr std::string_view kNames[] = {"N", "T", "C"};
  for (int i = 0; i < 3; ++i) {
    const auto* number = std::get_if<double>(&trans);
    const auto* name = std::get_if<std::string>(&trans);
    if ((number && *number == i) || (name && *name == kNames[i])) return static_cast<Transpose>(i);
  }
  value_error("[", op, "] trans must be 0 or 'N', 1 or 'T', 2 or 'C'");
}

Tensor solve_triangular_op(const Tensor& a, const Tensor& b, const NumberOrName& trans, bool lower,
                           bool unit_diagonal) {
  const Transpose transpose = parse_transpose("linalg.solve_triangular", trans);
  return solve_triangular(a, b, {lower, transpose, unit_diagonal});
}

Tensor cho_solve(const Tensor& c, const Tensor& b, bool lower) {
  const System s = system("linalg.cho_solve", c, b);
  const TriangularForm plain{.lower = lower}, other{lower, Transpose::Conjugate};
  const Tensor half = solve_matrix(s.a, s.b, lower ? plain : other);
  return as_given(s, solve_matrix(s.a, half, lower ? other : plain));
}

Tensor lu_solve(const Tensor& lu, const Tensor& piv, const Tensor& b, const NumberOrName& trans) {
  constexpr std::string_view op = "linalg.lu_solve";
  const System s = system(op, lu, b);
  if (!is_integer(piv.dtype()) || piv.ndim() < 1 || piv.shape().back() != rows(s.a)) {
    value_error("[", op, "] piv must hold as many integers as lu has rows, got ",
                name_of(piv.dtype()), " of shape ", shape_string(piv.shape()));
  }
  const Transpose transpose = parse_transpose(op, trans);
  const Tensor exchanges = cast(piv, DType::Int32);
  const TriangularForm lower{true, transpose, true}, upper{false, transpose, false};
  Tensor x;
  if (transpose == Transpose::None) {
    const Tensor permuted = permute_rows(s.b, exchanges, false);
    x = solve_matrix(s.a, solve_matrix(s.a, permuted, lower), upper);
  } else {
    x = permute_rows(solve_matrix(s.a, solve_matrix(s.a, s.b, upper), lower), exchanges, true);
  }
  return as_given(s, x);
}

}  // namespace

Factors factors(std::string_view op, const Tensor& a) { return factors_of(op, a, true); }
Factors factors_unchecked(const Tensor& a) { return factors_of("linalg.solve", a, false); }

Tensor solve_with(const Factors& factors, const Tensor& a, const Tensor& b, bool transposed) {
  return apply1(make_ref<Solve>(transposed), Borrowed<4>(a, factors.lu, factors.pivots, b));
}

Tensor solve(const Tensor& a, const Tensor& b) {
  const System s = system("linalg.solve", a, b);
  return as_given(s, solve_with(factors("linalg.solve", s.a), s.a, s.b));
}

Tensor inv(const Tensor& a) { return apply1(make_ref<Inverse>(), Borrowed<1>(floating(a))); }

Tensor inverse_with(const Factors& factors, const Tensor& a) {
  return apply1(make_ref<Inverse>(), Borrowed<3>(a, factors.lu, factors.pivots));
}

namespace {

int64_t product_of(const Dims& shape, int64_t begin, int64_t end) {
  return count_elements(
      std::span(shape).subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
}

// a as a square matrix whose columns are its axes from `split` on.
Tensor as_square(std::string_view op, const Tensor& a, int64_t split) {
  const int64_t m = product_of(a.shape(), 0, split), n = product_of(a.shape(), split, a.ndim());
  if (m != n) {
    linalg_error(
        op, pyautograd::concat("a of shape ", shape_string(a.shape()), " is no square: its first ",
                               split, " axes have ", m, " elements and the others ", n));
  }
  return reshape(a, {m, n});
}

Tensor tensorinv(const Tensor& a, int64_t ind) {
  constexpr std::string_view op = "linalg.tensorinv";
  if (ind < 1) value_error("[", op, "] ind must be positive, got ", ind);
  const int64_t split = std::min(ind, a.ndim());
  Dims shape(a.shape().begin() + split, a.shape().end());
  for (int64_t i = 0; i < split; ++i) shape.push_back(a.shape()[static_cast<size_t>(i)]);
  return reshape(inv(as_square(op, a, split)), shape);
}

Tensor tensorsolve(const Tensor& given, const Tensor& b, const Axes& axes) {
  constexpr std::string_view op = "linalg.tensorsolve";
  Dims order, last;
  for (int64_t axis : axes.value_or(Dims{})) last.push_back(normalize_axis(op, axis, given.ndim()));
  for (int64_t i = 0; i < given.ndim(); ++i)
    if (std::find(last.begin(), last.end(), i) == last.end()) order.push_back(i);
  for (int64_t axis : last) order.push_back(axis);
  const Tensor a = permute_dims(given, order);
  const int64_t split = std::min(b.ndim(), a.ndim());
  const Dims shape(a.shape().begin() + split, a.shape().end());
  return reshape(solve(as_square(op, a, split), reshape(b, {-1})), shape);
}

}  // namespace

Tensor solve_matrix(const Tensor& a, const Tensor& b, TriangularForm form) {
  if (form.transpose == Transpose::Conjugate) {
    form.transpose = Transpose::Plain;
    return apply1(make_ref<SolveTriangular>(form), Borrowed<2>(conj(a), b));
  }
  return apply1(make_ref<SolveTriangular>(form), Borrowed<2>(a, b));
}

Tensor solve_triangular(const Tensor& a, const Tensor& b, TriangularForm form) {
  const System s = system("linalg.solve_triangular", a, b);
  form.checked = true;
  return as_given(s, solve_matrix(s.a, s.b, form));
}

Tensor solve_sylvester(const Tensor& a, const Tensor& b, const Tensor& q) {
  const DType dtype = to_floating(promote(promote(a.dtype(), b.dtype()), q.dtype()));
  return apply1(make_ref<Sylvester>(false),
                Borrowed<3>(cast(a, dtype), cast(b, dtype), cast(q, dtype)));
}

Tensor solve_for_root(const Tensor& x, const Tensor& q) {
  return apply1(make_ref<Sylvester>(true), Borrowed<3>(x, x, q));
}

void register_solvers(Registry& registry) {
  registry.add("linalg.solve", &solve, "a, b", R"(The x with ``a @ x = b``.

Derivatives reuse the LU factors of a.

:param a: tensor of shape (..., n, n)
:param b: tensor of shape (n,), or (..., n, k); leading axes broadcast
:returns: tensor of shape (n,) or (..., n, k), of the promoted floating dtype
:raises LinAlgError: a matrix is exactly singular

>>> pa.linalg.solve(pa.tensor([[2.0, 1.0], [0.0, 4.0]]), pa.tensor([4.0, 8.0])).tolist()
[1.0, 2.0])");
  registry.add("linalg.inv", &inv, "a", R"(The inverse of every matrix.

:param a: tensor of shape (..., n, n)
:returns: tensor of the same shape and of floating dtype
:raises LinAlgError: a matrix is exactly singular

>>> pa.linalg.inv(pa.tensor([[2.0, 0.0], [0.0, 4.0]])).tolist()
[[0.5, 0.0], [0.0, 0.25]])");
  registry.add("linalg.tensorsolve", &tensorsolve, "a, b, axes=None",
               R"(The x with ``tensordot(a, x, x.ndim) == b``.

:param a: tensor of shape b.shape + Q, with as many elements in Q as in b
:param b: tensor
:param axes: axes of a to move to the end first, int or tuple of ints
:returns: tensor of shape Q
:raises LinAlgError: sizes that do not fit, or a is singular

>>> a = pa.reshape(2.0 * pa.eye(4), (4, 2, 2))
>>> pa.linalg.tensorsolve(a, pa.tensor([2.0, 4.0, 6.0, 8.0])).tolist()
[[1.0, 2.0], [3.0, 4.0]])");
  registry.add("linalg.tensorinv", &tensorinv, "a, ind=2",
               R"(The inverse of a as a map from its last axes to its first ``ind``.

:param a: tensor of shape P + Q, with as many elements in P, of ``ind`` axes, as in Q
:param ind: how many axes P has
:returns: tensor of shape Q + P
:raises LinAlgError: sizes that do not fit, or a is singular
:raises ValueError: ind is not positive

>>> pa.linalg.tensorinv(pa.reshape(2.0 * pa.eye(4), (4, 2, 2)), ind=1).shape
(2, 2, 4))");
  registry.add(
      "linalg.solve_triangular", &solve_triangular_op,
      "a, b, trans=0, lower=False, unit_diagonal=False",
      R"(The x with ``a @ x = b`` for triangular a, of which the other triangle is not read.

Derivatives with respect to a are triangular, too.

:param a: tensor of shape (..., n, n)
:param b: tensor of shape (n,), or (..., n, k); leading axes broadcast
:param trans: 0 or 'N'; 1 or 'T' for ``a.mT @ x = b``; 2 or 'C' for the conjugate transpose
:param lower: read the lower triangle instead of the upper one
:param unit_diagonal: take the diagonal to be one without reading it
:raises LinAlgError: there is a zero on the diagonal

>>> a = pa.tensor([[2.0, 1.0], [0.0, 4.0]])
>>> pa.linalg.solve_triangular(a, pa.tensor([4.0, 8.0])).tolist()
[1.0, 2.0])");
  registry.add("linalg.cho_solve", &cho_solve, "c, b, lower=False",
               R"(The x with ``a @ x = b``, from the Cholesky factor of a.

:param c: tensor of shape (..., n, n), the factor; its other triangle is not read
:param b: tensor of shape (n,), or (..., n, k); leading axes broadcast
:param lower: whether c is the lower factor

>>> c = pa.linalg.cholesky(pa.tensor([[4.0, 0.0], [0.0, 9.0]]))
>>> pa.linalg.cho_solve((c, True), pa.tensor([4.0, 9.0])).tolist()
[1.0, 1.0])");
  registry.add("linalg.lu_solve", &lu_solve, "lu, piv, b, trans=0",
               R"(The x with ``a @ x = b``, from ``lu_factor(a)``.

:param lu: tensor of shape (..., n, n), both factors
:param piv: integers of shape (..., n), the row exchanges
:param b: tensor of shape (n,), or (..., n, k); leading axes broadcast
:param trans: 0 or 'N'; 1 or 'T' for ``a.mT @ x = b``; 2 or 'C' for the conjugate transpose

>>> factors = pa.linalg.lu_factor(pa.tensor([[0.0, 2.0], [4.0, 0.0]]))
>>> pa.linalg.lu_solve(factors, pa.tensor([2.0, 4.0])).tolist()
[1.0, 1.0])");
  registry.add(
      "linalg.solve_sylvester", &solve_sylvester, "a, b, q",
      R"(The x with ``a @ x + x @ b = q``, by Schur decompositions (Bartels and Stewart 1972).

:param a: tensor of shape (..., m, m)
:param b: tensor of shape (..., n, n)
:param q: tensor of shape (..., m, n); leading axes broadcast
:raises LinAlgError: a and -b have a common eigenvalue, or nearly so

>>> one = pa.ones((1, 1))
>>> pa.linalg.solve_sylvester(one, 2 * one, 6 * one).tolist()
[[2.0]])");
}

}  // namespace pyautograd::ops::linalg
