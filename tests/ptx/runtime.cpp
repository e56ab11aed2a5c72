// CUDA's runtime, as much of it as the library uses, on the machine.

#include "runtime.h"

#include <cuda_runtime.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "fault.h"
#include "kernels/cuda/emulated/streams.h"
#include "machine.h"
#include "memory.h"
#include "modules.h"

namespace ptx {

using namespace pyautograd::kernels::cuda::emulated;

namespace {

thread_local int current_device = 0;
thread_local cudaError_t last_error = cudaSuccess;
thread_local std::string last_text;

std::mutex failure_mutex;
std::string failure;

cudaError_t fail(cudaError_t error, std::string text = {}) {
  last_text = text.empty() ? "error " + std::to_string(error) : std::move(text);
  return last_error = error;
}

// Runs what may fail, and reports it to whoever waits next. What nobody waits for is at least
// printed.
void guarded(const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& found) {
    std::fprintf(stderr, "ptx: %s\n", found.what());
    const std::lock_guard lock(failure_mutex);
    if (failure.empty()) failure = found.what();
  }
}

// For calls that wait: whether all went well.
cudaError_t told() {
  std::string text = take_failure();
  return text.empty() ? cudaSuccess : fail(cudaErrorLaunchFailure, std::move(text));
}

template <class F>
cudaError_t checked(const F& f) {
  try {
    return f();
  } catch (const std::exception& found) {
    return fail(cudaErrorInvalidValue, found.what());
  }
}

Stream& stream_of(cudaStream_t stream) {
  static auto* legacy = new Stream;
  return stream && stream != cudaStreamLegacy ? *reinterpret_cast<Stream*>(stream) : *legacy;
}
const std::shared_ptr<Event>& event_of(cudaEvent_t event) {
  return *reinterpret_cast<std::shared_ptr<Event>*>(event);
}

// Where the host reaches memory of a device or its own.
std::byte* reach(const void* data, size_t bytes) {
  const auto address = reinterpret_cast<uint64_t>(data);
  Arena* arena = arena_of(address);
  if (!arena) return static_cast<std::byte*>(const_cast<void*>(data));
  if (!is_live(data, bytes)) fault("a copy of ", bytes, " bytes outside of all memory");
  return arena->backing(address);
}

cudaError_t copy_later(void* to, const void* from, size_t bytes, cudaStream_t stream) {
  return checked([&] {
    if (bytes == 0) return cudaSuccess;
    std::byte* const there = reach(to, bytes);
    const std::byte* const here = reach(from, bytes);
    push(stream_of(stream), {[=] { std::memcpy(there, here, bytes); }, nullptr, 0});
    return cudaSuccess;
  });
}

uint64_t next_seed() {
  static const uint64_t first = [] {
    const char* text = std::getenv("PYAUTOGRAD_PTX_SEED");
    return text ? std::strtoull(text, nullptr, 0) : 1;
  }();
  static uint64_t launches = 0;  // under the lock of work
  return (first + ++launches) * 0x9E3779B97F4A7C15;
}

struct Configuration {
  dim3 grid, block;
  size_t shared = 0;
  cudaStream_t stream = nullptr;
};
thread_local std::vector<Configuration> configurations;

Dimensions dimensions(dim3 size) { return {size.x, size.y, size.z}; }

cudaError_t launch_kernel(const Kernel& kernel, const Configuration& how, void** arguments) {
  const Dimensions grid = dimensions(how.grid), block = dimensions(how.block);
  if (grid.count() == 0 || block.count() == 0 || block.count() > 1024 || grid.y > 65535 ||
      grid.z > 65535 || grid.x > 0x7FFFFFFF)
    return fail(cudaErrorInvalidConfiguration, "a grid or a block of no valid size");
  // A device would have no room for the kernel's code or for its threads' stacks.
  if (arena(current_device).free_bytes() < kArenaBytes / 64)
    return fail(cudaErrorMemoryAllocation, "out of memory");
  try {
    const std::lock_guard lock(work_mutex());
    Launch launch;
    launch.kernel = &kernel.module->function(kernel.name);
    launch.grid = grid;
    launch.block = block;
    launch.dynamic_shared = static_cast<uint32_t>(how.shared);
    launch.parameters.resize(launch.kernel->parameter_bytes);
    for (size_t k = 0; k < launch.kernel->parameters.size(); ++k) {
      const Parameter& parameter = launch.kernel->parameters[k];
      std::memcpy(launch.parameters.data() + parameter.offset, arguments[k], parameter.bytes);
    }
    if (launch.parameters.size() > 4096)
      return fail(cudaErrorInvalidValue, "more than 4096 bytes of parameters");
    if (launch.kernel->shared_bytes + launch.dynamic_shared > 48 * 1024 + 64)
      return fail(cudaErrorInvalidValue, "more than 48 KB of shared memory");
    launch.extents = live_extents();
    push(stream_of(how.stream), {[launch]() mutable {
                                   launch.seed = next_seed();
                                   guarded([&] { run(launch); });
                                 },
                                 nullptr, 0});
    return cudaSuccess;
  } catch (const Fault& unknown) {
    return fail(cudaErrorInvalidPtx, unknown.what());
  }
}

}  // namespace

