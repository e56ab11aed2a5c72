// Stand-ins of cuDNN's convolutions: the sums that NVIDIA documents, over the numbers where the
// descriptors say they lie. Descriptors that the real ones would misread are refused.

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "kernels/cuda/emulated/solvers.h"
#include "kernels/cuda/functions.h"
#include "kernels/cuda/queue.h"
#include "kernels/scalar/half.h"

namespace pyautograd::kernels::cuda {

namespace {

using Functions = ConvolutionFunctions;
using Handle = Functions::Handle;
using Descriptor = Functions::Descriptor;

// CUDNN_STATUS_EXECUTION_FAILED, which is no refusal: a caller may not be wrong and go on.
constexpr int kInvalid = 5000;

struct Library {
  void* stream = nullptr;
};

// A tensor or a filter: images and channels, or outputs and inputs, and then spatial axes.
struct Layout {
  int64_t count() const {
    int64_t out = 1;
    for (int n : shape) out *= n;
    return out;
  }
  int type = -1;
  std::vector<int> shape, strides;
};

struct Placement {
  std::vector<int> pads, strides, dilations;
  int math = -1, groups = 1;
};

int create(Handle* out) {
  *out = new Library;
  return 0;
}
int set_stream(Handle handle, void* stream) {
  static_cast<Library*>(handle)->stream = stream;
  return 0;
}
template <class T>
int make(Descriptor* out) {
  *out = new T;
  return 0;
}
template <class T>
int destroy(Descriptor descriptor) {
  delete static_cast<T*>(descriptor);
  return 0;
}

bool is_type(int type) {
  return type == Functions::kFloat || type == Functions::kHalf || type == Functions::kBfloat16;
}

int set_tensor(Descriptor descriptor, int type, int ndim, const int* shape, const int* strides) {
  if (!is_type(type) || ndim < 4 || ndim > 5) return kInvalid;
  *static_cast<Layout*>(descriptor) = {type, {shape, shape + ndim}, {strides, strides + ndim}};
  return 0;
}
int set_filter(Descriptor descriptor, int type, int format, int ndim, const int* shape) {
  if (!is_type(type) || format != Functions::kChannelsLast || ndim < 4 || ndim > 5) return kInvalid;
  Layout layout{type, {shape, shape + ndim}, std::vector<int>(static_cast<size_t>(ndim), 1)};
  int step = shape[1];
  for (int d = ndim; d-- > 2; step *= shape[d]) layout.strides[static_cast<size_t>(d)] = step;
  layout.strides[0] = step;
  *static_cast<Layout*>(descriptor) = layout;
  return 0;
}
int set_windows(Descriptor descriptor, int spatial, const int* pads, const int* strides,
                const int* dilations, int mode, int compute_type) {
  if (mode != Functions::kCrossCorrelation || compute_type != Functions::kFloat) return kInvalid;
  auto& placement = *static_cast<Placement*>(descriptor);
  placement.pads.assign(pads, pads + spatial);
  placement.strides.assign(strides, strides + spatial);
  placement.dilations.assign(dilations, dilations + spatial);
  return 0;
}
int set_math(Descriptor descriptor, int math) {
  static_cast<Placement*>(descriptor)->math = math;
  return 0;
}
int set_groups(Descriptor descriptor, int groups) {
  static_cast<Placement*>(descriptor)->groups = groups;
  return 0;
}

// The three factors of a sum, by WindowFactor's numbers, and whether they fit to each other.
struct Problem {
  bool is_valid() const {
    const Layout &x = *factors[0], &weight = *factors[1], &y = *factors[2];
    const size_t ndim = x.shape.size();
    bool fits = x.type == weight.type && x.type == y.type && weight.shape.size() == ndim &&
                y.shape.size() == ndim && windows->pads.size() + 2 == ndim &&
                x.shape[0] == y.shape[0] && x.shape[1] == windows->groups * weight.shape[1] &&
                y.shape[1] == weight.shape[0] && weight.shape[0] % windows->groups == 0;
    for (size_t d = 0; fits && d + 2 < ndim; ++d) {
      const int length = x.shape[d + 2] + 2 * windows->pads[d];
      const int span = (weight.shape[d + 2] - 1) * windows->dilations[d] + 1;
      fits = length >= span && (length - span) / windows->strides[d] + 1 == y.shape[d + 2];
    }
    const bool single = x.type == Functions::kFloat, tensor = windows->math == 1;
    return fits && single != tensor;
  }

