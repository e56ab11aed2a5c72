// Special functions, in double precision for every dtype.

#include "kernels/cuda/special_map.h"
#include "kernels/cuda/tables.h"
#include "kernels/scalar/special.h"

namespace pyautograd::kernels::cuda {

namespace {

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

Run find(std::string_view name, size_t arity, const Orders& orders) {
  if (const Run run = find_in(kFunctions, name)) return run;
  if (const Run run = find_integral(name)) return run;
  return find_in_family(name, arity, orders);
}

template <class Wide, int count>
bool map(RunOf<Wide, count> run, const Orders& orders, const View& out,
         std::span<const View> inputs) {
  if (!run) return false;
  const auto input = [&](size_t k) -> const View& {
    return inputs[std::min(k, inputs.size() - 1)];
  };
  std::array<std::span<const int64_t>, 1 + count> strides{out.strides};
  for (size_t k = 0; k < count; ++k) strides[k + 1] = input(k).strides;
  const Nest<1 + count> nest(out.shape, strides);
  if (nest.rank() > kMaxRank) return false;
  const bool single = out.dtype == DType::Float32 || out.dtype == DType::Complex64;
  Arguments<Wide, count> arguments{{out.data, single}, {}, Places<1 + count>(nest), orders};
  for (size_t k = 0; k < count; ++k) arguments.in[k] = {input(k).data, single};
  Queue queue(out.device);
  run(queue, nest.count(), arguments);
  return true;
}

bool map_special(std::string_view name, const Orders& orders, const View& out,
                 std::span<const View> inputs) {
  if (is_complex(out.dtype)) return map(find_complex(name), orders, out, inputs);
  return map(find(name, inputs.size(), orders), orders, out, inputs);
}

}  // namespace

void install_special(DeviceKernels& table) { table.special = &map_special; }

}  // namespace pyautograd::kernels::cuda
