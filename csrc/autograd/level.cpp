#include "autograd/level.h"

#include <algorithm>
#include <utility>

#include "core/per_thread.h"

namespace pyautograd {

namespace {

std::atomic<uint64_t> next_id{1};

struct ThreadState {
  SmallVector<Ref<Level>, 8> levels;
  int64_t disabled_through = -1;
  // Of the first `under_ceiling` levels those deeper than `ceiling` are not innermost.
  size_t under_ceiling = 0;
  uint64_t ceiling = 0;
};

ThreadState& state() { return PerThread<ThreadState>::get(); }

int64_t innermost_depth() { return static_cast<int64_t>(depth_of(innermost_level())); }

}  // namespace

Level::Level(Kind kind, int64_t size, Randomness randomness, Ref<Level> directions) noexcept
    : id(next_id.fetch_add(1, std::memory_order_relaxed)),
      kind(kind),
      size(size),
      randomness(randomness),
      directions(std::move(directions)) {}

std::string_view Level::name() const noexcept {
  switch (kind) {
    case Kind::Jvp:
      return "jvp";
    case Kind::Vmap:
      return "vmap";
    case Kind::Taylor:
      break;
  }
  return "taylor";
}

std::string_view randomness_name(Randomness randomness) noexcept {
  static constexpr std::string_view names[] = {"error", "different", "same"};
  return names[static_cast<size_t>(randomness)];
}

Level* innermost_level() noexcept {
  const ThreadState& now = state();
  for (size_t i = now.levels.size(); i-- > 0;) {
    if (i >= now.under_ceiling || now.levels[i]->id <= now.ceiling) return now.levels[i].get();
  }
  return nullptr;
}

LevelCeiling::LevelCeiling(uint64_t depth) noexcept
    : former_count_(std::exchange(state().under_ceiling, state().levels.size())),
      former_depth_(std::exchange(state().ceiling, depth)) {}
LevelCeiling::~LevelCeiling() {
  state().under_ceiling = former_count_;
  state().ceiling = former_depth_;
}

std::span<const Ref<Level>> live_levels() noexcept {
  return {state().levels.begin(), state().levels.size()};
}

LevelScope::LevelScope(Level::Kind kind, int64_t size, Randomness randomness, Ref<Level> directions)
    : level_(make_ref<Level>(kind, size, randomness, std::move(directions))) {
  state().levels.push_back(level_);
}

LevelScope::~LevelScope() {
  level_->end();
  for (size_t i = state().levels.size(); i-- > 0;) {
    if (state().levels[i] == level_) {
      state().levels.erase(i);
      break;
    }
  }
}

HiddenLevels::HiddenLevels() : levels_(std::exchange(state().levels, {})) {}
HiddenLevels::~HiddenLevels() { state().levels = std::move(levels_); }

uint64_t next_level_id() noexcept { return next_id.load(std::memory_order_relaxed); }

bool recording(uint64_t depth) noexcept {
  return static_cast<int64_t>(depth) > state().disabled_through;
}

int64_t disabled_through() noexcept { return state().disabled_through; }

int64_t set_disabled_through(int64_t depth) noexcept {
  return std::exchange(state().disabled_through, depth);
}

RecordingScope RecordingScope::none() {
  return RecordingScope(std::max(state().disabled_through, innermost_depth()));
}
RecordingScope RecordingScope::all() { return RecordingScope(-1); }
RecordingScope RecordingScope::at_innermost() {
  return RecordingScope(std::min(state().disabled_through, innermost_depth() - 1));
}
RecordingScope::~RecordingScope() { set_disabled_through(former_); }

}  // namespace pyautograd
