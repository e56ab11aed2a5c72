#pragma once

#include <functional>

#include "autograd/jet.h"
#include "ops/elementwise.h"

// Rules for Taylor coefficients (Griewank and Walther, Evaluating derivatives, 2008, chapter 13)
// that several ops share. What has none gets its coefficients from its jvp.
namespace pyautograd::ops {

// Of an op that is linear in what moves: the tangent of each coefficient.
Tensors linear_series(const Primitive& op, const TaylorArgs& args);

// Of a product of the first two inputs.
using Product = std::function<Tensor(const Tensor& a, const Tensor& b)>;
Tensor product_series(const TaylorArgs& args, const Product& product);

// What a solution y of a y = b owes to a: the sum of a[j] y[k - j] over j >= 1, absent where none
// is. With that, a[0] y[k] = b[k] - sum.
Tensor implicit_series(const TaylorArgs& args, size_t a, const Product& product);

// sum(a * b, axis) for equal shapes and dtypes, one primitive (ops/products_along.cpp).
Tensor products_along(const Tensor& a, const Tensor& b, int64_t axis);

// Of an elementwise op, where it is a product, a quotient or linear in what moves, and of any where
// the mean over directions is wanted of a second coefficient.
std::optional<Tensors> elementwise_series(const ElementwiseRow& row, const TaylorArgs& args);

}  // namespace pyautograd::ops
