#pragma once

#include <cstddef>
#include <string>

namespace pyautograd::kernels::cuda {

// Whether these bytes lie in one block that the emulated device has given out.
bool is_device_memory(const void* data, size_t bytes);

// Of cuDNN's; null where there is none of that name.
void* convolution_stand_in(const std::string& name);

}  // namespace pyautograd::kernels::cuda
