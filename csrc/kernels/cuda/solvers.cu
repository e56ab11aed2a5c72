#include <limits>
#include <map>
#include <utility>

#include "core/error.h"
#include "kernels/cuda/shared_library.h"
#include "kernels/cuda/solvers.h"

#ifndef PYAUTOGRAD_CUDA_EMULATION
#include <library_types.h>
#endif

namespace pyautograd::kernels::cuda::solver {

namespace {

#ifndef PYAUTOGRAD_CUDA_EMULATION
static_assert(int{kReal32} == CUDA_R_32F && int{kReal64} == CUDA_R_64F &&
              int{kComplex32} == CUDA_C_32F && int{kComplex64} == CUDA_C_64F);
#endif
void* stream_of(const Queue& queue) { return queue.stream(); }

// Looks functions up, and knows whether one was missing.
class Resolver {
 public:
  explicit Resolver(const SharedLibrary& library) : library_(library) {}

  template <class F>
  void operator()(F*& function, const std::string& name) {
    optional(function, name);
    complete_ &= function != nullptr;
  }
  template <class F>
  void optional(F*& function, const std::string& name) {
    function = reinterpret_cast<F*>(library_.find(name));
  }
  // One for each letter; those for complex numbers may have another name.
  template <class F>
  void operator()(Typed<F>& functions, const std::string& prefix, const std::string& name,
                  const std::string& complex_name) {
    const char* const letters = "SDCZ";
    for (size_t i = 0; i < 4; ++i)
      (*this)(functions[i], prefix + letters[i] + (i < 2 ? name : complex_name));
  }
  template <class F>
  void operator()(Typed<F>& functions, const std::string& prefix, const std::string& name) {
    (*this)(functions, prefix, name, name);
  }
  bool complete() const { return complete_; }

