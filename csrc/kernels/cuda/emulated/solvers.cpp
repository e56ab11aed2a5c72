// Stand-ins of cuSOLVER for the emulated device, and the table of all stand-ins: for matrices,
// LAPACK on the host, behind the conventions that NVIDIA documents. Arguments that the real ones
// would misread are refused, arrays must lie in one block of the device, and workspaces are
// overwritten.

#include "kernels/cuda/emulated/solvers.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "kernels/cuda/emulated/arguments.h"
#include "kernels/cuda/emulated/cublas.h"
#include "kernels/cuda/emulated/host_lapack.h"
#include "kernels/cuda/solvers.h"
#include "kernels/kernels.h"

namespace pyautograd::kernels::cuda {

namespace {

using namespace emulated;
using solver::Functions;

constexpr int kSolverInvalid = 3;  // CUSOLVER_STATUS_INVALID_VALUE

template <class T>
constexpr int type_of() {
  return (is_complex_type<T> ? 4 : 0) + (sizeof(RealOf<T>) == 8 ? 1 : 0);
}
// f(TypeTag<T>) for a cudaDataType.
template <class F>
int by_type(int type, F&& f) {
  switch (type) {
    case solver::kReal32:
      return f(TypeTag<float>{});
    case solver::kReal64:
      return f(TypeTag<double>{});
    case solver::kComplex32:
      return f(TypeTag<std::complex<float>>{});
    case solver::kComplex64:
      return f(TypeTag<std::complex<double>>{});
    default:
      return kSolverInvalid;
  }
}

template <class T>
size_t work_bytes(int64_t elements) {
  return static_cast<size_t>(elements) * sizeof(T) + 8;
}

// cuSOLVER, for all dtypes.

int tell(size_t* device_bytes, size_t* host_bytes, size_t bytes) {
  *device_bytes = bytes;
  *host_bytes = kHostBytes;
  return solver::kSuccess;
}

int getrf_size(Handle handle, Handle params, int64_t m, int64_t n, int type, const void* a,
               int64_t lda, int compute, size_t* device_bytes, size_t* host_bytes) {
  return by_type(type, [&]<class T>(TypeTag<T>) {
    Arguments check = solver_call(handle, params);
    check.matrix<T>(a, m, n, lda);
    check.require(compute == type);
    return check ? tell(device_bytes, host_bytes, work_bytes<T>(m * n)) : kSolverInvalid;
  });
}
int getrf(Handle handle, Handle params, int64_t m, int64_t n, int type, void* a, int64_t lda,
          int64_t* pivots, int compute, void* device, size_t device_bytes, void* host_work,
          size_t host_bytes, int* info) {
  return by_type(type, [&]<class T>(TypeTag<T>) {
    Arguments check = solver_call(handle, params);
    check.matrix<T>(a, m, n, lda);
    check.array(pivots, std::min(m, n));
    check.array(info, 1);
    check.require(compute == type);
    check.work(device, device_bytes, work_bytes<T>(m * n));
    check.host_work(host_work, host_bytes);
    if (!check) return kSolverInvalid;
    const int rows = static_cast<int>(m), columns = static_cast<int>(n);
    const int leading = static_cast<int>(lda);
    std::vector<int> narrow(static_cast<size_t>(std::min(m, n)));
    host<T>().getrf(&rows, &columns, static_cast<T*>(a), &leading, narrow.data(), info);
    std::copy(narrow.begin(), narrow.end(), pivots);
    return solver::kSuccess;
  });
}

int potrf_size(Handle handle, Handle params, int fill, int64_t n, int type, const void* a,
               int64_t lda, int compute, size_t* device_bytes, size_t* host_bytes) {
  return by_type(type, [&]<class T>(TypeTag<T>) {
    Arguments check = solver_call(handle, params);
    check.choice(fill);
    check.matrix<T>(a, n, n, lda);
    check.require(compute == type);
    return check ? tell(device_bytes, host_bytes, work_bytes<T>(n * n)) : kSolverInvalid;
  });
}
int potrf(Handle handle, Handle params, int fill, int64_t n, int type, void* a, int64_t lda,
          int compute, void* device, size_t device_bytes, void* host_work, size_t host_bytes,
          int* info) {
  return by_type(type, [&]<class T>(TypeTag<T>) {
    Arguments check = solver_call(handle, params);
    check.choice(fill);
    check.matrix<T>(a, n, n, lda);
    check.array(info, 1);
    check.require(compute == type);
    check.work(device, device_bytes, work_bytes<T>(n * n));
    check.host_work(host_work, host_bytes);
    if (!check) return kSolverInvalid;
    const char triangle = fill_letter(fill);
    const int order = static_cast<int>(n), leading = static_cast<int>(lda);
    host<T>().potrf(&triangle, &order, static_cast<T*>(a), &leading, info, kLength);
    return solver::kSuccess;
  });
}

int geqrf_size(Handle handle, Handle params, int64_t m, int64_t n, int type, const void* a,
               int64_t lda, int tau_type, const void* tau, int compute, size_t* device_bytes,
               size_t* host_bytes) {
  return by_type(type, [&]<class T>(TypeTag<T>) {
    Arguments check = solver_call(handle, params);
    check.matrix<T>(a, m, n, lda);
    check.array(static_cast<const T*>(tau), std::min(m, n));
    check.require(compute == type && tau_type == type);
    return check ? tell(device_bytes, host_bytes, work_bytes<T>(64 * n)) : kSolverInvalid;
  });
}
int geqrf(Handle handle, Handle params, int64_t m, int64_t n, int type, void* a, int64_t lda,
          int tau_type, void* tau, int compute, void* device, size_t device_bytes, void* host_work,
          size_t host_bytes, int* info) {
  return by_type(type, [&]<class T>(TypeTag<T>) {
    Arguments check = solver_call(handle, params);
    check.matrix<T>(a, m, n, lda);
    check.array(static_cast<const T*>(tau), std::min(m, n));
    check.array(info, 1);
    check.require(compute == type && tau_type == type);
    check.work(device, device_bytes, work_bytes<T>(64 * n));
    check.host_work(host_work, host_bytes);
    if (!check) return kSolverInvalid;
    const int rows = static_cast<int>(m), columns = static_cast<int>(n);
    const int leading = static_cast<int>(lda), size = 64 * columns;
    host<T>().geqrf(&rows, &columns, static_cast<T*>(a), &leading, static_cast<T*>(tau),
                    static_cast<T*>(device), &size, info);
    return solver::kSuccess;
  });
}

// Eigenvectors in the place of a; every array is known to be right.
template <class T>
void heevd(int vectors, int fill, int n, T* a, int lda, RealOf<T>* w, int* info) {
  const char job = vectors == solver::kVectors ? 'V' : 'N', triangle = fill_letter(fill);
  const int lwork = 2 * n * n + 6 * n + 1, lrwork = 1 + 5 * n + 2 * n * n, liwork = 3 + 5 * n;
  std::vector<T> work(static_cast<size_t>(lwork));
  std::vector<RealOf<T>> rwork(static_cast<size_t>(lrwork));
  std::vector<int> iwork(static_cast<size_t>(liwork));
  if constexpr (is_complex_type<T>) {
    host<T>().heevd(&job, &triangle, &n, a, &lda, w, work.data(), &lwork, rwork.data(), &lrwork,
                    iwork.data(), &liwork, info, kLength, kLength);
  } else {
    host<T>().heevd(&job, &triangle, &n, a, &lda, w, work.data(), &lwork, iwork.data(), &liwork,
                    info, kLength, kLength);
  }
  // What is not asked for is lost all the same.
  if (vectors == solver::kNoVectors)
    for (int j = 0; j < n; ++j) std::fill_n(a + int64_t{j} * lda, n, T(-1));
}

int syevd_size(Handle handle, Handle params, int vectors, int fill, int64_t n, int type,
               const void* a, int64_t lda, int w_type, const void* w, int compute,
               size_t* device_bytes, size_t* host_bytes) {
  return by_type(type, [&]<class T>(TypeTag<T>) {
    Arguments check = solver_call(handle, params);
    for (int flag : {vectors, fill}) check.choice(flag);
    check.matrix<T>(a, n, n, lda);
    check.array(static_cast<const RealOf<T>*>(w), n);
    check.require(compute == type && w_type == type_of<RealOf<T>>());
    return check ? tell(device_bytes, host_bytes, work_bytes<T>(3 * n)) : kSolverInvalid;
  });
}
int syevd(Handle handle, Handle params, int vectors, int fill, int64_t n, int type, void* a,
          int64_t lda, int w_type, void* w, int compute, void* device, size_t device_bytes,
          void* host_work, size_t host_bytes, int* info) {
  return by_type(type, [&]<class T>(TypeTag<T>) {
    Arguments check = solver_call(handle, params);
    for (int flag : {vectors, fill}) check.choice(flag);
    check.matrix<T>(a, n, n, lda);
    check.array(static_cast<const RealOf<T>*>(w), n);
    check.array(info, 1);
    check.require(compute == type && w_type == type_of<RealOf<T>>());
    check.work(device, device_bytes, work_bytes<T>(3 * n));
    check.host_work(host_work, host_bytes);
    if (!check) return kSolverInvalid;
    heevd<T>(vectors, fill, static_cast<int>(n), static_cast<T*>(a), static_cast<int>(lda),
             static_cast<RealOf<T>*>(w), info);
    return solver::kSuccess;
  });
}

// Eigenvalues are complex always, the vectors of a real matrix real.
template <class T>
Arguments geev_arguments(Handle handle, Handle params, int left, int right, int64_t n,
                         const void* a, int64_t lda, int w_type, const void* w, int vl_type,
                         int64_t ldvl, int vr_type, const void* vr, int64_t ldvr, int compute) {
  Arguments check = solver_call(handle, params);
  check.require(left == solver::kNoVectors && ldvl > 0);
  check.choice(right);
  check.matrix<T>(a, n, n, lda);
  check.array(static_cast<const ComplexOf<T>*>(w), n);
  if (right == solver::kVectors) check.matrix<T>(vr, n, n, ldvr);
  check.require(w_type == type_of<ComplexOf<T>>());
  for (int type : {vl_type, vr_type, compute}) check.require(type == type_of<T>());
  return check;
}
int geev_size(Handle handle, Handle params, int left, int right, int64_t n, int type, const void* a,
              int64_t lda, int w_type, const void* w, int vl_type, const void*, int64_t ldvl,
              int vr_type, const void* vr, int64_t ldvr, int compute, size_t* device_bytes,
              size_t* host_bytes) {
  return by_type(type, [&]<class T>(TypeTag<T>) {
    const Arguments check = geev_arguments<T>(handle, params, left, right, n, a, lda, w_type, w,
                                              vl_type, ldvl, vr_type, vr, ldvr, compute);
    return check ? tell(device_bytes, host_bytes, work_bytes<T>(8 * n)) : kSolverInvalid;
  });
}
int geev(Handle handle, Handle params, int left, int right, int64_t n, int type, void* a,
         int64_t lda, int w_type, void* w, int vl_type, void*, int64_t ldvl, int vr_type, void* vr,
         int64_t ldvr, int compute, void* device, size_t device_bytes, void* host_work,
         size_t host_bytes, int* info) {
  return by_type(type, [&]<class T>(TypeTag<T>) {
    Arguments check = geev_arguments<T>(handle, params, left, right, n, a, lda, w_type, w, vl_type,
                                        ldvl, vr_type, vr, ldvr, compute);
    check.array(info, 1);
    check.work(device, device_bytes, work_bytes<T>(8 * n));
    check.host_work(host_work, host_bytes);
    if (!check) return kSolverInvalid;
    const char none = 'N', job = right == solver::kVectors ? 'V' : 'N';
    const int order = static_cast<int>(n), ld = static_cast<int>(lda), size = 8 * order;
    const int ldv = static_cast<int>(std::max(n, ldvr));
    std::vector<RealOf<T>> parts(static_cast<size_t>(2 * n));
    auto* values = static_cast<ComplexOf<T>*>(w);
    if constexpr (is_complex_type<T>) {
      host<T>().geev(&none, &job, &order, static_cast<T*>(a), &ld, values, nullptr, &ldv,
                     static_cast<T*>(vr), &ldv, static_cast<T*>(device), &size, parts.data(), info,
                     kLength, kLength);
    } else {
      host<T>().geev(&none, &job, &order, static_cast<T*>(a), &ld, parts.data(), parts.data() + n,
                     nullptr, &ldv, static_cast<T*>(vr), &ldv, static_cast<T*>(device), &size, info,
                     kLength, kLength);
      for (int64_t i = 0; i < n; ++i) values[i] = {parts[size_t(i)], parts[size_t(n + i)]};
    }
    return solver::kSuccess;
  });
}

// cuSOLVER, for one dtype.

template <class T>
int potrf_batched(Handle handle, int fill, int n, void** a, int lda, int* info, int count) {
  Arguments check = solver_call(handle);
  check.choice(fill);
  check.array(a, count);
  check.array(info, count);
  for (int i = 0; check && i < count; ++i) check.matrix<T>(a[i], n, n, lda);
  if (!check) return kSolverInvalid;
  const char triangle = fill_letter(fill);
  for (int i = 0; i < count; ++i)
    host<T>().potrf(&triangle, &n, static_cast<T*>(a[i]), &lda, info + i, kLength);
  return solver::kSuccess;
}

template <class T>
Arguments ungqr_arguments(Handle handle, int m, int n, int k, const void* a, int lda,
                          const void* tau) {
  Arguments check = solver_call(handle);
  check.require(m >= n && n >= k && k > 0);
  check.matrix<T>(a, m, n, lda);
  if (check) check.array(static_cast<const T*>(tau), k);
  return check;
}
template <class T>
int ungqr_size(Handle handle, int m, int n, int k, const void* a, int lda, const void* tau,
               int* size) {
  *size = 64 * n;
  return ungqr_arguments<T>(handle, m, n, k, a, lda, tau) ? solver::kSuccess : kSolverInvalid;
}
template <class T>
int ungqr(Handle handle, int m, int n, int k, void* a, int lda, const void* tau, void* work,
          int size, int* info) {
  Arguments check = ungqr_arguments<T>(handle, m, n, k, a, lda, tau);
  check.array(info, 1);
  check.work(work, static_cast<size_t>(size) * sizeof(T), static_cast<size_t>(64 * n) * sizeof(T));
  if (!check) return kSolverInvalid;
  host<T>().ungqr(&m, &n, &k, static_cast<T*>(a), &lda, static_cast<const T*>(tau),
                  static_cast<T*>(work), &size, info);
  return solver::kSuccess;
}

template <class T>
Arguments heevj_arguments(Handle handle, int vectors, int fill, int n, const void* a, int lda,
                          const void* w, Handle settings, int count) {
  Arguments check = solver_call(handle);
  for (int flag : {vectors, fill}) check.choice(flag);
  check.object(settings, Object::Kind::SyevjSettings);
  check.require(n <= solver::kMostJacobi);
  check.matrix<T>(a, n, int64_t{n} * count, lda);
  if (check) check.array(static_cast<const RealOf<T>*>(w), int64_t{n} * count);
  return check;
}
template <class T>
int heevj_size(Handle handle, int vectors, int fill, int n, const void* a, int lda, const void* w,
               int* size, Handle settings, int count) {
  *size = n * count;
  return heevj_arguments<T>(handle, vectors, fill, n, a, lda, w, settings, count) ? solver::kSuccess
                                                                                  : kSolverInvalid;
}
template <class T>
int heevj(Handle handle, int vectors, int fill, int n, void* a, int lda, void* w, void* work,
          int size, int* info, Handle settings, int count) {
  Arguments check = heevj_arguments<T>(handle, vectors, fill, n, a, lda, w, settings, count);
  check.array(info, count);
  check.work(work, static_cast<size_t>(size) * sizeof(T),
             static_cast<size_t>(n * count) * sizeof(T));
  if (!check) return kSolverInvalid;
  for (int i = 0; i < count; ++i)
    heevd<T>(vectors, fill, n, static_cast<T*>(a) + int64_t{i} * lda * n, lda,
             static_cast<RealOf<T>*>(w) + int64_t{i} * n, info + i);
  return solver::kSuccess;
}

// One matrix. V is not transposed.
template <class T>
void gesdd(int vectors, bool thin, int m, int n, T* a, int lda, RealOf<T>* s, T* u, int ldu, T* v,
           int ldv, int* info) {
  const int k = std::min(m, n), kv = thin ? k : n;
  const char job = vectors == solver::kNoVectors ? 'N' : thin ? 'S' : 'A';
  const int big = std::max(m, n), lwork = 5 * k * k + 10 * k + 2 * big + 64 * big;
  std::vector<T> work(static_cast<size_t>(lwork)), vh(static_cast<size_t>(kv) * size_t(n));
  std::vector<RealOf<T>> rwork(
      static_cast<size_t>(std::max({7 * k, 5 * k * k + 5 * k, 2 * big * k + 2 * k * k + k})));
  std::vector<int> iwork(static_cast<size_t>(8 * k));
  if constexpr (is_complex_type<T>) {
    host<T>().gesdd(&job, &m, &n, a, &lda, s, u, &ldu, vh.data(), &kv, work.data(), &lwork,
                    rwork.data(), iwork.data(), info, kLength);
  } else {
    host<T>().gesdd(&job, &m, &n, a, &lda, s, u, &ldu, vh.data(), &kv, work.data(), &lwork,
                    iwork.data(), info, kLength);
  }
  for (int64_t i = 0; vectors == solver::kVectors && i < kv; ++i)
    for (int64_t j = 0; j < n; ++j) {
      const T entry = vh[size_t(i + j * kv)];
      if constexpr (is_complex_type<T>)
        v[j + i * ldv] = std::conj(entry);
      else
        v[j + i * ldv] = entry;
    }
  for (int64_t j = 0; j < n; ++j) std::fill_n(a + j * lda, m, T(-1));
}

template <class T>
Arguments gesvdj_arguments(Handle handle, int vectors, bool thin, int m, int n, const void* a,
                           int lda, const void* s, const void* u, int ldu, const void* v, int ldv,
                           Handle settings, int count) {
  Arguments check = solver_call(handle);
  check.choice(vectors);
  check.object(settings, Object::Kind::GesvdjSettings);
  const int64_t k = std::min(m, n), batch = count;
  check.matrix<T>(a, m, n * batch, lda);
  check.matrix<T>(u, m, (thin ? k : m) * batch, ldu);
  check.matrix<T>(v, n, (thin ? k : n) * batch, ldv);
  if (check) check.array(static_cast<const RealOf<T>*>(s), k * batch);
  return check;
}
template <class T>
int gesvdj_size(Handle handle, int vectors, int thin, int m, int n, const void* a, int lda,
                const void* s, const void* u, int ldu, const void* v, int ldv, int* size,
                Handle settings) {
  *size = m * n;
  return gesvdj_arguments<T>(handle, vectors, thin, m, n, a, lda, s, u, ldu, v, ldv, settings, 1)
             ? solver::kSuccess
             : kSolverInvalid;
}
template <class T>
int gesvdj(Handle handle, int vectors, int thin, int m, int n, void* a, int lda, void* s, void* u,
           int ldu, void* v, int ldv, void* work, int size, int* info, Handle settings) {
  Arguments check =
      gesvdj_arguments<T>(handle, vectors, thin, m, n, a, lda, s, u, ldu, v, ldv, settings, 1);
  check.choice(thin);
  check.array(info, 1);
  check.work(work, static_cast<size_t>(size) * sizeof(T), static_cast<size_t>(m * n) * sizeof(T));
  if (!check) return kSolverInvalid;
  gesdd<T>(vectors, thin, m, n, static_cast<T*>(a), lda, static_cast<RealOf<T>*>(s),
           static_cast<T*>(u), ldu, static_cast<T*>(v), ldv, info);
  return solver::kSuccess;
}
template <class T>
int gesvdj_batched_size(Handle handle, int vectors, int m, int n, const void* a, int lda,
                        const void* s, const void* u, int ldu, const void* v, int ldv, int* size,
                        Handle settings, int count) {
  *size = m * n * count;
  const Arguments check =
      gesvdj_arguments<T>(handle, vectors, false, m, n, a, lda, s, u, ldu, v, ldv, settings, count);
  return check && std::max(m, n) <= solver::kMostJacobi ? solver::kSuccess : kSolverInvalid;
}
template <class T>
int gesvdj_batched(Handle handle, int vectors, int m, int n, void* a, int lda, void* s, void* u,
                   int ldu, void* v, int ldv, void* work, int size, int* info, Handle settings,
                   int count) {
  Arguments check =
      gesvdj_arguments<T>(handle, vectors, false, m, n, a, lda, s, u, ldu, v, ldv, settings, count);
  check.require(std::max(m, n) <= solver::kMostJacobi);
  check.array(info, count);
  check.work(work, static_cast<size_t>(size) * sizeof(T),
             static_cast<size_t>(m * n * count) * sizeof(T));
  if (!check) return kSolverInvalid;
  for (int64_t i = 0; i < count; ++i)
    gesdd<T>(vectors, false, m, n, static_cast<T*>(a) + i * lda * n, lda,
             static_cast<RealOf<T>*>(s) + i * std::min(m, n), static_cast<T*>(u) + i * ldu * m, ldu,
             static_cast<T*>(v) + i * ldv * n, ldv, info + i);
  return solver::kSuccess;
}

// A routine whose work is done later, in the order of its handle's stream.
template <auto routine>
struct Deferred;
template <class... Rest, int (*routine)(Handle, Rest...)>
struct Deferred<routine> {
  static int call(Handle handle, Rest... rest) {
    const auto* object = static_cast<const Object*>(handle);
    if (!object || !object->stream || !object->can_be_captured()) return 1;
    submit(object->stream, [=] {
      if (const int status = routine(handle, rest...))
        throw DeviceFailure(concat("a stand-in was called wrongly: status ", status));
    });
    return solver::kSuccess;
  }
};

// All of them by the names that the loader looks for; assigning to a place in Functions proves that
// the two agree about the arguments.
class StandIns {
 public:
  StandIns() {
    using Kind = Object::Kind;
    add(&Functions::blas_create, "cublasCreate_v2", &create<Kind::Blas>);
    add(&Functions::blas_set_stream, "cublasSetStream_v2", &set_stream<Kind::Blas>);
    add(&Functions::blas_set_workspace, "cublasSetWorkspace_v2", &set_workspace);
    add(&Functions::create, "cusolverDnCreate", &create<Kind::Solver>);
    add(&Functions::set_stream, "cusolverDnSetStream", &set_stream<Kind::Solver>);
    add(&Functions::create_params, "cusolverDnCreateParams", &create<Kind::Params>);
    add(&Functions::create_syevj_settings, "cusolverDnCreateSyevjInfo",
        &create<Kind::SyevjSettings>);
    add(&Functions::create_gesvdj_settings, "cusolverDnCreateGesvdjInfo",
        &create<Kind::GesvdjSettings>);
    add(&Functions::getrf, "cusolverDnXgetrf", &Deferred<&getrf>::call);
    add(&Functions::getrf_size, "cusolverDnXgetrf_bufferSize", &getrf_size);
    add(&Functions::potrf, "cusolverDnXpotrf", &Deferred<&potrf>::call);
    add(&Functions::potrf_size, "cusolverDnXpotrf_bufferSize", &potrf_size);
    add(&Functions::geqrf, "cusolverDnXgeqrf", &Deferred<&geqrf>::call);
    add(&Functions::geqrf_size, "cusolverDnXgeqrf_bufferSize", &geqrf_size);
    add(&Functions::syevd, "cusolverDnXsyevd", &Deferred<&syevd>::call);
    add(&Functions::syevd_size, "cusolverDnXsyevd_bufferSize", &syevd_size);
    add(&Functions::geev, "cusolverDnXgeev", &Deferred<&geev>::call);
    add(&Functions::geev_size, "cusolverDnXgeev_bufferSize", &geev_size);
    add_typed<float>("S", "orgqr", "syevj");
    add_typed<double>("D", "orgqr", "syevj");
    add_typed<std::complex<float>>("C", "ungqr", "heevj");
    add_typed<std::complex<double>>("Z", "ungqr", "heevj");
  }
  // Tests do without those whose names begin like this.
  void* find(const std::string& name) const {
    const char* lacking = std::getenv("PYAUTOGRAD_EMULATION_LACKS");
    if (lacking && *lacking && name.starts_with(lacking)) return nullptr;
    const auto found = functions_.find(name);
    return found == functions_.end() ? convolution_stand_in(name) : found->second;
  }

