// The CUDA runtime behind core/backend.h.

#include <cuda_runtime.h>

#include <cstdlib>

#include "kernels/cuda/batches.h"
#include "kernels/cuda/queue.h"
#include "kernels/cuda/stream_backend.h"
#include "kernels/cuda/tables.h"

namespace pyautograd::kernels::cuda {

namespace {

// Makes a device the current one of this thread for a while.
class DeviceScope {
 public:
  explicit DeviceScope(int device) {
    check_cuda(cudaGetDevice(&former_), "cudaGetDevice");
    if (former_ != device) check_cuda(cudaSetDevice(device), "cudaSetDevice");
  }
  ~DeviceScope() { cudaSetDevice(former_); }
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;

 private:
  int former_ = 0;
};

cudaStream_t stream_of(void* stream) { return static_cast<cudaStream_t>(stream); }
cudaEvent_t event_of(void* event) { return static_cast<cudaEvent_t>(event); }

// What a call answers is also kept for cudaGetLastError, which would blame the next launch for it.
cudaError_t forget(cudaError_t status) {
  if (status != cudaSuccess) cudaGetLastError();
  return status;
}

// Whether the answer to a question is yes.
bool is_done(cudaError_t status, const char* what) {
  if (forget(status) == cudaErrorNotReady) return false;
  check_cuda(status, what);
  return true;
}

// Null where there is no memory.
void* taken(cudaError_t status, void* data, const char* what) {
  if (forget(status) == cudaErrorMemoryAllocation) return nullptr;
  check_cuda(status, what);
  return data;
}

class CudaSystem final : public System {
 public:
  explicit CudaSystem(int device) : device_(device) {}

  void* take(size_t bytes) override {
    const DeviceScope scope(device_);
    void* data = nullptr;
    const cudaError_t status = cudaMalloc(&data, bytes);
    return taken(status, data, "cudaMalloc");
  }
  void give(void* data) noexcept override { forget(cudaFree(data)); }
  DeviceMemory totals() override {
    const DeviceScope scope(device_);
    size_t free = 0, total = 0;
    check_cuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    DeviceMemory out;
    out.free = static_cast<int64_t>(free);
    out.total = static_cast<int64_t>(total);
    return out;
  }
  void* take_pinned(size_t bytes) override {
    const DeviceScope scope(device_);
    void* data = nullptr;
    const cudaError_t status = cudaHostAlloc(&data, bytes, cudaHostAllocPortable);
    return taken(status, data, "cudaHostAlloc");
  }
  void give_pinned(void* data) noexcept override { forget(cudaFreeHost(data)); }

  void* make_stream(int priority) override {
    const DeviceScope scope(device_);
    cudaStream_t stream = nullptr;
    check_cuda(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, priority),
               "cudaStreamCreate");
    return stream;
  }
  void* default_stream() override { return cudaStreamLegacy; }
  bool idle(void* stream) override {
    return is_done(cudaStreamQuery(stream_of(stream)), "cudaStreamQuery");
  }
  void wait(void* stream) override {
    check_cuda(cudaStreamSynchronize(stream_of(stream)), "cudaStreamSynchronize");
  }
  void copy(void* stream, void* to, const void* from, size_t bytes, Direction direction) override {
    const DeviceScope scope(device_);
    const cudaMemcpyKind kind = direction == Direction::ToDevice ? cudaMemcpyHostToDevice
                                : direction == Direction::ToHost ? cudaMemcpyDeviceToHost
                                                                 : cudaMemcpyDeviceToDevice;
    check_cuda(cudaMemcpyAsync(to, from, bytes, kind, stream_of(stream)), "cudaMemcpy");
  }
  void copy_from(void* stream, void* to, int from_device, const void* from, size_t bytes) override {
    check_cuda(cudaMemcpyPeerAsync(to, device_, from, from_device, bytes, stream_of(stream)),
               "cudaMemcpyPeer");
  }
  void clear(void* stream, void* data, size_t bytes) override {
    const DeviceScope scope(device_);
    check_cuda(cudaMemsetAsync(data, 0, bytes, stream_of(stream)), "cudaMemset");
  }

  void* make_event(bool timed) override {
    const DeviceScope scope(device_);
    cudaEvent_t event = nullptr;
    const unsigned flags = timed ? cudaEventDefault : cudaEventDisableTiming;
    check_cuda(cudaEventCreateWithFlags(&event, flags), "cudaEventCreate");
    return event;
  }
  void drop_event(void* event) noexcept override { forget(cudaEventDestroy(event_of(event))); }
  void record(void* event, void* stream) override {
    const DeviceScope scope(device_);
    check_cuda(cudaEventRecord(event_of(event), stream_of(stream)), "cudaEventRecord");
  }
  void follow(void* stream, void* event) override {
    const DeviceScope scope(device_);
    check_cuda(cudaStreamWaitEvent(stream_of(stream), event_of(event), 0), "cudaStreamWaitEvent");
  }
  bool reached(void* event) override {
    return is_done(cudaEventQuery(event_of(event)), "cudaEventQuery");
  }
  void wait_for_event(void* event) override {
    check_cuda(cudaEventSynchronize(event_of(event)), "cudaEventSynchronize");
  }
  double milliseconds(void* begin, void* end) override {
    float out = 0;
    check_cuda(cudaEventElapsedTime(&out, event_of(begin), event_of(end)), "cudaEventElapsedTime");
    return out;
  }

