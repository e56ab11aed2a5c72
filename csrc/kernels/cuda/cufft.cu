#include <dlfcn.h>

#include <limits>
#include <map>
#include <mutex>
#include <tuple>

#include "core/error.h"
#include "kernels/cuda/cufft.h"

namespace pyautograd::kernels::cuda {

namespace {

// What cuFFT documents of its interface; its headers are not part of every toolkit.
using Plan = int;
constexpr int kSuccess = 0, kSingle = 0x29, kDouble = 0x69, kForward = -1, kInverse = 1;
using MakePlan = int (*)(Plan*, int n, int type, int batch);
using SetStream = int (*)(Plan, cudaStream_t);
using Execute = int (*)(Plan, void* in, void* out, int direction);
using Destroy = int (*)(Plan);

class Cufft {
 public:
  Cufft() {
    for (const char* name :
         {"libcufft.so.12", "libcufft.so.11", "libcufft.so", "/usr/local/cuda/lib64/libcufft.so"}) {
      if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) {
        make_ = reinterpret_cast<MakePlan>(dlsym(library, "cufftPlan1d"));
        set_stream_ = reinterpret_cast<SetStream>(dlsym(library, "cufftSetStream"));
        single_ = reinterpret_cast<Execute>(dlsym(library, "cufftExecC2C"));
        double_ = reinterpret_cast<Execute>(dlsym(library, "cufftExecZ2Z"));
        destroy_ = reinterpret_cast<Destroy>(dlsym(library, "cufftDestroy"));
        if (there()) return;
      }
    }
  }
  bool there() const { return make_ && set_stream_ && single_ && double_ && destroy_; }

  void run(const Queue& queue, void* data, bool single, int64_t lines, int64_t n, bool inverse) {
    // A plan and its work area serve one call at a time.
    const std::lock_guard lock(mutex_);
    const Plan plan = plan_for(queue, single, lines, n);
    check((single ? single_ : double_)(plan, data, data, inverse ? kInverse : kForward),
          "cufftExec");
  }

 private:
  using Shape = std::tuple<cudaStream_t, bool, int64_t, int64_t>;

  static void check(int status, const char* what) {
    if (status != kSuccess) throw DeviceFailure(concat(what, ": status ", status));
  }
  Plan plan_for(const Queue& queue, bool single, int64_t lines, int64_t n) {
    const Shape shape(queue.stream(), single, lines, n);
    if (const auto found = plans_.find(shape); found != plans_.end()) return found->second;
    if (plans_.size() >= kMostPlans) forget_all();
    Plan plan = 0;
    check(make_(&plan, static_cast<int>(n), single ? kSingle : kDouble, static_cast<int>(lines)),
          "cufftPlan1d");
    check(set_stream_(plan, queue.stream()), "cufftSetStream");
    return plans_[shape] = plan;
  }
  // Work areas hold memory of the device.
  void forget_all() {
    cudaDeviceSynchronize();
    for (const auto& [shape, plan] : plans_) destroy_(plan);
    plans_.clear();
  }

  static constexpr size_t kMostPlans = 64;
  MakePlan make_ = nullptr;
  SetStream set_stream_ = nullptr;
  Execute single_ = nullptr, double_ = nullptr;
  Destroy destroy_ = nullptr;
  std::mutex mutex_;
  std::map<Shape, Plan> plans_;
};

}  // namespace

bool run_cufft(const Queue& queue, void* data, bool single, int64_t lines, int64_t n,
               bool inverse) {
  static Cufft* cufft = new Cufft;
  constexpr int64_t kMost = std::numeric_limits<int>::max();
  if (lines > kMost || n > kMost || !cufft->there()) return false;
  cufft->run(queue, data, single, lines, n, inverse);
  return true;
}

}  // namespace pyautograd::kernels::cuda
