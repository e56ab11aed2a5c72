#include "autograd/costs.h"

#include <algorithm>
#include <cmath>

namespace pyautograd {

namespace {

bool is_product(std::string_view op) { return op == "matmul" || op == "vecdot"; }
bool is_convolution(std::string_view op) { return op == "nn._conv"; }

// Factorizations, and what begins with one.
bool is_factorization(std::string_view op) {
  return op.starts_with("linalg.") && op != "linalg.vector_norm";
}

double elements_of(const Tensor& x) { return static_cast<double>(x.size()); }

// Of the sums behind an element of a product, or the side of a matrix that is factorized.
double inner_length(std::string_view op, TensorSpan inputs, const Tensors& outputs) {
  // In a product of matrices every axis belongs to two of the three, and so do almost all here.
  if (is_convolution(op))
    return std::sqrt(elements_of(inputs[0]) * elements_of(inputs[1]) /
                     std::max(1.0, elements_of(outputs[0])));
  return inputs.empty() || inputs[0].ndim() == 0 ? 0
                                                 : static_cast<double>(inputs[0].shape().back());
}

}  // namespace

double operations_of(std::string_view op, TensorSpan inputs, const Tensors& outputs) {
  double elements = 0;
  for (const Tensor& y : outputs) elements += elements_of(y);
  for (const Tensor& x : inputs) elements = std::max(elements, elements_of(x));
  const double length = is_product(op) || is_convolution(op) || is_factorization(op)
                            ? inner_length(op, inputs, outputs)
                            : 0;
  return length > 0 ? 2 * elements * length : elements;
}

double time_of(std::string_view op, TensorSpan inputs, const Tensors& outputs) {
  constexpr double kPerCall = 200, kBytes = 16, kOperations = 64;  // the last two per nanosecond
  // LAPACK reaches a fraction of the speed of a product.
  constexpr double kPerFactorization = 8, kPerProduct = 2;
  double bytes = 0;
  auto add = [&](const Tensor& x) {
    bytes += elements_of(x) * static_cast<double>(itemsize(x.dtype()));
  };
  std::for_each(inputs.begin(), inputs.end(), add);
  std::for_each(outputs.begin(), outputs.end(), add);
  double operations = 0;
  if (is_product(op) || is_convolution(op))
    operations = kPerProduct * inner_length(op, inputs, outputs) * elements_of(outputs[0]);
  if (is_factorization(op))
    operations = kPerFactorization * inner_length(op, inputs, outputs) * elements_of(inputs[0]);
  return kPerCall + bytes / kBytes + operations / kOperations;
}

}  // namespace pyautograd
