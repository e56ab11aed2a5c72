// Special functions, in double precision for every dtype.

#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/tables.h"
#include "kernels/scalar_special.h"

namespace pyautograd::kernels::cuda {

namespace {

// float32 or float64, whichever it is: a function is compiled once.
struct Numbers {
  void* data;
  bool single;
  PYAUTOGRAD_HD double read(int64_t i) const {
    return single ? static_cast<const float*>(data)[i] : static_cast<const double*>(data)[i];
  }
  PYAUTOGRAD_HD void write(int64_t i, double x) const {
    if (single)
      static_cast<float*>(data)[i] = static_cast<float>(x);
    else
      static_cast<double*>(data)[i] = x;
  }
};

struct Arguments {
  Numbers out, x, y;  // y stands for x where there is one argument
  Places<3> places;
  Orders orders;
};

template <SpecialFunction function>
struct MapSpecial {
  Arguments to;

  PYAUTOGRAD_HD void operator()(int64_t i) const {
    const auto at = to.places(i);
    const double x[2] = {to.x.read(at.of[1]), to.y.read(at.of[2])};
    to.out.write(at.of[0], function(x, to.orders));
  }
};

using Run = void (*)(Queue& queue, int64_t n, const Arguments& arguments);

template <SpecialFunction function>
void run(Queue& queue, int64_t n, const Arguments& arguments) {
  queue.each(n, MapSpecial<function>{arguments});
}

struct Entry {
  std::string_view name;
  Run run;
};
constexpr Entry kFunctions[] = {
    {"i0", &run<of_order<special::bessel_i>>},
    {"special.i1", &run<of_order<special::bessel_i>>},
    {"special.j0", &run<of_order<special::bessel_j>>},
    {"special.j1", &run<of_order<special::bessel_j>>},
    {"special.i0e", &run<of_order<special::i0e>>},
    {"special.i1e", &run<of_order<special::i1e>>},
    {"sinc", &run<of_order<special::sinc>>},
    {"special.entr", &run<on_one<special::entr>>},
    {"special.rel_entr", &run<on_two<special::rel_entr>>},
    {"special.kl_div", &run<on_two<special::kl_div>>},
    {"special.xlog1py", &run<on_two<special::xlog1py>>},
    {"special.erfinv", &run<on_one<special::erfinv>>},
    {"special.erfcinv", &run<on_one<special::erfcinv>>},
    {"special.erfcx", &run<of_order<special::scaled_ierfc>>},
    {"special.ndtr", &run<on_one<special::ndtr>>},
    {"special.ndtri", &run<on_one<special::ndtri>>},
    {"special.log_ndtr", &run<on_one<special::log_ndtr>>},
    {"special.logit", &run<on_one<special::logit>>},
    {"special.gammaln", &run<on_one<special::lgamma>>},
    {"special.gamma", &run<on_one<special::gamma>>},
    {"special.digamma", &run<on_one<special::digamma>>},
    {"special.polygamma", &run<of_order<special::polygamma>>},
    {"special.betaln", &run<on_two<special::betaln>>},
    {"special.beta", &run<on_two<special::beta>>},
};

bool map_special(std::string_view name, const Orders& orders, const View& out,
                 std::span<const View> inputs) {
  const Entry* entry = std::find_if(std::begin(kFunctions), std::end(kFunctions),
                                    [&](const Entry& e) { return e.name == name; });
  if (entry == std::end(kFunctions) || inputs.size() > 2) return false;
  const View &x = inputs.front(), &y = inputs.back();
  const Nest<3> nest(out.shape, {out.strides, x.strides, y.strides});
  if (nest.rank() > kMaxRank) return false;
  const bool single = out.dtype == DType::Float32;
  const auto numbers = [&](const View& view) { return Numbers{view.data, single}; };
  Queue queue(out.device);
  entry->run(queue, nest.count(),
             Arguments{numbers(out), numbers(x), numbers(y), Places<3>(nest), orders});
  return true;
}

}  // namespace

void install_special(DeviceKernels& table) { table.special = &map_special; }

}  // namespace pyautograd::kernels::cuda
