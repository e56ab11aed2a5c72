#pragma once

// How kernels are launched. A kernel is a plain object that is called with the number of an item,
// or of an item and of one of the threads that work at it, so that the same code runs on the host:
// with PYAUTOGRAD_CUDA_EMULATION, which the tests use, every file here is C++ and a launch is a
// loop.

#include <bit>
#include <cstdint>
#include <type_traits>

#include "core/backend.h"
#include "core/error.h"
#include "kernels/scalar/base.h"

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

// What a thread of a fold keeps from its part for its finish, if its body has a type for that.
struct Nothing {};
template <class Body>
struct KeptBy {
  using Type = Nothing;
};
template <class Body>
  requires requires { typename Body::Kept; }
struct KeptBy<Body> {
  using Type = typename Body::Kept;
};
template <class Body>
using Kept = typename KeptBy<Body>::Type;

template <class Body>
PYAUTOGRAD_HD typename Body::Value part_of(const Body& body, int64_t item, int thread, int threads,
                                           [[maybe_unused]] Kept<Body>& kept) {
  if constexpr (std::is_same_v<Kept<Body>, Nothing>)
    return body.part(item, thread, threads);
  else
    return body.part(item, thread, threads, kept);
}
template <class Body>
PYAUTOGRAD_HD void finish_item(const Body& body, int64_t item, int thread, int threads,
                               const typename Body::Value& total,
                               [[maybe_unused]] const Kept<Body>& kept) {
  if constexpr (std::is_same_v<Kept<Body>, Nothing>)
    body.finish(item, thread, threads, total);
  else
    body.finish(item, thread, threads, total, kept);
}

#ifdef PYAUTOGRAD_CUDA_EMULATION

// Work for a stream of the emulated device, whose memory nothing else can touch.
void submit(void* stream, std::function<void()> work);

// Folds the values of a group's threads, in the order in which a device does.
template <class T, class Combine>
T fold_group(T* values, int threads, const Combine& combine) {
  for (int half = threads / 2; half > 0; half /= 2)
    for (int t = 0; t < half; ++t) values[t] = combine(values[t], values[t + half]);
  return values[0];
}

// Has each value be the fold of those up to it.
template <class T, class Combine>
void scan_group(T* values, int threads, const Combine& combine) {
  for (int step = 1; step < threads; step *= 2)
    for (int t = threads; t-- > step;) values[t] = combine(values[t - step], values[t]);
}

#else

void check_cuda(cudaError_t status, const char* what);

template <class T, class Combine>
__device__ T fold_group(T* values, int threads, const Combine& combine) {
  const int t = static_cast<int>(threadIdx.x), lane = t & (threads - 1);
  for (int half = threads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (lane < half) values[t] = combine(values[t], values[t + half]);
  }
  __syncthreads();
  return values[t - lane];
}

template <class T, class Combine>
__device__ void scan_group(T* values, int threads, const Combine& combine) {
  const int t = static_cast<int>(threadIdx.x), lane = t & (threads - 1);
  for (int step = 1; step < threads; step *= 2) {
    __syncthreads();
    const T before = values[lane < step ? t : t - step];
    __syncthreads();
    if (lane >= step) values[t] = combine(before, values[t]);
  }
  __syncthreads();
}

// Which item a thread works at, and which of the item's 2^shift threads it is.
struct Member {
  int64_t item;
  int threads, lane;
  __device__ explicit Member(int shift)
      : item((static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) >> shift),
        threads(1 << shift),
        lane(static_cast<int>(threadIdx.x) & (threads - 1)) {}
};

// Room for a value of each thread of a block.
template <class T>
__device__ T* shared_values() {
  __shared__ alignas(16) unsigned char bytes[kThreads * sizeof(T)];
  return reinterpret_cast<T*>(bytes);
}

template <class Body>
__global__ void __launch_bounds__(kThreads) run_each(Body body, int64_t n) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < n) body(i);
}

// With room in registers for all the loads that fold_run has under way: left alone, ptxas waits for
// some of them to have more threads.
template <class Body>
__global__ void __launch_bounds__(kThreads, 3) run_folds(Body body, int64_t items, int shift) {
  using T = typename Body::Value;
  const Member me(shift);
  const bool there = me.item < items;
  T total{};
  Kept<Body> kept;
  if (there) total = part_of(body, me.item, me.lane, me.threads, kept);
  if (me.threads > 1) {
    T* values = shared_values<T>();
    values[threadIdx.x] = total;
    total = fold_group(values, me.threads, [&](T a, T b) { return body.combine(a, b); });
  }
  if (there) finish_item(body, me.item, me.lane, me.threads, total, kept);
}