  // Memory may be taken meanwhile, and other threads may do what they want.
  void begin_capture(void* stream) override {
    const DeviceScope scope(device_);
    check_cuda(cudaStreamBeginCapture(stream_of(stream), cudaStreamCaptureModeRelaxed),
               "cudaStreamBeginCapture");
  }
  void* end_capture(void* stream) override {
    const DeviceScope scope(device_);
    cudaGraph_t graph = nullptr;
    check_cuda(cudaStreamEndCapture(stream_of(stream), &graph), "cudaStreamEndCapture");
    cudaGraphExec_t executable = nullptr;
    const cudaError_t status = cudaGraphInstantiate(&executable, graph, 0);
    forget(cudaGraphDestroy(graph));
    check_cuda(status, "cudaGraphInstantiate");
    return executable;
  }
  void abandon_capture(void* stream) noexcept override {
    cudaGraph_t graph = nullptr;
    forget(cudaStreamEndCapture(stream_of(stream), &graph));
    if (graph) forget(cudaGraphDestroy(graph));
  }
  void launch(void* graph, void* stream) override {
    const DeviceScope scope(device_);
    check_cuda(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph), stream_of(stream)),
               "cudaGraphLaunch");
  }
  void drop_graph(void* graph) noexcept override {
    forget(cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph)));
  }

 private:
  const int device_;
};

class CudaBackend final : public StreamBackend {
 public:
  int device_count() override {
    check_process();
    int count = 0;
    const cudaError_t status = forget(cudaGetDeviceCount(&count));
    if (status == cudaErrorNoDevice) return 0;
    if (status == cudaErrorInsufficientDriver) {
      runtime_error(
          "device 'cuda' is not available: there is no NVIDIA driver, or it is older than CUDA ",
          CUDART_VERSION / 1000);
    }
    if (status != cudaSuccess) {
      runtime_error("device 'cuda' is not available: ", cudaGetErrorString(status));
    }
    return count;
  }
  std::string name(int device) override {
    cudaDeviceProp properties;
    check_cuda(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
    return properties.name;
  }
  const DeviceKernels& kernels() const noexcept override { return kernels_; }
  bool synchronous() const noexcept { return synchronous_; }

 private:
  System& open_system(int device) override { return *new CudaSystem(device); }

  const DeviceKernels kernels_ = all_kernels();
  const bool synchronous_ = [] {
    const char* value = std::getenv("PYAUTOGRAD_CUDA_SYNC");
    return value && *value && *value != '0';
  }();
};

CudaBackend& instance() {
  static CudaBackend* backend = new CudaBackend;  // outlives every array
  return *backend;
}

}  // namespace

Backend& own_backend() { return instance(); }

namespace {

// What to do about errors that are the build's.
const char* advice_on(cudaError_t status) {
  switch (status) {
    case cudaErrorNoKernelImageForDevice:
      return "; build pyautograd for it: CMAKE_CUDA_ARCHITECTURES (docs/cuda.md)";
    case cudaErrorUnsupportedPtxVersion:
      return "; the driver is older than the nvcc that pyautograd was built with: build it for "
             "this "
             "device, CMAKE_CUDA_ARCHITECTURES (docs/cuda.md)";
    default:
      return "";
  }
}

}  // namespace

void check_cuda(cudaError_t status, const char* what) {
  if (forget(status) == cudaSuccess) return;
  throw DeviceFailure(concat(what, ": ", cudaGetErrorString(status), advice_on(status)));
}

Queue::Queue(Device device) : device_(device.index) {
  stream_ = stream_of(instance().current_handle(device_));
  check_cuda(cudaGetDevice(&former_), "cudaGetDevice");
  if (former_ != device_) check_cuda(cudaSetDevice(device_), "cudaSetDevice");
}

Queue::~Queue() {
  if (former_ != device_) cudaSetDevice(former_);
}

bool Queue::captured() const { return instance().capturing(); }

void Queue::asked(const char* what) const {
  if (instance().synchronous() && !captured()) check_cuda(cudaStreamSynchronize(stream_), what);
}

bool Queue::launched() {
  const cudaError_t status = cudaGetLastError();
  if (status == cudaErrorMemoryAllocation && instance().release_cached(device_) > 0) return false;
  check_cuda(status, "launch");
  asked("kernel");
  return true;
}

}  // namespace pyautograd::kernels::cuda

extern "C" [[gnu::visibility("default")]] pyautograd::Backend* pyautograd_cuda_backend(
    uint32_t version) {
  if (version != pyautograd::kBackendVersion) return nullptr;
  return &pyautograd::kernels::cuda::instance();
}
