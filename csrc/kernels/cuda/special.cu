// Special functions, in double precision for every dtype.

#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/tables.h"
#include "kernels/scalar/jets.h"
#include "kernels/scalar/special.h"

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
  Numbers out, x, y, z;  // the last argument stands for those that are not there
  Places<4> places;
  Orders orders;
};

template <SpecialFunction function>
struct MapSpecial {
  Arguments to;

  PYAUTOGRAD_HD void operator()(int64_t i) const {
    const auto at = to.places(i);
    const double x[3] = {to.x.read(at.of[1]), to.y.read(at.of[2]), to.z.read(at.of[3])};
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

// Families whose members are derivatives with respect to parameters. Taylor series of a higher
// order would take more memory for each thread than devices have.
template <int Max, bool upper>
PYAUTOGRAD_HD double gamma_at(const double* x, const Orders& n) {
  return special::gammainc<Max>(n[0], x[0], x[1], upper);
}
template <int Max>
PYAUTOGRAD_HD double gamma_density_at(const double* x, const Orders& n) {
  return special::gamma_density<Max>(n[0], x[0], x[1]);
}
template <int Max, bool upper>
PYAUTOGRAD_HD double beta_at(const double* x, const Orders& n) {
  return special::betainc<Max>(n, x[0], x[1], x[2], upper);
}
template <int Max>
PYAUTOGRAD_HD double beta_density_at(const double* x, const Orders& n) {
  return special::beta_density<Max>(n, x[0], x[1], x[2]);
}
template <int Max>
PYAUTOGRAD_HD double hurwitz_at(const double* x, const Orders& n) {
  return special::zeta_derivative_within<Max>(n[0], x[0], x[1]);
}
template <int Max>
PYAUTOGRAD_HD double riemann_at(const double* x, const Orders& n) {
  return special::riemann_derivative_within<Max>(n[0], x[0]);
}

struct Family {
  std::string_view name;
  size_t arity;
  std::array<Run, 2> of_order;
};
constexpr Family kFamilies[] = {
    {"special.gammainc", 2, {&run<gamma_at<0, false>>, &run<gamma_at<1, false>>}},
    {"special.gammaincc", 2, {&run<gamma_at<0, true>>, &run<gamma_at<1, true>>}},
    {"_gamma_density", 2, {&run<gamma_density_at<0>>, &run<gamma_density_at<1>>}},
    {"special.betainc", 3, {&run<beta_at<0, false>>, &run<beta_at<1, false>>}},
    {"special.betaincc", 3, {&run<beta_at<0, true>>, &run<beta_at<1, true>>}},
    {"_beta_density", 3, {&run<beta_density_at<0>>, &run<beta_density_at<1>>}},
    {"special.zeta", 2, {&run<hurwitz_at<0>>, &run<hurwitz_at<1>>}},
    {"special.zeta", 1, {&run<riemann_at<0>>, &run<riemann_at<1>>}},
};

Run find(std::string_view name, size_t arity, const Orders& orders) {
  for (const Entry& entry : kFunctions)
    if (entry.name == name) return entry.run;
  const auto order = static_cast<size_t>(std::max(orders[0], orders[1]));
  for (const Family& family : kFamilies)
    if (family.name == name && family.arity == arity && order < family.of_order.size())
      return family.of_order[order];
  return nullptr;
}

bool map_special(std::string_view name, const Orders& orders, const View& out,
                 std::span<const View> inputs) {
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
