#pragma once

// From a type's name to a function for that type.

#include <type_traits>

#include "machine.h"
#include "opcodes.h"

namespace ptx {

template <class... Ts>
struct Types {};
using Unsigned = Types<uint16_t, uint32_t, uint64_t>;
using Signed = Types<int16_t, int32_t, int64_t>;
using Integers = Types<uint16_t, uint32_t, uint64_t, int16_t, int32_t, int64_t>;
using Floats = Types<float, double>;

template <class T>
constexpr Type type_of() {
  if constexpr (std::is_same_v<T, bool>) return Type::Pred;
  if constexpr (std::is_same_v<T, uint8_t>) return Type::U8;
  if constexpr (std::is_same_v<T, uint16_t>) return Type::U16;
  if constexpr (std::is_same_v<T, uint32_t>) return Type::U32;
  if constexpr (std::is_same_v<T, uint64_t>) return Type::U64;
  if constexpr (std::is_same_v<T, int8_t>) return Type::S8;
  if constexpr (std::is_same_v<T, int16_t>) return Type::S16;
  if constexpr (std::is_same_v<T, int32_t>) return Type::S32;
  if constexpr (std::is_same_v<T, int64_t>) return Type::S64;
  if constexpr (std::is_same_v<T, float>) return Type::F32;
  if constexpr (std::is_same_v<T, double>) return Type::F64;
  return Type::None;
}

// Untyped bits are as good as unsigned numbers.
constexpr Type without_b(Type type) {
  switch (type) {
    case Type::B8:
      return Type::U8;
    case Type::B16:
      return Type::U16;
    case Type::B32:
      return Type::U32;
    case Type::B64:
      return Type::U64;
    default:
      return type;
  }
}

// f.operator()<T>() for the one of the types; null where it is none of them.
template <class... Ts, class F>
auto select(Types<Ts...>, Type type, const F& f) {
  decltype((f.template operator()<Ts>(), ...)) out = nullptr;
  (void)((type_of<Ts>() == without_b(type) ? (out = f.template operator()<Ts>(), true) : false) ||
         ...);
  return out;
}

// f(a, b, ...) of the operands after the first one, which is written.
template <class T, class F>
void unary_step(Thread& t, const Instruction& i) {
  set(t, i.operands[0], static_cast<T>(F{}(get<T>(t, i.operands[1]))));
}
template <class T, class F>
void binary_step(Thread& t, const Instruction& i) {
  set(t, i.operands[0], static_cast<T>(F{}(get<T>(t, i.operands[1]), get<T>(t, i.operands[2]))));
}
template <class T, class F>
void ternary_step(Thread& t, const Instruction& i) {
  set(t, i.operands[0],
      static_cast<T>(
          F{}(get<T>(t, i.operands[1]), get<T>(t, i.operands[2]), get<T>(t, i.operands[3]))));
}

// A decoder of an opcode that is a function of numbers of one type.
template <class List, class F>
void decode_unary(Modifiers& m, Instruction& i) {
  i.step = select(List{}, m.take_type(), []<class T>() -> Step { return &unary_step<T, F>; });
}
template <class List, class F>
void decode_binary(Modifiers& m, Instruction& i) {
  i.step = select(List{}, m.take_type(), []<class T>() -> Step { return &binary_step<T, F>; });
}
template <class List, class F>
void decode_ternary(Modifiers& m, Instruction& i) {
  i.step = select(List{}, m.take_type(), []<class T>() -> Step { return &ternary_step<T, F>; });
}

}  // namespace ptx
