#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "kernels/fused.h"

namespace pyautograd::kernels {

// What a FusedProgram does for arrays of so few elements that a call for each op would take longer
// than they do. All numbers lie in one frame, an array as a row of it. Ops that have the same
// formula and do not wait for each other run one after another without a decision in between.
class SmallProgram {
 public:
  using Operand = FusedProgram::Operand;
  using Memory = FusedProgram::Memory;
  using Layout = FusedProgram::Layout;

  static constexpr int64_t kMostElements = 8;

  explicit SmallProgram(int64_t count);

  Operand number(Memory place, int64_t itemsize);
  Operand memory(Memory place, int64_t itemsize);
  Operand memory(const Layout& x);
  Operand step(const ElementLoop& loop, std::span<const Operand> operands, int64_t itemsize,
               std::optional<Memory> out);
  Operand splice(const Placement& place, Operand x, const Layout& value, std::optional<Memory> out);
  void finish();

  void run(std::span<char* const> pieces) const;

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};

  struct Value {
    int64_t itemsize;
    bool is_number = false;
    uint32_t place = 0;  // bytes from the start of the frame
    uint32_t readers = 0;
  };
  struct Step {
    uint32_t kind;  // of kernels/cpu/small_formulas.h; from kFormulaKinds on, calls_
    Operand out;
    SmallVector<Operand, 3> operands;
  };
  // From a piece of memory to the frame, or back.
  struct Transfer {
    Memory memory;
    int64_t itemsize;
    int64_t count;
    uint32_t place;           // before finish(), the operand
    uint32_t gather = kNone;  // where in gathers_ the elements' places are; none: one after another
  };
  // A loop that is called for several rows at once.
  struct Call {
    ElementLoop loop;
    SmallVector<int64_t, 4> itemsizes;  // of the result and of the operands
    std::array<bool, 3> numbers = {};
    std::vector<uint32_t> targets;  // of a splice: where the elements of its second operand go
  };
  struct Group {
    uint32_t kind;
    std::vector<uint32_t> steps;
  };
  using LoopKey = std::tuple<Loop1, Loop2, Loop3, const ElementFunction*, uint32_t>;

  Operand add(Value value) {
    values_.push_back(value);
    return static_cast<Operand>(values_.size() - 1);
  }
  Operand load(Memory place, int64_t itemsize, int64_t count);
  Operand gather(const Layout& x);
  uint32_t kind_of(const ElementLoop& loop, std::span<const Operand> operands, int64_t itemsize);
  uint32_t add_call(ElementLoop loop, std::span<const Operand> operands, int64_t itemsize);
  Operand push(uint32_t kind, std::span<const Operand> operands, int64_t itemsize,
               std::optional<Memory> out);
  std::vector<Group> grouped() const;
  void place_values(const std::vector<Group>& groups);
  void write_code(const std::vector<Group>& groups);

  size_t rows_in_a_call() const;
  static void move(const Transfer& transfer, char* to, const char* from);
  void run_load(const Transfer& load, char* frame, std::span<char* const> pieces) const;
  const uint32_t* run_call(const Call& call, char* frame, const uint32_t* code,
                           uint32_t count) const;
  void run_side_by_side(const Call& call, char* frame, const uint32_t* code, uint32_t count) const;
  void run_splice(const Call& call, char* frame, const uint32_t* code) const;
  void repeat_last(char* row, int64_t itemsize) const;

  const int64_t count_;
  const int64_t width_;  // of a row; its last element repeats up to there
  std::vector<Transfer> loads_, stores_;
  std::vector<int64_t> gathers_;  // bytes
  std::vector<Call> calls_;
  // For each group its kind and length, then for each of its ops the places of the result and of
  // the operands.
  std::vector<uint32_t> code_;
  int64_t frame_bytes_ = 0;

  // Until all is laid out.
  std::vector<Value> values_;
  std::vector<Step> steps_;
  std::map<std::tuple<uint32_t, int64_t, int64_t, int64_t>, Operand> known_;
  std::map<LoopKey, uint32_t> known_calls_;
};

}  // namespace pyautograd::kernels
