// What ties the library to the machine besides the runtime: the stand-ins of its solvers, and the
// sizes of its tensors.

#include "kernels/cuda/emulated/solvers.h"
#include "kernels/cuda/memory.h"
#include "kernels/cuda/queue.h"
#include "memory.h"
#include "runtime.h"

namespace pyautograd::kernels::cuda {

// What a stand-in is given may have been freed when its turn comes.
bool is_device_memory(const void* data, size_t bytes) {
  const auto address = reinterpret_cast<uint64_t>(data);
  ptx::Arena* arena = ptx::arena_of(address);
  return arena && arena->has_block(address, bytes);
}
void submit(void* stream, std::function<void()> work) { ptx::submit(stream, std::move(work)); }

}  // namespace pyautograd::kernels::cuda

// The allocator's blocks are larger than what is asked for. The linker has its calls come here
// (--wrap), so that a kernel which goes beyond its tensor is seen.
using Allocator = pyautograd::kernels::cuda::CachingAllocator;
using Block = pyautograd::kernels::cuda::Block;
using Capture = pyautograd::kernels::cuda::Capture;

extern "C" {

Block& __real__ZN10pyautograd7kernels4cuda16CachingAllocator8allocateEimiPNS1_7CaptureE(
    Allocator*, int device, size_t bytes, int stream, Capture* capture);
Block& __wrap__ZN10pyautograd7kernels4cuda16CachingAllocator8allocateEimiPNS1_7CaptureE(
    Allocator* allocator, int device, size_t bytes, int stream, Capture* capture) {
  Block& block = __real__ZN10pyautograd7kernels4cuda16CachingAllocator8allocateEimiPNS1_7CaptureE(
      allocator, device, bytes, stream, capture);
  ptx::arena(device).limit(reinterpret_cast<uint64_t>(block.data), bytes);
  return block;
}

void __real__ZN10pyautograd7kernels4cuda16CachingAllocator4freeEPvmi(Allocator*, void* data,
                                                                     size_t bytes, int stream);
void __wrap__ZN10pyautograd7kernels4cuda16CachingAllocator4freeEPvmi(Allocator* allocator,
                                                                     void* data, size_t bytes,
                                                                     int stream) {
  __real__ZN10pyautograd7kernels4cuda16CachingAllocator4freeEPvmi(allocator, data, bytes, stream);
  const auto address = reinterpret_cast<uint64_t>(data);
  if (ptx::Arena* arena = ptx::arena_of(address)) arena->limit(address, 0);
}

}  // extern "C"
