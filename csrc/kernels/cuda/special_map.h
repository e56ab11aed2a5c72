#pragma once

// Special functions element by element, in double precision for every dtype.

#include <string_view>

#include "kernels/cuda/elementwise.h"
#include "kernels/special.h"

namespace pyautograd::kernels::cuda {

// float32 or float64, whichever it is: a function is compiled once.
struct Numbers {
  void* data;
  bool single;
  PYAUTOGRAD_HD double read(int64_t i) const {
    return single ? static_cast<const float*>(data)[i] : static_cast<const double*>(data)[i];
  }
  PYAUTOGRAD_HD void write(int64_t i, double x) const {
    if (single)
      static_cast<float*>(data)[i] = static_cast<float>(x);
    else
      static_cast<double*>(data)[i] = x;
  }
};

struct Arguments {
  Numbers out, x, y, z;  // the last argument stands for those that are not there
  Places<4> places;
  Orders orders;
};

template <SpecialFunction function>
struct MapSpecial {
  Arguments to;

  PYAUTOGRAD_HD void operator()(int64_t i) const {
    const auto at = to.places(i);
    const double x[3] = {to.x.read(at.of[1]), to.y.read(at.of[2]), to.z.read(at.of[3])};
    to.out.write(at.of[0], function(x, to.orders));
  }
};

using Run = void (*)(Queue& queue, int64_t n, const Arguments& arguments);

template <SpecialFunction function>
void run(Queue& queue, int64_t n, const Arguments& arguments) {
  queue.each(n, MapSpecial<function>{arguments});
}

struct Entry {
  std::string_view name;
  Run run;
};

// Of complex numbers (complex_integrals.cu); false where there is no such function.
bool map_complex_special(std::string_view name, const Orders& orders, const View& out,
                         const View& x);
// Null where it is none of those (integrals.cu, families.cu).
Run find_integral(std::string_view name);
// Of the member with these orders.
Run find_in_family(std::string_view name, size_t arity, const Orders& orders);

}  // namespace pyautograd::kernels::cuda
