#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <mutex>
#include <tuple>

#include "core/error.h"
#include "kernels/cuda/cufft.h"
#include "kernels/cuda/functions.h"

namespace pyautograd::kernels::cuda {

namespace {

using Plan = FourierFunctions::Plan;

class Cufft {
 public:
  Cufft() {
    Resolver resolver(Library::Cufft);
    resolve(f_, resolver);
    there_ = resolver.complete();
  }
  bool there() const { return there_; }

  void run(const Queue& queue, void* data, bool single, int64_t lines, int64_t n, bool inverse) {
    // A plan and its work area serve one call at a time.
    const std::lock_guard lock(mutex_);
    const Plan plan = plan_for(queue, single, lines, n);
    check_status((single ? f_.run_single : f_.run_double)(plan, data, data,
                                                          inverse ? f_.kInverse : f_.kForward),
                 "cufftExec");
    queue.asked("cufftExec");
  }

 private:
  using Shape = std::tuple<cudaStream_t, bool, int64_t, int64_t>;

  Plan plan_for(const Queue& queue, bool single, int64_t lines, int64_t n) {
    const Shape shape(queue.stream(), single, lines, n);
    if (const auto found = plans_.find(shape); found != plans_.end()) return found->second;
    if (plans_.size() >= kMostPlans) forget_all();
    Plan plan = 0;
    const auto make = [&] {
      return f_.make(&plan, static_cast<int>(n), single ? f_.kSingle : f_.kDouble,
                     static_cast<int>(lines));
    };
    check_status(call_with_memory(queue.device(), f_.kNoMemory, make), "cufftPlan1d");
    check_status(f_.set_stream(plan, queue.stream()), "cufftSetStream");
    return plans_[shape] = plan;
  }
  // Work areas hold memory of the device. Waiting for a whole device would spoil a capture in
  // another thread, and leave out other devices.
  void forget_all() {
    for (const auto& [shape, plan] : plans_) {
      cudaStreamSynchronize(std::get<cudaStream_t>(shape));
      f_.destroy(plan);
    }
    plans_.clear();
  }

  static constexpr size_t kMostPlans = 64;
  FourierFunctions f_{};
  bool there_ = false;
  std::mutex mutex_;
  std::map<Shape, Plan> plans_;
};

}  // namespace

bool run_cufft(const Queue& queue, void* data, bool single, int64_t lines, int64_t n,
               bool inverse) {
  static Cufft* cufft = new Cufft;
  // Plans count in 32 bits.
  constexpr int64_t kMost = std::numeric_limits<int>::max();
  if (n > kMost || !cufft->there()) return false;
  const int64_t at_once = n > 0 ? kMost / n : 1, bytes = n * (single ? 8 : 16);
  for (int64_t line = 0; line < lines; line += at_once)
    cufft->run(queue, static_cast<std::byte*>(data) + line * bytes, single,
               std::min(at_once, lines - line), n, inverse);
  return true;
}

}  // namespace pyautograd::kernels::cuda
