#pragma once

#include <array>
#include <cstdint>
#include <memory>
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

// A loop with parameters of its own. Inputs are row-major, or numbers in the place of arrays.
class ElementFunction {
 public:
  virtual ~ElementFunction() = default;
  virtual void run(void* out, std::span<const void* const, 3> inputs,
                   std::span<const bool, 3> numbers, int64_t n) const = 0;
};

// What one op does to each element, for inputs of certain dtypes; one is set.
struct ElementLoop {
  Loop1 unary = nullptr;
  Loop2 binary = nullptr;
  Loop3 ternary = nullptr;
  std::shared_ptr<const ElementFunction> function = {};
  std::optional<Placement> splice = {};  // the first input, with the second in this place of it

  bool is_part(size_t input) const { return splice && input == 1; }
  // Whether this input may be one number in the place of an array.
  bool takes_number(size_t input) const {
    return !unary && !(ternary && input == 0) && !is_part(input);
  }
};

// Elementwise ops on arrays of one size, run together tile by tile: what only they read stays in
// the first cache, and all else is read or written once. The numbers are those of one loop after
// the other. Built once, it may be run often, on other memory and by several threads.
class FusedProgram {
 public:
  using Operand = uint32_t;
  // A place in one of the pieces of memory that a run is given.
  struct Memory {
    uint32_t piece;
    int64_t offset = 0;  // bytes
    friend bool operator==(const Memory&, const Memory&) = default;
  };
  // Elements that lie in some way from such a place on.
  struct Layout {
    Memory first;
    int64_t itemsize;
    std::span<const int64_t> shape, strides;
  };

  explicit FusedProgram(int64_t count) : count_(count) {}

  // A number in the place of an array.
  Operand number(Memory place, int64_t itemsize);
  // `count` elements in row-major order, one after another or as a layout shows them.
  Operand memory(Memory place, int64_t itemsize);
  Operand memory(const Layout& x);
  // What the loop makes of earlier operands. `out` takes it in row-major order; without, only later
  // steps read it.
  Operand step(const ElementLoop& loop, std::span<const Operand> operands, int64_t itemsize,
               std::optional<Memory> out);
  Operand splice(const Placement& place, Operand x, const Layout& value, std::optional<Memory> out);
  // After the last step.
  void finish();

  void run(std::span<char* const> pieces) const;

 private:
  static constexpr int64_t kTile = 512;
  static constexpr uint32_t kNone = ~uint32_t{0};

  struct Value {
    enum class Kind : uint8_t { Number, Memory, Packed, Made } kind;
    int64_t itemsize;
    std::optional<Memory> memory = {};
    bool repeats = false;     // every tile is the first one
    uint32_t slot = kNone;    // a tile in the scratch of a thread
    uint32_t window = kNone;  // which shows each tile where it lies
    uint32_t last_use = 0;
  };
  // Where a thread finds element i: at base + offset + i * stride, with the strides of an action
  // apart. Programs may be long, and are read from memory in every run, so these are small.
  struct Address {
    uint32_t base = 0;
    uint32_t offset = 0;
  };
  // What is packed, tile by tile, where it does not lie so.
  struct Fetch {
    Nest<2> layout;  // number and place
    int64_t itemsize;
    Address from, tile;
    uint32_t window;  // kNone: always packed
  };
  // The elements of a slice, beside their places.
  struct Splice {
    int64_t first;
    Nest<2> places;
    int64_t itemsize;
    Address value, tile;
    uint32_t window;  // kNone: always written
    // How many of them lie before the place.
    int64_t before(int64_t place) const;
  };
  struct Action {
    enum class Kind : uint8_t { Unary, Binary, Ternary, Function, Fetch, Splice } kind;
    uint8_t count = 0;                    // of operands
    std::array<uint8_t, 4> strides = {};  // bytes, of the result and of the operands
    std::array<bool, 3> numbers = {};     // operands in the place of an array
    std::array<bool, 4> ahead = {};       // what is fetched for the next tile, as in strides
    union {
      Loop1 unary;
      Loop2 binary;
      Loop3 ternary;
      const ElementFunction* function;
      size_t part;  // of fetches_ or splices_
    };
    Address out = {};
    std::array<Address, 3> operands = {};
  };

  Operand add(Value value) {
    values_.push_back(value);
    return static_cast<Operand>(values_.size() - 1);
  }
  Operand push(Action action, std::span<const Operand> operands, int64_t itemsize,
               std::optional<Memory> out);
  // Of an operand, until all is laid out.
  static Address unsettled(Operand operand) { return {operand, 0}; }
  Address address_at(Memory place);
  Address address_in_tiles(const Value& value) const;
  Address address_of(const Value& value);
  // Makes one action of two where a loop does the work of both.
  void join_pairs();
  void assign_slots();
  void mark_streams();
  class Joining;
  void run_range(std::span<char* const> pieces, int64_t begin, int64_t end) const;
  template <bool kFirst>
  void run_tile(char** bases, int64_t begin, int64_t n, int64_t next) const;
  void pack(const Fetch& fetch, char* const* bases, int64_t begin, int64_t n) const;
  void run_fetch(const Fetch& fetch, char** bases, int64_t begin, int64_t n) const;
  void run_splice(const Action& action, char** bases, int64_t begin, int64_t n) const;

  int64_t count_;
  int64_t tile_ = kTile;       // elements; whole rows of everything that repeats
  bool has_repeats_ = false;   // so the tile keeps its length
  bool is_far_ = false;        // what it reads and writes comes from beyond the second cache
  std::vector<Value> values_;  // until all is laid out
  std::vector<Action> actions_;
  std::vector<Fetch> fetches_, repeated_;
  std::vector<Splice> splices_;
  std::vector<std::shared_ptr<const ElementFunction>> functions_;
  std::vector<Memory> pieces_;  // that it reads or writes, and parts of those that are very long
  uint32_t windows_ = 0;
  uint32_t slots_ = 0;
  int64_t slot_bytes_ = 16;
};

}  // namespace pyautograd::kernels
