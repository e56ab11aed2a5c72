#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pyautograd::kernels::cuda {

// What of NVIDIA's is opened at run time.
enum class Library : uint8_t { Cublas, Cusolver, Cufft, Cudnn };
inline constexpr Library kLibraries[] = {Library::Cublas, Library::Cusolver, Library::Cufft,
                                         Library::Cudnn};
const char* name_of(Library library);
std::string package_of(Library library);  // of PyPI

struct FoundLibrary {
  void* handle;       // null where there is none
  std::string place;  // its path, or where it was looked for in vain
};

// Opened when first asked for. One that the process has loaded already is preferred, so that two
// copies never meet, then that of NVIDIA's packages in the folders below, as these libraries
// (PyTorch, JAX, CuPy) prefer them, then what the loader finds, and at last the toolkit's.
const FoundLibrary& find_library(Library library);

// Where Python looks for packages.
void set_library_folders(std::vector<std::string> folders);

}  // namespace pyautograd::kernels::cuda
