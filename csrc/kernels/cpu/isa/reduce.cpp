#include "kernels/cpu/isa/reduce.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

namespace {

// Wrapping sums and truth values do not see the sign.
template <class T>
void install(LoopTable& table) {
  using U = BitsOf<T>;
  using Ordered = std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>;
  int d = int(dtype_of<T>);
  constexpr bool is_bool = std::is_same_v<T, bool>;
  table.reduce[int(Reduce::Sum)][d] = is_bool ? fold_loops<MaxFold, U>() : fold_loops<SumFold, U>();
  table.reduce[int(Reduce::Prod)][d] =
      is_bool ? fold_loops<MinFold, U>() : fold_loops<ProdFold, U>();
  table.reduce[int(Reduce::Max)][d] = fold_loops<MaxFold, Ordered>();
  table.reduce[int(Reduce::Min)][d] = fold_loops<MinFold, Ordered>();
  table.reduce[int(Reduce::Any)][d] = truth_loops<false, U>();
  table.reduce[int(Reduce::All)][d] = truth_loops<true, U>();
  if constexpr (is_float<T>) {
    table.reduce[int(Reduce::SumOfSquares)][d] = fold_loops<SumOfSquaresFold, T>();
    table.reduce[int(Reduce::SumOfTinySquares)][d] = fold_loops<ScaledSquaresFold<T, true>, T>();
    table.reduce[int(Reduce::SumOfHugeSquares)][d] = fold_loops<ScaledSquaresFold<T, false>, T>();
  }
}

template <class... T>
void install_all(LoopTable& table, List<T...>) {
  (install<T>(table), ...);
}

}  // namespace

void install_reduce(LoopTable& table) {
  install_all(table, RealTypes{});
  install_extrema(table);
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
