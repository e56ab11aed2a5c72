#pragma once

#include <map>
#include <mutex>
#include <vector>

#include "core/backend.h"

namespace pyautograd::kernels::cuda {

// The memory of one device as the system gives it.
class RawMemory {
 public:
  virtual void* take(size_t bytes) = 0;  // null where there is none left
  virtual void give(void* data) noexcept = 0;
  virtual DeviceMemory totals() = 0;  // free and total
  // Until everything that was asked of the device is done.
  virtual void wait() = 0;

 protected:
  ~RawMemory() = default;
};

// Keeps freed blocks by size class, so that a loop over equal shapes asks the system for none. Work
// is in the order of the calls, so a block may be given out again while kernels still read it.
class CachingAllocator {
 public:
  explicit CachingAllocator(RawMemory& raw) : raw_(raw) {}
  void* allocate(int device, size_t bytes);
  void free(void* data, size_t bytes) noexcept;
  size_t release_cached();
  DeviceMemory memory();
  void reset_peak();

 private:
  static size_t size_class(size_t bytes);
  void* take_cached(size_t bytes);
  size_t release_locked();

  RawMemory& raw_;
  std::mutex mutex_;
  std::map<size_t, std::vector<void*>> blocks_;
  DeviceMemory counted_;
};

}  // namespace pyautograd::kernels::cuda
