#include "kernels/cpu/isa/convolve.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

namespace {

// Products that wrap do not see the sign.
template <class Signed, class Unsigned>
void install_both(LoopTable& table) {
  table.convolve[int(dtype_of<Signed>)] = table.convolve[int(dtype_of<Unsigned>)] =
      convolve_loop<Unsigned>;
}

}  // namespace

void install_convolve(LoopTable& table) {
  table.convolve[int(DType::Float32)] = convolve_loop<float>;
  table.convolve[int(DType::Float64)] = convolve_loop<double>;
  table.convolve[int(DType::Complex64)] = convolve_loop<std::complex<float>>;
  table.convolve[int(DType::Complex128)] = convolve_loop<std::complex<double>>;
  install_both<int8_t, uint8_t>(table);
  install_both<int16_t, uint16_t>(table);
  install_both<int32_t, uint32_t>(table);
  install_both<int64_t, uint64_t>(table);
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
