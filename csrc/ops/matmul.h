#pragma once

#include "ops/linear.h"

// The products built on matmul.
namespace pyautograd::ops {

Tensor vecdot(const Tensor& x1, const Tensor& x2, int64_t axis = -1);
Tensor outer(const Tensor& x1, const Tensor& x2);
Tensor inner(const Tensor& x1, const Tensor& x2);
Tensor dot(const Tensor& x1, const Tensor& x2);
Tensor matvec(const Tensor& x1, const Tensor& x2);
Tensor vecmat(const Tensor& x1, const Tensor& x2);
// Sums over products of axes1 of x1 with axes2 of x2, pair by pair.
Tensor tensordot(const Tensor& x1, const Tensor& x2, const Dims& axes1, const Dims& axes2);
Tensor einsum(std::string_view subscripts, TensorSpan operands);

Tensor diagonal(const Tensor& x, int64_t offset = 0, int64_t axis1 = 0, int64_t axis2 = 1);
Tensor trace(const Tensor& x, int64_t offset = 0, int64_t axis1 = 0, int64_t axis2 = 1,
             std::optional<DType> dtype = {});
Tensor tril(const Tensor& x, int64_t k = 0);
Tensor triu(const Tensor& x, int64_t k = 0);

// reshape and permute_dims, without a node where nothing changes.
Tensor reshaped(const Tensor& x, const Dims& shape);
Tensor permuted(const Tensor& x, const Dims& axes);

void register_products_of_matrices(Registry& registry);
void register_diagonals(Registry& registry);
void register_einsum(Registry& registry);
void register_convolutions(Registry& registry);
void register_windows(Registry& registry);

}  // namespace pyautograd::ops
