// Convolutions by cuDNN, where it is there, of real numbers of up to 32 bits: others are products
// of matrices (kernels/windows.cpp).

#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "core/error.h"
#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/functions.h"
#include "kernels/cuda/tables.h"

namespace pyautograd::kernels::cuda {

namespace {

using Functions = ConvolutionFunctions;
using Handle = Functions::Handle;
using Descriptor = Functions::Descriptor;

constexpr int kMostAxes = 3;
// Ways that want more memory than this are left out, such as transforms of all images.
constexpr size_t kMostWork = size_t{1} << 28;

// It has done nothing, and is asked for something else.
bool is_refusal(int status) {
  return status / 1000 == Functions::kBadParameter / 1000 ||
         status / 1000 == Functions::kNotSupported / 1000;
}

// What a plan depends on, as cuDNN counts: in 32 bits.
using Sizes = SmallVector<int, 3>;
struct Problem {
  WindowFactor wanted;
  int type, math, images, groups, inputs, outputs;
  Sizes lengths, size, counts, strides, dilations, pads;

  auto key(int device) const {
    std::vector<int> out{device, static_cast<int>(wanted), type, math, images, groups, inputs,
                         outputs};
    for (const auto* part : {&lengths, &size, &counts, &strides, &dilations, &pads})
      out.insert(out.end(), part->begin(), part->end());
    return out;
  }
  const Functions::Direction& direction(const Functions& f) const {
    return wanted == WindowFactor::X        ? f.to_x
           : wanted == WindowFactor::Weight ? f.to_weight
                                            : f.to_y;
  }
};

// The descriptors of a problem and the ways to solve it, the best one first.
class Plan {
 public:
  Plan(const Functions& f, Handle handle, const Problem& problem)
      : f_(f),
        x_(tensor(problem, problem.groups * problem.inputs, problem.lengths)),
        weight_(filter(problem)),
        y_(tensor(problem, problem.groups * problem.outputs, problem.counts)),
        windows_(windows(problem)) {
    switch (problem.wanted) {
      case WindowFactor::X:
        first_ = weight_.get(), second_ = y_.get(), out_ = x_.get();
        break;
      case WindowFactor::Weight:
        first_ = x_.get(), second_ = y_.get(), out_ = weight_.get();
        break;
      case WindowFactor::Y:
        first_ = x_.get(), second_ = weight_.get(), out_ = y_.get();
    }
    choose(problem.direction(f), handle);
  }

  // False where cuDNN does not do it.
  bool run(const Functions::Direction& direction, Handle handle, int device, const void* first,
           const void* second, void* out) {
    const float one = 1, zero = 0;
    for (; next_ < ways_.size(); ++next_) {
      const Way& way = ways_[next_];
      const Scratch work(device, way.work_bytes);
      const int status =
          direction.run(handle, &one, first_, first, second_, second, windows_.get(), way.algorithm,
                        work.as<void>(), way.work_bytes, &zero, out_, out);
      if (status == 0) return true;
      if (!is_refusal(status)) check_status(status, "cudnnConvolution");
    }
    return false;
  }

 private:
  struct Way {
    int algorithm;
    size_t work_bytes;
  };
  using Owned = std::unique_ptr<void, int (*)(Descriptor)>;

