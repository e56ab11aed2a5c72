// det and slogdet.

#include "autograd/jet.h"
#include "ops/elementwise.h"
#include "ops/linalg.h"

namespace pyautograd::ops::linalg {

namespace {

// A number per matrix as a factor of the matrix.
Tensor over_matrix(const Tensor& x) { return expand_dims(x, {-2, -1}); }

// With m - 1 directions E beside the matrix A, the matrix G for which sum(G * H) is the m-th
// derivative of det at A in the directions E1, ..., E(m-1), H. That is linear and symmetric in the
// directions, so the derivatives of G are such matrices again, and nothing else is needed at any
// order.
class DetDerivative final : public OnMatrices {
 public:
  std::string_view name() const override { return "det_derivative"; }
  Saves saves() const override { return {.inputs = Saves::kAll}; }

  Specs infer(TensorSpan inputs) const override {
    const Tensor& a = inputs[0];
    return {
        Spec{with_core(common_lead(name(), inputs), {rows(a), columns(a)}), a.dtype(), a.device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    require_lapack("linalg.det", specs[0].device);
    const Dims full(specs[0].shape.begin(), specs[0].shape.end() - 2);
    std::vector<Ref<Array>> copies;
    std::vector<kernels::Matrices> given;
    for (const Tensor& x : inputs) {
      copies.push_back(copy_by_rows(x, full, specs[0].device));
      given.push_back(transposed_matrices(*copies.back()));
    }
    Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    kernels::det_derivative(given[0], std::span(given).subspan(1), transposed_matrices(*out));
    return {Tensor(std::move(out))};
  }
  Tensors vjp(const VjpArgs& args) const override {
    Tensors out(args.inputs.size());
    for (size_t i = 0; i < out.size(); ++i)
      if (args.wants[i]) out[i] = moved(args.inputs, i, args.cotangents[0]);
    return out;
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan) const override {
    Tensor sum;
    for (size_t i = 0; i < primals.size(); ++i)
      if (tangents[i]) sum = total({sum, moved(primals, i, tangents[i])});
    return {sum};
  }

 private:
  // With t in the place of a direction, or beside all of them.
  Tensor moved(TensorSpan inputs, size_t place, const Tensor& t) const {
    Tensors changed;
    for (size_t i = 0; i < inputs.size(); ++i)
      changed.push_back(i == place && place > 0 ? t : inputs[i]);
    if (place == 0) changed.push_back(t);
    return apply1(Ref<const Primitive>(this), changed);
  }
};

Tensor cofactors(const Tensor& a) { return apply1(make_ref<DetDerivative>(), Borrowed<1>(a)); }

struct Lu {
  Ref<Array> lu, pivots;
};

// Of the transposed matrices.
Lu decompose(std::string_view op, const Tensor& a) {
  require_lapack(op, a.device());
  Lu f{copy_by_rows(a, lead(a), a.device()), Array::empty(lead(a, 1), DType::Int32, a.device())};
  const kernels::Matrices factored = transposed_matrices(*f.lu);
  kernels::lu(factored, pivots_of(*f.pivots), nullptr);  // singular is no error
  return f;
}

class Det final : public OnMatrices {
 public:
  std::string_view name() const override { return "linalg.det"; }
  Saves saves() const override { return {.inputs = 1}; }

  Specs infer(TensorSpan inputs) const override {
    require_square(name(), inputs[0]);
    return {Spec{lead(inputs[0]), inputs[0].dtype(), inputs[0].device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    const Lu f = decompose(name(), inputs[0]);
    Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    kernels::det(transposed_matrices(*f.lu), pivots_of(*f.pivots), nullptr, nullptr,
                 out->address());
    return {Tensor(std::move(out))};
  }
  Tensors vjp(const VjpArgs& args) const override {
    return {over_matrix(args.cotangents[0]) * cofactors(args.inputs[0])};
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan) const override {
    return {sum(cofactors(primals[0]) * tangents[0], Dims{-2, -1})};
  }
  std::optional<Tensors> taylor(const TaylorArgs& args) const override {
    Tensor sum;
    Tensors at = {args.x(0, 0)};
    add_partitions(args, {args.k, args.k, 0, 1}, at, sum);
    return Tensors::of(std::move(sum));
  }

 private:
  // What is left of an order when some coefficients of A have been chosen as directions, those of
  // highest order first: the last one's order, how often it was chosen, and the weight so far.
  struct Rest {
    size_t left, last, times;
    double weight;
  };
  // A coefficient of det is a sum over all ways to write its order as a sum of orders of
  // coefficients of A: the derivative in these directions, over the factorials of how often each
  // occurs (the formula of Faa di Bruno). Beyond n directions derivatives are zero.
  static void add_partitions(const TaylorArgs& args, const Rest& rest, Tensors& at, Tensor& sum) {
    if (static_cast<int64_t>(at.size()) > rows(at[0])) return;
    for (size_t j = std::min(rest.left, rest.last); j > 0; --j) {
      const Tensor direction = args.x(0, j);
      if (!direction) continue;
      const size_t times = j == rest.last ? rest.times + 1 : 1;
      const double weight = rest.weight / static_cast<double>(times);
      if (j == rest.left) {
        const Tensor slope = apply1(make_ref<DetDerivative>(), at);
        const Tensor term = args.average(ops::sum(slope * direction, Dims{-2, -1}));
        sum = total({sum, weight == 1 ? term : term * weight});
      } else {
        at.push_back(direction);
        add_partitions(args, {rest.left - j, j, times, weight}, at, sum);
        at.pop_back();
      }
    }
  }
};

// Sign, logarithm, and the factors of the transposed matrix as numbers for the derivatives.
class SlogDet final : public OnMatrices {
 public:
  std::string_view name() const override { return "linalg.slogdet"; }
  Saves saves() const override { return {.inputs = 1, .outputs = 13}; }

  Specs infer(TensorSpan inputs) const override {
    require_square(name(), inputs[0]);
    const Tensor& a = inputs[0];
    return {Spec{lead(a), a.dtype(), a.device()}, Spec{lead(a), real_of(a.dtype()), a.device()},
            a.spec(), Spec{lead(a, 1), DType::Int32, a.device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    const Lu f = decompose(name(), inputs[0]);
    Ref<Array> sign = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    Ref<Array> logabsdet = Array::empty(specs[1].shape, specs[1].dtype, specs[1].device);
    kernels::det(transposed_matrices(*f.lu), pivots_of(*f.pivots), sign->address(),
                 logabsdet->address(), nullptr);
    return {Tensor(std::move(sign)), Tensor(std::move(logabsdet)), Tensor(f.lu), Tensor(f.pivots)};
  }
  Tensors vjp(const VjpArgs& args) const override {
    Tensor t = args.cotangents[1];
    if (args.cotangents[0] && is_complex(args.inputs[0].dtype()))
      t = total({t, imaginary_part(args.cotangents[0] * args.outputs[0])});
    if (!t) return {Tensor()};
    return {call<kernels::Scale>(over_matrix(t), slope(args.inputs[0], args.outputs))};
  }
  // The logarithm of det has the derivative tr(A^-1 dA); its real part is that of logabsdet.
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override {
    const Tensor moved =
        sum(call<kernels::Scale>(tangents[0], slope(primals[0], outputs)), Dims{-2, -1});
    if (!is_complex(moved.dtype())) return {Tensor(), moved, Tensor(), Tensor()};
    return {outputs[0] * imaginary_part(moved), real(moved), Tensor(), Tensor()};
  }

 private:
  // As an imaginary number.
  static Tensor imaginary_part(const Tensor& x) { return (x - conj(x)) * 0.5; }
  static Tensor slope(const Tensor& a, TensorSpan outputs) {
    return matrix_transpose(inverse_with({outputs[2].untracked(), outputs[3]}, a));
  }
};

}  // namespace

Tensor det(const Tensor& a) { return apply1(make_ref<Det>(), Borrowed<1>(floating(a))); }

Tensors slogdet(const Tensor& a) {
  Tensors made = apply(make_ref<SlogDet>(), Borrowed<1>(floating(a)));
  return {std::move(made[0]), std::move(made[1])};
}

void register_determinants(Registry& registry) {
  registry.add("linalg.det", &det, "a", R"(The determinant of every matrix.

Derivatives of every order are exact whatever the rank, at the zero matrix too: that of order m is
a sum over m by m minors, taken in the bases of a singular value decomposition, where it needs no
division (compare the adjugate in Giles 2008, section 2.2.4). The first two cost about as much as
that decomposition, the first less where a is well-conditioned; order m > 2 takes some
n ** (m + 1) operations. Up to n = 3 minors are written out.

:param a: tensor of shape (..., n, n)
:returns: tensor of shape (...) and floating dtype; 1 for n = 0

>>> pa.linalg.det(pa.tensor([[1.0, 2.0], [3.0, 4.0]])).item()
-2.0)");
  registry.add("linalg.slogdet", &slogdet, "a",
               R"(Sign and logarithm of the absolute value of every determinant.

The derivative at a singular matrix, where the logarithm is -inf, is infinite or nan. That of the
sign of a real determinant is zero; a complex one has a complex number of absolute value one.

:param a: tensor of shape (..., n, n)
:returns: ``SlogdetResult(sign, logabsdet)`` of shape (...)

>>> pa.linalg.slogdet(pa.tensor([[0.0, 1.0], [1.0, 0.0]]))
SlogdetResult(sign=tensor(-1.), logabsdet=tensor(0.)))");
  registry.result_type("SlogdetResult");
}

}  // namespace pyautograd::ops::linalg
