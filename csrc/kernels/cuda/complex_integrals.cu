// Special functions of complex numbers.

#include "kernels/cuda/special_map.h"
#include "kernels/scalar/complex_integrals.h"
#include "kernels/scalar/lambert.h"

namespace pyautograd::kernels::cuda {

namespace {

constexpr ComplexEntry kFunctions[] = {
    {"special.exp1", &run_complex<complex_on_one<special::exp1>>},
    {"special.expi", &run_complex<complex_on_one<special::expi>>},
    {"special.sici", &run_complex<special::sici>},
    {"special.shichi", &run_complex<special::shichi>},
    {"special.fresnel", &run_complex<special::fresnel_integral>},
    {"special.dawsn", &run_complex<complex_of_order<special::dawsn>>},
    {"_wofz_derivative", &run_complex<complex_of_order<special::faddeeva_derivative>>},
    {"special.spence", &run_complex<complex_on_one<special::spence>>},
    {"_log1p_ratio", &run_complex<complex_of_order<special::log1p_ratio>>},
    {"sinc", &run_complex<complex_of_order<special::sinc>>},
    {"special.lambertw", &run_complex<complex_of_order<special::lambertw>>},
};

}  // namespace

RunComplex find_complex(std::string_view name) { return find_in(kFunctions, name); }

}  // namespace pyautograd::kernels::cuda
