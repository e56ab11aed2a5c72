// Integers and bits.

#include <algorithm>
#include <limits>

#include "fault.h"
#include "select.h"

namespace ptx {

namespace {

using Wide = unsigned __int128;
template <class T>
using WideOf = std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>;

// All of them wrap around.
struct Add {
  template <class T>
  uint64_t operator()(T a, T b) const {
    return static_cast<uint64_t>(a) + static_cast<uint64_t>(b);
  }
};
struct Subtract {
  template <class T>
  uint64_t operator()(T a, T b) const {
    return static_cast<uint64_t>(a) - static_cast<uint64_t>(b);
  }
};
struct MultiplyLow {
  template <class T>
  uint64_t operator()(T a, T b) const {
    return static_cast<uint64_t>(a) * static_cast<uint64_t>(b);
  }
};
struct MultiplyHigh {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>((static_cast<WideOf<T>>(a) * b) >> (8 * sizeof(T)));
  }
};
template <class Product>
struct MultiplyAdd {
  template <class T>
  uint64_t operator()(T a, T b, T c) const {
    return static_cast<uint64_t>(Product{}(a, b)) + static_cast<uint64_t>(c);
  }
};
// Dividing by zero gives what devices give; compilers may do it where nobody reads the result.
struct Divide {
  template <class T>
  T operator()(T a, T b) const {
    if (b == 0) return static_cast<T>(-1);
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) return static_cast<T>(Subtract{}(T{0}, a));
    return static_cast<T>(a / b);
  }
};
struct Remainder {
  template <class T>
  T operator()(T a, T b) const {
    if (b == 0) return a;
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) return 0;
    return static_cast<T>(a % b);
  }
};
struct Minimum {
  template <class T>
  T operator()(T a, T b) const {
    return std::min(a, b);
  }
};
struct Maximum {
  template <class T>
  T operator()(T a, T b) const {
    return std::max(a, b);
  }
};
struct Negate {
  template <class T>
  uint64_t operator()(T a) const {
    return 0 - static_cast<uint64_t>(a);
  }
};
struct Absolute {
  template <class T>
  uint64_t operator()(T a) const {
    return a < 0 ? 0 - static_cast<uint64_t>(a) : static_cast<uint64_t>(a);
  }
};
struct And {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a & b);
  }
};
struct Or {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a | b);
  }
};
struct Xor {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a ^ b);
  }
};
struct Not {
  template <class T>
  T operator()(T a) const {
    return static_cast<T>(a ^ static_cast<T>(-1));
  }
};
using Bits = Types<bool, uint16_t, uint32_t, uint64_t>;

// Shifts by more than there is.
template <class T>
void shift_left(Thread& t, const Instruction& i) {
  const uint32_t by = get<uint32_t>(t, i.operands[2]);
  const auto number = static_cast<uint64_t>(get<T>(t, i.operands[1]));
  set(t, i.operands[0], static_cast<T>(by < 8 * sizeof(T) ? number << by : 0));
}
template <class T>
void shift_right(Thread& t, const Instruction& i) {
  const uint32_t most = 8 * sizeof(T) - 1, by = get<uint32_t>(t, i.operands[2]);
  const T number = get<T>(t, i.operands[1]);
  const T rest = static_cast<T>(number >> std::min(by, most));
  set(t, i.operands[0], by > most && !std::is_signed_v<T> ? T{0} : rest);
}

template <class T>
using DoubleOf =
    std::conditional_t<std::is_signed_v<T>, std::conditional_t<sizeof(T) == 2, int32_t, int64_t>,
                       std::conditional_t<sizeof(T) == 2, uint32_t, uint64_t>>;
using Narrow = Types<uint16_t, uint32_t, int16_t, int32_t>;

template <class T, bool add>
void multiply_wide(Thread& t, const Instruction& i) {
  using D = DoubleOf<T>;
  const auto a = static_cast<uint64_t>(static_cast<D>(get<T>(t, i.operands[1])));
  const auto b = static_cast<uint64_t>(static_cast<D>(get<T>(t, i.operands[2])));
  const uint64_t c = add ? static_cast<uint64_t>(get<D>(t, i.operands[3])) : 0;
  set(t, i.operands[0], static_cast<D>(a * b + c));
}

// With a carry in, a carry out, or both. A product has one term more.
enum class Term { First, Low, High };
template <class T, bool subtract, bool in, bool out, Term term>
void with_carry(Thread& t, const Instruction& i) {
  using U = std::make_unsigned_t<T>;
  Wide a = get<U>(t, i.operands[1]);
  Wide b = get<U>(t, i.operands[2]);
  if constexpr (term != Term::First) {
    a = term == Term::Low ? static_cast<U>(a * b) : static_cast<U>(a * b >> (8 * sizeof(U)));
    b = get<U>(t, i.operands[3]);
  }
  const Wide carry = in && t.carry ? 1 : 0;
  const Wide all = subtract ? a - b - carry : a + b + carry;
  if (out) t.carry = (all >> (8 * sizeof(U)) & 1) != 0;
  set(t, i.operands[0], static_cast<U>(all));
}

