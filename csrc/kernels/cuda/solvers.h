#pragma once

// cuBLAS and cuSOLVER for dense matrices, opened when first needed. Their headers are not part of
// every toolkit, so what they document of their interfaces is written here: matrices by columns,
// and all arrays on the device, those of pointers too, unless it says otherwise.

#include <array>
#include <mutex>
#include <vector>

#include "kernels/cuda/queue.h"
#include "kernels/linalg.h"

namespace pyautograd::kernels::cuda::solver {

using Handle = void*;
inline constexpr int kSuccess = 0;
inline constexpr int kLower = 0, kUpper = 1;                                   // cublasFillMode_t
inline constexpr int kPlain = 0, kTransposed = 1;                              // cublasOperation_t
inline constexpr int kLeft = 0, kRight = 1;                                    // cublasSideMode_t
inline constexpr int kReadDiagonal = 0, kUnitDiagonal = 1;                     // cublasDiagType_t
inline constexpr int kNoVectors = 0, kVectors = 1;                             // cusolverEigMode_t
enum Type : int { kReal32 = 0, kReal64 = 1, kComplex32 = 4, kComplex64 = 5 };  // cudaDataType

// What the 64-bit routines of cuSOLVER take at the end: a workspace on the device, one on the host,
// and where to write 0 or what LAPACK would report.
struct Workspace {
  void* device;
  size_t device_bytes;
  void* host;
  size_t host_bytes;
};

// Of the functions for one dtype each, in the order of LAPACK's letters: S, D, C, Z.
template <class F>
using Typed = std::array<F*, 4>;

struct Functions {
  // cuBLAS. `alpha` lies on the host.
  using Trsm = int(Handle, int side, int fill, int operation, int diagonal, int m, int n,
                   const void* alpha, const void* a, int lda, void* b, int ldb);
  using TrsmBatched = int(Handle, int side, int fill, int operation, int diagonal, int m, int n,
                          const void* alpha, const void* const* a, int lda, void* const* b, int ldb,
                          int count);
  // Pivots count from one, n of them for each matrix.
  using GetrfBatched = int(Handle, int n, void* const* a, int lda, int* pivots, int* info,
                           int count);
  int (*blas_create)(Handle*);
  int (*blas_set_stream)(Handle, void* stream);
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
  using PotrfBatched = int(Handle, int fill, int n, void* const* a, int lda, int* info, int count);
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

// The largest matrices that cuSOLVER's batched Jacobi methods take.
inline constexpr int64_t kMostJacobi = 32;
// Beyond this size a matrix fills the device by itself.
inline constexpr int64_t kMostBatched = 512;

void check(int status, const char* what);
int as_int(int64_t size);

// The libraries at the service of one call, for matrices of one dtype. One handle serves one thread
// at a time. Raises MissingLibrary.
class Session {
 public:
  Session(Device device, DType dtype);

  const Functions& f;
  const size_t letter;  // of the dtype in Typed
  const Type type, real_type;
  Handle blas, dense, params, syevj_settings, gesvdj_settings;

 private:
  friend class Work;
  std::unique_lock<std::mutex> lock_;
  std::vector<std::vector<std::byte>> host_memory_;

 public:
  Queue queue;
};

// Memory for a routine's workspaces. That on the host stays until the session ends, as a routine
// may return before it is done.
class Work {
 public:
  Work(Session& session, size_t device_bytes, size_t host_bytes);
  void* device() const { return device_.as<void>(); }
  void* host() const { return host_; }
  const size_t device_bytes, host_bytes;

 private:
  Scratch device_;
  void* host_;
};

}  // namespace pyautograd::kernels::cuda::solver
