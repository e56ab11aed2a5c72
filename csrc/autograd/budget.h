#pragma once

#include "autograd/recipe.h"
#include "core/allocator.h"
#include "core/per_thread.h"

namespace pyautograd {

// What a budget has done. The same program does the same: `trace` sums up which values were dropped
// and in which order.
struct BudgetCounts {
  uint64_t dropped = 0;
  uint64_t made_again = 0;
  uint64_t trace = 0;
};

// The budgets of one thread, and the values that it made under them. It alone drops them; another
// thread that reads one keeps it for good.
//
// Which value to drop is decided as in Kirisame et al., Dynamic Tensor Rematerialization (ICLR
// 2021): the one with the least h = cost / (bytes * staleness), where the cost is that of making it
// and everything dropped around it, the latter by classes of connected dropped values. Costs are
// estimated from shapes and time is counted in operations, so the same program drops the same.
class Keeper final : public RoomMaker {
 public:
  static Keeper& mine() { return PerThread<Keeper>::get(); }

  // Limits nest: the least holds. Returns what to hand to leave.
  // `always`, for tests: no limit, but all that can be dropped is, at every allocation.
  uint64_t enter(size_t limit, bool always = false);
  void leave(uint64_t budget);
  size_t limit() const noexcept { return limit_.load(std::memory_order_relaxed); }
  const BudgetCounts& counts() const noexcept { return counts_; }

  void make_room(size_t bytes) override;

  // An op was run: its outputs may be dropped from now on, if they can be made again.
  void attach(const Ref<const Primitive>& primitive, TensorSpan inputs, const Specs& specs,
              const Tensors& outputs);
  Tensors run(const Primitive& primitive, TensorSpan inputs, const Specs& specs);
  Provenance& provenance_of(const Array& array);

  // The next six need the lock.
  void touch(Provenance& value) noexcept { value.last_use = ++clock_; }
  void drop(Provenance& value);
  // What nobody can ask for but through what was made from it, which is there.
  void drop_if_idle(Provenance& value);
  // The numbers are there again.
  void welcome_back(Provenance& value, SmallVector<Ref<Recipe>, 4>& garbage);
  void remove(Provenance& value) noexcept;
  void remove_candidate(Provenance& value) noexcept;

  int depth = 0;           // of evals on this thread
  bool transient = false;  // see TransientScope

 private:
  struct Limit {
    uint64_t id;
    size_t bytes;
    bool always;
  };

  void update_limit();
  bool worth_recipes() const noexcept;
  void add_candidate(Provenance& value);
  Provenance* choose();
  double score(const Provenance& value) const;
  bool idle(const Provenance& value) const noexcept;
  static void close_hole(Provenance& value) noexcept;
  void forget_the_past();
  void let_go_of_held_values(bool everything);
  [[noreturn]] void fail_to_fit(size_t bytes) const;

  std::atomic<size_t> limit_{0};
  bool always_ = false;
  std::vector<Limit> limits_;
  std::vector<Provenance*> known_, candidates_;
  SmallVector<Provenance*, 16> newest_;
  size_t next_newest_ = 0;
  size_t known_at_last_sweep_ = 0;
  uint64_t clock_ = 0, serial_ = 0, births_ = 0, random_ = 0;
  BudgetCounts counts_;
};

// While it exists nothing that this thread makes is worth a recipe, unless something is recorded:
// a backward pass that nobody differentiates makes only what is used at once.
class TransientScope {
 public:
  explicit TransientScope(bool transient) noexcept;
  ~TransientScope();
  TransientScope(const TransientScope&) = delete;
  TransientScope& operator=(const TransientScope&) = delete;

 private:
  const bool former_;
};
void note_recording() noexcept;

}  // namespace pyautograd
