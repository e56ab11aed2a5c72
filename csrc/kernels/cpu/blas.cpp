#include "kernels/cpu/blas.h"

#include <dlfcn.h>

#include <mutex>
#include <string>

#include "kernels/kernels.h"

namespace pyautograd::kernels {

namespace {

std::mutex path_lock;
std::string library_path;

template <class F>
bool resolve(void* handle, const char* name, F& function) {
  function = reinterpret_cast<F>(dlsym(handle, name));
  return function != nullptr;
}

Blas open_library() {
  std::string path;
  {
    std::lock_guard guard(path_lock);
    path = library_path;
  }
  Blas opened;
  if (path.empty()) return opened;
  // Local, so that its symbols never meet those of NumPy's own copy.
  opened.handle = dlopen(path.c_str(), RTLD_LOCAL | RTLD_NOW);
  if (opened.handle == nullptr) return opened;
  void (*set_threads)(int) = nullptr;
  bool complete = resolve(opened.handle, "scipy_cblas_sgemm", opened.single_precision.gemm) &&
                  resolve(opened.handle, "scipy_cblas_dgemm", opened.double_precision.gemm) &&
                  resolve(opened.handle, "scipy_cblas_sgemv", opened.single_precision.gemv) &&
                  resolve(opened.handle, "scipy_cblas_dgemv", opened.double_precision.gemv) &&
                  resolve(opened.handle, "scipy_openblas_set_num_threads", set_threads);
  if (!complete) return Blas();
  set_threads(1);  // products are split over our own pool
  opened.name = "openblas";
  return opened;
}

}  // namespace

const Blas& blas() {
  static const Blas opened = open_library();
  return opened;
}

void set_blas_library(const char* path) {
  std::lock_guard guard(path_lock);
  library_path = path == nullptr ? "" : path;
}

const char* blas_name() { return blas().name; }

}  // namespace pyautograd::kernels