  static Owned made(int (*create)(Descriptor*), int (*destroy)(Descriptor)) {
    Descriptor out = nullptr;
    check_status(create(&out), "cudnnCreateDescriptor");
    return {out, destroy};
  }
  Owned tensor(const Problem& problem, int channels, const Sizes& spatial) const {
    std::vector<int> shape{problem.images, channels}, strides(spatial.size() + 2, 1);
    shape.insert(shape.end(), spatial.begin(), spatial.end());
    int step = channels;
    for (size_t d = spatial.size(); d-- > 0; step *= spatial[d]) strides[d + 2] = step;
    strides[0] = step;
    Owned out = made(f_.create_tensor, f_.destroy_tensor);
    check_status(f_.set_tensor(out.get(), problem.type, static_cast<int>(shape.size()),
                               shape.data(), strides.data()),
                 "cudnnSetTensorNdDescriptor");
    return out;
  }
  Owned filter(const Problem& problem) const {
    std::vector<int> shape{problem.groups * problem.outputs, problem.inputs};
    shape.insert(shape.end(), problem.size.begin(), problem.size.end());
    Owned out = made(f_.create_filter, f_.destroy_filter);
    check_status(f_.set_filter(out.get(), problem.type, f_.kChannelsLast,
                               static_cast<int>(shape.size()), shape.data()),
                 "cudnnSetFilterNdDescriptor");
    return out;
  }
  Owned windows(const Problem& problem) const {
    Owned out = made(f_.create_windows, f_.destroy_windows);
    check_status(f_.set_windows(out.get(), static_cast<int>(problem.size.size()),
                                problem.pads.begin(), problem.strides.begin(),
                                problem.dilations.begin(), f_.kCrossCorrelation, f_.kFloat),
                 "cudnnSetConvolutionNdDescriptor");
    check_status(f_.set_math(out.get(), problem.math), "cudnnSetConvolutionMathType");
    check_status(f_.set_groups(out.get(), problem.groups), "cudnnSetConvolutionGroupCount");
    return out;
  }
  // Of those that give the same bits each time.
  void choose(const Functions::Direction& direction, Handle handle) {
    Functions::Choice choices[16];
    int count = 0;
    const int status = direction.choose(handle, first_, second_, windows_.get(), out_,
                                        static_cast<int>(std::size(choices)), &count, choices);
    if (is_refusal(status)) return;
    check_status(status, "cudnnGetConvolutionAlgorithm");
    for (const auto& choice : std::span(choices).first(static_cast<size_t>(count))) {
      if (choice.status != 0 || choice.determinism != f_.kDeterministic) continue;
      // The memory it names is for the mathematics it names, which need not be ours.
      Way way{choice.algorithm, 0};
      if (direction.work_size(handle, first_, second_, windows_.get(), out_, way.algorithm,
                              &way.work_bytes) == 0 &&
          way.work_bytes <= kMostWork)
        ways_.push_back(way);
    }
  }

  const Functions& f_;
  const Owned x_, weight_, y_, windows_;
  Descriptor first_, second_, out_;
  std::vector<Way> ways_;
  size_t next_ = 0;
};

class Cudnn {
 public:
  Cudnn() {
    Resolver resolver(Library::Cudnn);
    resolve(f_, resolver);
    there_ = resolver.complete();
  }
  bool there() const { return there_; }

  bool run(const Queue& queue, const Problem& problem, const void* first, const void* second,
           void* out) {
    const std::lock_guard lock(mutex_);
    // To make something and to load kernels takes calls that a capture forbids.
    const auto key = problem.key(queue.device());
    auto plan = plans_.find(key);
    if (plan == plans_.end()) {
      if (queue.captured()) return false;
      if (plans_.size() >= kMostPlans) plans_.clear();
      plan = plans_.try_emplace(key, f_, handle_of(queue), problem).first;
    }
    const Handle handle = handle_of(queue);
    check_status(f_.set_stream(handle, queue.stream()), "cudnnSetStream");
    const bool done =
        plan->second.run(problem.direction(f_), handle, queue.device(), first, second, out);
    if (done) queue.asked("cudnnConvolution");
    return done;
  }

 private:
  // One for a device: it keeps no memory for work, and its stream is set for each call.
  Handle handle_of(const Queue& queue) {
    Handle& handle = handles_[queue.device()];
    if (!handle)
      check_status(
          call_with_memory(queue.device(), f_.kNoMemory, [&] { return f_.create(&handle); }),
          "cudnnCreate");
    return handle;
  }

