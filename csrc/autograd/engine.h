#pragma once

#include <chrono>

#include "autograd/node.h"

// Complex numbers. Within the engine a cotangent ct pairs with a tangent t as Re(sum(ct t)),
// without a conjugate: so the rule of an op that is holomorphic is the formula for real numbers.
// Users see the conjugate, dL/dx + i dL/dy for a real L and z = x + iy, against which gradient
// descent goes down. What they give and what they get (request and results, `.grad`, hooks, the
// rules of custom functions) is conjugated where it crosses; for real dtypes that is nothing.
namespace pyautograd {

enum class Differentiable : uint8_t {
  No,
  Yes,
  // Yes exactly if somebody could differentiate the result: the traversal meets an open leaf that
  // is not a target, or a target that is itself the identity of something tracked, or a cotangent
  // is tracked. The graph is then retained.
  Auto,
};

struct BackwardRequest {
  TensorSpan outputs;
  TensorSpan cotangents = {};  // as users see them; absent: one, for real outputs of size one
  std::span<const Edge> targets = {};  // empty: accumulate into every leaf reached
  bool accumulate = false;             // add to the targets' `.grad` rather than return
  bool retain_graph = false;
  Differentiable differentiable = Differentiable::No;
  // The results are there to be differentiated: what nobody reads of them is not computed.
  bool unread = false;
  // Outputs that nobody needs once the sweep has begun: cleared then.
  Tensors* spent = nullptr;
};

// One sweep from the outputs, nodes in descending order of recording, without recursion. Returns
// one cotangent per target, as users see it; absent where the outputs do not depend on it, and
// where it was accumulated.
Tensors run_backward(const BackwardRequest& request);

// x, without its edge if that leads to closed leaves only.
Tensor without_closed_edge(const Tensor& x);

// Whether outputs depend on x at x's own level, below that of the outputs, where a sweep from the
// outputs does not come.
bool leads_below(TensorSpan outputs, const Tensor& x);

// The node whose vjp runs on this thread, if any: what is recorded meanwhile belongs to its
// derivative.
const Node* node_in_backward() noexcept;

// What notices that the user asked to stop, and throws: the Python layer checks for signals.
void set_interrupt_check(void (*check)()) noexcept;

// Called at every step of long work without a lock: now and then it asks the interrupt check.
class InterruptPoll {
 public:
  void operator()();

 private:
  uint64_t steps_ = 0;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace pyautograd