template <bool subtract, bool in, Term term>
Step carry_step(Modifiers& m, bool out) {
  return select(Types<uint32_t, int32_t, uint64_t, int64_t>{}, m.take_type(),
                [&]<class T>() -> Step {
                  return out ? &with_carry<T, subtract, in, true, term>
                             : &with_carry<T, subtract, in, false, term>;
                });
}

template <class F, bool subtract>
void decode_sum(Modifiers& m, Instruction& i) {
  if (m.take("cc")) {
    i.step = carry_step<subtract, false, Term::First>(m, true);
  } else {
    decode_binary<Integers, F>(m, i);
  }
}
template <bool subtract>
void decode_sum_with_carry(Modifiers& m, Instruction& i) {
  i.step = carry_step<subtract, true, Term::First>(m, m.take("cc"));
}

void decode_multiply(Modifiers& m, Instruction& i) {
  if (m.take("wide")) {
    i.step =
        select(Narrow{}, m.take_type(), []<class T>() -> Step { return &multiply_wide<T, false>; });
  } else if (m.take("hi")) {
    decode_binary<Integers, MultiplyHigh>(m, i);
  } else if (m.take("lo")) {
    decode_binary<Integers, MultiplyLow>(m, i);
  }
}

void decode_multiply_add(Modifiers& m, Instruction& i) {
  const bool out = m.take("cc");
  if (m.take("wide")) {
    i.step =
        select(Narrow{}, m.take_type(), []<class T>() -> Step { return &multiply_wide<T, true>; });
  } else if (m.take("hi")) {
    if (out) {
      i.step = carry_step<false, false, Term::High>(m, true);
    } else {
      decode_ternary<Integers, MultiplyAdd<MultiplyHigh>>(m, i);
    }
  } else if (m.take("lo")) {
    if (out) {
      i.step = carry_step<false, false, Term::Low>(m, true);
    } else {
      decode_ternary<Integers, MultiplyAdd<MultiplyLow>>(m, i);
    }
  }
}
void decode_multiply_add_with_carry(Modifiers& m, Instruction& i) {
  const bool out = m.take("cc");
  if (m.take("hi"))
    i.step = carry_step<false, true, Term::High>(m, out);
  else if (m.take("lo"))
    i.step = carry_step<false, true, Term::Low>(m, out);
}

// Bit fields and the like.

template <class T>
void count_ones(Thread& t, const Instruction& i) {
  set(t, i.operands[0], static_cast<uint32_t>(std::popcount(get<T>(t, i.operands[1]))));
}
template <class T>
void count_leading_zeros(Thread& t, const Instruction& i) {
  set(t, i.operands[0], static_cast<uint32_t>(std::countl_zero(get<T>(t, i.operands[1]))));
}
struct Reverse {
  template <class T>
  T operator()(T a) const {
    T out = 0;
    for (size_t bit = 0; bit < 8 * sizeof(T); ++bit)
      if (a >> bit & 1) out |= T{1} << (8 * sizeof(T) - 1 - bit);
    return out;
  }
};
using Words = Types<uint32_t, uint64_t>;

template <class T>
void insert_field(Thread& t, const Instruction& i) {
  const auto a = get<T>(t, i.operands[1]);
  auto out = get<T>(t, i.operands[2]);
  const uint32_t at = get<uint32_t>(t, i.operands[3]) & 0xFF;
  const uint32_t count = get<uint32_t>(t, i.operands[4]) & 0xFF;
  for (uint32_t bit = 0; bit < count && at + bit < 8 * sizeof(T); ++bit) {
    const T place = T{1} << (at + bit);
    out = (bit < 8 * sizeof(T) && (a >> bit & 1)) ? (out | place) : (out & ~place);
  }
  set(t, i.operands[0], out);
}
template <class T>
void extract_field(Thread& t, const Instruction& i) {
  using U = std::make_unsigned_t<T>;
  const auto a = get<U>(t, i.operands[1]);
  constexpr uint32_t most = 8 * sizeof(T) - 1;
  const uint32_t at = get<uint32_t>(t, i.operands[2]) & 0xFF;
  const uint32_t count = get<uint32_t>(t, i.operands[3]) & 0xFF;
  const bool negative =
      std::is_signed_v<T> && count > 0 && (a >> std::min(at + count - 1, most) & 1);
  U out = negative ? static_cast<U>(-1) : U{0};
  for (uint32_t bit = 0; bit < count && bit <= most && at + bit <= most; ++bit) {
    const U place = U{1} << bit;
    out = (a >> (at + bit) & 1) ? (out | place) : (out & ~place);
  }
  set(t, i.operands[0], out);
}