  static constexpr size_t kMostPlans = 256;
  Functions f_{};
  bool there_ = false;
  std::mutex mutex_;
  std::map<int, Handle> handles_;
  std::map<std::vector<int>, Plan> plans_;
};

// Fails where a number does not fit.
class Narrow {
 public:
  int operator()(int64_t value) {
    fits_ = fits_ && value <= std::numeric_limits<int>::max();
    return static_cast<int>(value);
  }
  Sizes operator()(const Dims& values, int first) {
    Sizes out;
    // Images of one axis are those of two, of which one is short.
    if (values.size() == 1) out.push_back(first);
    for (int64_t value : values) out.push_back((*this)(value));
    return out;
  }
  bool fits() const { return fits_; }

 private:
  bool fits_ = true;
};

// It pads both ends alike, which is the same where the same windows fit.
bool is_symmetric(const Windows& windows) {
  for (size_t d = 0; d < windows.size.size(); ++d) {
    const int64_t length = windows.lengths[d] + 2 * windows.before[d];
    const int64_t span = (windows.size[d] - 1) * windows.dilation[d] + 1;
    if (length < span || (length - span) / windows.stride[d] + 1 != windows.counts[d]) return false;
  }
  return true;
}

bool is_aligned(const View& x) { return reinterpret_cast<uintptr_t>(x.data) % 16 == 0; }

// With outputs first and inputs last, as filters lie.
View filter_of(const View& weight, Dims& shape, Dims& strides) {
  const size_t spatial = weight.shape.size() - 3;
  const auto take = [&](size_t axis) {
    shape.push_back(weight.shape[axis]);
    strides.push_back(weight.strides[axis]);
  };
  take(spatial + 1);
  take(spatial + 2);
  for (size_t axis = 0; axis <= spatial; ++axis) take(axis);
  return {weight.data, weight.dtype, shape, strides, weight.device};
}

bool window_product(WindowFactor wanted, const View& out, const View& first, const View& second,
                    const Windows& windows, bool tf32) {
  const size_t spatial = windows.size.size();
  const bool single = out.dtype == DType::Float32;
  if (!(single || is_half(out.dtype)) || spatial > kMostAxes || !is_symmetric(windows))
    return false;
  const WindowFactors all(wanted, out, first, second);
  if (!is_aligned(all.x) || !is_aligned(all.y)) return false;
  Narrow narrow;
  const Problem problem{wanted,
                        single                        ? Functions::kFloat
                        : out.dtype == DType::Float16 ? Functions::kHalf
                                                      : Functions::kBfloat16,
                        !single ? Functions::kTensorMath
                        : tf32  ? Functions::kDefaultMath
                                : Functions::kPlainMath,
                        narrow(all.x.shape[0]),
                        narrow(all.x.shape[spatial + 1]),
                        narrow(all.x.shape[spatial + 2]),
                        narrow(all.y.shape[spatial + 2]),
                        narrow(windows.lengths, 1),
                        narrow(windows.size, 1),
                        narrow(windows.counts, 1),
                        narrow(windows.stride, 1),
                        narrow(windows.dilation, 1),
                        narrow(windows.before, 0)};
  for (const View* factor : {&all.x, &all.weight, &all.y}) narrow(element_count(factor->shape));
  static Cudnn* cudnn = new Cudnn;
  if (!narrow.fits() || !cudnn->there()) return false;

  const Queue queue(out.device);
  Dims shape, strides;
  const View filter = filter_of(all.weight, shape, strides);
  const Scratch memory(out.device.index,
                       static_cast<size_t>(element_count(shape) * itemsize(out.dtype)));
  const Dims packed = packed_strides(shape);
  const View weight{memory.as<void>(), out.dtype, shape, packed, out.device};
  switch (wanted) {
    case WindowFactor::X:
      copy_on_device(weight, filter);
      return cudnn->run(queue, problem, weight.data, second.data, out.data);
    case WindowFactor::Weight:
      return cudnn->run(queue, problem, first.data, second.data, weight.data) &&
             copy_on_device(filter, weight);
    case WindowFactor::Y:
      copy_on_device(weight, filter);
      return cudnn->run(queue, problem, first.data, weight.data, out.data);
  }
  return false;
}

}  // namespace

void install_windows(DeviceKernels& table) { table.window_product = &window_product; }

}  // namespace pyautograd::kernels::cuda
