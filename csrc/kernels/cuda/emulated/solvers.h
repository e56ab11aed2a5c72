#pragma once

#include <cstddef>

namespace pyautograd::kernels::cuda {

// Whether these bytes lie in one block that the emulated device has given out.
bool is_device_memory(const void* data, size_t bytes);

}  // namespace pyautograd::kernels::cuda
