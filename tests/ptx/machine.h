#pragma once

// Runs a kernel: blocks one after the other, and within a block one thread after the other, each
// until it ends or waits for others. Which one comes next is drawn anew each time, so that an order
// which nobody has asked for is not kept.

#include <bit>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "memory.h"
#include "program.h"
#include "races.h"

namespace ptx {

struct Dimensions {
  uint32_t x = 1, y = 1, z = 1;
  uint64_t count() const { return uint64_t{x} * y * z; }
};

struct Launch {
  const Function* kernel = nullptr;
  Dimensions grid, block;
  std::vector<std::byte> parameters;
  uint32_t dynamic_shared = 0;
  std::shared_ptr<const Extents> extents;  // what it may touch
  uint64_t seed = 0;
};

// Raises Fault.
void run(const Launch& launch);

struct Frame {
  const Function* function;
  const Instruction* pc;
  const Call* call;
  uint32_t base;
};

// What a thread needs while it runs.
struct Context {
  std::vector<uint64_t> registers;
  std::vector<std::byte> local;
  std::vector<Frame> frames;
};

enum class State : uint8_t { Ready, AtBarrier, AtWarp, Done };

class Block;

struct Thread {
  uint64_t* r = nullptr;  // the registers of its function
  const Instruction* pc = nullptr;
  uint32_t base = 0;  // of the function's frame in local memory
  State state = State::Ready;
  bool carry = false;
  uint32_t index = 0;  // in the block
  Dimensions id;
  Block* block = nullptr;
  Context* context = nullptr;
  const Function* function = nullptr;
  const Instruction* waits_at = nullptr;
  uint32_t lanes = 0;                      // those that it waits for
  uint32_t at_register = 0, at_local = 0;  // where the next frame begins

  uint32_t lane() const { return index % 32; }
  uint32_t warp() const { return index / 32; }
};

inline uint64_t value(const Thread& t, const Operand& operand) {
  switch (operand.kind) {
    case Operand::Kind::Register:
      return t.r[operand.index];
    case Operand::Kind::Frame:
      return t.base + operand.value;
    default:
      return operand.value;
  }
}
template <class T>
T get(const Thread& t, const Operand& operand) {
  const uint64_t bits = value(t, operand);
  if constexpr (std::is_same_v<T, bool>) {
    return bits != 0;
  } else {
    T out;
    std::memcpy(&out, &bits, sizeof(T));
    return out;
  }
}
// Signed numbers fill registers that are wider than their type.
template <class T>
void set(Thread& t, const Operand& operand, T number) {
  uint64_t bits = 0;
  if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
    bits = static_cast<uint64_t>(static_cast<int64_t>(number));
  } else if constexpr (std::is_same_v<T, bool>) {
    bits = number ? 1 : 0;
  } else {
    std::memcpy(&bits, &number, sizeof(T));
  }
  t.r[operand.index] = bits;
}

struct Warp {
  Block& block;
  uint32_t number;
  Thread& lane(uint32_t lane) const;
};

class Block {
 public:
  Block(const Launch& launch, uint32_t launch_number, uint64_t& random);
  ~Block();
  void run(Dimensions place);

  const Launch& launch;
  Dimensions place;
  std::vector<Thread> threads;

  // The host's address of what a thread touches. `written` is what it is about to write, or null.
  std::byte* shared(Thread& t, uint32_t offset, uint32_t bytes, const std::byte* written,
                    Strength strength);
  std::byte* global(Thread& t, uint64_t address, uint32_t bytes, const std::byte* written,
                    Strength strength);
  void pass_warp_barrier(uint32_t warp) { ++warp_epochs_[warp]; }
  // After a fence, threads of several blocks may be ordered in ways that are not looked at.
  void note_fence() { fenced_ = true; }

 private:
  void start(Thread& t);
  void finish(Thread& t);
  void slice(Thread& t);
  void order(std::vector<uint32_t>& ready);
  bool meet(uint32_t warp);
  bool pass_barrier();
  Access access(const Thread& t, Strength strength) const;
  [[noreturn]] void stuck();
  uint64_t draw();
  std::string who(uint32_t thread) const;

  const uint32_t launch_number_;
  uint64_t& random_;
  uint32_t per_block_;
  uint32_t first_thread_ = 0;
  uint32_t epoch_ = 0, block_number_ = 0;
  bool fenced_ = false;
  std::vector<uint32_t> warp_epochs_;
  std::vector<std::byte> shared_;
  std::vector<Shadow> shared_shadow_;
  std::vector<std::unique_ptr<Context>> contexts_;
  std::vector<Context*> idle_contexts_;
  Extent last_extent_{0, 0};
};

inline Thread& Warp::lane(uint32_t lane) const { return block.threads[number * 32 + lane]; }

// The local memory of a thread, which is its stack too, holds as many bytes.
void grow(Context& context, uint32_t bytes);
inline constexpr uint32_t kMostLocal = 512 << 10;

}  // namespace ptx
