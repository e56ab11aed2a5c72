#include <complex>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "core/error.h"
#include "kernels/cuda/cublas.h"
#include "kernels/cuda/functions.h"

namespace pyautograd::kernels::cuda {

namespace {

using Handle = ProductFunctions::Handle;
using solver::kPlain, solver::kTransposed;

class Cublas {
 public:
  Cublas() {
    Resolver resolver(Library::Cublas);
    resolve(f_, resolver);
    there_ = resolver.complete();
  }
  bool there() const { return there_; }

  void run(const Queue& queue, const CublasProduct& p) {
    // One handle serves one thread at a time.
    const std::lock_guard lock(mutex_);
    const auto& handle = handle_of(queue);
    const Lent lent(f_, queue, handle);
    const bool single = p.type != CUDA_R_64F && p.type != CUDA_C_64F;
    const std::complex<float> one32(1), zero32(0);
    const std::complex<double> one64(1), zero64(0);
    const void* alpha = single ? static_cast<const void*>(&one32) : &one64;
    const void* beta = single ? static_cast<const void*>(&zero32) : &zero64;
    check_status(
        f_.gemm(handle.second, p.a.transposed ? kTransposed : kPlain,
                p.b.transposed ? kTransposed : kPlain, static_cast<int>(p.m), static_cast<int>(p.n),
                static_cast<int>(p.k), alpha, p.a.data, p.type, static_cast<int>(p.a.leading),
                p.a.step, p.b.data, p.type, static_cast<int>(p.b.leading), p.b.step, beta, p.c,
                p.type, static_cast<int>(p.m), p.m * p.n, static_cast<int>(p.count),
                compute_type(p), f_.kDefaultAlgorithm),
        "cublasGemmStridedBatchedEx");
    queue.asked("cublasGemmStridedBatchedEx");
  }

 private:
  int compute_type(const CublasProduct& p) const {
    if (p.type == CUDA_R_64F || p.type == CUDA_C_64F) return f_.kCompute64;
    const bool rounds = p.tf32 && (p.type == CUDA_R_32F || p.type == CUDA_C_32F);
    return rounds ? f_.kComputeTf32 : f_.kCompute32;
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
      check_status(
          call_with_memory(queue.device(), f_.kNoMemory, [&] { return f_.create(&found.second); }),
          "cublasCreate");
      check_status(f_.set_stream(found.second, queue.stream()), "cublasSetStream");
      // Left alone, it adds the parts of a long product of halves up in halves.
      check_status(f_.set_math(found.second, f_.kWideSums), "cublasSetMathMode");
    }
    return found;
  }

  // Has a captured product work in memory that its graph keeps.
  class Lent {
   public:
    Lent(const ProductFunctions& f, const Queue& queue,
         const std::pair<const Place, Handle>& handle)
        : f_(f), handle_(handle) {
      if (!queue.captured()) return;
      memory_.emplace(queue.device(), kBytes);
      check_status(f.set_stream(handle.second, queue.stream()), "cublasSetStream");
      check_status(f.set_workspace(handle.second, memory_->as<void>(), kBytes),
                   "cublasSetWorkspace");
    }
    // Setting the stream brings the handle's own memory back.
    ~Lent() {
      if (memory_) f_.set_stream(handle_.second, handle_.first.second);
    }
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;

   private:
    static constexpr size_t kBytes = size_t{32} << 20;  // what is advised for the largest devices
    const ProductFunctions& f_;
    const std::pair<const Place, Handle>& handle_;
    std::optional<Scratch> memory_;
  };

  ProductFunctions f_{};
  bool there_ = false;
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
