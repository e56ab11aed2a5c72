#pragma once

#include "autograd/capture.h"
#include "autograd/closure.h"
#include "autograd/saved_hooks.h"
#include "python/graph_exit.h"

namespace pyautograd::python {

// While it lives this thread is as one that has just begun: no transform runs, everything records,
// nothing is captured, and what is saved stays as it is. So a solver may differentiate functions of
// plain tensors without being seen by those that run here. What is entered meanwhile must be left.
class Apart {
 public:
  Apart() = default;
  ~Apart() { graph_exits = exits_; }
  Apart(const Apart&) = delete;
  Apart& operator=(const Apart&) = delete;

 private:
  const Capture::Suspended done_;
  const Closure::Suspended outside_;
  const HiddenLevels hidden_;
  const HookScope unhooked_;
  const RecordingScope recording_ = RecordingScope::all();
  const uint64_t exits_ = graph_exits;
};

}  // namespace pyautograd::python
