#include "ops/matrix_function.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "ops/index.h"
#include "ops/linalg.h"
#include "ops/reduce.h"
#include "ops/rising_tuples.h"
#include "ops/spectral_slopes.h"

namespace pyautograd::ops {

namespace {

using linalg::adjoint;
using linalg::hermitian_part;

using Known = std::unordered_map<const Function*, Tensor>;

Tensor operate(const Operation& op, TensorSpan x) {
  if (const auto* fn = std::get_if<kernels::FnId>(&op)) return apply_op(*fn, x);
  return apply1(std::get<Ref<const Primitive>>(op), x);
}

}  // namespace

Function::Function(Operation op, Arguments arguments)
    : op_(std::move(op)), arguments_(std::move(arguments)) {
  for (const Argument& argument : arguments_)
    if (argument.part) depth_ = std::max(depth_, argument.part->depth_ + 1);
}

Function::Parts Function::parts() const {
  Parts found;
  std::unordered_set<const Function*> seen;
  const auto visit = [&](const auto& self, const Function& part) -> void {
    if (!seen.insert(&part).second) return;
    found.push_back(&part);
    for (const Argument& argument : part.arguments_)
      if (argument.part) self(self, *argument.part);
  };
  visit(visit, *this);
  return found;
}

Function::Parts Function::parameters() const {
  Parts found;
  for (const Function* part : parts())
    if (part->parameter_) found.push_back(part);
  return found;
}

Tensor Function::at(const Tensor& x, const Parts& parameters, TensorSpan values) const {
  Known known;
  for (size_t i = 0; i < parameters.size(); ++i) known[parameters[i]] = values[i];
  const auto evaluate = [&](const auto& self, const Function& part) -> Tensor {
    if (const auto found = known.find(&part); found != known.end()) return found->second;
    if (!part.op_) return x;
    Tensors arguments;
    for (const Argument& argument : part.arguments_)
      arguments.push_back(argument.part ? self(self, *argument.part) : argument.constant);
    return known[&part] = operate(*part.op_, arguments);
  };
  return evaluate(evaluate, *this);
}

MatrixFunction MatrixFunction::derivative() const {
  MatrixFunction out = *this;
  ++out.order_;
  return out;
}

MatrixFunction MatrixFunction::derivative_by(size_t parameter) const {
  MatrixFunction out = *this;
  out.by_.push_back(parameter);
  return out;
}

namespace {

// The derivative of f of that order in its argument and once by each of the parameters `by`.
Tensor derivative_of(const Function& f, const Function::Parts& parameters, int order,
                     std::span<const size_t> by, const Tensor& x, const Tensors& values) {
  if (order == 0 && by.empty()) return f.at(x, parameters, values);
  const LevelScope scope(Level::Kind::Jvp);
  const auto moving = [&](const Tensor& x) { return make_dual(scope.level(), x, ones_like(x)); };
  Tensor y;
  if (order > 0) {
    y = derivative_of(f, parameters, order - 1, by, moving(x), values);
  } else {
    Tensors moved = values;
    moved[by[0]] = moving(values[by[0]]);
    y = derivative_of(f, parameters, 0, by.subspan(1), x, moved);
  }
  const bool moves = y.level() == scope.level().get() && as_dual(y).tangent;
  return moves ? as_dual(y).tangent : zeros_like(x);
}

}  // namespace

Tensor MatrixFunction::operator()(int further, const Tensor& x, TensorSpan values) const {
  const int order = order_ + further;
  const Tensors given(values.begin(), values.end());
  const Tensor y =
      derivative_of(*f_, parameters_, order, by_, rows_of_x_ > 0 ? absolute(x) : x, given);
  if (rows_of_x_ == 0 || order % 2 == 0) return y;
  return where(less(x, scalar(0, x.dtype())), -y, y);
}

namespace {

// A function with its parameters, which are of the shape of the batch, `lead`.
struct WithParameters {
  const MatrixFunction& f;
  TensorSpan values;
  int64_t lead;

