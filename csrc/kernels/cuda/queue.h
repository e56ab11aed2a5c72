#pragma once

// How kernels are launched. A kernel is a plain object that is called with the number of an item,
// or of a block and a thread of it, so that the same code runs on the host: with
// PYAUTOGRAD_CUDA_EMULATION, which the tests use, every file here is C++ and a launch is a loop.

#include <cstdint>

#include "core/backend.h"
#include "kernels/scalar_base.h"

#ifdef PYAUTOGRAD_CUDA_EMULATION
#include <functional>
#else
#include <cuda_runtime.h>
#endif

namespace pyautograd::kernels::cuda {

inline constexpr int kThreads = 256;
// Of what Queue::counts counts: one for each thread.
inline constexpr int kKinds = kThreads;

// The number before. On a device other threads may do so at once.
PYAUTOGRAD_HD inline uint64_t add_atomically(uint64_t& to, uint64_t value) {
#ifdef __CUDA_ARCH__
  static_assert(sizeof(unsigned long long) == sizeof(uint64_t));
  return atomicAdd(reinterpret_cast<unsigned long long*>(&to), value);
#else
  const uint64_t before = to;
  to += value;
  return before;
#endif
}

#ifdef PYAUTOGRAD_CUDA_EMULATION

// Work for a stream of the emulated device, whose memory nothing else can touch.
void submit(void* stream, std::function<void()> work);

// Folds the values of a block's threads in the order of a block's threads on a device.
template <class T, class Combine>
T fold_block(T* values, const Combine& combine) {
  for (int half = kThreads / 2; half > 0; half /= 2)
    for (int t = 0; t < half; ++t) values[t] = combine(values[t], values[t + half]);
  return values[0];
}

#else

void check_cuda(cudaError_t status, const char* what);

template <class T, class Combine>
__device__ T fold_block(T* values, const Combine& combine) {
  const int t = static_cast<int>(threadIdx.x);
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (t < half) values[t] = combine(values[t], values[t + half]);
  }
  __syncthreads();
  return values[0];
}

template <class Body>
__global__ void __launch_bounds__(kThreads) run_each(Body body, int64_t n) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < n; i += step)
    body(i);
}

template <class Body>
__global__ void __launch_bounds__(kThreads) run_folds(Body body) {
  using T = typename Body::Value;
  __shared__ alignas(16) unsigned char bytes[kThreads * sizeof(T)];
  T* values = reinterpret_cast<T*>(bytes);
  const int64_t block = blockIdx.x;
  const int t = static_cast<int>(threadIdx.x);
  values[t] = body.part(block, t);
  const T total = fold_block(values, [&](T a, T b) { return body.combine(a, b); });
  if (t == 0) body.finish(block, total);
}

template <class Body>
__global__ void __launch_bounds__(kThreads) run_lines(Body body) {
  using T = typename Body::Value;
  __shared__ alignas(16) unsigned char bytes[kThreads * sizeof(T)];
  T* values = reinterpret_cast<T*>(bytes);
  const int64_t line = blockIdx.x;
  const int t = static_cast<int>(threadIdx.x);
  values[t] = body.first(line, t);
  const T top = fold_block(values, [&](T a, T b) { return body.combine_first(a, b); });
  __syncthreads();
  values[t] = body.second(line, t, top);
  const T total = fold_block(values, [&](T a, T b) { return body.combine_second(a, b); });
  body.write(line, t, top, total);
}

template <class Body>
__global__ void __launch_bounds__(kThreads) run_counts(Body body) {
  __shared__ uint32_t counts[kKinds];
  const int64_t block = blockIdx.x, length = body.length(block);
  const int t = static_cast<int>(threadIdx.x);
  counts[t] = 0;
  __syncthreads();
  for (int64_t i = t; i < length; i += kThreads) {
    const int kind = body.kind(block, i);
    if (kind >= 0) atomicAdd(&counts[kind], 1U);
  }
  __syncthreads();
  body.add(block, t, counts[t]);
}

#endif

// This thread's stream of a device: work is done later, in the order of the calls. While one exists
// its device is the current one of this thread.
class Queue {
 public:
  explicit Queue(Device device);
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // body(i) for all i < n.
  template <class Body>
  void each(int64_t n, const Body& body) {
    if (n == 0) return;
#ifdef PYAUTOGRAD_CUDA_EMULATION
    submit(stream_, [n, body] {
      for (int64_t i = 0; i < n; ++i) body(i);
    });
#else
    run_each<<<blocks_for(n), kThreads, 0, stream_>>>(body, n);
    launched();
#endif
  }

