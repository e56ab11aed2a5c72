#pragma once

#include "ops/elementwise.h"

// Functions of Hermitian matrices, f(A) = V diag(f(w)) V^H for A = V diag(w) V^H, with derivatives
// of every order, exact where eigenvalues repeat.
namespace pyautograd::ops {

// A function of one real number, made of elementwise ops, constants, and parameters: tensors that
// may be differentiated, too. Its graph may share parts.
class Function final : public RefCounted {
 public:
  struct Argument {
    Ref<const Function> part;
    Tensor constant;  // 0-d, in place of a part
  };
  using Arguments = SmallVector<Argument, 2>;
  using Parts = SmallVector<const Function*, 2>;

  Function() = default;  // the identity
  explicit Function(const Tensor& parameter)
      : parameter_(parameter), version_(version_of(*parameter.body())) {}
  Function(Operation op, Arguments arguments);

  // Bounds the recursions over the graph.
  int depth() const noexcept { return depth_; }
  const Tensor& parameter() const noexcept { return parameter_; }
  // Whether nobody wrote to the memory of the parameter since.
  bool is_current() const { return version_of(*parameter_.body()) == version_; }
  // What it is made of, each part once; and those that are parameters.
  Parts parts() const;
  Parts parameters() const;
  // The function at x, where the parameters have these values.
  Tensor at(const Tensor& x, const Parts& parameters, TensorSpan values) const;

 private:
  std::optional<Operation> op_;
  Arguments arguments_;
  Tensor parameter_;
  uint32_t version_ = 0;
  int depth_ = 0;
};

// What the spectrum of a Hermitian matrix goes through: a derivative of f; or, where the matrix is
// linalg::jordan_wielandt(x), of the even function f(|x|), whose derivatives at 0 are those from
// the right.
class MatrixFunction {
 public:
  explicit MatrixFunction(Ref<const Function> f)
      : f_(std::move(f)), parameters_(f_->parameters()) {}
  MatrixFunction(Ref<const Function> f, int64_t rows_of_x, bool kink)
      : MatrixFunction(std::move(f)) {
    rows_of_x_ = rows_of_x;
    kink_ = kink;
  }

  size_t count() const noexcept { return parameters_.size(); }
  bool has_kink() const noexcept { return kink_; }           // at 0
  int64_t rows_of_x() const noexcept { return rows_of_x_; }  // 0: any Hermitian matrix
  MatrixFunction derivative() const;
  MatrixFunction derivative_by(size_t parameter) const;
  // Its derivative of order `further` at x, where the parameters have these values.
  Tensor operator()(int further, const Tensor& x, TensorSpan values) const;

 private:
  Ref<const Function> f_;
  Function::Parts parameters_;
  int64_t rows_of_x_ = 0;
  bool kink_ = false;
  int order_ = 0;              // of the derivative
  SmallVector<size_t, 2> by_;  // and the parameters it is by, too
};

// The sum over i1, ..., i(k-1), and over all orders of the factors, of
// differences[i0, ..., ik] x1[i0, i1] ... xk[i(k-1), ik].
Tensor contract_in_all_orders(const Tensor& differences, TensorSpan factors);
// For all i0, ..., ik the sum over all orders of the real part of
// first[ik, i0] x1[i0, i1] ... xk[i(k-1), ik].
Tensor closed_paths(const Tensor& first, TensorSpan factors);

// f of a matrix, of which the lower triangle is read. A parameter has the shape of the batch.
Tensor function_of_matrix(const MatrixFunction& f, const Tensor& matrix, TensorSpan parameters);

}  // namespace pyautograd::ops
