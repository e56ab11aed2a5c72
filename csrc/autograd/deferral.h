#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include "autograd/primitive.h"

namespace pyautograd {

// Elementwise ops on large arrays that are put off until somebody asks for a number, and then run
// together, tile by tile (kernels/fused.h): what only they read is never written to memory. The
// numbers are the same, bit by bit.
//
// What an op put off makes is an array like every other, but its storage is absent, and its Lineage
// is the Deferral. Whatever reads the memory, or is about to write memory that such an op reads,
// has all of them done first; memory that others can write unnoticed is not put off at all. So
// nobody but the allocator's counters sees a difference.
//
// A product of matrices or a sum that nobody may ever read is *left undone* in the same way, alone:
// it is done when somebody asks for this very number, and never if nobody does. Whoever expects
// such results says so (begin_sparing), for an op left undone keeps alive what it would read. One
// that reads what is put off waits in any case, but no longer than that: so a backward pass can be
// part of the program of what it differentiates.
//
// One for each thread; storages may be asked for by any.
class Deferral final : public Lineage {
 public:
  static Deferral& mine();
  // Whether this thread is inside a scope, and such a result large enough.
  static bool wanted(const Specs& specs) noexcept {
    return scopes_ > 0 && specs.size() == 1 &&
           count_elements(specs[0].shape) >= least.load(std::memory_order_relaxed);
  }
  // Elements from which on an op is put off: smaller arrays stay in the cache from op to op.
  static std::atomic<int64_t> least;

  Deferral();
  ~Deferral();

  // The output of the op, without numbers; none if it is not to be put off.
  Tensors put_off(const Ref<const Primitive>& primitive, TensorSpan inputs, const Specs& specs);
  // Runs all that was put off, and does what waits for that.
  void finish();
  // The same of an op that may wait; none if it is better done at once.
  Tensors leave_undone(const Ref<const Primitive>& primitive, TensorSpan inputs,
                       const Specs& specs);
  // Whether an op may be left undone.
  static bool waits() noexcept {
    return sparing_ > 0 || (scopes_ > 0 && mine().pending_.load(std::memory_order_relaxed) > 0);
  }
  // Runs all that was put off and does all that was left undone.
  void finish_everything();
  // Has done what was put off and reads or makes these numbers.
  static void settle(Storage& storage);

  void restore(Storage& storage) override;
  void before_write(Storage& storage) override;
  void forget(Storage& storage) noexcept override;

  // What this thread does from enter to leave is put off. Numbers that live on are made at the
  // latest when it leaves for the last time.
  static void enter() noexcept { ++scopes_; }
  static void leave() noexcept;
  class Scope {
   public:
    Scope() noexcept { enter(); }
    ~Scope() { leave(); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
  };
  // From begin to end, not all that this thread makes is expected to be read.
  static void begin_sparing() noexcept { ++sparing_; }
  static void end_sparing() noexcept { --sparing_; }
  // Around a sweep whose results are only differentiated.
  class UnreadSweep {
   public:
    UnreadSweep() noexcept { ++sparing_, ++unread_sweeps_; }
    ~UnreadSweep() { --sparing_, --unread_sweeps_; }
    UnreadSweep(const UnreadSweep&) = delete;
    UnreadSweep& operator=(const UnreadSweep&) = delete;
  };
  // Around code of a user's that is called from within such a sweep, too: whatever memory it
  // writes, nobody notices.
  class Interlude {
   public:
    Interlude() {
      if (unread_sweeps_ > 0) mine().finish_exposed();
      former_ = std::exchange(unread_sweeps_, 0);
    }
    ~Interlude() { unread_sweeps_ = former_; }
    Interlude(const Interlude&) = delete;
    Interlude& operator=(const Interlude&) = delete;

   private:
    int former_ = 0;
  };
  // Nothing is put off or left undone outside of scopes that begin while it exists.
  class Pause {
   public:
    Pause()
        : former_((mine().finish_everything(), std::exchange(scopes_, 0))),
          formerly_sparing_(std::exchange(sparing_, 0)) {}
    ~Pause() {
      scopes_ = former_;
      sparing_ = formerly_sparing_;
    }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    const int former_, formerly_sparing_;
  };

 private:
  struct Number;
  struct Operand;
  struct Step;
  struct Undone;

  static std::vector<Ref<Storage>> run(const std::vector<Step>& steps);
  bool may_read(const Array& x) const noexcept;
  // By element, or as a whole, in another program than the one that makes it.
  Operand operand_of(const Array& x, const Dims& shape, const AxisOrder& order, bool by_element);
  uint32_t step_of(const Storage& storage) const noexcept;
  void run_steps();
  // Whether an op with these inputs is to wait for what is put off.
  bool joins_steps(TensorSpan inputs) const;
  // Does those of the ops left undone, one after the other; returns whether there were any.
  template <class Which>
  bool finish_undone(Which&& which);
  std::vector<Undone>::iterator maker_of_input(const Undone& op);
  // Does what was left undone and reads memory that others can write unnoticed.
  void finish_exposed();
  bool make(Storage& storage);
  bool concerns(const Storage& storage) const noexcept;
  // To be called when one reader less is waiting, or the storage has its numbers.
  void let_go(Storage& storage) noexcept;

  static inline constinit thread_local int scopes_ [[gnu::tls_model("initial-exec")]] = 0;
  static inline constinit thread_local int sparing_ [[gnu::tls_model("initial-exec")]] = 0;
  static inline constinit thread_local int unread_sweeps_ [[gnu::tls_model("initial-exec")]] = 0;

  std::recursive_mutex mutex_;
  std::vector<Step> steps_;
  std::vector<Undone> undone_;
  std::atomic<uint32_t> pending_{0};  // steps, for a look without the lock
};

}  // namespace pyautograd
