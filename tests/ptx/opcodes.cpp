#include "opcodes.h"

#include <algorithm>
#include <utility>

#include "fault.h"

namespace ptx {

namespace {

constexpr std::pair<std::string_view, Type> kTypes[] = {
    {"pred", Type::Pred}, {"b8", Type::B8},   {"b16", Type::B16}, {"b32", Type::B32},
    {"b64", Type::B64},   {"u8", Type::U8},   {"u16", Type::U16}, {"u32", Type::U32},
    {"u64", Type::U64},   {"s8", Type::S8},   {"s16", Type::S16}, {"s32", Type::S32},
    {"s64", Type::S64},   {"f32", Type::F32}, {"f64", Type::F64},
};

const Decoders& decoders() {
  static const Decoders all = [] {
    Decoders out;
    add_arithmetic(out);
    add_floating(out);
    add_conversions(out);
    add_moves(out);
    add_memory(out);
    add_control(out);
    add_warps(out);
    return out;
  }();
  return all;
}

}  // namespace

Modifiers::Modifiers(std::string_view opcode) : opcode_(opcode) {
  for (size_t dot = opcode.find('.'); dot != std::string_view::npos;) {
    const size_t next = opcode.find('.', dot + 1);
    words_.push_back(
        opcode.substr(dot + 1, next == std::string_view::npos ? next : next - dot - 1));
    dot = next;
  }
}

bool Modifiers::take(std::string_view word) {
  const auto found = std::find(words_.begin(), words_.end(), word);
  if (found == words_.end()) return false;
  words_.erase(found);
  return true;
}

Type Modifiers::take_type() {
  if (!words_.empty()) {
    for (const auto& [name, type] : kTypes) {
      if (name != words_.back()) continue;
      words_.pop_back();
      return type;
    }
  }
  unknown();
}

std::string_view Modifiers::take_first() {
  if (words_.empty()) unknown();
  const std::string_view out = words_.front();
  words_.erase(words_.begin());
  return out;
}

void Modifiers::unknown() const { fault("this machine has no ", opcode_); }

void decode(std::string_view opcode, Instruction& instruction) {
  Modifiers modifiers(opcode);
  const auto found = decoders().find(opcode.substr(0, opcode.find('.')));
  if (found == decoders().end()) modifiers.unknown();
  found->second(modifiers, instruction);
  for (size_t k = 0; k < instruction.count; ++k)
    if (instruction.operands[k].kind == Operand::Kind::Special && opcode.substr(0, 4) != "mov.")
      modifiers.unknown();
  if (!instruction.step || !modifiers.left().empty()) modifiers.unknown();
}

}  // namespace ptx
