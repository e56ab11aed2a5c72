#pragma once

#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "autograd/drawn_streams.h"
#include "autograd/step_list.h"

namespace pyautograd {

class ArrayPlan;

// The ops of one call of a function, to be run again on other arrays: no Python, no graph, no
// rules. Immutable, so that several threads may run it.
class CapturedCall final : public RefCounted {
 public:
  // Arrays of the shapes and dtypes that were captured, in any layout. Empty where a guard holds or
  // an op fails: the function itself knows what to do with these numbers, and where.
  std::optional<Tensors> run(TensorSpan arguments) const;
  // Runs it on what it returned, as long as the first result, a truth value, holds, at most so
  // often. The arguments are the state, as many as there are results, then what stays. Ends early,
  // as if the last run had not been begun, where that is none.
  Tensors repeat(TensorSpan arguments, int64_t most) const;
  // Whether numbers that the function looked at, and that were not its arguments', are others now.
  bool stale() const;
  bool draws() const { return !drawn_.all().empty(); }

  const StepList& list() const noexcept { return list_; }
  // Of all arrays that it makes or reads, as a hint for who holds a lock.
  int64_t elements() const noexcept { return elements_; }

 private:
  friend class Capture;

  // An array as it was.
  struct Pin {
    Ref<const Array> array;
    uint32_t version;
    Ref<Array> copy;  // where others can write the memory unnoticed
    bool holds() const;
  };

  std::optional<Tensors> run_steps(TensorSpan given) const;
  std::optional<Tensors> run_drawing(TensorSpan given) const;
  // How a run over these goes if its results are arrays of their own that nothing is asked of.
  const ArrayPlan* plan_of_repeats(TensorSpan given) const;

  // Arguments: the call's, then where streams are. Results: the call's, then the guards.
  StepList list_;
  DrawnStreams drawn_{{}};
  std::vector<bool> shared_;  // a result with later runs: whoever gets it gets a copy
  std::vector<Pin> pins_;
  int64_t elements_ = 0;
};

// While a call is captured, ops on arrays are noted instead of done: what they make has a storage
// without memory, whose Lineage is the Capture. Whoever asks for its numbers, in Python or in a
// rule, gets an error, so that nothing is written down that depends on them. Ops on what the
// function itself made without its arguments are done at once, for all later runs, if that is
// small.
//
// For one thread. It lives as long as a storage that it made: tensors may outlive the call.
class Capture final : public RefCounted, public Lineage {
 public:
  // The capture that this thread is in, or null.
  static Capture* current() noexcept { return current_; }
  // Whether the numbers are computed when the captured call is run, and not before.
  static bool captured(const Storage& storage) noexcept {
    const Lineage* lineage = storage.lineage();
    return lineage && lineage->kind == Kind::Capture;
  }
  // Whether later runs of a call that is being captured may find other numbers there: then what a
  // rule does must not depend on these.
  static bool unknown(const Array& x) noexcept { return current_ && !current_->constant(x); }

  Capture();
  // Around what the function's numbers do not go through: its ops are done.
  class Suspended {
   public:
    Suspended() noexcept : former_(std::exchange(current_, nullptr)) {}
    ~Suspended() { current_ = former_; }
    Suspended(const Suspended&) = delete;
    Suspended& operator=(const Suspended&) = delete;
    Capture* former() const noexcept { return former_; }

   private:
    Capture* const former_;
  };

  // Stands for an array in every call.
  Tensor argument(const Spec& spec);
  // From begin to end, in one thread, its ops are noted.
  void begin();
  void end() noexcept;
  // The ops that lead to these tensors. They must be arrays that record nothing.
  Ref<CapturedCall> finish(TensorSpan outputs);

  Tensors evaluate(const Ref<const Primitive>& primitive, TensorSpan inputs, const Specs& specs);
  DrawnStreams& drawn() noexcept { return drawn_; }
  // An op that Python called gave x: if nobody else has the memory, the function made it.
  void note_made(const Tensor& x);
  // The function takes this truth value, a number, not to hold; false if it can be asked at once.
  bool guard(const Tensor& truth);
  // Somebody looks at the numbers of an array that is no argument: later runs count on them.
  void look_at(const Array& x);
  static void looked_at(const Array& x) {
    if (current_) [[unlikely]]
      current_->look_at(x);
  }
  // The function runs another call, which counts on what that one looked at.
  void look_at_those_of(const CapturedCall& call);
  // To be called before memory is written in place; what the function made gets a new value.
  void check_write(const char* op, const Tensor& x) const;
  // What Storage::handles says, of all that may show its memory when the call is run.
  int32_t handles(const Storage& storage) const noexcept;
  // Whether two storages may be one then.
  bool same_memory(const Storage& a, const Storage& b) const noexcept;
  // Before a gradient is put into `.grad` of what the node made.
  void check_gradient(const Node& node) const;

  // Of all that the function made and somebody refers to, when it is run.
  int64_t bytes() const noexcept { return bytes_; }
  // How many tensors that the function made somebody holds.
  size_t held() const noexcept;

  void restore(Storage& storage) override;
  void before_write(Storage& storage) override;
  void forget(Storage& storage) noexcept override;

 private:
  using Value = StepList::Value;

  // Storages that may be one when the call is run, as one is a view of the other, are a family. One
  // for all views of what the function did not make.
  using Family = uint32_t;
  static constexpr Family kForeign = 0;
  struct Place {
    Value value;
    Family family;
  };

  [[noreturn]] static void refuse();
  Tensor absent(const Spec& spec, Value value, Family family);
  Family family_of_view(const Array& x);
  void own(const Ref<Storage>& storage);
  bool owned(const Storage& storage) const noexcept { return owned_.contains(&storage); }
  bool constant(const Array& x) const noexcept;
  void check_unwritten() const;
  Value value_of(const Tensor& x);
  Tensors evaluate_now(const Ref<const Primitive>& primitive, TensorSpan inputs,
                       const Specs& specs);

  static inline constinit thread_local Capture* current_ [[gnu::tls_model("initial-exec")]] =
      nullptr;

  StepList list_;
  std::unordered_map<const Body*, uint32_t> constant_places_;
  std::vector<std::pair<uint32_t, uint32_t>> exposed_;  // places of constants, their fingerprints
  std::unordered_map<const Storage*, Place> places_;
  Family families_ = kForeign;
  // What the function made without its arguments; held, so that nothing else comes to lie there.
  std::unordered_set<const Storage*> owned_;
  std::vector<Ref<Storage>> held_;
  std::vector<Value> guards_;
  std::vector<CapturedCall::Pin> pins_;
  DrawnStreams drawn_;
  uint64_t first_node_ = 0;
  bool asked_ = false;  // for numbers: whoever catches the error may do what other numbers forbid
  int64_t bytes_ = 0;
};

}  // namespace pyautograd
