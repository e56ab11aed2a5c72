#pragma once

#include <optional>
#include <vector>

#include "autograd/primitive.h"

namespace pyautograd {

// The coefficients of power series in one variable t: those of the outputs of one op, computed as
// they are asked for, lowest first. So the series of an op may be defined through itself, as that
// of y = exp(x) is by y' = x' y, and each coefficient is still computed once.
class Expansion : public RefCounted {
 public:
  // Of t**k, k >= 1, in one output; absent where it is zero.
  Tensor coefficient(size_t output, size_t k);
  // How many can be had without asking an op that is not done.
  virtual size_t known() const = 0;

 protected:
  // The next ones, which are those of t**k, one per output.
  virtual Tensors next(size_t k) = 0;

  std::vector<Tensors> known_;
};

// What a rule for the coefficients of t**k may read: the inputs' series, and the outputs' below k.
class TaylorArgs {
 public:
  TaylorArgs(size_t k, const Level& level, TensorSpan inputs, TensorSpan outputs, Expansion& own)
      : k(k), level_(level), inputs_(inputs), outputs_(outputs), own_(own) {}

  const size_t k;
  size_t inputs() const { return inputs_.size(); }
  // Coefficient j of an input or output, j = 0 being the value; absent where it is zero.
  Tensor x(size_t input, size_t j) const;
  Tensor y(size_t output, size_t j) const;
  // Whether an input depends on t at all.
  bool moves(size_t input) const;
  // The vmap over directions, if only the mean over them is wanted of this coefficient; else null.
  const Level* directions() const;
  // That mean, if it is what is wanted. A coefficient enters the next ops' coefficients of the same
  // order linearly, so it may be taken of every term at once, or only at the end.
  Tensor average(const Tensor& term) const;

 private:
  const Level& level_;
  TensorSpan inputs_, outputs_;
  Expansion& own_;
};

// x at a Taylor level, with coefficients 1, 2, ...
Tensor make_jet(const Ref<Level>& level, Tensor primal, Tensors coefficients);
// Absent where zero; k = 0 is the value.
Tensor coefficient_of(const Level* level, const Tensor& x, size_t k);

// One op at a Taylor level.
Tensors apply_jets(const Ref<Level>& level, const Ref<const Primitive>& primitive,
                   TensorSpan inputs);

}  // namespace pyautograd
