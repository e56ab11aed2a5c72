#include "kernels/cpu/blas.h"

#include <dlfcn.h>

#include <mutex>
#include <string>
#include <string_view>

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

// OpenBLAS has such kernels for AVX-512 only (interface/gemm.c and kernel/x86_64/
// dgemm_small_kernel_permit_skylakex.c of its sources). The processor that it runs as can be
// pinned.
int64_t in_place_limit(void* handle) {
  const char* (*core)() = nullptr;
  if (!resolve(handle, "scipy_openblas_get_corename", core)) return 0;
  const std::string_view name = core();
  const bool avx512 = name == "SkylakeX" || name == "Cooperlake" || name == "SapphireRapids";
  return avx512 ? 1'000'000 : 0;
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
  opened.in_place = in_place_limit(opened.handle);
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
