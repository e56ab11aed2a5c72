#pragma once

// The BLAS the library opened, if any. Only blas.cpp knows where it came from.

#include <cstdint>
#include <tuple>

#include "core/dtype.h"

namespace pyautograd::kernels {

// CBLAS, row-major, 32-bit integers. Complex factors go by address.
template <class T>
struct BlasFunctions {
  using Factor = std::conditional_t<is_complex_type<T>, const T*, T>;
  void (*gemm)(int order, int transpose_a, int transpose_b, int m, int n, int k, Factor alpha,
               const T* a, int lda, const T* b, int ldb, Factor beta, T* c, int ldc) = nullptr;
  void (*gemv)(int order, int transpose, int m, int n, Factor alpha, const T* a, int lda,
               const T* x, int incx, Factor beta, T* y, int incy) = nullptr;

  static Factor factor(const T& value) {
    if constexpr (is_complex_type<T>)
      return &value;
    else
      return value;
  }
};

inline constexpr int kBlasRowMajor = 101, kBlasPlain = 111, kBlasTransposed = 112;

struct Blas {
  std::tuple<BlasFunctions<float>, BlasFunctions<double>, BlasFunctions<std::complex<float>>,
             BlasFunctions<std::complex<double>>>
      products;
  const char* name = "none";
  void* handle = nullptr;
  // Real products up to this many multiplications are run without copying the matrices first, if
  // the second one is not transposed.
  int64_t in_place = 0;

  template <class T>
  const BlasFunctions<T>& functions() const {
    return std::get<BlasFunctions<T>>(products);
  }
};

// Opens the library on the first call; without one every function is null.
const Blas& blas();

}  // namespace pyautograd::kernels