std::string take_failure() {
  const std::lock_guard lock(failure_mutex);
  return std::exchange(failure, {});
}

void submit(void* stream, std::function<void()> work) {
  push(stream_of(static_cast<cudaStream_t>(stream)),
       {[work = std::move(work)] {
          for (int device = 0; device < kDevices; ++device) arena(device).unlock(true);
          guarded(work);
          for (int device = 0; device < kDevices; ++device) arena(device).unlock(false);
        },
        nullptr, 0});
}

}  // namespace ptx

using namespace ptx;

extern "C" {

// What objects of nvcc call when they are loaded, and to launch a kernel.

void** __cudaRegisterFatBinary(void* binary) {
  try {
    return reinterpret_cast<void**>(register_module(binary));
  } catch (const Fault& found) {
    std::fprintf(stderr, "ptx: %s\n", found.what());
    std::abort();
  }
}
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}
char __cudaInitModule(void**) { return 0; }
void __cudaRegisterVar(void**, char*, char*, const char*, int, size_t, int, int) {}
void __cudaRegisterFunction(void** module, const char* host, char*, const char* name, int, uint3*,
                            uint3*, dim3*, dim3*, int*) {
  register_kernel(reinterpret_cast<Module*>(module), host, name);
}
unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, cudaStream_t stream) {
  configurations.push_back({grid, block, shared, stream});
  return 0;
}
cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, size_t* shared, void* stream) {
  if (configurations.empty()) return fail(cudaErrorInvalidConfiguration);
  const Configuration last = configurations.back();
  configurations.pop_back();
  *grid = last.grid;
  *block = last.block;
  *shared = last.shared;
  *static_cast<cudaStream_t*>(stream) = last.stream;
  return cudaSuccess;
}
cudaError_t __cudaGetKernel(cudaKernel_t* out, const void* host) {
  Kernel* found = find_kernel(host);
  *out = reinterpret_cast<cudaKernel_t>(found);
  return found ? cudaSuccess : fail(cudaErrorInvalidDeviceFunction);
}
cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void** arguments,
                               size_t shared, cudaStream_t stream) {
  if (!kernel) return fail(cudaErrorInvalidDeviceFunction);
  return launch_kernel(*reinterpret_cast<Kernel*>(kernel), {grid, block, shared, stream},
                       arguments);
}
cudaError_t cudaLaunchKernel(const void* host, dim3 grid, dim3 block, void** arguments,
                             size_t shared, cudaStream_t stream) {
  Kernel* found = find_kernel(host);
  if (!found) return fail(cudaErrorInvalidDeviceFunction);
  return launch_kernel(*found, {grid, block, shared, stream}, arguments);
}

// Devices and errors.

cudaError_t cudaGetDeviceCount(int* count) {
  *count = kDevices;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = current_device;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= kDevices) return fail(cudaErrorInvalidDevice);
  current_device = device;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* out, int) {
  *out = {};
  std::snprintf(out->name, sizeof(out->name), "PTX on the host");
  out->major = 8;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  switch (attribute) {
    case cudaDevAttrComputeCapabilityMajor:
      *value = 8;
      return cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor:
      *value = 0;
      return cudaSuccess;
    case cudaDevAttrMultiProcessorCount:
      *value = 2;
      return cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      *value = 48 * 1024;
      return cudaSuccess;
    default:
      return fail(cudaErrorInvalidValue,
                  "this machine does not know attribute " + std::to_string(attribute));
  }
}
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* out, const void*) {
  *out = {};
  out->ptxVersion = out->binaryVersion = 80;
  out->maxThreadsPerBlock = 1024;
  return cudaSuccess;
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* count, const void*, int,
                                                                   size_t, unsigned) {
  *count = 2;
  return cudaSuccess;
}
cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }
cudaError_t cudaPeekAtLastError() { return last_error; }
const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaSuccess ? "no error" : last_text.c_str();
}

