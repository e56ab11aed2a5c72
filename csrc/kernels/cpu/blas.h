#pragma once

// The BLAS the library opened, if any. Only blas.cpp knows where it came from.

#include <cstdint>

namespace pyautograd::kernels {

// CBLAS, row-major, 32-bit integers.
template <class T>
struct BlasFunctions {
  void (*gemm)(int order, int transpose_a, int transpose_b, int m, int n, int k, T alpha,
               const T* a, int lda, const T* b, int ldb, T beta, T* c, int ldc) = nullptr;
  void (*gemv)(int order, int transpose, int m, int n, T alpha, const T* a, int lda, const T* x,
               int incx, T beta, T* y, int incy) = nullptr;
};

inline constexpr int kBlasRowMajor = 101, kBlasPlain = 111, kBlasTransposed = 112;

struct Blas {
  BlasFunctions<float> single_precision;
  BlasFunctions<double> double_precision;
  const char* name = "none";
  void* handle = nullptr;

  template <class T>
  const BlasFunctions<T>& functions() const {
    if constexpr (sizeof(T) == 4)
      return single_precision;
    else
      return double_precision;
  }
};

// Opens the library on the first call; without one every function is null.
const Blas& blas();

}  // namespace pyautograd::kernels
