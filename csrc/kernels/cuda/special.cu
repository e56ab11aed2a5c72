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
  for (const Entry& entry : kFunctions)
    if (entry.name == name) return entry.run;
  if (const Run run = find_integral(name)) return run;
  return find_in_family(name, arity, orders);
}

bool map_special(std::string_view name, const Orders& orders, const View& out,
                 std::span<const View> inputs) {
  if (is_complex(out.dtype)) return map_complex_special(name, orders, out, inputs.front());
  const Run run = find(name, inputs.size(), orders);
  if (!run) return false;
  const View &x = inputs.front(), &y = inputs[std::min<size_t>(1, inputs.size() - 1)];
  const View& z = inputs.back();
  const Nest<4> nest(out.shape, {out.strides, x.strides, y.strides, z.strides});
  if (nest.rank() > kMaxRank) return false;
  const bool single = out.dtype == DType::Float32;
  const auto numbers = [&](const View& view) { return Numbers{view.data, single}; };
  Queue queue(out.device);
  run(queue, nest.count(),
      Arguments{numbers(out), numbers(x), numbers(y), numbers(z), Places<4>(nest), orders});
  return true;
}

}  // namespace

void install_special(DeviceKernels& table) { table.special = &map_special; }

}  // namespace pyautograd::kernels::cuda
