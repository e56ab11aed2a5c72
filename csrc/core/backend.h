#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/device.h"

namespace pyautograd {

namespace kernels {
struct DeviceKernels;
}

// In bytes. Live and peak are what tensors hold, cached is what the allocator keeps for the next
// ones, free and total are the device's own.
struct DeviceMemory {
  int64_t live = 0, peak = 0, cached = 0, free = 0, total = 0;
};

// What the engine needs of devices other than the host. Its implementation lies in a library of its
// own that is opened when such a device is first asked for, so that one package serves machines
// with and without them. Work is asynchronous and in the order of the calls; memory goes back to
// the allocator at once, as what takes it next comes later in that order. Raises Error.
class Backend {
 public:
  virtual int device_count() = 0;
  virtual std::string name(int device) = 0;

  virtual void* allocate(int device, size_t bytes) = 0;
  virtual void free(int device, void* data, size_t bytes) noexcept = 0;
  // Gives cached blocks back to the system; the number of bytes.
  virtual size_t release_cached(int device) = 0;
  virtual DeviceMemory memory(int device) = 0;
  virtual void reset_peak(int device) = 0;

  // The host's memory may be reused when these return.
  virtual void to_device(int device, void* to, const void* from, size_t bytes) = 0;
  virtual void to_host(int device, void* to, const void* from, size_t bytes) = 0;
  virtual void between(int to_device, void* to, int from_device, const void* from,
                       size_t bytes) = 0;
  virtual void synchronize(int device) = 0;
  // The stream that work goes to, as other libraries name it.
  virtual uintptr_t stream(int device) = 0;

  virtual const kernels::DeviceKernels& kernels() const noexcept = 0;

 protected:
  ~Backend() = default;
};

// What the library exports: null if it was built for another interface than the caller's.
inline constexpr uint32_t kBackendVersion = 2;
using BackendEntry = Backend* (*)(uint32_t version);
inline constexpr const char* kBackendEntry = "pyautograd_cuda_backend";

// The library to open at first use in the place of lib/libpyautograd_cuda.so beside this one: for
// tests.
void set_backend_library(std::string path);
// Opens it; raises Error{Runtime} that says what is missing: the library, the driver or the device.
Backend& backend();

// A call of the device's runtime failed, most often one made earlier.
class DeviceFailure : public Error {
 public:
  explicit DeviceFailure(const std::string& message) : Error(Kind::Runtime, message) {}
};

}  // namespace pyautograd
