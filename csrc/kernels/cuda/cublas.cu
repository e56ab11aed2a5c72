#include <dlfcn.h>

#include <complex>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "core/error.h"
#include "kernels/cuda/cublas.h"

namespace pyautograd::kernels::cuda {

namespace {

// What cuBLAS documents of its interface; its headers are not part of every toolkit.
using Handle = void*;
constexpr int kSuccess = 0, kPlain = 0, kTransposed = 1;
constexpr int kCompute32 = 68, kCompute64 = 70, kDefaultAlgorithm = -1;
using Create = int (*)(Handle*);
using SetStream = int (*)(Handle, cudaStream_t);
using SetWorkspace = int (*)(Handle, void* memory, size_t bytes);
using Gemm = int (*)(Handle, int transa, int transb, int m, int n, int k, const void* alpha,
                     const void* a, cudaDataType a_type, int lda, long long a_step, const void* b,
                     cudaDataType b_type, int ldb, long long b_step, const void* beta, void* c,
                     cudaDataType c_type, int ldc, long long c_step, int count, int compute,
                     int algorithm);

class Cublas {
 public:
  Cublas() {
    for (const char* name : {"libcublas.so.13", "libcublas.so.12", "libcublas.so",
                             "/usr/local/cuda/lib64/libcublas.so"}) {
      if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) {
        create_ = reinterpret_cast<Create>(dlsym(library, "cublasCreate_v2"));
        set_stream_ = reinterpret_cast<SetStream>(dlsym(library, "cublasSetStream_v2"));
        set_workspace_ = reinterpret_cast<SetWorkspace>(dlsym(library, "cublasSetWorkspace_v2"));
        gemm_ = reinterpret_cast<Gemm>(dlsym(library, "cublasGemmStridedBatchedEx"));
        if (there()) return;
      }
    }
  }
  bool there() const { return create_ && set_stream_ && set_workspace_ && gemm_; }

  void run(const Queue& queue, const CublasProduct& p) {
    // One handle serves one thread at a time.
    const std::lock_guard lock(mutex_);
    const auto& handle = handle_of(queue);
    const Lent lent(*this, queue, handle);
    const bool single = p.type != CUDA_R_64F && p.type != CUDA_C_64F;
    const std::complex<float> one32(1), zero32(0);
    const std::complex<double> one64(1), zero64(0);
    const void* alpha = single ? static_cast<const void*>(&one32) : &one64;
    const void* beta = single ? static_cast<const void*>(&zero32) : &zero64;
    check(gemm_(handle.second, p.a.transposed ? kTransposed : kPlain,
                p.b.transposed ? kTransposed : kPlain, static_cast<int>(p.m), static_cast<int>(p.n),
                static_cast<int>(p.k), alpha, p.a.data, p.type, static_cast<int>(p.a.leading),
                p.a.step, p.b.data, p.type, static_cast<int>(p.b.leading), p.b.step, beta, p.c,
                p.type, static_cast<int>(p.m), p.m * p.n, static_cast<int>(p.count),
                single ? kCompute32 : kCompute64, kDefaultAlgorithm),
          "cublasGemmStridedBatchedEx");
  }

 private:
  static void check(int status, const char* what) {
    if (status != kSuccess) throw DeviceFailure(concat(what, ": status ", status));
  }
  // One for each stream: a handle has working memory.
  using Place = std::pair<int, cudaStream_t>;

  // A stream that is being captured is lent one that is there, as making one takes calls that a
  // capture forbids.
  std::pair<const Place, Handle>& handle_of(const Queue& queue) {
    if (queue.captured()) {
      const auto found = handles_.lower_bound({queue.device(), nullptr});
      if (found != handles_.end() && found->first.first == queue.device()) return *found;
    }
    auto& found = *handles_.try_emplace({queue.device(), queue.stream()}).first;
    if (!found.second) {
      check(create_(&found.second), "cublasCreate");
      check(set_stream_(found.second, queue.stream()), "cublasSetStream");
    }
    return found;
  }

  // Has a captured product work in memory that its graph keeps.
  class Lent {
   public:
    Lent(const Cublas& cublas, const Queue& queue, const std::pair<const Place, Handle>& handle)
        : cublas_(cublas), handle_(handle) {
      if (!queue.captured()) return;
      memory_.emplace(queue.device(), kBytes);
      check(cublas.set_stream_(handle.second, queue.stream()), "cublasSetStream");
      check(cublas.set_workspace_(handle.second, memory_->as<void>(), kBytes),
            "cublasSetWorkspace");
    }
    // Setting the stream brings the handle's own memory back.
    ~Lent() {
      if (memory_) cublas_.set_stream_(handle_.second, handle_.first.second);
    }
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;

   private:
    static constexpr size_t kBytes = size_t{32} << 20;  // what is advised for the largest devices
    const Cublas& cublas_;
    const std::pair<const Place, Handle>& handle_;
    std::optional<Scratch> memory_;
  };

  Create create_ = nullptr;
  SetStream set_stream_ = nullptr;
  SetWorkspace set_workspace_ = nullptr;
  Gemm gemm_ = nullptr;
  std::mutex mutex_;
  std::map<Place, Handle> handles_;
};

}  // namespace

bool run_cublas(const Queue& queue, const CublasProduct& p) {
  static Cublas* cublas = new Cublas;
  constexpr int64_t kMost = std::numeric_limits<int>::max();
  for (int64_t size : {p.m, p.n, p.k, p.count, p.a.leading, p.b.leading})
    if (size > kMost) return false;
  if (!cublas->there()) return false;
  cublas->run(queue, p);
  return true;
}

}  // namespace pyautograd::kernels::cuda
