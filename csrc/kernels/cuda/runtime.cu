// The CUDA runtime behind core/backend.h.

#include <cuda_runtime.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <mutex>

#include "kernels/cuda/memory.h"
#include "kernels/cuda/queue.h"
#include "kernels/cuda/tables.h"

namespace pyautograd::kernels::cuda {

namespace {

std::atomic<bool> forked{false};

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

// One stream for a device: a tensor may go from one thread to another without an event between
// them.
class CudaDevice final : public RawMemory {
 public:
  explicit CudaDevice(int index) : index_(index) {
    const DeviceScope scope(index);
    check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
  }
  void* take(size_t bytes) override {
    const DeviceScope scope(index_);
    void* data = nullptr;
    const cudaError_t status = cudaMalloc(&data, bytes);
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();  // forgets it
      return nullptr;
    }
    check_cuda(status, "cudaMalloc");
    return data;
  }
  void give(void* data) noexcept override { cudaFree(data); }
  DeviceMemory totals() override {
    const DeviceScope scope(index_);
    size_t free = 0, total = 0;
    check_cuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    DeviceMemory out;
    out.free = static_cast<int64_t>(free);
    out.total = static_cast<int64_t>(total);
    return out;
  }
  void wait() override { check_cuda(cudaStreamSynchronize(stream_), "cudaStreamSynchronize"); }

  cudaStream_t stream() const { return stream_; }
  CachingAllocator allocator{*this};

 private:
  int index_;
  cudaStream_t stream_ = nullptr;
};

class CudaBackend final : public Backend {
 public:
  CudaBackend() {
    pthread_atfork(nullptr, nullptr, [] { forked = true; });
  }

  int device_count() override {
    check_process();
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status == cudaErrorNoDevice) {
      cudaGetLastError();
      return 0;
    }
    if (status == cudaErrorInsufficientDriver) {
      runtime_error(
          "device 'cuda' is not available: there is no NVIDIA driver, or it is older than CUDA ",
          CUDART_VERSION / 1000, ".", CUDART_VERSION % 1000 / 10);
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

  void* allocate(int device, size_t bytes) override {
    return at(device).allocator.allocate(device, bytes);
  }
  void free(int device, void* data, size_t bytes) noexcept override {
    // A child process has none of its parent's memory to free.
    if (!forked) at(device).allocator.free(data, bytes);
  }
  size_t release_cached(int device) override { return at(device).allocator.release_cached(); }
  DeviceMemory memory(int device) override { return at(device).allocator.memory(); }
  void reset_peak(int device) override { at(device).allocator.reset_peak(); }

  void to_device(int device, void* to, const void* from, size_t bytes) override {
    copy(device, to, from, bytes, cudaMemcpyHostToDevice);
  }
  void to_host(int device, void* to, const void* from, size_t bytes) override {
    copy(device, to, from, bytes, cudaMemcpyDeviceToHost);
  }
  void between(int to_device, void* to, int from_device, const void* from, size_t bytes) override {
    synchronize(from_device);
    check_cuda(cudaMemcpyPeerAsync(to, to_device, from, from_device, bytes, at(to_device).stream()),
               "cudaMemcpyPeer");
    synchronize(to_device);
  }
  void synchronize(int device) override { at(device).wait(); }
  uintptr_t stream(int device) override { return reinterpret_cast<uintptr_t>(at(device).stream()); }

  const DeviceKernels& kernels() const noexcept override { return kernels_; }

  CudaDevice& at(int device) {
    check_process();
    CudaDevice* found = devices_[static_cast<size_t>(device)].load(std::memory_order_acquire);
    return found ? *found : open(device);
  }
  bool synchronous() const noexcept { return synchronous_; }

 private:
  CudaDevice& open(int device) {
    const std::lock_guard lock(mutex_);
    std::atomic<CudaDevice*>& place = devices_[static_cast<size_t>(device)];
    if (!place.load(std::memory_order_relaxed))
      place.store(new CudaDevice(device), std::memory_order_release);
    return *place.load(std::memory_order_relaxed);
  }
  void check_process() const {
    if (forked) {
      runtime_error(
          "cuda cannot be used in a process that was forked after its first use: start "
          "processes with multiprocessing's 'spawn'");
    }
  }
  // Pageable memory of the host: the runtime has read it, or written it, when this returns.
  void copy(int device, void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
    CudaDevice& mine = at(device);
    const DeviceScope scope(device);
    check_cuda(cudaMemcpyAsync(to, from, bytes, kind, mine.stream()), "cudaMemcpy");
    mine.wait();
  }

  const DeviceKernels kernels_ = all_kernels();
  std::mutex mutex_;
  // Made once, and kept until the process ends: a launch looks its device up without a lock.
  std::array<std::atomic<CudaDevice*>, 256> devices_{};
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

void check_cuda(cudaError_t status, const char* what) {
  if (status != cudaSuccess) throw DeviceFailure(concat(what, ": ", cudaGetErrorString(status)));
}

Queue::Queue(Device device) : device_(device.index) {
  stream_ = instance().at(device_).stream();
  check_cuda(cudaGetDevice(&former_), "cudaGetDevice");
  if (former_ != device_) check_cuda(cudaSetDevice(device_), "cudaSetDevice");
}

Queue::~Queue() {
  if (former_ != device_) cudaSetDevice(former_);
}

void Queue::launched() {
  check_cuda(cudaGetLastError(), "launch");
  if (instance().synchronous()) check_cuda(cudaStreamSynchronize(stream_), "kernel");
}

Scratch::Scratch(int device, size_t bytes)
    : device_(device), bytes_(bytes), data_(instance().allocate(device, bytes)) {}
Scratch::~Scratch() { instance().free(device_, data_, bytes_); }

}  // namespace pyautograd::kernels::cuda

extern "C" [[gnu::visibility("default")]] pyautograd::Backend* pyautograd_cuda_backend(
    uint32_t version) {
  if (version != pyautograd::kBackendVersion) return nullptr;
  return &pyautograd::kernels::cuda::instance();
}
