#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/ref.h"
#include "core/small_vector.h"

namespace pyautograd {

// What a random draw inside a vmap means: an error, draws of its own for every entry, or one draw
// for all.
enum class Randomness : uint8_t { Error, Different, Same };
std::string_view randomness_name(Randomness randomness) noexcept;

// One running jvp, vmap or taylor. Level 0, plain arrays, is the null Level. Ids count up and are
// never reused, so a wrapper made by an inner transform always lies at a higher depth than what it
// captured.
class Level final : public RefCounted {
 public:
  enum class Kind : uint8_t { Jvp, Vmap, Taylor };

  Level(Kind kind, int64_t size, Randomness randomness = Randomness::Same,
        Ref<Level> directions = nullptr) noexcept;

  const uint64_t id;
  const Kind kind;
  const int64_t size;  // of the mapped dimension, or the order of the Taylor series
  const Randomness randomness;
  // Of a Taylor level: the vmap over directions of whose highest coefficients only the mean is
  // kept.
  const Ref<Level> directions;
  bool alive() const noexcept { return alive_.load(std::memory_order_relaxed); }
  void end() noexcept { alive_.store(false, std::memory_order_relaxed); }
  std::string_view name() const noexcept;

 private:
  std::atomic<bool> alive_{true};
};

// The levels of this thread, innermost last.
Level* innermost_level() noexcept;
std::span<const Ref<Level>> live_levels() noexcept;
// The vmap whose batching rule runs on this thread, if any.
const Level* level_in_batch() noexcept;
inline uint64_t depth_of(const Level* level) noexcept { return level ? level->id : 0; }

// Enters a level; leaving it, by return or by exception, marks it dead.
class LevelScope {
 public:
  LevelScope(Level::Kind kind, int64_t size = 0, Randomness randomness = Randomness::Same,
             Ref<Level> directions = nullptr);
  ~LevelScope();
  LevelScope(const LevelScope&) = delete;
  LevelScope& operator=(const LevelScope&) = delete;
  const Ref<Level>& level() const noexcept { return level_; }

 private:
  Ref<Level> level_;
};

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

// While it lives this thread runs no level, as at level 0; what is entered meanwhile must be left.
class HiddenLevels {
 public:
  HiddenLevels();
  ~HiddenLevels();
  HiddenLevels(const HiddenLevels&) = delete;
  HiddenLevels& operator=(const HiddenLevels&) = delete;
  std::span<const Ref<Level>> hidden() const noexcept { return {levels_.begin(), levels_.size()}; }

 private:
  SmallVector<Ref<Level>, 8> levels_;
  LevelCeiling nothing_above_{0};
};

// The id that the next level will have, at the least.
uint64_t next_level_id() noexcept;

// Recording is switched per level: depths up to `disabled_through` record nothing, -1 disables
// none.
bool recording(uint64_t depth) noexcept;
int64_t disabled_through() noexcept;
// Returns the former value.
int64_t set_disabled_through(int64_t depth) noexcept;

class RecordingScope {
 public:
  static RecordingScope none();  // no_grad: everything up to the innermost level
  static RecordingScope all();   // enable_grad
  static RecordingScope
  at_innermost();  // what a functional grad needs, leaving outer levels as they are
  ~RecordingScope();
  RecordingScope(const RecordingScope&) = delete;
  RecordingScope& operator=(const RecordingScope&) = delete;

 private:
  explicit RecordingScope(int64_t depth) noexcept : former_(set_disabled_through(depth)) {}
  int64_t former_;
};

}  // namespace pyautograd
