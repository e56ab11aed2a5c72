#pragma once

// What is called in NVIDIA's libraries. Their headers are not part of every toolkit, so what they
// document of their interfaces is written here, and tests/nvidia_headers.cpp compares it with them
// where they are: matrices by columns, and all arrays on the device, those of pointers too, unless
// it says otherwise.

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/shared_library.h"

namespace pyautograd::kernels::cuda {

// cuBLAS, for products. The factors of a and b and of c lie on the host.
struct ProductFunctions {
  static constexpr int kCompute32 = 68, kCompute64 = 70, kComputeTf32 = 77;  // cublasComputeType_t
  static constexpr int kDefaultAlgorithm = -1;                               // cublasGemmAlgo_t
  static constexpr int kWideSums = 16;  // cublasMath_t: no sums in the type of the result
  static constexpr int kNoMemory = 3;   // cublasStatus_t
  using Handle = void*;

  int (*create)(Handle*);
  int (*set_stream)(Handle, void* stream);
  int (*set_workspace)(Handle, void* memory, size_t bytes);
  int (*set_math)(Handle, int mode);
  int (*gemm)(Handle, int a_operation, int b_operation, int m, int n, int k, const void* alpha,
              const void* a, int a_type, int lda, long long a_step, const void* b, int b_type,
              int ldb, long long b_step, const void* beta, void* c, int c_type, int ldc,
              long long c_step, int count, int compute, int algorithm);
};
void resolve(ProductFunctions& functions, Resolver& resolver);

// cuFFT.
struct FourierFunctions {
  static constexpr int kSingle = 0x29, kDouble = 0x69;  // cufftType
  static constexpr int kForward = -1, kInverse = 1;
  static constexpr int kNoMemory = 2;  // cufftResult
  using Plan = int;

  int (*make)(Plan*, int n, int type, int batch);
  int (*set_stream)(Plan, void* stream);
  int (*run_single)(Plan, void* in, void* out, int direction);
  int (*run_double)(Plan, void* in, void* out, int direction);
  int (*destroy)(Plan);
};
void resolve(FourierFunctions& functions, Resolver& resolver);

// cuDNN, for convolutions. Axes are named in the order images, channels, spatial ones, however the
// numbers lie. The factors of a product and of what is there lie on the host.
struct ConvolutionFunctions {
  static constexpr int kFloat = 0, kHalf = 2, kBfloat16 = 9;               // cudnnDataType_t
  static constexpr int kChannelsLast = 1;                                  // cudnnTensorFormat_t
  static constexpr int kCrossCorrelation = 1;                              // cudnnConvolutionMode_t
  static constexpr int kDefaultMath = 0, kTensorMath = 1, kPlainMath = 3;  // cudnnMathType_t
  static constexpr int kDeterministic = 1;                                 // cudnnDeterminism_t
  // cudnnStatus_t, of which the thousands say what kind it is
  static constexpr int kBadParameter = 2000, kNotSupported = 3000, kNoMemory = 4004;
  using Handle = void*;
  using Descriptor = void*;
  // A way to compute, as it is advised.
  struct Choice {
    int algorithm, status;
    float milliseconds;
    size_t work_bytes;
    int determinism, math, reserved[3];
  };
  // The factors come in the order x, weight, y, without the one that is made.
  using Choose = int(Handle, Descriptor first, Descriptor second, Descriptor windows,
                     Descriptor out, int most, int* count, void* choices);
  using WorkSize = int(Handle, Descriptor first, Descriptor second, Descriptor windows,
                       Descriptor out, int algorithm, size_t* bytes);
  using Run = int(Handle, const void* alpha, Descriptor first, const void* first_data,
                  Descriptor second, const void* second_data, Descriptor windows, int algorithm,
                  void* work, size_t work_bytes, const void* beta, Descriptor out, void* out_data);
  struct Direction {
    Choose* choose;
    WorkSize* work_size;
    Run* run;
  };

