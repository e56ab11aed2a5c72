#include "kernels/cpu/isa/vector_math.h"
//
#include "kernels/cpu/isa/block.h"
#include "kernels/cpu/isa/reduce.h"
#include "kernels/cpu/loop_table.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

namespace {

template <class T>
struct ShiftedExp {
  T shift;
  T operator()(T x) const { return std::exp(x - shift); }
};

template <class T>
T sum_of_exp(const T* x, int64_t n, T shift) {
  constexpr int64_t kTile = 512;
  T tile[kTile];
  T sum = 0;
  for (int64_t i = 0; i < n; i += kTile) {
    int64_t length = n - i < kTile ? n - i : kTile;
    padded_map(ShiftedExp<T>{shift}, tile, x + i, length);
    sum += fold_block<SumFold>(tile, length);
  }
  return sum;
}

template <class T>
void softmax_row(void* out, const void* x, int64_t n, bool log) {
  T* o = static_cast<T*>(out);
  const T* a = static_cast<const T*>(x);
  T largest = fold_row<MaxFold>(a, n);
  if (log) {
    T log_sum = std::log(sum_of_exp(a, n, largest));
    for (int64_t i = 0; i < n; ++i) o[i] = (a[i] - largest) - log_sum;
    return;
  }
  padded_map(ShiftedExp<T>{largest}, o, a, n);
  T scale = T(1) / fold_row<SumFold>(o, n);
  for (int64_t i = 0; i < n; ++i) o[i] *= scale;
}

template <class T>
void logsumexp_row(void* out, const void* x, int64_t n) {
  const T* a = static_cast<const T*>(x);
  T largest = fold_row<MaxFold>(a, n);
  bool finite = largest - largest == 0;
  *static_cast<T*>(out) = finite ? largest + std::log(sum_of_exp(a, n, largest)) : largest;
}

template <class T>
void install(LoopTable& table) {
  table.softmax[int(dtype_of<T>)] = softmax_row<T>;
  table.logsumexp[int(dtype_of<T>)] = logsumexp_row<T>;
}

}  // namespace

void install_softmax(LoopTable& table) {
  install<float>(table);
  install<double>(table);
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
