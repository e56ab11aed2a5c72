#include "kernels/cpu/loop_table.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

void install(LoopTable& table) {
  install_unary(table);
  install_binary(table);
  install_divide(table);
  install_slopes(table);
  install_convert(table);
  install_reduce(table);
  install_softmax(table);
  install_gemm(table);
  install_convolve(table);
  install_random(table);
  install_fft(table);
  install_sort(table);
  install_special(table);
  install_complex_math(table);
  install_half(table);
  install_small(table);
  install_joined(table);
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
