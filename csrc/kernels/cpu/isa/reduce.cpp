#include "kernels/cpu/isa/reduce.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

namespace {

template <class T>
int64_t arg_loop(bool maximum, const void* x, int64_t n) {
  const T* a = static_cast<const T*>(x);
  T best = maximum ? fold_row<MaxFold>(a, n) : fold_row<MinFold>(a, n);
  constexpr int64_t kStep = 256;
  for (int64_t i = 0; i < n; i += kStep) {
    int64_t end = n - i < kStep ? n : i + kStep;
    unsigned found = 0;
    for (int64_t j = i; j < end; ++j) found |= (a[j] == best) | (a[j] != a[j]);
    if (!found) continue;
    for (int64_t j = i; j < end; ++j)
      if (best != best ? a[j] != a[j] : a[j] == best) return j;
  }
  return 0;
}

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
  if constexpr (is_float<T>)
    table.reduce[int(Reduce::SumOfSquares)][d] = fold_loops<SumOfSquaresFold, T>();
  table.arg_reduce[d] = arg_loop<Ordered>;
}

template <class... T>
void install_all(LoopTable& table, List<T...>) {
  (install<T>(table), ...);
}

}  // namespace

void install_reduce(LoopTable& table) { install_all(table, RealTypes{}); }

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
