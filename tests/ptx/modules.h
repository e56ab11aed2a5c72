#pragma once

// The modules and kernels that the objects of nvcc register when they are loaded.

#include <memory>
#include <string>

#include "program.h"

namespace ptx {

struct Kernel {
  Module* module;
  std::string name;
};

// The PTX in what an object registers. It must not be compressed.
Module* register_module(const void* fat_binary);
void register_kernel(Module* module, const void* host_function, const char* name);
// By the function of the host that launches it. Null where there is none.
Kernel* find_kernel(const void* host_function);

}  // namespace ptx
