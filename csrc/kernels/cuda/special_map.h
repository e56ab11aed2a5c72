#pragma once

// Special functions element by element, in double precision for every dtype.

#include <complex>
#include <string_view>

#include "kernels/cuda/elementwise.h"
#include "kernels/special.h"

namespace pyautograd::kernels::cuda {

template <class Wide>
struct Narrowed {
  using type = float;
};
template <>
struct Narrowed<std::complex<double>> {
  using type = std::complex<float>;
};

// Numbers of single or of double precision, whichever it is: a function is compiled once.
template <class Wide>
struct Numbers {
  using Narrow = typename Narrowed<Wide>::type;
  void* data;
  bool single;
  PYAUTOGRAD_HD Wide read(int64_t i) const {
    return single ? Wide(static_cast<const Narrow*>(data)[i]) : static_cast<const Wide*>(data)[i];
  }
  PYAUTOGRAD_HD void write(int64_t i, Wide x) const {
    if (single)
      static_cast<Narrow*>(data)[i] = Narrow(x);
    else
      static_cast<Wide*>(data)[i] = x;
  }
};

// Functions take up to `inputs` numbers; the last argument stands for those that are not there.
template <class Wide, int inputs>
struct Arguments {
  Numbers<Wide> out, in[inputs];
  Places<1 + inputs> places;
  Orders orders;
};

template <class Wide, int inputs, Wide (*function)(const Wide*, const Orders&)>
struct MapSpecial {
  Arguments<Wide, inputs> to;

  PYAUTOGRAD_HD void operator()(int64_t i) const {
    const auto at = to.places(i);
    Wide x[inputs];
    for (int k = 0; k < inputs; ++k) x[k] = to.in[k].read(at.of[k + 1]);
    to.out.write(at.of[0], function(x, to.orders));
  }
};

template <class Wide, int inputs>
using RunOf = void (*)(Queue& queue, int64_t n, const Arguments<Wide, inputs>& arguments);
using Run = RunOf<double, 3>;
using RunComplex = RunOf<std::complex<double>, 1>;

template <SpecialFunction function>
void run(Queue& queue, int64_t n, const Arguments<double, 3>& arguments) {
  queue.each(n, MapSpecial<double, 3, function>{arguments});
}
template <ComplexSpecialFunction function>
void run_complex(Queue& queue, int64_t n, const Arguments<std::complex<double>, 1>& arguments) {
  queue.each(n, MapSpecial<std::complex<double>, 1, function>{arguments});
}

struct Entry {
  std::string_view name;
  Run run;
};
struct ComplexEntry {
  std::string_view name;
  RunComplex run;
};
template <class Entries>
auto find_in(const Entries& entries, std::string_view name) -> decltype(entries[0].run) {
  for (const auto& entry : entries)
    if (entry.name == name) return entry.run;
  return nullptr;
}

// Null where it is none of those (integrals.cu, complex_integrals.cu, families.cu).
Run find_integral(std::string_view name);
RunComplex find_complex(std::string_view name);
// Of the member with these orders.
Run find_in_family(std::string_view name, size_t arity, const Orders& orders);

}  // namespace pyautograd::kernels::cuda
