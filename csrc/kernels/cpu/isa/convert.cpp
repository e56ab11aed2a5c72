#include "kernels/scalar/convert.h"

#include "kernels/cpu/loop_table.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

namespace {

template <class To, class From>
void convert_loop(void* out, const void* x, int64_t n) {
  To* o = static_cast<To*>(out);
  const From* a = static_cast<const From*>(x);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) o[i] = convert<To>(a[i]);
}

// A bool is a byte of 0 or 1.
template <class T>
using Read = std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>;

template <class To, class... From>
void install_to(LoopTable& table, List<From...>) {
  ((table.convert[int(dtype_of<To>)][int(dtype_of<From>)] = convert_loop<To, Read<From>>), ...);
}

}  // namespace

void install_convert(LoopTable& table) {
  install_to<float>(table, RealTypes{});
  install_to<double>(table, RealTypes{});
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