  // For each block body.finish(block, total) of its threads' body.part(block, thread).
  template <class Body>
  void folds(int64_t blocks, const Body& body) {
    if (blocks == 0) return;
#ifdef PYAUTOGRAD_CUDA_EMULATION
    submit(stream_, [blocks, body] {
      using T = typename Body::Value;
      for (int64_t block = 0; block < blocks; ++block) {
        T values[kThreads];
        for (int t = 0; t < kThreads; ++t) values[t] = body.part(block, t);
        body.finish(block, fold_block(values, [&](T a, T b) { return body.combine(a, b); }));
      }
    });
#else
    run_folds<<<static_cast<unsigned>(blocks), kThreads, 0, stream_>>>(body);
    launched();
#endif
  }

  // A block for each line: body.first is folded, then body.second, which reads the first total, and
  // body.write reads both.
  template <class Body>
  void lines(int64_t lines, const Body& body) {
    if (lines == 0) return;
#ifdef PYAUTOGRAD_CUDA_EMULATION
    submit(stream_, [lines, body] {
      using T = typename Body::Value;
      for (int64_t line = 0; line < lines; ++line) {
        T values[kThreads];
        for (int t = 0; t < kThreads; ++t) values[t] = body.first(line, t);
        const T top = fold_block(values, [&](T a, T b) { return body.combine_first(a, b); });
        for (int t = 0; t < kThreads; ++t) values[t] = body.second(line, t, top);
        const T total = fold_block(values, [&](T a, T b) { return body.combine_second(a, b); });
        for (int t = 0; t < kThreads; ++t) body.write(line, t, top, total);
      }
    });
#else
    run_lines<<<static_cast<unsigned>(lines), kThreads, 0, stream_>>>(body);
    launched();
#endif
  }

  // For each block body.add(block, kind, count): how often body.kind(block, i) is that kind, for
  // all i < body.length(block). What is negative counts nowhere.
  template <class Body>
  void counts(int64_t blocks, const Body& body) {
    if (blocks == 0) return;
#ifdef PYAUTOGRAD_CUDA_EMULATION
    submit(stream_, [blocks, body] {
      for (int64_t block = 0; block < blocks; ++block) {
        uint32_t counts[kKinds] = {};
        for (int64_t i = 0; i < body.length(block); ++i) {
          const int kind = body.kind(block, i);
          if (kind >= 0) ++counts[kind];
        }
        for (int kind = 0; kind < kKinds; ++kind) body.add(block, kind, counts[kind]);
      }
    });
#else
    run_counts<<<static_cast<unsigned>(blocks), kThreads, 0, stream_>>>(body);
    launched();
#endif
  }

  int device() const { return device_; }
  // What is asked of it is being written down as a graph.
  bool captured() const;
#ifdef PYAUTOGRAD_CUDA_EMULATION
  void* stream() const { return stream_; }
#else
  cudaStream_t stream() const { return stream_; }
#endif

 private:
#ifdef PYAUTOGRAD_CUDA_EMULATION
  void* stream_ = nullptr;
#else
  // Beyond 2^20 blocks a thread takes several items.
  static unsigned blocks_for(int64_t n) {
    const int64_t blocks = (n + kThreads - 1) / kThreads;
    return static_cast<unsigned>(blocks < (1 << 20) ? blocks : 1 << 20);
  }
  void launched();
  cudaStream_t stream_ = nullptr;
  int former_ = 0;
#endif
  int device_ = 0;
};

// Memory for the time of a call.
class Scratch {
 public:
  Scratch(int device, size_t bytes);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  int device_;
  size_t bytes_;
  void* data_;
};

// This library's own backend: copies between host and device.
Backend& own_backend();

// The status of a call of NVIDIA's libraries that takes memory of its own: once more after the
// cached memory has been returned, where there was none left for it.
template <class Call>
int call_with_memory(int device, int none_left, const Call& call) {
  const int status = call();
  return status == none_left && own_backend().release_cached(device) > 0 ? call() : status;
}

// body() of more blocks than this go another way.
inline constexpr int64_t kMaxBlocks = INT32_MAX;

}  // namespace pyautograd::kernels::cuda
