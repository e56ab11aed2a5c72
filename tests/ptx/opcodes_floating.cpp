// Floating-point numbers. What devices compute exactly is exact here; what they approximate is
// the nearest number.

#include <cfenv>
#include <cmath>
#include <limits>

#include "select.h"

namespace ptx {

namespace {

struct Rounding {
  int mode = FE_TONEAREST;
  bool flush = false, saturate = false;
};

// Computes with another rounding than that of the host.
class RoundingScope {
 public:
  explicit RoundingScope(int mode) : former_(std::fegetround()) { std::fesetround(mode); }
  ~RoundingScope() { std::fesetround(former_); }
  RoundingScope(const RoundingScope&) = delete;
  RoundingScope& operator=(const RoundingScope&) = delete;

 private:
  int former_;
};

template <class T>
T flushed(T x) {
  return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(T{0}, x) : x;
}
template <class T>
T saturated(T x) {
  return std::isnan(x) ? T{0} : x < 0 ? T{0} : x > 1 ? T{1} : x;
}

template <class F, int mode, bool flush, bool saturate>
struct Rounded {
  template <class... Ts>
  auto operator()(Ts... xs) const {
    if constexpr (flush) ((xs = flushed(xs)), ...);
    auto out = exact(xs...);
    if constexpr (flush) out = flushed(out);
    if constexpr (saturate) out = saturated(out);
    return out;
  }

