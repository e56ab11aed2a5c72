// Norms of vectors and matrices, and the condition number.

#include <cmath>
#include <limits>

#include "kernels/kernels.h"
#include "ops/elementwise.h"
#include "ops/linalg.h"
#include "ops/origin.h"
#include "ops/reduce.h"
#include "ops/spectrum.h"

namespace pyautograd::ops::linalg {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The root of the sum of squares. At zero, where it has no derivative, zero is taken.
class Norm2 final : public KernelReduction {
 public:
  using KernelReduction::KernelReduction;
  std::string_view name() const override { return "linalg.vector_norm"; }
  Saves saves() const override { return {.inputs = 1, .outputs = 1}; }

  Tensors vjp(const VjpArgs& args) const override {
    return {call<kernels::Scale>(over_.restore(args.cotangents[0]),
                                 conj(direction(args.inputs[0], args.outputs[0])))};
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override {
    const Tensor along = call<kernels::Scale>(tangents[0], conj(direction(primals[0], outputs[0])));
    return {real(sum(along, over_.axes, {}, over_.keepdims))};
  }

 protected:
  DType result_dtype(DType dtype) const override { return real_of(dtype); }
  void run(const View& out, const View& x) const override { kernels::norm(out, x); }
  Ref<const Primitive> over(ReducedAxes other) const override { return make_ref<Norm2>(other); }

 private:
  Tensor direction(const Tensor& x, const Tensor& y) const {
    const Tensor norm = over_.restore(y), zero = constant_like(x, 0);
    const Tensor nothing = equal(norm, zero);
    return where(nothing, zero, x / where(nothing, constant_like(norm, 1), norm));
  }
};

Tensor norm2(std::string_view op, const Tensor& x, const Axes& axis, bool keepdims) {
  const ReducedAxes over = ReducedAxes::of(op, x, axis, keepdims);
  const auto squares = [&] {
    return sum(square(is_complex(x.dtype()) ? absolute(x) : x), axis, {}, keepdims);
  };
  Tensor y = apply1(make_ref<Norm2>(over), Borrowed<1>(x));
  if (is_spectrum(x, over.axes)) y = value_of(y, root(squares(), 0.5));
  remember_square_root_of(y, squares, [&] {
    Dims options = over.axes;
    options.push_back(keepdims);
    return RootSource{"linalg.vector_norm", {x}, std::move(options)};
  });
  return y;
}

Tensor norm_of_vectors(std::string_view op, const Tensor& given, const Axes& axis, bool keepdims,
                       double order) {
  const Tensor x = floating(given);
  if (order == 2) return norm2(op, x, axis, keepdims);
  const Tensor size = absolute(x);
  if (order == kInfinity) {
    // No component is as good as a zero.
    return size.size() == 0 ? sum(size, axis, {}, keepdims) : max(size, axis, keepdims);
  }
  if (order == -kInfinity) return min(size, axis, keepdims);
  if (order == 1) return sum(size, axis, {}, keepdims);
  if (order == 0) {
    const Tensor counted = astype(not_equal(x, constant_like(x, 0)), size.dtype());
    return sum(constant_in(size, counted), axis, {}, keepdims);
  }
  // Below order 1 the slope of a power at 0 is infinite; as that of the absolute value, it is taken
  // as zero.
  const Tensor powers =
      order > 0 && order < 1 ? root(size, order) : power(size, constant_like(size, order));
  const Tensor total = sum(powers, axis, {}, keepdims);
  return order > 0 ? root(total, 1 / order) : power(total, constant_like(total, 1 / order));
}

enum class MatrixNorm : uint8_t { Frobenius, Nuclear, Columns, Rows, Spectral, Invalid };

struct MatrixOrder {
  MatrixNorm kind = MatrixNorm::Invalid;
  bool smallest = false;  // the negative orders
};

MatrixOrder matrix_order(const NumberOrName& order) {
  if (order.index() == 0) return {MatrixNorm::Frobenius};
  if (const auto* name = std::get_if<std::string>(&order)) {
    if (*name == "fro" || *name == "f") return {MatrixNorm::Frobenius};
    return {*name == "nuc" ? MatrixNorm::Nuclear : MatrixNorm::Invalid};
  }
  const double number = std::get<double>(order);
  const double size = std::abs(number);
  if (size == 1) return {MatrixNorm::Columns, number < 0};
  if (size == 2) return {MatrixNorm::Spectral, number < 0};
  if (size == kInfinity) return {MatrixNorm::Rows, number < 0};
  return {};
}

// Of the matrices over the last two axes.
Tensor norm_of_matrices(std::string_view op, const Tensor& x, bool keepdims,
                        const NumberOrName& order) {
  const MatrixOrder wanted = matrix_order(order);
  const auto extreme = [&](const Tensor& values) {
    // As in NumPy, the largest of no numbers, none of which is negative, is 0.
    if (values.shape().back() == 0 && !wanted.smallest) return sum(values, Dims{-1});
    return wanted.smallest ? min(values, Dims{-1}) : max(values, Dims{-1});
  };
  // The size of a singular value that is zero has no derivative; as for every norm, zero is taken.
  const auto sizes = [&] {
    const Tensor s = svdvals(x), zero = constant_like(s, 0);
    return has_zero(s) ? where(equal(s, zero), zero, s) : s;
  };
  Tensor y;
  switch (wanted.kind) {
    case MatrixNorm::Frobenius:
      return norm2(op, x, Dims{-2, -1}, keepdims);
    case MatrixNorm::Nuclear:
      y = sum(sizes(), Dims{-1});
      break;
    case MatrixNorm::Columns:
      y = extreme(sum(absolute(x), Dims{-2}));
      break;
    case MatrixNorm::Rows:
      y = extreme(sum(absolute(x), Dims{-1}));
      break;
    case MatrixNorm::Spectral:
      y = extreme(sizes());
      break;
    case MatrixNorm::Invalid:
      value_error("[", op, "] ord must be 'fro', 'nuc', 1, -1, 2, -2, inf or -inf for matrices");
  }
  return keepdims ? expand_dims(y, {-2, -1}) : y;
}

Tensor vector_norm(const Tensor& x, const Axes& axis, bool keepdims, double ord) {
  return norm_of_vectors("linalg.vector_norm", x, axis, keepdims, ord);
}

Tensor matrix_norm(const Tensor& x, bool keepdims, const NumberOrName& ord) {
  require_matrices("linalg.matrix_norm", x, "x");
  return norm_of_matrices("linalg.matrix_norm", floating(x), keepdims, ord);
}

double vector_order(const NumberOrName& ord) {
  if (ord.index() == 0) return 2;
  if (const double* number = std::get_if<double>(&ord)) return *number;
  value_error("[linalg.norm] ord='", std::get<std::string>(ord),
              "' is for matrices; a vector needs a number");
}

// Over two axes of x, which are put back with size one if `keepdims`.
Tensor norm_over(const Tensor& x, const Dims& axes, const NumberOrName& ord, bool keepdims) {
  constexpr std::string_view op = "linalg.norm";
  const int64_t row = normalize_axis(op, axes[0], x.ndim());
  const int64_t column = normalize_axis(op, axes[1], x.ndim());
  if (row == column) value_error("[", op, "] axis names the axis ", row, " twice");
  // The column first: it does not move the row's place past it.
  const Tensor last = moveaxis(x, column, -1);
  const Tensor y = norm_of_matrices(op, moveaxis(last, row - (row > column), -2), false, ord);
  if (!keepdims) return y;
  Dims shape = x.shape();
  shape[row] = shape[column] = 1;
  return reshape(y, shape);
}

Tensor norm(const Tensor& given, const NumberOrName& ord, const Axes& axis, bool keepdims) {
  constexpr std::string_view op = "linalg.norm";
  const Tensor x = floating(given);
  if (!axis && ord.index() == 0) return norm2(op, x, {}, keepdims);
  Dims axes;
  if (axis) {
    axes = *axis;
  } else {
    for (int64_t i = 0; i < x.ndim(); ++i) axes.push_back(i);
  }
  if (axes.size() == 1) return norm_of_vectors(op, x, axes, keepdims, vector_order(ord));
  if (axes.size() == 2) return norm_over(x, axes, ord, keepdims);
  value_error("[", op, "] x must be a vector or a matrix, got ", axes.size(), " axes of shape ",
              shape_string(x.shape()), ": give one or two as axis");
}

// Whether singular values are all equal within rounding, and not zero.
Tensor all_equal(const Tensor& s) {
  const Tensor largest = max(s, Dims{-1}), smallest = min(s, Dims{-1});
  const bool single = s.dtype() == DType::Float32;
  const double epsilon =
      single ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
  const Tensor slack = largest * (2 * epsilon * static_cast<double>(columns(s)));
  return logical_and(less_equal(largest - smallest, slack), greater(smallest, constant_like(s, 0)));
}

// The ratio of the extreme singular values. It is least, 1, where all are equal, and there it is
// taken as constant: the derivatives of single values depend on the choice of vectors.
Tensor ratio_of_extremes(const Tensor& x, bool inverted) {
  Tensor s = svdvals(x);
  const Tensor even = all_equal(s);
  const bool some_even = !holds_everywhere(logical_not(even));
  if (some_even) {
    // Values that are apart, so that the branch not taken has derivatives.
    const Tensor steps = arange(1, static_cast<double>(columns(x)) + 1, 1, s.dtype());
    const Tensor apart = to_device(eye(rows(x), columns(x), 0, x.dtype()) * steps, x.device());
    s = svdvals(where(expand_dims(even, {-2, -1}), apart, x));
  }
  const Tensor largest = max(s, Dims{-1}), smallest = min(s, Dims{-1});
  const Tensor ratio = inverted ? smallest / largest : largest / smallest;
  return some_even ? where(even, constant_like(ratio, 1), ratio) : ratio;
}

// The ratio of singular values, or the product of norms of matrix and inverse; inf where that is
// nan and the matrix is not.
Tensor cond(const Tensor& given, const NumberOrName& p) {
  constexpr std::string_view op = "linalg.cond";
  require_matrices(op, given, "x");
  const Tensor x = floating(given);
  if (rows(x) == 0 || columns(x) == 0) linalg_error(op, "x must not be empty");
  const double* number = std::get_if<double>(&p);
  Tensor ratio;
  if (p.index() == 0 || (number && std::abs(*number) == 2)) {
    ratio = ratio_of_extremes(x, number && *number < 0);
  } else {
    require_square(op, x, "x");
    const Tensor inverse = inverse_with(factors_unchecked(x), x);
    ratio = norm_of_matrices(op, x, false, p) * norm_of_matrices(op, inverse, false, p);
  }
  const Tensor broken = logical_and(isnan(ratio), logical_not(any(isnan(x), Dims{-2, -1})));
  return where(broken, constant_like(ratio, kInfinity), ratio);
}

}  // namespace

void register_norms(Registry& registry) {
  registry.add("linalg.norm", &norm, "x, ord=None, axis=None, keepdims=False",
               R"(The norm of vectors or matrices.

Without ord and axis, the root of the sum of all squares. The derivative of that and of every order
p > 0 at zero is taken as zero; those of the square of the former, and of other even functions of
it, are exact. Where the order picks one of several
equal elements, they share the gradient.

:param x: tensor; 1-D or 2-D if axis is left out and ord is given
:param ord: for vectors a number, 2 by default; for matrices 'fro' (the default), 'nuc', 1, -1, 2,
    -2, inf or -inf
:param axis: an int for vectors, a pair of ints for matrices
:param keepdims: keep the axes with size one

>>> pa.linalg.norm(pa.tensor([3.0, 4.0])).item()
5.0)");
  registry.add("linalg.vector_norm", &vector_norm, "x, /, *, axis=None, keepdims=False, ord=2",
               R"(The norm of vectors along the axes; over several axes, of all their elements.

Derivatives at zero as in ``norm``.

:param x: tensor
:param axis: int, tuple of ints, or None for all
:param keepdims: keep the axes with size one
:param ord: a number; inf and -inf give the extreme absolute values, 0 counts what is not zero

>>> pa.linalg.vector_norm(pa.tensor([3.0, 4.0]), ord=1).item()
7.0)");
  registry.add("linalg.matrix_norm", &matrix_norm, "x, /, *, keepdims=False, ord='fro'",
               R"(The norm of the matrices over the last two axes.

:param x: tensor of shape (..., m, n)
:param keepdims: keep the axes with size one
:param ord: 'fro', 'nuc', 1, -1, 2, -2, inf or -inf; 2 is the largest singular value

>>> pa.linalg.matrix_norm(pa.tensor([[3.0, 0.0], [0.0, 4.0]]), ord=2).item()
4.0)");
  registry.add("linalg.cond", &cond, "x, p=None",
               R"(The condition number: the norm of a matrix times that of its inverse.

Of order 2 it is least where all singular values are equal, and derivatives there are taken as zero.

:param x: tensor of shape (..., m, n); square unless p is None, 2 or -2
:param p: an order of ``matrix_norm``; None stands for 2
:returns: tensor of shape (...); inf where a matrix is singular

>>> pa.linalg.cond(pa.tensor([[4.0, 0.0], [0.0, 2.0]])).item()
2.0)");
}

}  // namespace pyautograd::ops::linalg