template <class Body>
__global__ void __launch_bounds__(kThreads) run_scans(Body body, int64_t items, int shift) {
  using T = typename Body::Value;
  const Member me(shift);
  const bool there = me.item < items;
  T* values = shared_values<T>();
  T& mine = values[threadIdx.x];
  if (there) mine = body.part(me.item, me.lane, me.threads);
  scan_group(values, me.threads, [&](T a, T b) { return body.combine(a, b); });
  if (there) body.finish(me.item, me.lane, me.threads, me.lane > 0 ? &mine - 1 : nullptr, mine);
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
    launch([&] { run_each<<<blocks_for(n), kThreads, 0, stream_>>>(body, n); });
#endif
  }

  // In what follows `threads` of a block, a power of two, work at each item together.

  // body.finish(item, thread, threads, total) with the fold of all threads' body.part(item, thread,
  // threads). A body with a type Kept has one for each thread as a last argument of both.
  template <class Body>
  void folds(int64_t items, int threads, const Body& body) {
    if (items == 0) return;
#ifdef PYAUTOGRAD_CUDA_EMULATION
    submit(stream_, [items, threads, body] {
      using T = typename Body::Value;
      for (int64_t item = 0; item < items; ++item) {
        T values[kThreads];
        Kept<Body> kept[kThreads];
        for (int t = 0; t < threads; ++t) values[t] = part_of(body, item, t, threads, kept[t]);
        const auto combine = [&](T a, T b) { return body.combine(a, b); };
        const T total = fold_group(values, threads, combine);
        for (int t = 0; t < threads; ++t) finish_item(body, item, t, threads, total, kept[t]);
      }
    });
#else
    const unsigned blocks = blocks_for(items * threads);
    launch([&] { run_folds<<<blocks, kThreads, 0, stream_>>>(body, items, shift_of(threads)); });
#endif
  }

  // body.finish(item, thread, threads, before, through) with the folds over the threads before this
  // one, null for the first, and through it.
  template <class Body>
  void scans(int64_t items, int threads, const Body& body) {
    if (items == 0) return;
#ifdef PYAUTOGRAD_CUDA_EMULATION
    submit(stream_, [items, threads, body] {
      using T = typename Body::Value;
      for (int64_t item = 0; item < items; ++item) {
        T values[kThreads];
        for (int t = 0; t < threads; ++t) values[t] = body.part(item, t, threads);
        scan_group(values, threads, [&](T a, T b) { return body.combine(a, b); });
        for (int t = 0; t < threads; ++t)
          body.finish(item, t, threads, t > 0 ? &values[t - 1] : nullptr, values[t]);
      }
    });
#else
    const unsigned blocks = blocks_for(items * threads);
    launch([&] { run_scans<<<blocks, kThreads, 0, stream_>>>(body, items, shift_of(threads)); });
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
    launch([&] { run_counts<<<static_cast<unsigned>(blocks), kThreads, 0, stream_>>>(body); });
#endif
  }

  int device() const { return device_; }
  // After a library was asked for work: with PYAUTOGRAD_CUDA_SYNC=1 waits for it, so that its
  // failure is this op's.
  void asked(const char* what) const;
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
  // There may be 2^31 blocks of a launch, more than devices have memory for.
  static unsigned blocks_for(int64_t threads) {
    return static_cast<unsigned>((threads + kThreads - 1) / kThreads);
  }
  static int shift_of(int threads) { return std::countr_zero(static_cast<unsigned>(threads)); }
  // False where the launch has found no memory, of which there is some now.
  bool launched();
  // It takes memory for the kernel's code and for what its threads keep apart from registers.
  template <class Start>
  void launch(const Start& start) {
    do start();
    while (!launched());
  }
  cudaStream_t stream_ = nullptr;
  int former_ = 0;
#endif
  int device_ = 0;
};

// This library's own backend: copies between host and device.
Backend& own_backend();

// Memory for the time of a call.
class Scratch {
 public:
  Scratch(int device, size_t bytes)
      : device_(device), bytes_(bytes), data_(own_backend().allocate(device, bytes)) {}
  ~Scratch() { own_backend().free(device_, data_, bytes_); }
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

// All of NVIDIA's libraries call success 0.
inline void check_status(int status, const char* what) {
  if (status != 0) throw DeviceFailure(concat(what, ": status ", status));
}

// The status of a call of NVIDIA's libraries that takes memory of its own: once more after the
// cached memory has been returned, where there was none left for it.
template <class Call>
int call_with_memory(int device, int none_left, const Call& call) {
  const int status = call();
  return status == none_left && own_backend().release_cached(device) > 0 ? call() : status;
}

}  // namespace pyautograd::kernels::cuda
