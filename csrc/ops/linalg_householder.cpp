// qr with mode 'raw'.

#include "ops/elementwise.h"
#include "ops/linalg.h"

namespace pyautograd::ops::linalg {

namespace {

// H = I - tau v v^H with v[0] = 1, whose conjugate transpose takes the column to beta e_0, as
// LAPACK's larfg chooses it: none where nothing is to be done.
struct Reflection {
  explicit Reflection(const Tensor& column) {
    const DType dtype = column.dtype();
    const Tensor alpha = row_range(column, 0, 1), below = row_range(column, 1, rows(column));
    const Tensor zero = scalar(0, dtype), one = scalar(1, dtype);
    const Dims core{-2, -1};
    const Tensor idle = logical_and(logical_not(any(below, core, true)),
                                    equal(imag(alpha), scalar(0, real_of(dtype))));
    const Tensor filled = where(idle, one, column);
    const Tensor length = sqrt(sum(real(filled * conj(filled)), core, {}, true));
    const Tensor down = logical_not(call<kernels::SignBit>(real(alpha)));
    const Tensor target = astype(where(down, -length, length), dtype);
    beta = where(idle, alpha, target);
    tau = where(idle, zero, (target - alpha) / target);
    rest = where(idle, zero, below / where(idle, one, alpha - target));
    vector = ops::concat(Tensors{ones(alpha.shape(), dtype, column.device()), rest}, -2);
  }
  Tensor applied_to(const Tensor& x) const {
    return x - conj(tau) * matmul(vector, matmul(adjoint(vector), x));
  }
  Tensor beta, tau, rest, vector;
};

Tensor zeros_of(const Tensor& a, int64_t rows, int64_t columns) {
  return zeros(with_core(lead(a), {rows, columns}), a.dtype(), a.device());
}

}  // namespace

Tensors householder(const Tensor& a) {
  require_matrices("linalg.qr", a);
  const int64_t m = rows(a), n = columns(a), k = std::min(m, n);
  Tensors upper, lower, factors;
  Tensor left = a;
  for (int64_t j = 0; j < k; ++j) {
    const Reflection reflection(column_range(left, 0, 1));
    left = reflection.applied_to(column_range(left, 1, n - j));
    upper.push_back(
        ops::concat(Tensors{zeros_of(a, 1, j), reflection.beta, row_range(left, 0, 1)}, -1));
    lower.push_back(ops::concat(Tensors{zeros_of(a, j + 1, 1), reflection.rest}, -2));
    factors.push_back(squeeze(reflection.tau, Dims{-1}));
    left = row_range(left, 1, m - j);
  }
  upper.push_back(zeros_of(a, m - k, n));
  lower.push_back(zeros_of(a, m, n - k));
  factors.push_back(zeros(with_core(lead(a), {0}), a.dtype(), a.device()));
  const Tensor both = ops::concat(upper, -2) + ops::concat(lower, -1);
  return {matrix_transpose(both), ops::concat(factors, -1)};
}

}  // namespace pyautograd::ops::linalg
