// Reductions.

#include <limits>

#include "kernels/cuda/fold.h"
#include "kernels/cuda/tables.h"
#include "kernels/scalar/norm.h"

namespace pyautograd::kernels::cuda {

namespace {

// What a reduction does with elements of type T and results of type R.
template <Reduce kind, class R>
struct Rule {
  using Value = R;
  using Again = Rule<kind == Reduce::SumOfSquares ? Reduce::Sum : kind, R>;
  static Again again() { return {}; }

  PYAUTOGRAD_HD static R identity() {
    using Limits = std::numeric_limits<R>;
    if constexpr (kind == Reduce::Prod || kind == Reduce::All)
      return R(1);
    else if constexpr (kind == Reduce::Max)
      return is_float<R> ? R(-Limits::infinity()) : Limits::lowest();
    else if constexpr (kind == Reduce::Min)
      return is_float<R> ? Limits::infinity() : Limits::max();
    else
      return R(0);
  }
  PYAUTOGRAD_HD static R combine(R a, R b) {
    if constexpr (kind == Reduce::Sum || kind == Reduce::SumOfSquares)
      return Formula<Add, R>()(a, b);
    else if constexpr (kind == Reduce::Prod)
      return Formula<Multiply, R>()(a, b);
    else if constexpr (kind == Reduce::Max)
      return Maximum()(a, b);
    else if constexpr (kind == Reduce::Min)
      return Minimum()(a, b);
    else if constexpr (kind == Reduce::Any)
      return a || b;
    else
      return a && b;
  }
  template <class T>
  PYAUTOGRAD_HD static R add(R total, T x, int64_t) {
    return combine(total, element(x));
  }
  PYAUTOGRAD_HD static R finish(R total) { return total; }

 private:
  template <class T>
  PYAUTOGRAD_HD static R element(T x) {
    if constexpr (kind == Reduce::Sum || kind == Reduce::Prod)
      return x;
    else if constexpr (kind == Reduce::SumOfSquares)
      return Multiply()(x, x);
    else if constexpr (is_complex_type<T>)
      return x.real() != 0 || x.imag() != 0;
    else if constexpr (kind == Reduce::Any || kind == Reduce::All)
      return x != T(0);
    else
      return x;
  }
};

// What scalar/norm.h takes a norm from.
template <class R>
struct SumsOfSquares {
  R sum, tiny, huge;
};

template <class R>
struct NormAgain {
  using Value = SumsOfSquares<R>;
  using Again = NormAgain;
  static Again again() { return {}; }

  PYAUTOGRAD_HD static Value identity() { return {R(0), R(0), R(0)}; }
  PYAUTOGRAD_HD static Value combine(Value a, Value b) {
    return {a.sum + b.sum, a.tiny + b.tiny, a.huge + b.huge};
  }
  PYAUTOGRAD_HD static Value add(Value total, Value x, int64_t) { return combine(total, x); }
  PYAUTOGRAD_HD static R finish(Value total) {
    return norm_of_sums(total.sum, total.tiny, total.huge);
  }
};

template <class R>
struct Norm : NormAgain<R> {
  using Value = SumsOfSquares<R>;
  static NormAgain<R> again() { return {}; }
  PYAUTOGRAD_HD static Value add(Value total, R x, int64_t) {
    const R up = x * NormScales<R>::up, down = x * NormScales<R>::down;
    return {total.sum + x * x, total.tiny + up * up, total.huge + down * down};
  }
};

bool norm(const View& out, const View& x) {
  return visit_dtype(x.dtype, [&]<class T>(TypeTag<T>) {
    if constexpr (is_float<T>)
      return fold_axes<Norm<T>, T, T>({}, out, x);
    else
      return false;
  });
}

template <Reduce kind>
bool run_kind(const View& out, const View& x) {
  constexpr bool truth = kind == Reduce::Any || kind == Reduce::All;
  return visit_dtype(x.dtype, [&]<class T>(TypeTag<T>) {
    if constexpr (truth)
      return fold_axes<Rule<kind, bool>, bool, T>({}, out, x);
    else if constexpr (!is_complex_type<T> || kind == Reduce::Sum || kind == Reduce::Prod)
      return fold_axes<Rule<kind, T>, T, T>({}, out, x);
    else
      return false;
  });
}

bool reduce(Reduce kind, const View& out, const View& x) {
  switch (kind) {
    case Reduce::Sum:
      return run_kind<Reduce::Sum>(out, x);
    case Reduce::Prod:
      return run_kind<Reduce::Prod>(out, x);
    case Reduce::Max:
      return run_kind<Reduce::Max>(out, x);
    case Reduce::Min:
      return run_kind<Reduce::Min>(out, x);
    case Reduce::Any:
      return run_kind<Reduce::Any>(out, x);
    case Reduce::All:
      return run_kind<Reduce::All>(out, x);
    case Reduce::SumOfSquares:
      return run_kind<Reduce::SumOfSquares>(out, x);
    case Reduce::Norm:
      return norm(out, x);
    case Reduce::SumOfTinySquares:
    case Reduce::SumOfHugeSquares:
      return false;  // parts of Norm
  }
  return false;
}

// An element and where it is; in folds that have nothing yet, nowhere.
template <class T>
struct Placed {
  T number;
  int64_t place;
};

// The first of equals; the first nan wins.
template <class T>
struct FirstAgain {
  using Value = Placed<T>;
  using Again = FirstAgain;
  bool maximum;

  Again again() const { return *this; }
  PYAUTOGRAD_HD static Value identity() { return {T(0), -1}; }
  PYAUTOGRAD_HD bool wins(T a, T b) const {
    if (a != a) return b == b;
    return maximum ? a > b : a < b;
  }
  PYAUTOGRAD_HD Value combine(Value a, Value b) const {
    if (b.place < 0) return a;
    if (a.place < 0) return b;
    if (wins(b.number, a.number)) return b;
    if (wins(a.number, b.number)) return a;
    return a.place < b.place ? a : b;
  }
  PYAUTOGRAD_HD Value add(Value total, Value x, int64_t) const { return combine(total, x); }
  PYAUTOGRAD_HD static int64_t finish(Value total) { return total.place; }
};

template <class T>
struct First : FirstAgain<T> {
  using Value = Placed<T>;
  FirstAgain<T> again() const { return *this; }
  PYAUTOGRAD_HD Value add(Value total, T x, int64_t j) const {
    return this->combine(total, Value{x, j});
  }
};

bool arg_reduce(bool maximum, const View& out, const View& x, int) {
  return visit_dtype(x.dtype, [&]<class T>(TypeTag<T>) {
    if constexpr (is_complex_type<T>)
      return false;
    else
      return fold_axes<First<T>, int64_t, T>({{maximum}}, out, x);
  });
}

}  // namespace

void install_reduce(DeviceKernels& table) {
  table.reduce = &reduce;
  table.arg_reduce = &arg_reduce;
}

}  // namespace pyautograd::kernels::cuda