 private:
  template <class... Ts>
  static auto exact(Ts... xs) {
    if constexpr (mode == FE_TONEAREST) {
      return F{}(xs...);
    } else {
      const RoundingScope scope(mode);
      // Compilers know nothing of rounding: neither operands nor result may leave the scope.
      (pin(xs), ...);
      auto out = F{}(xs...);
      pin(out);
      return out;
    }
  }
  template <class T>
  static void pin(T& x) {
    asm volatile("" : "+x"(x) : : "memory");
  }
};

struct Add {
  template <class T>
  T operator()(T a, T b) const {
    return a + b;
  }
};
struct Subtract {
  template <class T>
  T operator()(T a, T b) const {
    return a - b;
  }
};
struct Multiply {
  template <class T>
  T operator()(T a, T b) const {
    return a * b;
  }
};
struct MultiplyAdd {
  template <class T>
  T operator()(T a, T b, T c) const {
    return std::fma(a, b, c);
  }
};
struct Divide {
  template <class T>
  T operator()(T a, T b) const {
    return a / b;
  }
};
// Off for the largest divisors, as documented.
struct DivideFast {
  template <class T>
  T operator()(T a, T b) const {
    if (std::isfinite(b) && std::abs(b) > T(0x1p126)) return a * std::copysign(T{0}, b);
    return a / b;
  }
};
struct Reciprocal {
  template <class T>
  T operator()(T a) const {
    return 1 / a;
  }
};
struct SquareRoot {
  template <class T>
  T operator()(T a) const {
    return std::sqrt(a);
  }
};
struct ReciprocalRoot {
  template <class T>
  T operator()(T a) const {
    return static_cast<T>(1 / std::sqrt(static_cast<long double>(a)));
  }
};
struct Exponential {
  template <class T>
  T operator()(T a) const {
    return static_cast<T>(std::exp2(static_cast<double>(a)));
  }
};
struct Logarithm {
  template <class T>
  T operator()(T a) const {
    return static_cast<T>(std::log2(static_cast<double>(a)));
  }
};
struct Sine {
  template <class T>
  T operator()(T a) const {
    return static_cast<T>(std::sin(static_cast<double>(a)));
  }
};
struct Cosine {
  template <class T>
  T operator()(T a) const {
    return static_cast<T>(std::cos(static_cast<double>(a)));
  }
};
struct HyperbolicTangent {
  template <class T>
  T operator()(T a) const {
    return static_cast<T>(std::tanh(static_cast<double>(a)));
  }
};
struct Negate {
  template <class T>
  T operator()(T a) const {
    return -a;
  }
};
struct Absolute {
  template <class T>
  T operator()(T a) const {
    return std::abs(a);
  }
};
struct CopySign {
  template <class T>
  T operator()(T a, T b) const {
    return std::copysign(b, a);
  }
};
// Of a number and a nan the number; -0 is less than +0.
template <bool least, bool keep_nan>
struct Extreme {
  template <class T>
  T operator()(T a, T b) const {
    if (std::isnan(a) || std::isnan(b)) {
      if (keep_nan || (std::isnan(a) && std::isnan(b))) return std::numeric_limits<T>::quiet_NaN();
      return std::isnan(a) ? b : a;
    }
    if (a == b) return std::signbit(a) == least ? a : b;
    return (a < b) == least ? a : b;
  }
};

// Only the upper half of the bits is read and written.
template <class F>
struct UpperHalf {
  double operator()(double x) const {
    const auto cut = [](double number) {
      return std::bit_cast<double>(std::bit_cast<uint64_t>(number) >> 32 << 32);
    };
    return cut(F{}(flushed(cut(x))));
  }
};

struct Form {
  Rounding rounding;
  bool approximate = false;
};
Form take_form(Modifiers& m) {
  Form out;
  m.take("rn");
  if (m.take("rz")) out.rounding.mode = FE_TOWARDZERO;
  if (m.take("rm")) out.rounding.mode = FE_DOWNWARD;
  if (m.take("rp")) out.rounding.mode = FE_UPWARD;
  out.rounding.flush = m.take("ftz");
  out.rounding.saturate = m.take("sat");
  out.approximate = m.take("approx") || m.take("full");
  return out;
}

template <size_t arity, class T, class F>
constexpr Step step_of() {
  if constexpr (arity == 1) return &unary_step<T, F>;
  if constexpr (arity == 2) return &binary_step<T, F>;
  if constexpr (arity == 3) return &ternary_step<T, F>;
}

template <size_t arity, class T, class F, int mode>
Step rounded_step(const Rounding& rounding) {
  if (rounding.flush)
    return rounding.saturate ? step_of<arity, T, Rounded<F, mode, true, true>>()
                             : step_of<arity, T, Rounded<F, mode, true, false>>();
  return rounding.saturate ? step_of<arity, T, Rounded<F, mode, false, true>>()
                           : step_of<arity, T, Rounded<F, mode, false, false>>();
}

template <size_t arity, class F>
Step float_step(const Rounding& rounding, Type type) {
  return select(Floats{}, type, [&]<class T>() -> Step {
    switch (rounding.mode) {
      case FE_TOWARDZERO:
        return rounded_step<arity, T, F, FE_TOWARDZERO>(rounding);
      case FE_DOWNWARD:
        return rounded_step<arity, T, F, FE_DOWNWARD>(rounding);
      case FE_UPWARD:
        return rounded_step<arity, T, F, FE_UPWARD>(rounding);
      default:
        return rounded_step<arity, T, F, FE_TONEAREST>(rounding);
    }
  });
}

template <size_t arity, class F>
void decode_rounded(Modifiers& m, Instruction& i) {
  const Form form = take_form(m);
  if (form.approximate) m.unknown();
  i.step = float_step<arity, F>(form.rounding, m.take_type());
}

// A function that devices approximate, and of which those that some compute exactly.
template <size_t arity, class Exact, class Fast = Exact>
void decode_approximated(Modifiers& m, Instruction& i) {
  const Form form = take_form(m);
  const Type type = m.take_type();
  if (!form.approximate) {
    i.step = float_step<arity, Exact>(form.rounding, type);
  } else if (type == Type::F32) {
    i.step = float_step<arity, Fast>(form.rounding, type);
  } else if constexpr (arity == 1) {
    if (type == Type::F64) i.step = &unary_step<double, UpperHalf<Fast>>;
  }
}

template <class F>
void decode_approximation(Modifiers& m, Instruction& i) {
  const Form form = take_form(m);
  const Type type = m.take_type();
  if (form.approximate && type == Type::F32) i.step = float_step<1, F>(form.rounding, type);
}

void decode_reciprocal_root(Modifiers& m, Instruction& i) {
  const Form form = take_form(m);
  const Type type = m.take_type();
  if (!form.approximate) m.unknown();
  if (type == Type::F32) {
    i.step = float_step<1, ReciprocalRoot>(form.rounding, type);
  } else if (form.rounding.flush) {
    i.step = &unary_step<double, UpperHalf<ReciprocalRoot>>;
  } else {
    i.step = &unary_step<double, ReciprocalRoot>;
  }
}

template <bool least>
void decode_extreme(Modifiers& m, Instruction& i) {
  const bool keep_nan = m.take("NaN");
  const Form form = take_form(m);
  const Type type = m.take_type();
  i.step = keep_nan ? float_step<2, Extreme<least, true>>(form.rounding, type)
                    : float_step<2, Extreme<least, false>>(form.rounding, type);
}

template <class T>
struct TestProperty {
  template <int category>
  static void step(Thread& t, const Instruction& i) {
    const T x = get<T>(t, i.operands[1]);
    const int found = std::fpclassify(x);
    const bool is = category == 0   ? found != FP_NAN && found != FP_INFINITE
                    : category == 1 ? found == FP_INFINITE
                    : category == 2 ? found != FP_NAN
                    : category == 3 ? found == FP_NAN
                    : category == 4 ? found == FP_NORMAL || found == FP_ZERO
                                    : found == FP_SUBNORMAL;
    set(t, i.operands[0], is);
  }
};
void decode_testp(Modifiers& m, Instruction& i) {
  const std::string_view what = m.take_first();
  i.step = select(Floats{}, m.take_type(), [&]<class T>() -> Step {
    using Test = TestProperty<T>;
    if (what == "finite") return &Test::template step<0>;
    if (what == "infinite") return &Test::template step<1>;
    if (what == "number") return &Test::template step<2>;
    if (what == "notanumber") return &Test::template step<3>;
    if (what == "normal") return &Test::template step<4>;
    if (what == "subnormal") return &Test::template step<5>;
    return nullptr;
  });
}

bool is_float(const Modifiers& m) {
  return !m.left().empty() && (m.left().back() == "f32" || m.left().back() == "f64");
}

// The decoder for integers goes on with the other types.
template <Decoder floating>
void share(Decoders& decoders, std::string_view opcode) {
  static Decoder integer = nullptr;
  integer = decoders.at(opcode);
  decoders[opcode] = [](Modifiers& m, Instruction& i) {
    is_float(m) ? floating(m, i) : integer(m, i);
  };
}

}  // namespace

void add_floating(Decoders& decoders) {
  share<&decode_rounded<2, Add>>(decoders, "add");
  share<&decode_rounded<2, Subtract>>(decoders, "sub");
  share<&decode_rounded<2, Multiply>>(decoders, "mul");
  share<&decode_rounded<3, MultiplyAdd>>(decoders, "mad");
  share<&decode_approximated<2, Divide, DivideFast>>(decoders, "div");
  share<&decode_extreme<true>>(decoders, "min");
  share<&decode_extreme<false>>(decoders, "max");
  share<&decode_rounded<1, Negate>>(decoders, "neg");
  share<&decode_rounded<1, Absolute>>(decoders, "abs");
  decoders["fma"] = &decode_rounded<3, MultiplyAdd>;
  decoders["copysign"] = &decode_rounded<2, CopySign>;
  decoders["rcp"] = &decode_approximated<1, Reciprocal>;
  decoders["sqrt"] = &decode_approximated<1, SquareRoot>;
  decoders["rsqrt"] = &decode_reciprocal_root;
  decoders["ex2"] = &decode_approximation<Exponential>;
  decoders["lg2"] = &decode_approximation<Logarithm>;
  decoders["sin"] = &decode_approximation<Sine>;
  decoders["cos"] = &decode_approximation<Cosine>;
  decoders["tanh"] = &decode_approximation<HyperbolicTangent>;
  decoders["testp"] = &decode_testp;
}

}  // namespace ptx