  Tensor operator()(int further, const Tensor& x) const {
    Dims behind;
    for (int64_t axis = lead - x.ndim(); axis < 0; ++axis) behind.push_back(axis);
    Tensors expanded;
    for (const Tensor& value : values) expanded.push_back(expand_dims(value, behind));
    return f(further, x, expanded);
  }
};

struct Rule {
  std::span<const double> nodes, weights;
};
// Gauss-Legendre on [0, 1].
constexpr double kNodes3[] = {0.1127016653792583, 0.5, 0.8872983346207417};
constexpr double kWeights3[] = {5.0 / 18, 8.0 / 18, 5.0 / 18};
constexpr double kNodes4[] = {0.06943184420297371, 0.33000947820757187, 0.6699905217924281,
                              0.9305681557970263};
constexpr double kWeights4[] = {0.17392742256872692, 0.32607257743127307, 0.32607257743127307,
                                0.17392742256872692};

// The divided difference f[x0, ..., xk] as the mean of the k-th derivative over a simplex
// (Hermite-Genocchi), which holds where arguments meet:
// the integral of f^(k)(x0 + t1 (x1 - x0) + ... + tk (xk - x(k-1))) over 0 <= tk <= ... <= t1 <= 1,
// with t1 = s1, t2 = s1 s2, ... from the unit cube.
Tensor simplex_integral(const WithParameters& f, TensorSpan x, Rule rule, int k, size_t done,
                        const Tensor& at, double scale, double weight) {
  if (done == static_cast<size_t>(k)) return f(k, at) * weight;
  Tensor sum;
  const Tensor step = x[done + 1] - x[done];
  for (size_t i = 0; i < rule.nodes.size(); ++i) {
    const double s = rule.nodes[i], t = scale * s;
    const double jacobian = std::pow(s, k - 1 - static_cast<double>(done));
    sum = linalg::total({sum, simplex_integral(f, x, rule, k, done + 1, at + step * t, t,
                                               weight * rule.weights[i] * jacobian)});
  }
  return sum;
}

// f[x0, ..., xk] for rising arguments. Newton's quotients lose digits where arguments come close,
// the integral where they are far apart; each says how many, and the better is taken.
Tensor divided_difference(const WithParameters& f, TensorSpan x) {
  const DType dtype = x[0].dtype();
  const double epsilon = dtype == DType::Float32 ? std::numeric_limits<float>::epsilon()
                                                 : std::numeric_limits<double>::epsilon();
  Tensors value, error;
  for (const Tensor& argument : x) {
    value.push_back(f(0, argument));
    error.push_back(absolute(value.back()) * epsilon);
  }
  for (size_t k = 1; k < x.size(); ++k) {
    for (size_t i = 0; i + k < x.size(); ++i) {
      const Tensor gap = x[i + k] - x[i], same = equal(gap, scalar(0, dtype));
      const Tensor divisor = where(same, scalar(1, dtype), gap);
      const Tensor quotient = (value[i + 1] - value[i]) / divisor;
      const Tensor lost = (error[i + 1] + error[i]) / divisor;
      const auto integral = [&](Rule rule) {
        const int order = static_cast<int>(k);
        return simplex_integral(f, x.subspan(i, k + 1), rule, order, 0, x[i], 1, 1);
      };
      const Tensor fine = integral({kNodes4, kWeights4});
      const Tensor off = absolute(fine - integral({kNodes3, kWeights3})) + absolute(fine) * epsilon;
      Tensor smooth = logical_or(same, less_equal(off, lost));
      if (f.f.has_kink()) {  // derivatives at 0 are those from the right
        const Tensor zero = scalar(0, dtype);
        const Tensor one_side = logical_or(greater_equal(x[i], zero), less(x[i + k], zero));
        smooth = logical_and(smooth, one_side);
      }
      value[i] = where(smooth, fine, quotient);
      error[i] = where(smooth, off, lost);
    }
  }
  return value[0];
}

// f[w_i, w_j, ...] for rising w and all k + 1 indices, in as many axes behind the batch.
Tensor all_divided_differences(const WithParameters& f, const Tensor& w, size_t k) {
  if (k == 0) return f(0, w);
  const RisingTuples tuples(w.shape().back(), k, w.device());
  Tensors arguments;
  for (const Tensor& places : tuples.places()) arguments.push_back(take(w, places, -1));
  return tuples.for_all(divided_difference(f, arguments));
}

// start[i0, ..., ik] x1[i0, i1] ... xk[i(k-1), ik].
Tensor product_along(const Tensor& start, TensorSpan factors) {
  const size_t k = factors.size();
  Tensor product = start;
  for (size_t j = 0; j < k; ++j) {
    Dims own = linalg::lead(factors[j]);
    const int64_t n = linalg::rows(factors[j]);
    for (size_t axis = 0; axis <= k; ++axis) own.push_back(axis == j || axis == j + 1 ? n : 1);
    product = product * reshape(factors[j], own);
  }
  return product;
}

// The sum over all orders of what is made of the factors in that order.
template <class Make>
Tensor over_all_orders(TensorSpan factors, Make&& make) {
  SmallVector<size_t, 4> order;
  for (size_t i = 0; i < factors.size(); ++i) order.push_back(i);
  Tensor out;
  do {
    Tensors ordered;
    for (size_t i : order) ordered.push_back(factors[i]);
    out = linalg::total({out, make(ordered)});
  } while (std::next_permutation(order.begin(), order.end()));
  return out;
}

}  // namespace

Tensor contract_in_all_orders(const Tensor& differences, TensorSpan factors) {
  Dims inner;
  for (size_t axis = 1; axis < factors.size(); ++axis)
    inner.push_back(-1 - static_cast<int64_t>(axis));
  return over_all_orders(factors, [&](TensorSpan ordered) {
    const Tensor product = product_along(differences, ordered);
    return inner.empty() ? product : sum(product, inner);
  });
}

Tensor closed_paths(const Tensor& first, TensorSpan factors) {
  Dims own = linalg::lead(first);
  own.push_back(linalg::rows(first));
  for (size_t axis = 1; axis < factors.size(); ++axis) own.push_back(1);
  own.push_back(linalg::rows(first));
  const Tensor start = reshape(matrix_transpose(first), own);
  return over_all_orders(factors,
                         [&](TensorSpan ordered) { return real(product_along(start, ordered)); });
}

namespace {

// Eigenvalues, rising, and eigenvectors of a Hermitian matrix.
linalg::Eigen spectrum_of(const Tensor& matrix, int64_t rows_of_x) {
  if (rows_of_x == 0) {
    const Tensors found = linalg::eigh(matrix);
    return {found[0], found[1]};
  }
  return linalg::spectrum_of_jordan_wielandt(linalg::column_range(
      linalg::row_range(matrix, 0, rows_of_x), rows_of_x, linalg::rows(matrix)));
}

// The derivative of f(a), for Hermitian a, along Hermitian matrices x1, ..., xk, and f(a) itself
// for k = 0 (Daleckii and Krein 1965; Higham 2008, "Functions of Matrices", section 3.2). Its
// product with one more Hermitian matrix is symmetric in all of them, so that it is its own
// transpose in each, and the rules of this class are made of this class. The inputs are a, the
// parameters of f, and x1, ..., xk.
class FunctionDerivative final : public linalg::OnMatrices {
 public:
  explicit FunctionDerivative(MatrixFunction f) : f_(std::move(f)) {}
  std::string_view name() const override { return "linalg.eigvalsh"; }
  Saves saves() const override { return {.inputs = Saves::kAll}; }

