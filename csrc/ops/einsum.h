#pragma once

#include "ops/ops.h"

namespace pyautograd::ops {

// A letter's code, or kEllipsis + i for the axis i from the right that an ellipsis stands for.
using Labels = SmallVector<int, 8>;
inline constexpr int kEllipsis = 256;

// One label for each axis of each operand, and the axes of the output, made explicit.
struct Subscripts {
  SmallVector<Labels, 2> inputs;
  Labels output;
};

Subscripts parse_subscripts(std::string_view text, TensorSpan operands);
std::string label_name(int label);

inline bool has(const Labels& labels, int label) {
  for (int other : labels)
    if (other == label) return true;
  return false;
}

}  // namespace pyautograd::ops
