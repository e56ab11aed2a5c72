#pragma once

// What the stand-ins of cuBLAS and cuSOLVER compute with.

#include <link.h>

#include <string>

#include "kernels/cpu/lapack.h"
#include "kernels/cuda/solvers.h"
#include "kernels/kernels.h"

namespace pyautograd::kernels::cuda::emulated {

// The LAPACK that the host's own kernels have opened: a test that runs here has one.
inline int find_lapack(dl_phdr_info* loaded, size_t, void*) {
  const std::string name = loaded->dlpi_name;
  if (name.find("scipy_openblas32") == std::string::npos) return 0;
  set_blas_library(name.c_str());
  return 1;
}
template <class T>
const LapackFunctions<T>& host() {
  static const int found = dl_iterate_phdr(&find_lapack, nullptr);
  if (!found || !lapack<T>()) throw MissingLibrary("is emulated by LAPACK, which was not opened");
  return *lapack<T>();
}

inline char fill_letter(int fill) { return fill == solver::kUpper ? 'U' : 'L'; }
inline constexpr size_t kLength = 1;

}  // namespace pyautograd::kernels::cuda::emulated
