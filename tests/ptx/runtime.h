#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace ptx {

// Work of the host for a stream, which stands for a library of the device and may touch its
// memory. A failure is reported like that of a kernel.
void submit(void* stream, std::function<void()> work);

// What the last failing work said; it is told once.
std::string take_failure();

}  // namespace ptx