  int (*create)(Handle*);
  int (*set_stream)(Handle, void* stream);
  int (*create_tensor)(Descriptor*);
  int (*set_tensor)(Descriptor, int type, int ndim, const int* shape, const int* strides);
  int (*destroy_tensor)(Descriptor);
  int (*create_filter)(Descriptor*);
  int (*set_filter)(Descriptor, int type, int format, int ndim, const int* shape);
  int (*destroy_filter)(Descriptor);
  int (*create_windows)(Descriptor*);
  int (*set_windows)(Descriptor, int spatial, const int* pads, const int* strides,
                     const int* dilations, int mode, int compute_type);
  int (*set_math)(Descriptor, int math);
  int (*set_groups)(Descriptor, int groups);
  int (*destroy_windows)(Descriptor);
  Direction to_x, to_weight, to_y;
};
void resolve(ConvolutionFunctions& functions, Resolver& resolver);

// cuBLAS and cuSOLVER, for dense matrices.
namespace solver {

using Handle = void*;
inline constexpr int kSuccess = 0, kNoMemory = 2;                              // cusolverStatus_t
inline constexpr int kLower = 0, kUpper = 1;                                   // cublasFillMode_t
inline constexpr int kPlain = 0, kTransposed = 1;                              // cublasOperation_t
inline constexpr int kLeft = 0, kRight = 1;                                    // cublasSideMode_t
inline constexpr int kReadDiagonal = 0, kUnitDiagonal = 1;                     // cublasDiagType_t
inline constexpr int kNoVectors = 0, kVectors = 1;                             // cusolverEigMode_t
enum Type : int { kReal32 = 0, kReal64 = 1, kComplex32 = 4, kComplex64 = 5 };  // cudaDataType

struct Functions {
  // cuBLAS. `alpha` lies on the host.
  using Trsm = int(Handle, int side, int fill, int operation, int diagonal, int m, int n,
                   const void* alpha, const void* a, int lda, void* b, int ldb);
  using TrsmBatched = int(Handle, int side, int fill, int operation, int diagonal, int m, int n,
                          const void* alpha, const void* const* a, int lda, void* const* b, int ldb,
                          int count);
  // Pivots count from one, n of them for each matrix; null: no rows are exchanged.
  using GetrfBatched = int(Handle, int n, void* const* a, int lda, int* pivots, int* info,
                           int count);
  int (*blas_create)(Handle*);
  int (*blas_set_stream)(Handle, void* stream);
  int (*blas_set_workspace)(Handle, void* memory, size_t bytes);
  Typed<Trsm> trsm;
  Typed<TrsmBatched> trsm_batched;
  Typed<GetrfBatched> getrf_batched;

