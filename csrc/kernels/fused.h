#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernels/iterate.h"
#include "kernels/kernels.h"

namespace pyautograd::kernels {

// Where the elements of a slice lie in an array in row-major order: ascending, as the slice's own
// row-major order goes.
struct Placement {
  int64_t first;
  Dims strides;
};

// What one op does to each element, for inputs of certain dtypes; one is set.
struct ElementLoop {
  Loop1 unary = nullptr;
  Loop2 binary = nullptr;
  Loop3 where = nullptr;
  std::optional<Placement> splice = {};  // the first input, with the second in this place of it
};

// Elementwise ops on arrays of one size, run together tile by tile: what only they read stays in
// the first cache, and all else is read or written once. The numbers are those of one loop after
// the other.
class FusedProgram {
 public:
  using Operand = uint32_t;

  explicit FusedProgram(int64_t count) : count_(count) {}

  // A number in the place of an array. Here and below, the program keeps the pointers it is given.
  Operand constant(const void* number);
  // `count` elements in row-major order, one after another or as a view shows them.
  Operand memory(void* elements, int64_t itemsize);
  Operand memory(const View& x);
  // What the loop makes of earlier operands. `out` takes it in row-major order; null: only later
  // steps read it.
  Operand step(const ElementLoop& loop, std::span<const Operand> operands, DType result, void* out);
  Operand splice(const Placement& place, Operand x, const View& value, void* out);

  void run();

 private:
  static constexpr int64_t kTile = 512;
  static constexpr int32_t kNoSlot = -1;

  struct Value {
    enum class Kind : uint8_t { Constant, Straight, Packed, Made } kind;
    int64_t itemsize;
    char* memory = nullptr;
    std::optional<Nest<2>> layout = {};  // of what is packed, tile by tile: number and place
    bool repeats = false;                // every tile is the first one
    int32_t slot = kNoSlot;              // a tile in the scratch of a thread
    uint32_t last_use = 0;
  };
  // The elements of a slice, beside their places.
  struct Splice {
    int64_t first;
    Nest<2> places;
    char* value;
    int64_t itemsize;
    // How many of them lie before the place.
    int64_t before(int64_t place) const;
  };
  // Runs a loop, or a splice, or fills the tile of a packed value.
  struct Action {
    ElementLoop loop;
    Operand out;
    std::array<Operand, 3> operands;
    int32_t splice = -1;
  };
  // Where a thread finds element i: at base + i * stride, or in a tile, or a constant.
  struct Place {
    char* base;
    int64_t stride;
    char* at(int64_t begin) const { return base + begin * stride; }
  };

  void assign_slots();
  Operand add(Value value);
  bool is_constant(Operand operand) const;
  void run_range(int64_t begin, int64_t end) const;
  void pack(const Value& value, char* tile, int64_t begin, int64_t n) const;
  void fetch(const Action& action, Place* places, char* tile, int64_t begin, int64_t n) const;
  void run_splice(const Action& action, Place* places, char* tile, int64_t begin, int64_t n) const;
  void run_action(const Action& action, Place* places, int64_t begin, int64_t n) const;

  const int64_t count_;
  int64_t tile_ = kTile;      // elements; whole rows of everything that repeats
  bool has_repeats_ = false;  // so the tile keeps its length
  std::vector<Value> values_;
  std::vector<Action> actions_;
  std::vector<Splice> splices_;
  int32_t slots_ = 0;
  int64_t slot_bytes_ = 0;
};

}  // namespace pyautograd::kernels
