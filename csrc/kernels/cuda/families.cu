// Families of special functions whose members are derivatives with respect to parameters.

#include "kernels/cuda/special_map.h"
#include "kernels/scalar/jets.h"

namespace pyautograd::kernels::cuda {

namespace {

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

// For values, first derivatives and all others, so that the first two cost no memory of a thread.
// Taylor series in two parameters stop at a lower order than on the host: a thread would need more
// memory than devices have.
constexpr int kMost = special::kMaxOrder, kMostOfTwo = 6;

struct Family {
  std::string_view name;
  size_t arity;
  int most;
  std::array<Run, 3> of_order;
};
constexpr Family kFamilies[] = {
    {"special.gammainc",
     2,
     kMost,
     {&run<gamma_at<0, false>>, &run<gamma_at<1, false>>, &run<gamma_at<kMost, false>>}},
    {"special.gammaincc",
     2,
     kMost,
     {&run<gamma_at<0, true>>, &run<gamma_at<1, true>>, &run<gamma_at<kMost, true>>}},
    {"_gamma_density",
     2,
     kMost,
     {&run<gamma_density_at<0>>, &run<gamma_density_at<1>>, &run<gamma_density_at<kMost>>}},
    {"special.betainc",
     3,
     kMostOfTwo,
     {&run<beta_at<0, false>>, &run<beta_at<1, false>>, &run<beta_at<kMostOfTwo, false>>}},
    {"special.betaincc",
     3,
     kMostOfTwo,
     {&run<beta_at<0, true>>, &run<beta_at<1, true>>, &run<beta_at<kMostOfTwo, true>>}},
    {"_beta_density",
     3,
     kMostOfTwo,
     {&run<beta_density_at<0>>, &run<beta_density_at<1>>, &run<beta_density_at<kMostOfTwo>>}},
    {"special.zeta", 2, kMost, {&run<hurwitz_at<0>>, &run<hurwitz_at<1>>, &run<hurwitz_at<kMost>>}},
    {"special.zeta", 1, kMost, {&run<riemann_at<0>>, &run<riemann_at<1>>, &run<riemann_at<kMost>>}},
};

}  // namespace

Run find_in_family(std::string_view name, size_t arity, const Orders& orders) {
  const int order = std::max(orders[0], orders[1]);
  for (const Family& family : kFamilies)
    if (family.name == name && family.arity == arity && order <= family.most)
      return family.of_order[static_cast<size_t>(std::min(order, 2))];
  return nullptr;
}

}  // namespace pyautograd::kernels::cuda
