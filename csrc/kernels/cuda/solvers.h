#pragma once

// cuBLAS and cuSOLVER for dense matrices, opened when first needed.

#include <mutex>
#include <optional>
#include <vector>

#include "kernels/cuda/functions.h"
#include "kernels/cuda/queue.h"
#include "kernels/linalg.h"

namespace pyautograd::kernels::cuda::solver {

// The largest matrices that cuSOLVER's batched Jacobi methods take.
inline constexpr int64_t kMostJacobi = 32;
// For cuBLAS in captured calls: what it takes itself, but for products on the largest devices.
inline constexpr size_t kBlasMemory = size_t{4} << 20;
// Beyond this size a matrix fills the device by itself.
inline constexpr int64_t kMostBatched = 512;

int as_int(int64_t size);

// The libraries at the service of one call, for matrices of one dtype. One handle serves one thread
// at a time. Raises MissingLibrary. In a captured call that is cuBLAS alone: its routines can be
// captured, and those of cuSOLVER cannot.
class Session {
 public:
  Session(Device device, DType dtype);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  // Raises for what a captured call cannot do without cuSOLVER.
  void need_cusolver() const;

  const Functions& f;
  const size_t letter;  // of the dtype in Typed
  const Type type, real_type;
  Handle blas, dense, params, syevj_settings, gesvdj_settings;

 private:
  friend class Work;
  std::unique_lock<std::mutex> lock_;
  std::vector<std::vector<std::byte>> host_memory_;

 public:
  Queue queue;

 private:
  std::optional<Scratch> lent_memory_;
  void* home_ = nullptr;  // the stream whose handles a captured call has borrowed
};

// Memory for a routine's workspaces. That on the host stays until the session ends, as a routine
// may return before it is done.
class Work {
 public:
  Work(Session& session, size_t device_bytes, size_t host_bytes);
  void* device() const { return device_.as<void>(); }
  void* host() const { return host_; }
  const size_t device_bytes, host_bytes;

 private:
  Scratch device_;
  void* host_;
};

}  // namespace pyautograd::kernels::cuda::solver
