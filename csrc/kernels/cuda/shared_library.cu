#include <dlfcn.h>

#include "kernels/cuda/shared_library.h"

namespace pyautograd::kernels::cuda {

SharedLibrary::SharedLibrary(Library which) : handle_(find_library(which).handle) {}

void* SharedLibrary::find(const std::string& function) const {
  return dlsym(handle_, function.c_str());
}

}  // namespace pyautograd::kernels::cuda