  std::array<const Layout*, 3> factors;
  const Placement* windows;
};

double rounded_to_tf32(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  return std::bit_cast<float>((bits + 0x0FFF + (bits >> 13 & 1)) & ~uint32_t{0x1FFF});
}

// The numbers of a layout, one behind the other as its strides say.
std::vector<double> read(const Layout& layout, const void* data, bool rounded) {
  std::vector<double> out(static_cast<size_t>(layout.count()));
  for (size_t i = 0; i < out.size(); ++i) {
    if (layout.type == Functions::kFloat) {
      const float number = static_cast<const float*>(data)[i];
      out[i] = rounded ? rounded_to_tf32(number) : number;
    } else if (layout.type == Functions::kHalf) {
      out[i] = to_float(static_cast<const Float16*>(data)[i]);
    } else {
      out[i] = to_float(static_cast<const BFloat16*>(data)[i]);
    }
  }
  return out;
}
void write(const Layout& layout, const std::vector<double>& numbers, void* data) {
  for (size_t i = 0; i < numbers.size(); ++i) {
    const auto number = static_cast<float>(numbers[i]);
    if (layout.type == Functions::kFloat)
      static_cast<float*>(data)[i] = number;
    else if (layout.type == Functions::kHalf)
      static_cast<Float16*>(data)[i] = from_float<Float16>(number);
    else
      static_cast<BFloat16*>(data)[i] = from_float<BFloat16>(number);
  }
}

// visit(offset in x, in the weight, in y) for what is multiplied.
template <class Visit>
void each_term(const Problem& problem, const Visit& visit) {
  const Layout &x = *problem.factors[0], &weight = *problem.factors[1], &y = *problem.factors[2];
  const int per_group = weight.shape[0] / problem.windows->groups;
  const size_t spatial = x.shape.size() - 2;
  std::vector<int> place(2 + 2 * spatial);  // image, output, window, element of it
  const auto extent = [&](size_t d) {
    return d < 2 + spatial ? y.shape[d] : weight.shape[d - spatial];
  };
  const auto next = [&] {
    for (size_t d = place.size(); d-- > 0;) {
      if (++place[d] < extent(d)) return true;
      place[d] = 0;
    }
    return false;
  };
  do {
    int in_x = place[0] * x.strides[0], in_weight = place[1] * weight.strides[0], in_y = 0;
    bool inside = true;
    for (size_t d = 0; d < 2 + spatial; ++d) in_y += place[d] * y.strides[d];
    for (size_t d = 0; d < spatial; ++d) {
      const int tap = place[2 + spatial + d];
      const int at = place[2 + d] * problem.windows->strides[d] +
                     tap * problem.windows->dilations[d] - problem.windows->pads[d];
      inside = inside && at >= 0 && at < x.shape[2 + d];
      in_x += at * x.strides[2 + d];
      in_weight += tap * weight.strides[2 + d];
    }
    const int first = place[1] / per_group * weight.shape[1];
    for (int i = 0; inside && i < weight.shape[1]; ++i)
      visit(in_x + (first + i) * x.strides[1], in_weight + i * weight.strides[1], in_y);
  } while (next());
}

// Of the ways that it advises a caller takes the last one: the others are not the same each time,
// want too much memory, or turn out not to work.
constexpr int kVaries = 0, kWantsMuch = 1, kFails = 2, kWorks = 3;
constexpr size_t kWorkBytes = 64;

// Which of the factors are given, and which is made.
template <int first, int second, int wanted>
struct Direction {
  static Problem problem(Descriptor a, Descriptor b, Descriptor windows, Descriptor out) {
    Problem made{{}, static_cast<const Placement*>(windows)};
    made.factors[first] = static_cast<const Layout*>(a);
    made.factors[second] = static_cast<const Layout*>(b);
    made.factors[wanted] = static_cast<const Layout*>(out);
    return made;
  }
  static int choose(Handle, Descriptor a, Descriptor b, Descriptor windows, Descriptor out,
                    int most, int* count, void* choices) {
    if (!problem(a, b, windows, out).is_valid() || most < 4) return kInvalid;
    *count = 4;
    for (int i = 0; i < *count; ++i)
      static_cast<Functions::Choice*>(choices)[i] = {i, 0, 1, kWorkBytes, i != kVaries, 0, {}};
    return 0;
  }
  static int work_size(Handle, Descriptor a, Descriptor b, Descriptor windows, Descriptor out,
                       int algorithm, size_t* bytes) {
    *bytes = algorithm == kWantsMuch ? size_t{1} << 40 : kWorkBytes;
    return problem(a, b, windows, out).is_valid() ? 0 : kInvalid;
  }
  static int run(Handle handle, const void* alpha, Descriptor a, const void* a_data, Descriptor b,
                 const void* b_data, Descriptor windows, int algorithm, void* work,
                 size_t work_bytes, const void* beta, Descriptor out, void* out_data) {
    const Problem asked = problem(a, b, windows, out);
    void* stream = static_cast<Library*>(handle)->stream;
    if (algorithm == kFails) return Functions::kNotSupported + 1;
    const auto lies_there = [](Descriptor layout, const void* data) {
      const auto& known = *static_cast<const Layout*>(layout);
      const int64_t itemsize = known.type == Functions::kFloat ? 4 : 2;
      return is_device_memory(data, static_cast<size_t>(known.count() * itemsize));
    };
    if (!stream || algorithm != kWorks || !asked.is_valid() || work_bytes < kWorkBytes ||
        !is_device_memory(work, work_bytes) || !lies_there(a, a_data) || !lies_there(b, b_data) ||
        !lies_there(out, out_data) || *static_cast<const float*>(alpha) != 1 ||
        *static_cast<const float*>(beta) != 0)
      return kInvalid;
    // What is put off outlives the descriptors.
    submit(stream, [=, x = *asked.factors[0], weight = *asked.factors[1], y = *asked.factors[2],
                    placement = *asked.windows] {
      std::memset(work, 0xA5, work_bytes);
      const Problem mine{{&x, &weight, &y}, &placement};
      const bool rounded = placement.math == Functions::kDefaultMath;
      std::vector<double> numbers[3];
      numbers[first] = read(*mine.factors[first], a_data, rounded);
      numbers[second] = read(*mine.factors[second], b_data, rounded);
      numbers[wanted].resize(static_cast<size_t>(mine.factors[wanted]->count()));
      each_term(mine, [&](int in_x, int in_weight, int in_y) {
        const int at[] = {in_x, in_weight, in_y};
        numbers[wanted][at[wanted]] += numbers[first][at[first]] * numbers[second][at[second]];
      });
      write(*mine.factors[wanted], numbers[wanted], out_data);
    });
    return 0;
  }
};

// Finds a stand-in where a loader would find the function.
struct StandIns {
  template <class F>
  void operator()(F*& slot, const std::string& name, F* function) {
    slot = function;
    functions[name] = reinterpret_cast<void*>(function);
  }
  std::map<std::string, void*> functions;
};

// Assigning to a place in Functions proves that the two agree about the arguments.
std::map<std::string, void*> all() {
  Functions f{};
  StandIns add;
  add(f.create, "cudnnCreate", &create);
  add(f.set_stream, "cudnnSetStream", &set_stream);
  add(f.create_tensor, "cudnnCreateTensorDescriptor", &make<Layout>);
  add(f.set_tensor, "cudnnSetTensorNdDescriptor", &set_tensor);
  add(f.destroy_tensor, "cudnnDestroyTensorDescriptor", &destroy<Layout>);
  add(f.create_filter, "cudnnCreateFilterDescriptor", &make<Layout>);
  add(f.set_filter, "cudnnSetFilterNdDescriptor", &set_filter);
  add(f.destroy_filter, "cudnnDestroyFilterDescriptor", &destroy<Layout>);
  add(f.create_windows, "cudnnCreateConvolutionDescriptor", &make<Placement>);
  add(f.set_windows, "cudnnSetConvolutionNdDescriptor", &set_windows);
  add(f.set_math, "cudnnSetConvolutionMathType", &set_math);
  add(f.set_groups, "cudnnSetConvolutionGroupCount", &set_groups);
  add(f.destroy_windows, "cudnnDestroyConvolutionDescriptor", &destroy<Placement>);
  const auto direction = [&]<class D>(D, Functions::Direction& to, const std::string& name) {
    add(to.choose, "cudnnGetConvolution" + name + "Algorithm_v7", &D::choose);
    add(to.work_size, "cudnnGetConvolution" + name + "WorkspaceSize", &D::work_size);
    add(to.run, "cudnnConvolution" + name, &D::run);
  };
  direction(Direction<1, 2, 0>(), f.to_x, "BackwardData");
  direction(Direction<0, 2, 1>(), f.to_weight, "BackwardFilter");
  direction(Direction<0, 1, 2>(), f.to_y, "Forward");
  return add.functions;
}

}  // namespace

void* convolution_stand_in(const std::string& name) {
  static const std::map<std::string, void*> functions = all();
  const auto found = functions.find(name);
  return found == functions.end() ? nullptr : found->second;
}

}  // namespace pyautograd::kernels::cuda