// Memory.

cudaError_t cudaMalloc(void** data, size_t bytes) {
  *data = arena(current_device).take(bytes);
  return *data ? cudaSuccess : fail(cudaErrorMemoryAllocation, "out of memory");
}
cudaError_t cudaFree(void* data) {
  if (!data) return cudaSuccess;
  Arena* found = arena_of(reinterpret_cast<uint64_t>(data));
  if (!found) return fail(cudaErrorInvalidValue, "cudaFree of memory of the host");
  found->give(data);
  return cudaSuccess;
}
cudaError_t cudaHostAlloc(void** data, size_t bytes, unsigned) {
  *data = std::malloc(bytes);
  return *data ? cudaSuccess : fail(cudaErrorMemoryAllocation, "out of memory");
}
cudaError_t cudaFreeHost(void* data) {
  std::free(data);
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  *free = arena(current_device).free_bytes();
  *total = kArenaBytes;
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind,
                            cudaStream_t stream) {
  return copy_later(to, from, bytes, stream);
}
cudaError_t cudaMemcpyPeerAsync(void* to, int, const void* from, int, size_t bytes,
                                cudaStream_t stream) {
  return copy_later(to, from, bytes, stream);
}
cudaError_t cudaMemsetAsync(void* data, int value, size_t bytes, cudaStream_t stream) {
  return checked([&] {
    if (bytes == 0) return cudaSuccess;
    std::byte* const there = reach(data, bytes);
    push(stream_of(stream), {[=] { std::memset(there, value, bytes); }, nullptr, 0});
    return cudaSuccess;
  });
}

// Streams and events.

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* out, unsigned, int) {
  *out = reinterpret_cast<cudaStream_t>(new Stream);
  return cudaSuccess;
}
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  if (stream_of(stream).capture) return fail(cudaErrorStreamCaptureUnsupported);
  if (!step(stream_of(stream))) return fail(cudaErrorNotReady);
  return told();
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (stream_of(stream).capture) return fail(cudaErrorStreamCaptureUnsupported);
  run_all(stream_of(stream));
  return told();
}
cudaError_t cudaDeviceSynchronize() { return told(); }
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  const std::lock_guard lock(work_mutex());
  const std::shared_ptr<Event>& mine = event_of(event);
  if (!mine->stream) return cudaSuccess;
  if (stream_of(stream).capture || mine->stream->capture)
    return fail(cudaErrorStreamCaptureIsolation);
  push(stream_of(stream), {nullptr, mine, mine->recorded});
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* out, unsigned) {
  *out = reinterpret_cast<cudaEvent_t>(new std::shared_ptr<Event>(std::make_shared<Event>()));
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete reinterpret_cast<std::shared_ptr<Event>*>(event);
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  record(event_of(event), stream_of(stream));
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  const std::lock_guard lock(work_mutex());
  Event& mine = *event_of(event);
  if (mine.reached < mine.recorded) step(*mine.stream);
  return mine.reached == mine.recorded ? told() : fail(cudaErrorNotReady);
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const std::lock_guard lock(work_mutex());
  run_until(*event_of(event));
  return told();
}
cudaError_t cudaEventElapsedTime(float* out, cudaEvent_t begin, cudaEvent_t end) {
  *out =
      std::chrono::duration<float, std::milli>(event_of(end)->time - event_of(begin)->time).count();
  return cudaSuccess;
}

// Captures.

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  stream_of(stream).capture = std::make_unique<Graph>();
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* out) {
  *out = reinterpret_cast<cudaGraph_t>(stream_of(stream).capture.release());
  return *out ? cudaSuccess : fail(cudaErrorIllegalState);
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* out, cudaGraph_t graph, unsigned long long) {
  *out = reinterpret_cast<cudaGraphExec_t>(new Graph(*reinterpret_cast<Graph*>(graph)));
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete reinterpret_cast<Graph*>(graph);
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
  delete reinterpret_cast<Graph*>(graph);
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
  for (const auto& work : *reinterpret_cast<Graph*>(graph))
    push(stream_of(stream), {work, nullptr, 0});
  return cudaSuccess;
}

}  // extern "C"
