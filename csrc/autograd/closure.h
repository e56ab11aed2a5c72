#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "autograd/primitive.h"

namespace pyautograd {

// The name of the primitive that computes again what its derivative needs.
inline constexpr std::string_view kCheckpoint = "checkpoint";

// What the first run of a function did, for its later runs: the ops it called, which these must
// repeat, and the values of the ops that shall not be evaluated again.
class Trace {
 public:
  struct Call {
    std::string op;
    Dims shape;
    DType dtype;
  };
  // An evaluation, by the call it belongs to. What only renames memory is none: it costs nothing,
  // and a run that records may have more of it.
  struct Evaluation {
    size_t call;
    std::string op;
    double cost;
    SmallVector<uint32_t, 1> versions;  // of its outputs when they were made
    Tensors kept;                       // its outputs, if they shall not be computed again
    // A write in place into what is kept will be repeated: it must meet the numbers from before.
    bool serves(const Specs& specs) const;
  };

  explicit Trace(bool compares) : compares(compares) {}

  const bool compares;          // later runs must make the same calls
  std::vector<int64_t> levels;  // sizes of the vmaps in which it ran
  std::vector<Call> calls;
  std::vector<Evaluation> evaluations;
};

// Closure conversion while a function runs on this thread: what the function met from outside is an
// input like its arguments. A tensor is from outside if it was recorded, or wrapped at a level,
// before the function began; every op asks `resolve` for what shall stand in its place.
//
// The first run finds these tensors: they are replaced by constants of equal value at the levels of
// this run, and listed. A later run has the list and a replacement for each.
class Closure {
 public:
  struct Candidate {
    const std::string& op;
    std::string_view label;
    const Spec& output;
    double cost;  // arithmetic operations, roughly
  };
  // Whether to keep what an evaluation made.
  using Policy = std::function<bool(const Candidate&)>;

  // A first run: levels that run become the mirrored ones, nothing records.
  explicit Closure(Trace& trace, Policy policy = nullptr);
  // A later run. What is from outside was there before `mark`.
  struct Mark {
    uint64_t sequence, level;
    static Mark now() noexcept;
  };
  Closure(const Trace& trace, Mark mark, TensorSpan outside, TensorSpan replacements);
  ~Closure();
  Closure(const Closure&) = delete;
  Closure& operator=(const Closure&) = delete;

  static Closure* current() noexcept { return current_; }
  // x, or what stands in for it on this thread.
  static Tensor resolved(const Tensor& x) { return current_ ? current_->resolve(x) : x; }

  // The same numbers without what the body remembers of its making (ops/origin.h).
  static Tensor fresh(const Tensor& x);
  Tensor resolve(const Tensor& x);
  // A constant of equal value at the mirrored levels.
  Tensor adopt(const Tensor& x);
  // The mirrored levels, outermost first.
  std::span<const Ref<Level>> mirrors() const noexcept { return mirrors_; }
  std::span<const Tensor> outside() const noexcept { return outside_; }

  // Python called an op and got x.
  void note_call(const char* op, const Tensor& x);
  // The function has returned: what runs until the closure ends is no part of it.
  void finish();
  // Names the evaluation that made x, for the policy.
  void label(const Tensor& x, std::string_view text);
  // While x is written in place; raises if x is an argument of the function. A run that records
  // makes a new value where the first run wrote memory: none of this is an evaluation that matches.
  class WriteScope {
   public:
    WriteScope(const char* op, const Tensor& x) : closure_(current_) {
      if (!closure_) return;
      closure_->check_write(op, x);
      closure_->writes_ = true;
    }
    ~WriteScope() {
      if (closure_) closure_->writes_ = false;
    }
    WriteScope(const WriteScope&) = delete;
    WriteScope& operator=(const WriteScope&) = delete;

   private:
    Closure* const closure_;
  };

  Tensors evaluate(const Ref<const Primitive>& primitive, TensorSpan inputs, const Specs& specs);
  bool inside_op() const noexcept { return inside_op_; }
  class OpScope {
   public:
    explicit OpScope(Closure& closure) noexcept : closure_(closure) { closure_.inside_op_ = true; }
    ~OpScope() { closure_.inside_op_ = false; }

   private:
    Closure& closure_;
  };
  // What runs meanwhile is no part of the function, and later runs may do without: looking whether
  // an argument may be used at all, say.
  class Aside {
   public:
    Aside() noexcept
        : closure_(current_), former_(closure_ && std::exchange(closure_->finished_, true)) {}
    ~Aside() {
      if (closure_) closure_->finished_ = former_;
    }
    Aside(const Aside&) = delete;
    Aside& operator=(const Aside&) = delete;

   private:
    Closure* const closure_;
    const bool former_;
  };
  // Rules of custom functions are given all they need: they run outside of every closure.
  class Suspended {
   public:
    Suspended() noexcept : former_(std::exchange(current_, nullptr)) {}
    ~Suspended() { current_ = former_; }

   private:
    Closure* former_;
  };

 private:
  struct Hash {
    size_t operator()(const Tensor& x) const noexcept;
  };
  struct Same {
    bool operator()(const Tensor& a, const Tensor& b) const noexcept;
  };
  struct Mirroring;

  bool is_outside(const Tensor& x) const noexcept;
  void check_write(const char* op, const Tensor& x) const;
  Tensor meet(const Tensor& x);
  Tensors evaluate_first(const Ref<const Primitive>& primitive, TensorSpan inputs,
                         const Specs& specs, bool counted);
  void remember(std::string_view op, TensorSpan inputs, const Tensors& outputs);
  const Trace::Evaluation* find_kept(std::string_view op, const Specs& specs);

  static inline constinit thread_local Closure* current_ [[gnu::tls_model("initial-exec")]] =
      nullptr;

  Closure* const former_;
  const Mark mark_;
  const Trace& trace_;
  Trace* const recorded_;      // the same in a first run, null in a later one
  const Policy policy_;        // in a first run
  const Node* const running_;  // the node in backward when the function began
  std::unique_ptr<Mirroring> mirroring_;
  std::vector<Ref<Level>> mirrors_;
  std::vector<Tensor> outside_;
  std::vector<const Storage*> arguments_;
  std::unordered_map<Tensor, Tensor, Hash, Same> replacements_;
  std::unordered_map<const Body*, size_t> made_by_;  // evaluations, by their only output
  bool comparable_ = true;                           // this run has the levels of the first
  bool inside_op_ = false, writes_ = false, finished_ = false;
  size_t calls_ = 0;
  std::vector<std::string> evaluated_;  // in this call of a later run
  size_t next_evaluation_ = 0;
};

}  // namespace pyautograd
