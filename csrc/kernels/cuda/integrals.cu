// Functions that are defined by integrals.

#include "kernels/cuda/special_map.h"
#include "kernels/scalar/complex_integrals.h"
#include "kernels/scalar/lambert.h"

namespace pyautograd::kernels::cuda {

namespace {

constexpr Entry kFunctions[] = {
    {"special.expi", &run<on_one<special::expi>>},
    {"special.exp1", &run<of_order<special::expn>>},
    {"special.expn", &run<of_order<special::expn>>},
    {"special.exprel", &run<of_order<special::exprel>>},
    {"_log1p_ratio", &run<of_order<special::log1p_ratio>>},
    {"special.spence", &run<on_one<special::spence>>},
    {"special.sici", &run<special::sici>},
    {"special.shichi", &run<special::shichi>},
    {"special.lambertw", &run<of_order<special::lambertw>>},
    {"special.fresnel", &run<special::fresnel_integral>},
    {"special.dawsn", &run<of_order<special::dawsn>>},
    {"special.k0", &run<special::bessel_k<false>>},
    {"special.k1", &run<special::bessel_k<false>>},
    {"special.k0e", &run<special::bessel_k<true>>},
    {"special.k1e", &run<special::bessel_k<true>>},
    {"special.y0", &run<of_order<special::bessel_y>>},
    {"special.y1", &run<of_order<special::bessel_y>>},
    {"special.ellipk", &run<of_order<special::ellipk>>},
    {"special.ellipe", &run<of_order<special::ellipe>>},
    {"special.boxcox", &run<on_two<special::boxcox>>},
    {"special.boxcox1p", &run<on_two<special::boxcox1p>>},
    {"special.inv_boxcox", &run<on_two<special::inv_boxcox>>},
    {"special.inv_boxcox1p", &run<on_two<special::inv_boxcox1p>>},
    {"special.pseudo_huber", &run<on_two<special::pseudo_huber>>},
};

}  // namespace

Run find_integral(std::string_view name) { return find_in(kFunctions, name); }

}  // namespace pyautograd::kernels::cuda
