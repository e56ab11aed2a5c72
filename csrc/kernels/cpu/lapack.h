#pragma once

// LAPACK as Fortran has it: all arguments by address, and behind them the lengths of the strings.
// Only lapack.cpp knows the names of the symbols.

#include <complex>
#include <cstddef>
#include <cstdint>

#include "core/dtype.h"

namespace pyautograd::kernels {

// The routines whose complex forms take other arguments.
template <class T, bool complex = is_complex_type<T>>
struct LapackShapes {
  using Gesdd = void(const char* job, const int* m, const int* n, T* a, const int* lda, T* s, T* u,
                     const int* ldu, T* vt, const int* ldvt, T* work, const int* lwork, int* iwork,
                     int* info, size_t);
  using Heevd = void(const char* job, const char* uplo, const int* n, T* a, const int* lda, T* w,
                     T* work, const int* lwork, int* iwork, const int* liwork, int* info, size_t,
                     size_t);
  using Gees = void(const char* job, const char* sort, void* select, const int* n, T* a,
                    const int* lda, int* sdim, T* wr, T* wi, T* vs, const int* ldvs, T* work,
                    const int* lwork, int* bwork, int* info, size_t, size_t);
  using Geev = void(const char* left, const char* right, const int* n, T* a, const int* lda, T* wr,
                    T* wi, T* vl, const int* ldvl, T* vr, const int* ldvr, T* work,
                    const int* lwork, int* info, size_t, size_t);
  using Gelsd = void(const int* m, const int* n, const int* k, T* a, const int* lda, T* b,
                     const int* ldb, T* s, const T* rcond, int* rank, T* work, const int* lwork,
                     int* iwork, int* info);
};
template <class T>
struct LapackShapes<T, true> {
  using R = RealOf<T>;
  using Gesdd = void(const char* job, const int* m, const int* n, T* a, const int* lda, R* s, T* u,
                     const int* ldu, T* vt, const int* ldvt, T* work, const int* lwork, R* rwork,
                     int* iwork, int* info, size_t);
  using Heevd = void(const char* job, const char* uplo, const int* n, T* a, const int* lda, R* w,
                     T* work, const int* lwork, R* rwork, const int* lrwork, int* iwork,
                     const int* liwork, int* info, size_t, size_t);
  using Gees = void(const char* job, const char* sort, void* select, const int* n, T* a,
                    const int* lda, int* sdim, T* w, T* vs, const int* ldvs, T* work,
                    const int* lwork, R* rwork, int* bwork, int* info, size_t, size_t);
  using Geev = void(const char* left, const char* right, const int* n, T* a, const int* lda, T* w,
                    T* vl, const int* ldvl, T* vr, const int* ldvr, T* work, const int* lwork,
                    R* rwork, int* info, size_t, size_t);
  using Gelsd = void(const int* m, const int* n, const int* k, T* a, const int* lda, T* b,
                     const int* ldb, R* s, const R* rcond, int* rank, T* work, const int* lwork,
                     R* rwork, int* iwork, int* info);
};

template <class T>
struct LapackFunctions {
  void (*gemm)(const char* transpose_a, const char* transpose_b, const int* m, const int* n,
               const int* k, const T* alpha, const T* a, const int* lda, const T* b, const int* ldb,
               const T* beta, T* c, const int* ldc, size_t, size_t) = nullptr;
  void (*trsm)(const char* side, const char* uplo, const char* transpose, const char* diagonal,
               const int* m, const int* n, const T* alpha, const T* a, const int* lda, T* b,
               const int* ldb, size_t, size_t, size_t, size_t) = nullptr;
  // syrk for real matrices
  void (*herk)(const char* uplo, const char* transpose, const int* n, const int* k,
               const RealOf<T>* alpha, const T* a, const int* lda, const RealOf<T>* beta, T* c,
               const int* ldc, size_t, size_t) = nullptr;
  void (*trtri)(const char* uplo, const char* diagonal, const int* n, T* a, const int* lda,
                int* info, size_t, size_t) = nullptr;
  void (*getrf)(const int* m, const int* n, T* a, const int* lda, int* pivots, int* info) = nullptr;
  void (*getrs)(const char* transpose, const int* n, const int* k, const T* a, const int* lda,
                const int* pivots, T* b, const int* ldb, int* info, size_t) = nullptr;
  void (*potrf)(const char* uplo, const int* n, T* a, const int* lda, int* info, size_t) = nullptr;
  void (*geqrf)(const int* m, const int* n, T* a, const int* lda, T* tau, T* work, const int* lwork,
                int* info) = nullptr;
  void (*ungqr)(const int* m, const int* n, const int* k, T* a, const int* lda, const T* tau,
                T* work, const int* lwork, int* info) = nullptr;
  void (*trsyl)(const char* transpose_a, const char* transpose_b, const int* sign, const int* m,
                const int* n, const T* a, const int* lda, const T* b, const int* ldb, T* c,
                const int* ldc, RealOf<T>* scale, int* info, size_t, size_t) = nullptr;
  typename LapackShapes<T>::Gesdd* gesdd = nullptr;
  typename LapackShapes<T>::Heevd* heevd = nullptr;
  typename LapackShapes<T>::Gees* gees = nullptr;
  typename LapackShapes<T>::Geev* geev = nullptr;
  typename LapackShapes<T>::Gelsd* gelsd = nullptr;
};

// Resolved on the first call, from the library that BLAS came from; null without one. T is float,
// double or std::complex of these.
template <class T>
const LapackFunctions<T>* lapack();

}  // namespace pyautograd::kernels
