#pragma once

// Stand-ins of cuBLAS's routines.

#include <cstdint>

#include "kernels/cuda/emulated/arguments.h"
#include "kernels/cuda/emulated/host_lapack.h"

namespace pyautograd::kernels::cuda::emulated {

inline constexpr int kBlasInvalid = 7;  // CUBLAS_STATUS_INVALID_VALUE

template <class T>
int trsm(Handle handle, int side, int fill, int operation, int diagonal, int m, int n,
         const void* alpha, const void* a, int lda, void* b, int ldb) {
  Arguments check = blas_call(handle);
  const int order = side == solver::kLeft ? m : n;
  for (int flag : {side, fill, diagonal}) check.choice(flag);
  check.require(operation >= 0 && operation <= 2 && !is_device_memory(alpha, 1));
  check.matrix<T>(a, order, order, lda);
  check.matrix<T>(b, m, n, ldb);
  if (!check) return kBlasInvalid;
  const char left = side == solver::kLeft ? 'L' : 'R', triangle = fill_letter(fill);
  const char flag = "NTC"[operation], unit = diagonal == solver::kUnitDiagonal ? 'U' : 'N';
  host<T>().trsm(&left, &triangle, &flag, &unit, &m, &n, static_cast<const T*>(alpha),
                 static_cast<const T*>(a), &lda, static_cast<T*>(b), &ldb, kLength, kLength,
                 kLength, kLength);
  return solver::kSuccess;
}

template <class T>
int trsm_batched(Handle handle, int side, int fill, int operation, int diagonal, int m, int n,
                 const void* alpha, const void* const* a, int lda, void* const* b, int ldb,
                 int count) {
  Arguments check = blas_call(handle);
  check.array(a, count);
  check.array(b, count);
  if (!check) return kBlasInvalid;
  for (int i = 0; i < count; ++i)
    if (const int status =
            trsm<T>(handle, side, fill, operation, diagonal, m, n, alpha, a[i], lda, b[i], ldb))
      return status;
  return solver::kSuccess;
}

template <class T>
int factor_without_exchanges(T* a, int n, int lda) {
  int zero = 0;
  for (int k = 0; k < n; ++k) {
    const T pivot = a[k + k * lda];
    if (pivot == T(0) && zero == 0) zero = k + 1;
    for (int i = k + 1; i < n; ++i) {
      const T factor = a[i + k * lda] /= pivot;
      for (int j = k + 1; j < n; ++j) a[i + j * lda] -= factor * a[k + j * lda];
    }
  }
  return zero;
}

template <class T>
int getrf_batched(Handle handle, int n, void* const* a, int lda, int* pivots, int* info,
                  int count) {
  Arguments check = blas_call(handle);
  check.array(a, count);
  if (pivots) check.array(pivots, int64_t{n} * count);
  check.array(info, count);
  for (int i = 0; check && i < count; ++i) check.matrix<T>(a[i], n, n, lda);
  if (!check) return kBlasInvalid;
  for (int i = 0; !pivots && i < count; ++i)
    info[i] = factor_without_exchanges(static_cast<T*>(a[i]), n, lda);
  for (int i = 0; pivots && i < count; ++i)
    host<T>().getrf(&n, &n, static_cast<T*>(a[i]), &lda, pivots + i * n, info + i);
  return solver::kSuccess;
}

}  // namespace pyautograd::kernels::cuda::emulated
