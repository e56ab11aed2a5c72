#pragma once

#include <set>
#include <string>
#include <vector>

#include "autograd/node.h"

namespace pyautograd {

// A block of memory that something reaches.
struct Resident {
  size_t bytes = 0;
  bool owned = true;  // by our allocator
  Spec spec;          // of the largest array that reads it
  std::string op;     // the first recorded op whose result lies there; "leaf", or empty: none
  std::string trace;  // where that op was called, if detect_anomaly kept it
  uint64_t sequence = ~uint64_t{0};
  std::set<std::string> saved_by;  // ops that keep it for their derivative
  bool held = false;               // by one of the handles
};

// The memory that tensors reach: their own, and what the graphs behind them saved. Without
// recursion.
std::vector<Resident> census(TensorSpan handles);

}  // namespace pyautograd