 private:
  const SharedLibrary& library_;
  bool complete_ = true;
};

bool resolve_blas(Functions& f) {
  static const SharedLibrary library{"libcublas.so.13", "libcublas.so.12", "libcublas.so",
                                     "/usr/local/cuda/lib64/libcublas.so"};
  Resolver resolve(library);
  resolve(f.blas_create, "cublasCreate_v2");
  resolve(f.blas_set_stream, "cublasSetStream_v2");
  resolve(f.trsm, "cublas", "trsm_v2");
  resolve(f.trsm_batched, "cublas", "trsmBatched");
  resolve(f.getrf_batched, "cublas", "getrfBatched");
  return resolve.complete();
}

bool resolve_dense(Functions& f) {
  static const SharedLibrary library{"libcusolver.so.12", "libcusolver.so.11", "libcusolver.so",
                                     "/usr/local/cuda/lib64/libcusolver.so"};
  const std::string prefix = "cusolverDn", size = "_bufferSize";
  Resolver resolve(library);
  resolve(f.create, "cusolverDnCreate");
  resolve(f.set_stream, "cusolverDnSetStream");
  resolve(f.create_params, "cusolverDnCreateParams");
  resolve(f.create_syevj_settings, "cusolverDnCreateSyevjInfo");
  resolve(f.create_gesvdj_settings, "cusolverDnCreateGesvdjInfo");
  resolve(f.getrf, "cusolverDnXgetrf");
  resolve(f.getrf_size, "cusolverDnXgetrf" + size);
  resolve(f.potrf, "cusolverDnXpotrf");
  resolve(f.potrf_size, "cusolverDnXpotrf" + size);
  resolve(f.geqrf, "cusolverDnXgeqrf");
  resolve(f.geqrf_size, "cusolverDnXgeqrf" + size);
  resolve(f.syevd, "cusolverDnXsyevd");
  resolve(f.syevd_size, "cusolverDnXsyevd" + size);
  resolve.optional(f.geev, "cusolverDnXgeev");
  resolve.optional(f.geev_size, "cusolverDnXgeev" + size);
  resolve(f.potrf_batched, prefix, "potrfBatched");
  resolve(f.ungqr, prefix, "orgqr", "ungqr");
  resolve(f.ungqr_size, prefix, "orgqr" + size, "ungqr" + size);
  resolve(f.heevj_batched, prefix, "syevjBatched", "heevjBatched");
  resolve(f.heevj_batched_size, prefix, "syevjBatched" + size, "heevjBatched" + size);
  resolve(f.gesvdj, prefix, "gesvdj");
  resolve(f.gesvdj_size, prefix, "gesvdj" + size);
  resolve(f.gesvdj_batched, prefix, "gesvdjBatched");
  resolve(f.gesvdj_batched_size, prefix, "gesvdjBatched" + size);
  return resolve.complete();
}

struct Handles {
  Handle blas = nullptr, dense = nullptr, params = nullptr;
  Handle syevj_settings = nullptr, gesvdj_settings = nullptr;
};

struct Libraries {
  Libraries() {
    if (!resolve_blas(f)) missing = "cuBLAS";
    if (!resolve_dense(f)) missing = missing.empty() ? "cuSOLVER" : missing + " and cuSOLVER";
  }
  Functions f{};
  std::string missing;
  std::mutex mutex;
  // For each stream, as a handle's own workspace serves one at a time.
  std::map<std::pair<int, void*>, Handles> handles;
};

Libraries& libraries() {
  static Libraries* opened = new Libraries;  // the handles outlive every caller
  if (!opened->missing.empty()) {
    throw MissingLibrary(concat("needs NVIDIA's ", opened->missing, ", not found by the loader: ",
                                "install the CUDA toolkit, or the packages nvidia-cublas and ",
                                "nvidia-cusolver with their folders in LD_LIBRARY_PATH"));
  }
  return *opened;
}

size_t letter_of(DType dtype) {
  return (real_of(dtype) == DType::Float64 ? 1 : 0) + (is_complex(dtype) ? 2 : 0);
}

Type type_of(DType dtype) {
  constexpr Type kTypes[] = {kReal32, kReal64, kComplex32, kComplex64};
  return kTypes[letter_of(dtype)];
}

}  // namespace

void check(int status, const char* what) {
  if (status != kSuccess) throw DeviceFailure(concat(what, ": status ", status));
}

int as_int(int64_t size) {
  if (size > std::numeric_limits<int>::max())
    value_error("a size of ", size, " is too large for cuSOLVER");
  return static_cast<int>(size);
}

Session::Session(Device device, DType dtype)
    : f(libraries().f),
      letter(letter_of(dtype)),
      type(type_of(dtype)),
      real_type(type_of(real_of(dtype))),
      lock_(libraries().mutex),
      queue(device) {
  if (queue.captured()) runtime_error("a captured call cannot use cuSOLVER");
  Handles& mine = libraries().handles[{device.index, stream_of(queue)}];
  if (!mine.dense) {
    Handles made;
    check(f.blas_create(&made.blas), "cublasCreate");
    check(f.create(&made.dense), "cusolverDnCreate");
    check(f.create_params(&made.params), "cusolverDnCreateParams");
    check(f.create_syevj_settings(&made.syevj_settings), "cusolverDnCreateSyevjInfo");
    check(f.create_gesvdj_settings(&made.gesvdj_settings), "cusolverDnCreateGesvdjInfo");
    mine = made;
  }
  check(f.blas_set_stream(mine.blas, stream_of(queue)), "cublasSetStream");
  check(f.set_stream(mine.dense, stream_of(queue)), "cusolverDnSetStream");
  blas = mine.blas;
  dense = mine.dense;
  params = mine.params;
  syevj_settings = mine.syevj_settings;
  gesvdj_settings = mine.gesvdj_settings;
}

Work::Work(Session& session, size_t device_bytes, size_t host_bytes)
    : device_bytes(device_bytes),
      host_bytes(host_bytes),
      device_(session.queue.device(), device_bytes),
      host_(session.host_memory_.emplace_back(host_bytes).data()) {}

}  // namespace pyautograd::kernels::cuda::solver
