#pragma once

// What instructions do. Every file opcodes_*.cpp adds the opcodes of one subject.

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "program.h"

namespace ptx {

enum class Type : uint8_t {
  None,
  Pred,
  B8,
  B16,
  B32,
  B64,
  U8,
  U16,
  U32,
  U64,
  S8,
  S16,
  S32,
  S64,
  F32,
  F64
};

// What follows the first word of an opcode: `rn.ftz.f32`. A decoder takes what it understands;
// what is left over makes the instruction unknown.
class Modifiers {
 public:
  explicit Modifiers(std::string_view opcode);
  bool take(std::string_view word);
  // The last one that is left.
  Type take_type();
  std::string_view take_first();
  const std::vector<std::string_view>& left() const { return words_; }
  std::string_view opcode() const { return opcode_; }
  [[noreturn]] void unknown() const;

 private:
  std::string_view opcode_;
  std::vector<std::string_view> words_;
};

// Sets `step`, and `meeting` if it has one, of an instruction whose operands are known.
using Decoder = void (*)(Modifiers&, Instruction&);
using Decoders = std::unordered_map<std::string_view, Decoder>;

void add_arithmetic(Decoders& decoders);
void add_floating(Decoders& decoders);
void add_conversions(Decoders& decoders);
void add_moves(Decoders& decoders);
void add_memory(Decoders& decoders);
void add_control(Decoders& decoders);
void add_warps(Decoders& decoders);

// bar.warp.sync, whose first word is that of the barriers of blocks.
void decode_warp_barrier(Instruction& instruction);

void decode(std::string_view opcode, Instruction& instruction);
// The number of a special register for `mov`, or -1.
int special_register(std::string_view name);

}  // namespace ptx
