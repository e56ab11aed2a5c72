#pragma once

#include <initializer_list>
#include <string>

namespace pyautograd::kernels::cuda {

// A library of NVIDIA's, opened by the first of its names that the loader finds. The emulated
// device has stand-ins in their place.
class SharedLibrary {
 public:
  explicit SharedLibrary(std::initializer_list<const char*> names);
  // Null where there is no such function.
  void* find(const std::string& function) const;

 private:
  void* handle_ = nullptr;
};

}  // namespace pyautograd::kernels::cuda
