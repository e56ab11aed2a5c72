#include "kernels/cpu/isa/vector_math.h"
//
#include "kernels/cpu/isa/vector.h"
#include "kernels/cpu/loop_table.h"
#include "kernels/scalar/special_vector.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

namespace {

template <class F>
int64_t special_loop(double* out, const double* x, int64_t* left, int64_t n) {
  int64_t count = 0;
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const bool inside = F::covers(x[i]);
    const double argument = inside ? x[i] : F::kInside;
    out[i] = F()(argument);
    left[i] = !inside;
    count += !inside;
  }
  return count;
}

template <template <int> class F, int Order>
void install_order(LoopTable& table, SpecialVector name) {
  if constexpr (requires { F<Order>::kInside; })
    table.special[int(name)][Order] = special_loop<F<Order>>;
}
template <template <int> class F>
void install_orders(LoopTable& table, SpecialVector name) {
  static_assert(kSpecialOrders == 3);
  install_order<F, 0>(table, name);
  install_order<F, 1>(table, name);
  install_order<F, 2>(table, name);
}

}  // namespace

// Without fused operations the scalar formulas are no slower.
void install_special(LoopTable& table) {
#if defined(__FMA__)
  table.special_block = kVectorLanes<double>;
  install_order<special::LogitVector, 0>(table, SpecialVector::Logit);
  install_order<special::NdtrVector, 0>(table, SpecialVector::Ndtr);
  install_order<special::LogNdtrVector, 0>(table, SpecialVector::LogNdtr);
  install_order<special::NdtriVector, 0>(table, SpecialVector::Ndtri);
  install_order<special::ErfinvVector, 0>(table, SpecialVector::Erfinv);
  install_order<special::EntrVector, 0>(table, SpecialVector::Entr);
  install_orders<special::PolygammaVector>(table, SpecialVector::Polygamma);
  install_orders<special::BesselIVector>(table, SpecialVector::BesselI);
  install_orders<special::I0eVector>(table, SpecialVector::I0e);
  install_orders<special::I1eVector>(table, SpecialVector::I1e);
  install_orders<special::SincVector>(table, SpecialVector::Sinc);
#endif
  (void)table;
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