// A byte of two words for each of four selectors, whose highest bit spreads the byte's sign.
void permute(Thread& t, const Instruction& i) {
  const uint64_t bytes = get<uint32_t>(t, i.operands[1]) |
                         static_cast<uint64_t>(get<uint32_t>(t, i.operands[2])) << 32;
  const uint32_t selectors = get<uint32_t>(t, i.operands[3]);
  uint32_t out = 0;
  for (uint32_t k = 0; k < 4; ++k) {
    const uint32_t selector = selectors >> (4 * k) & 0xF;
    uint32_t byte = static_cast<uint32_t>(bytes >> (8 * (selector & 7))) & 0xFF;
    if (selector & 8) byte = byte & 0x80 ? 0xFF : 0;
    out |= byte << (8 * k);
  }
  set(t, i.operands[0], out);
}

// Bit by bit as the table says.
void logic_of_three(Thread& t, const Instruction& i) {
  const uint32_t a = get<uint32_t>(t, i.operands[1]), b = get<uint32_t>(t, i.operands[2]),
                 c = get<uint32_t>(t, i.operands[3]), table = get<uint32_t>(t, i.operands[4]);
  uint32_t out = 0;
  for (uint32_t bit = 0; bit < 32; ++bit) {
    const uint32_t row = (a >> bit & 1) << 2 | (b >> bit & 1) << 1 | (c >> bit & 1);
    out |= (table >> row & 1) << bit;
  }
  set(t, i.operands[0], out);
}

template <bool left, bool wrap>
void funnel_shift(Thread& t, const Instruction& i) {
  const uint64_t both = get<uint32_t>(t, i.operands[1]) |
                        static_cast<uint64_t>(get<uint32_t>(t, i.operands[2])) << 32;
  const uint32_t wanted = get<uint32_t>(t, i.operands[3]);
  const uint32_t by = wrap ? wanted & 31 : std::min(wanted, 32u);
  set(t, i.operands[0], static_cast<uint32_t>(left ? (both << by) >> 32 : both >> by));
}
void decode_funnel_shift(Modifiers& m, Instruction& i) {
  const bool left = m.take("l");
  if (!left && !m.take("r")) m.unknown();
  const bool wrap = m.take("wrap");
  if (!wrap && !m.take("clamp")) m.unknown();
  if (m.take_type() != Type::B32) m.unknown();
  i.step = left ? (wrap ? &funnel_shift<true, true> : &funnel_shift<true, false>)
                : (wrap ? &funnel_shift<false, true> : &funnel_shift<false, false>);
}

}  // namespace

// Opcodes that floating-point numbers have too are added to these by add_floating.
void add_arithmetic(Decoders& decoders) {
  decoders["add"] = &decode_sum<Add, false>;
  decoders["sub"] = &decode_sum<Subtract, true>;
  decoders["addc"] = &decode_sum_with_carry<false>;
  decoders["subc"] = &decode_sum_with_carry<true>;
  decoders["mul"] = &decode_multiply;
  decoders["mad"] = &decode_multiply_add;
  decoders["madc"] = &decode_multiply_add_with_carry;
  decoders["div"] = &decode_binary<Integers, Divide>;
  decoders["rem"] = &decode_binary<Integers, Remainder>;
  decoders["min"] = &decode_binary<Integers, Minimum>;
  decoders["max"] = &decode_binary<Integers, Maximum>;
  decoders["neg"] = &decode_unary<Signed, Negate>;
  decoders["abs"] = &decode_unary<Signed, Absolute>;
  decoders["and"] = &decode_binary<Bits, And>;
  decoders["or"] = &decode_binary<Bits, Or>;
  decoders["xor"] = &decode_binary<Bits, Xor>;
  decoders["not"] = &decode_unary<Bits, Not>;
  decoders["brev"] = &decode_unary<Words, Reverse>;
  decoders["shl"] = [](Modifiers& m, Instruction& i) {
    i.step = select(Unsigned{}, m.take_type(), []<class T>() -> Step { return &shift_left<T>; });
  };
  decoders["shr"] = [](Modifiers& m, Instruction& i) {
    i.step = select(Integers{}, m.take_type(), []<class T>() -> Step { return &shift_right<T>; });
  };
  decoders["popc"] = [](Modifiers& m, Instruction& i) {
    i.step = select(Words{}, m.take_type(), []<class T>() -> Step { return &count_ones<T>; });
  };
  decoders["clz"] = [](Modifiers& m, Instruction& i) {
    i.step =
        select(Words{}, m.take_type(), []<class T>() -> Step { return &count_leading_zeros<T>; });
  };
  decoders["bfi"] = [](Modifiers& m, Instruction& i) {
    i.step = select(Words{}, m.take_type(), []<class T>() -> Step { return &insert_field<T>; });
  };
  decoders["bfe"] = [](Modifiers& m, Instruction& i) {
    i.step = select(Types<uint32_t, int32_t, uint64_t, int64_t>{}, m.take_type(),
                    []<class T>() -> Step { return &extract_field<T>; });
  };
  decoders["prmt"] = [](Modifiers& m, Instruction& i) {
    if (m.take_type() == Type::B32) i.step = &permute;
  };
  decoders["lop3"] = [](Modifiers& m, Instruction& i) {
    if (m.take_type() == Type::B32) i.step = &logic_of_three;
  };
  decoders["shf"] = &decode_funnel_shift;
}

}  // namespace ptx