  // cuSOLVER, the 64-bit routines for all dtypes. The last type is that of the computation.
  int (*create)(Handle*);
  int (*set_stream)(Handle, void* stream);
  int (*create_params)(Handle*);
  int (*getrf_size)(Handle, Handle params, int64_t m, int64_t n, int type, const void* a,
                    int64_t lda, int compute, size_t* device_bytes, size_t* host_bytes);
  int (*getrf)(Handle, Handle params, int64_t m, int64_t n, int type, void* a, int64_t lda,
               int64_t* pivots, int compute, void* device, size_t device_bytes, void* host,
               size_t host_bytes, int* info);
  int (*potrf_size)(Handle, Handle params, int fill, int64_t n, int type, const void* a,
                    int64_t lda, int compute, size_t* device_bytes, size_t* host_bytes);
  int (*potrf)(Handle, Handle params, int fill, int64_t n, int type, void* a, int64_t lda,
               int compute, void* device, size_t device_bytes, void* host, size_t host_bytes,
               int* info);
  int (*geqrf_size)(Handle, Handle params, int64_t m, int64_t n, int type, const void* a,
                    int64_t lda, int tau_type, const void* tau, int compute, size_t* device_bytes,
                    size_t* host_bytes);
  int (*geqrf)(Handle, Handle params, int64_t m, int64_t n, int type, void* a, int64_t lda,
               int tau_type, void* tau, int compute, void* device, size_t device_bytes, void* host,
               size_t host_bytes, int* info);
  int (*syevd_size)(Handle, Handle params, int vectors, int fill, int64_t n, int type,
                    const void* a, int64_t lda, int w_type, const void* w, int compute,
                    size_t* device_bytes, size_t* host_bytes);
  int (*syevd)(Handle, Handle params, int vectors, int fill, int64_t n, int type, void* a,
               int64_t lda, int w_type, void* w, int compute, void* device, size_t device_bytes,
               void* host, size_t host_bytes, int* info);
  // Null before CUDA 12.6. The left vectors must not be asked for.
  int (*geev_size)(Handle, Handle params, int left, int right, int64_t n, int type, const void* a,
                   int64_t lda, int w_type, const void* w, int vl_type, const void* vl,
                   int64_t ldvl, int vr_type, const void* vr, int64_t ldvr, int compute,
                   size_t* device_bytes, size_t* host_bytes);
  int (*geev)(Handle, Handle params, int left, int right, int64_t n, int type, void* a, int64_t lda,
              int w_type, void* w, int vl_type, void* vl, int64_t ldvl, int vr_type, void* vr,
              int64_t ldvr, int compute, void* device, size_t device_bytes, void* host,
              size_t host_bytes, int* info);

  // cuSOLVER, a function for each dtype. Sizes of workspaces count elements.
  using PotrfBatched = int(Handle, int fill, int n, void** a, int lda, int* info, int count);
  using UngqrSize = int(Handle, int m, int n, int k, const void* a, int lda, const void* tau,
                        int* size);
  using Ungqr = int(Handle, int m, int n, int k, void* a, int lda, const void* tau, void* work,
                    int size, int* info);
  using HeevjSize = int(Handle, int vectors, int fill, int n, const void* a, int lda, const void* w,
                        int* size, Handle settings, int count);
  using Heevj = int(Handle, int vectors, int fill, int n, void* a, int lda, void* w, void* work,
                    int size, int* info, Handle settings, int count);
  using GesvdjSize = int(Handle, int vectors, int thin, int m, int n, const void* a, int lda,
                         const void* s, const void* u, int ldu, const void* v, int ldv, int* size,
                         Handle settings);
  using Gesvdj = int(Handle, int vectors, int thin, int m, int n, void* a, int lda, void* s,
                     void* u, int ldu, void* v, int ldv, void* work, int size, int* info,
                     Handle settings);
  using GesvdjBatchedSize = int(Handle, int vectors, int m, int n, const void* a, int lda,
                                const void* s, const void* u, int ldu, const void* v, int ldv,
                                int* size, Handle settings, int count);
  using GesvdjBatched = int(Handle, int vectors, int m, int n, void* a, int lda, void* s, void* u,
                            int ldu, void* v, int ldv, void* work, int size, int* info,
                            Handle settings, int count);
  int (*create_syevj_settings)(Handle*);
  int (*create_gesvdj_settings)(Handle*);
  Typed<PotrfBatched> potrf_batched;
  Typed<UngqrSize> ungqr_size;
  Typed<Ungqr> ungqr;
  Typed<HeevjSize> heevj_batched_size;
  Typed<Heevj> heevj_batched;
  Typed<GesvdjSize> gesvdj_size;
  Typed<Gesvdj> gesvdj;
  Typed<GesvdjBatchedSize> gesvdj_batched_size;
  Typed<GesvdjBatched> gesvdj_batched;
};

void resolve_blas(Functions& functions, Resolver& resolver);
void resolve_dense(Functions& functions, Resolver& resolver);

}  // namespace solver

}  // namespace pyautograd::kernels::cuda