 private:
  template <class F>
  void add(F* Functions::*, const std::string& name, F* function) {
    functions_[name] = reinterpret_cast<void*>(function);
  }
  template <class F>
  void add(Typed<F> Functions::*, const std::string& name, F* function) {
    functions_[name] = reinterpret_cast<void*>(function);
  }
  template <class T>
  void add_typed(const std::string& letter, const std::string& q, const std::string& spectrum) {
    const std::string size = "_bufferSize", blas = "cublas" + letter, dense = "cusolverDn" + letter;
    add(&Functions::trsm, blas + "trsm_v2", &Deferred<&trsm<T>>::call);
    add(&Functions::trsm_batched, blas + "trsmBatched", &Deferred<&trsm_batched<T>>::call);
    add(&Functions::getrf_batched, blas + "getrfBatched", &Deferred<&getrf_batched<T>>::call);
    add(&Functions::potrf_batched, dense + "potrfBatched", &Deferred<&potrf_batched<T>>::call);
    add(&Functions::ungqr, dense + q, &Deferred<&ungqr<T>>::call);
    add(&Functions::ungqr_size, dense + q + size, &ungqr_size<T>);
    add(&Functions::heevj_batched, dense + spectrum + "Batched", &Deferred<&heevj<T>>::call);
    add(&Functions::heevj_batched_size, dense + spectrum + "Batched" + size, &heevj_size<T>);
    add(&Functions::gesvdj, dense + "gesvdj", &Deferred<&gesvdj<T>>::call);
    add(&Functions::gesvdj_size, dense + "gesvdj" + size, &gesvdj_size<T>);
    add(&Functions::gesvdj_batched, dense + "gesvdjBatched", &Deferred<&gesvdj_batched<T>>::call);
    add(&Functions::gesvdj_batched_size, dense + "gesvdjBatched" + size, &gesvdj_batched_size<T>);
  }

  std::map<std::string, void*> functions_;
};

}  // namespace

SharedLibrary::SharedLibrary(Library) {
  static StandIns stand_ins;
  handle_ = &stand_ins;
}

void* SharedLibrary::find(const std::string& function) const {
  return static_cast<const StandIns*>(handle_)->find(function);
}

}  // namespace pyautograd::kernels::cuda