  Specs infer(TensorSpan inputs) const override {
    Dims lead;
    DType dtype = inputs[0].dtype();
    for (size_t i = 0; i < inputs.size(); ++i) {
      dtype = promote(dtype, inputs[i].dtype());
      lead = broadcast_shapes(name(), lead, linalg::lead(inputs[i], core_rank(i)));
    }
    const int64_t n = linalg::rows(inputs[0]);
    return {Spec{linalg::with_core(lead, {n, n}), dtype, inputs[0].device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs&) const override {
    const auto [w, v] = spectrum_of(inputs[0].untracked(), f_.rows_of_x());
    Tensors values, along;
    for (const Tensor& x : parameters(inputs)) values.push_back(x.untracked());
    for (const Tensor& x : directions(inputs))
      along.push_back(matmul(matmul(adjoint(v), x.untracked()), v));
    const WithParameters f{f_, values, w.ndim() - 1};
    const Tensor differences = all_divided_differences(f, w, along.size());
    if (along.empty()) return {matmul(linalg::scale_columns(v, differences), adjoint(v))};
    const Tensor core = contract_in_all_orders(differences, along);
    return {matmul(matmul(v, core), adjoint(v))};
  }

  Tensors vjp(const VjpArgs& args) const override {
    const Tensor& t = args.cotangents[0];
    const Tensor direction = hermitian_part(conj(t));
    Tensors out(args.inputs.size());
    for (size_t i = 0; i < out.size(); ++i) {
      if (!args.wants[i]) continue;
      out[i] = is_parameter(i) ? real(sum(t * by_parameter(args.inputs, i), Dims{-2, -1}))
                               : conj(moved(args.inputs, i, direction));
    }
    return out;
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan) const override {
    Tensor sum;
    for (size_t i = 0; i < primals.size(); ++i) {
      if (!tangents[i]) continue;
      sum = linalg::total({sum, is_parameter(i)
                                    ? expand_dims(tangents[i], {-2, -1}) * by_parameter(primals, i)
                                    : moved(primals, i, hermitian_part(tangents[i]))});
    }
    return {sum};
  }

 protected:
  int64_t core_rank(size_t input) const override { return is_parameter(input) ? 0 : 2; }

 private:
  bool is_parameter(size_t input) const { return input > 0 && input <= f_.count(); }
  TensorSpan parameters(TensorSpan inputs) const { return inputs.subspan(1, f_.count()); }
  TensorSpan directions(TensorSpan inputs) const { return inputs.subspan(1 + f_.count()); }

  Tensor by_parameter(TensorSpan inputs, size_t which) const {
    return apply1(make_ref<FunctionDerivative>(f_.derivative_by(which - 1)), inputs);
  }
  // The derivative by a matrix: one direction more for the first, and linear in the others.
  Tensor moved(TensorSpan inputs, size_t which, const Tensor& direction) const {
    Tensors next(inputs.begin(), inputs.end());
    if (which == 0) {
      next.push_back(direction);
    } else {
      next[which] = direction;
    }
    return apply1(Ref<const Primitive>(this), next);
  }

  const MatrixFunction f_;
};

}  // namespace

Tensor function_of_matrix(const MatrixFunction& f, const Tensor& matrix, TensorSpan parameters) {
  Tensors inputs{matrix};
  for (const Tensor& parameter : parameters) inputs.push_back(parameter);
  return apply1(make_ref<FunctionDerivative>(f), inputs);
}

}  // namespace pyautograd::ops
