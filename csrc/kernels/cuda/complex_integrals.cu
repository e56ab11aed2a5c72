// Special functions of complex numbers, in double precision for every dtype.

#include "kernels/cuda/special_map.h"
#include "kernels/scalar/complex_integrals.h"
#include "kernels/scalar/lambert.h"

namespace pyautograd::kernels::cuda {

namespace {

struct ComplexNumbers {
  void* data;
  bool single;
  PYAUTOGRAD_HD std::complex<double> read(int64_t i) const {
    if (!single) return static_cast<const std::complex<double>*>(data)[i];
    const std::complex<float> x = static_cast<const std::complex<float>*>(data)[i];
    return {x.real(), x.imag()};
  }
  PYAUTOGRAD_HD void write(int64_t i, std::complex<double> x) const {
    if (single)
      static_cast<std::complex<float>*>(data)[i] = {static_cast<float>(x.real()),
                                                    static_cast<float>(x.imag())};
    else
      static_cast<std::complex<double>*>(data)[i] = x;
  }
};

template <ComplexSpecialFunction function>
struct MapComplexSpecial {
  ComplexNumbers out, x;
  Places<2> places;
  Orders orders;

  PYAUTOGRAD_HD void operator()(int64_t i) const {
    const auto at = places(i);
    const std::complex<double> z = x.read(at.of[1]);
    out.write(at.of[0], function(&z, orders));
  }
};

using RunComplex = void (*)(Queue& queue, const Nest<2>& nest, const View& out, const View& x,
                            const Orders& orders);

template <ComplexSpecialFunction function>
void run(Queue& queue, const Nest<2>& nest, const View& out, const View& x, const Orders& orders) {
  const bool single = out.dtype == DType::Complex64;
  queue.each(nest.count(), MapComplexSpecial<function>{
                               {out.data, single}, {x.data, single}, Places<2>(nest), orders});
}

struct ComplexEntry {
  std::string_view name;
  RunComplex run;
};

constexpr ComplexEntry kFunctions[] = {
    {"special.exp1", &run<complex_on_one<special::exp1>>},
    {"special.expi", &run<complex_on_one<special::expi>>},
    {"special.sici", &run<special::sici>},
    {"special.shichi", &run<special::shichi>},
    {"special.dawsn", &run<complex_of_order<special::dawsn>>},
    {"special.spence", &run<complex_on_one<special::spence>>},
    {"_log1p_ratio", &run<complex_of_order<special::log1p_ratio>>},
    {"sinc", &run<complex_of_order<special::sinc>>},
    {"special.lambertw", &run<complex_of_order<special::lambertw>>},
};

}  // namespace

bool map_complex_special(std::string_view name, const Orders& orders, const View& out,
                         const View& x) {
  for (const ComplexEntry& entry : kFunctions) {
    if (entry.name != name) continue;
    const Nest<2> nest(out.shape, {out.strides, x.strides});
    if (nest.rank() > kMaxRank) return false;
    Queue queue(out.device);
    entry.run(queue, nest, out, x, orders);
    return true;
  }
  return false;
}

}  // namespace pyautograd::kernels::cuda
