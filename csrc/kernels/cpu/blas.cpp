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
bool resolve(void* handle, const std::string& name, F& function) {
  function = reinterpret_cast<F>(dlsym(handle, name.c_str()));
  return function != nullptr;
}

template <class T>
bool resolve_products(Blas& opened, const std::string& letter) {
  auto& functions = std::get<BlasFunctions<T>>(opened.products);
  return resolve(opened.handle, "scipy_cblas_" + letter + "gemm", functions.gemm) &&
         resolve(opened.handle, "scipy_cblas_" + letter + "gemv", functions.gemv);
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
  bool complete = resolve_products<float>(opened, "s") && resolve_products<double>(opened, "d") &&
                  resolve_products<std::complex<float>>(opened, "c") &&
                  resolve_products<std::complex<double>>(opened, "z") &&
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
