// cvt.

#include <cfenv>
#include <cmath>
#include <limits>
#include <utility>

#include "select.h"

namespace ptx {

namespace {

enum class Round { None, Nearest, Zero, Down, Up };

template <Round round, class T>
T to_integral(T x) {
  if constexpr (round == Round::Nearest) return std::nearbyint(x);
  if constexpr (round == Round::Zero) return std::trunc(x);
  if constexpr (round == Round::Down) return std::floor(x);
  if constexpr (round == Round::Up) return std::ceil(x);
  return x;
}

// Numbers that the type does not hold become its nearest one. A nan becomes zero, unless 64 bits
// are involved: then it becomes the highest bit alone.
template <class D, class S>
D to_integer(S x) {
  using Limits = std::numeric_limits<D>;
  if (std::isnan(x)) {
    if (sizeof(S) < 8 && sizeof(D) < 8) return 0;
    return static_cast<D>(std::make_unsigned_t<D>{1} << (8 * sizeof(D) - 1));
  }
  // The limits as powers of two, which every format holds.
  const S above = std::ldexp(S{1}, Limits::digits);
  if (x >= above) return Limits::max();
  if (x < (std::is_signed_v<D> ? -above : S{0})) return Limits::min();
  return static_cast<D>(x);
}

template <class D, class S>
D saturated_integer(S x) {
  using Limits = std::numeric_limits<D>;
  if (std::cmp_greater(x, Limits::max())) return Limits::max();
  if (std::cmp_less(x, Limits::min())) return Limits::min();
  return static_cast<D>(x);
}

// To a float from a double or an integer, with any rounding: as often as not the host's own.
template <class D, class S>
D rounded(S x, Round round) {
  const int mode = round == Round::Zero   ? FE_TOWARDZERO
                   : round == Round::Down ? FE_DOWNWARD
                   : round == Round::Up   ? FE_UPWARD
                                          : FE_TONEAREST;
  if (mode == FE_TONEAREST) return static_cast<D>(x);
  const int former = std::fegetround();
  std::fesetround(mode);
  asm volatile("" : "+m"(x) : : "memory");
  D out = static_cast<D>(x);
  asm volatile("" : "+m"(out) : : "memory");
  std::fesetround(former);
  return out;
}

template <class D, class S, Round round, bool flush, bool saturate>
void convert(Thread& t, const Instruction& i) {
  S x = get<S>(t, i.operands[1]);
  constexpr bool from_float = std::is_floating_point_v<S>, to_float = std::is_floating_point_v<D>;
  if constexpr (from_float && flush)
    if (std::fpclassify(x) == FP_SUBNORMAL) x = std::copysign(S{0}, x);
  D out;
  if constexpr (from_float && to_float) {
    out = sizeof(S) == sizeof(D) ? static_cast<D>(to_integral<round>(x)) : rounded<D>(x, round);
    if constexpr (flush)
      if (std::fpclassify(out) == FP_SUBNORMAL) out = std::copysign(D{0}, out);
    if constexpr (saturate) out = std::isnan(out) || out < 0 ? D{0} : out > 1 ? D{1} : out;
  } else if constexpr (from_float) {
    out = to_integer<D>(to_integral<round>(x));
  } else if constexpr (to_float) {
    out = rounded<D>(x, round);
  } else {
    out = saturate ? saturated_integer<D>(x) : static_cast<D>(x);
  }
  set(t, i.operands[0], out);
}

using All =
    Types<uint8_t, uint16_t, uint32_t, uint64_t, int8_t, int16_t, int32_t, int64_t, float, double>;

template <class D, class S>
Step conversion(Round round, bool flush, bool saturate) {
  const auto with = [&]<Round r>() -> Step {
    if (flush) return saturate ? &convert<D, S, r, true, true> : &convert<D, S, r, true, false>;
    return saturate ? &convert<D, S, r, false, true> : &convert<D, S, r, false, false>;
  };
  if constexpr (!std::is_floating_point_v<D> && !std::is_floating_point_v<S>) {
    return round == Round::None && !flush ? with.template operator()<Round::None>() : nullptr;
  } else {
    switch (round) {
      case Round::None:
        return with.template operator()<Round::None>();
      case Round::Nearest:
        return with.template operator()<Round::Nearest>();
      case Round::Zero:
        return with.template operator()<Round::Zero>();
      case Round::Down:
        return with.template operator()<Round::Down>();
      default:
        return with.template operator()<Round::Up>();
    }
  }
}

void decode_conversion(Modifiers& m, Instruction& i) {
  Round round = Round::None;
  if (m.take("rn") || m.take("rni")) round = Round::Nearest;
  if (m.take("rz") || m.take("rzi")) round = Round::Zero;
  if (m.take("rm") || m.take("rmi")) round = Round::Down;
  if (m.take("rp") || m.take("rpi")) round = Round::Up;
  const bool flush = m.take("ftz"), saturate = m.take("sat");
  const Type from = m.take_type(), to = m.take_type();
  i.step = select(All{}, to, [&]<class D>() -> Step {
    return select(All{}, from,
                  [&]<class S>() -> Step { return conversion<D, S>(round, flush, saturate); });
  });
}

}  // namespace

void add_conversions(Decoders& decoders) { decoders["cvt"] = &decode_conversion; }

}  // namespace ptx
