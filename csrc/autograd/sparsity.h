#pragma once

#include <limits>
#include <map>
#include <optional>
#include <string>

#include "autograd/node.h"
#include "core/cached_vector.h"

namespace pyautograd {

// Where a Jacobian may differ from zero, in compressed rows; columns ascend in each row.
struct Pattern {
  int64_t columns = 0;
  CachedVector<int32_t> starts;  // of each row in `indices`, and the end
  CachedVector<int32_t> indices;
  // How often an op without a rule made all of its outputs depend on all of its inputs.
  std::map<std::string, int64_t> dense_ops;
};

// The pattern of the recorded Jacobian of the outputs with respect to the targets, elements in
// row-major order and tensors one after the other. Sets of input elements are carried through the
// recorded nodes, oldest first; nothing is differentiated and no value decides, except constant
// factors of matrix products and what the recorded program was decided by. Nothing if more than
// `most` entries, or as many in the sets on the way, would have to be held.
std::optional<Pattern> jacobian_pattern(TensorSpan outputs, std::span<const Edge> targets,
                                        int64_t most = std::numeric_limits<int64_t>::max());

}  // namespace pyautograd
