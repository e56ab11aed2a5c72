#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/fused.h"

namespace pyautograd::kernels {

// Elementwise ops on small arrays of any sizes, one after the other: what only they read lies in
// scratch memory that is laid out ahead, so that a step costs hardly more than its loop. The
// numbers are those of the loops alone. Built once, to be run on other memory by any thread.
class StraightProgram {
 public:
  using Value = uint32_t;
  // A value, row by row, as a step reads it.
  struct Shown {
    Value value;
    DType dtype;
    std::span<const int64_t> shape, strides;
    int64_t offset;  // elements
  };

  // Row-major elements that each run is given.
  Value input() { return add({.given = inputs_++}); }
  // What the loop makes of earlier values, shown in shapes that broadcast to the result's; a splice
  // takes its second operand in a shape of its own.
  Value step(const ElementLoop& loop, std::span<const Shown> operands,
             std::span<const int64_t> shape, DType dtype);
  // Lays the memory out. Each run writes these, in their order, to memory that it is given.
  void finish(std::span<const Value> outputs);

  // Of the inputs in the order of their making, then of the outputs.
  void run(std::span<char* const> memory) const;

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};
  static constexpr int64_t kTile = 512;  // elements

  struct Info {
    uint32_t given = kNone;  // the place of its memory among what a run is given
    int64_t bytes = 0;
    uint32_t last_use = 0;
    int64_t offset = 0;  // in scratch memory
  };
  // An operand or a result: of a value until all is laid out, then of what a run is given, or of
  // scratch memory.
  struct Address {
    uint32_t base = 0;
    int32_t itemsize = 0;  // 0: a number in the place of an array
    int64_t offset = 0;    // bytes
    bool number() const { return itemsize == 0; }
  };
  struct Move {
    Nest<2> nest;
    int64_t itemsize;
  };
  struct Action {
    enum class Kind : uint8_t { Unary, Binary, Where, Move } kind;
    union {
      Loop1 unary;
      Loop2 binary;
      Loop3 where;
      size_t move;
    };
    int64_t count;
    Address out;
    std::array<Address, 3> operands = {};
  };

  // Actions that run tile by tile: what one makes is still in the first cache when others read it.
  struct Group {
    uint32_t begin, end;
    int64_t count;
  };

  Value add(Info info);
  Address operand(const Shown& x, std::span<const int64_t> shape, bool may_be_number);
  // Writes the elements of x into this layout of what lies at `out`.
  void move(const Address& out, std::span<const int64_t> strides, const Shown& x);
  void push(Action action);
  void find_groups();
  void assign_memory();
  void run_action(const Action& action, char* const* bases, int64_t begin, int64_t n) const;
  void run_move(const Action& action, char* const* bases) const;

  std::vector<Info> values_;
  std::vector<Action> actions_;
  std::vector<Move> moves_;
  std::vector<Group> groups_;
  uint32_t inputs_ = 0;
  int64_t scratch_bytes_ = 0;
};

}  // namespace pyautograd::kernels
