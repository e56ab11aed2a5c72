#include <dlfcn.h>

#include "kernels/cuda/shared_library.h"

namespace pyautograd::kernels::cuda {

SharedLibrary::SharedLibrary(std::initializer_list<const char*> names) {
  for (const char* name : names)
    if ((handle_ = dlopen(name, RTLD_NOW | RTLD_LOCAL))) return;
}

void* SharedLibrary::find(const std::string& function) const {
  return handle_ ? dlsym(handle_, function.c_str()) : nullptr;
}

}  // namespace pyautograd::kernels::cuda
