#pragma once

#include <cstddef>
#include <cstdint>

namespace pyautograd {

// While a rule written by a user runs, on tensors up to some depth, levels above it that run
// already are not innermost: what a transform in the rule lifts must not end up at the level that
// asks for the rule. Levels entered since count as ever.
class LevelCeiling {
 public:
  explicit LevelCeiling(uint64_t depth) noexcept;
  ~LevelCeiling();
  LevelCeiling(const LevelCeiling&) = delete;
  LevelCeiling& operator=(const LevelCeiling&) = delete;

 private:
  const size_t former_count_;
  const uint64_t former_depth_;
};

}  // namespace pyautograd
