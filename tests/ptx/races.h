#pragma once

// Who touched a byte last. Two threads race when both touch it, one of them writes, and nothing
// orders them: no barrier of their block between, nor one of their warp.

#include <cstdint>

namespace ptx {

enum class Strength : uint8_t { Weak, Strong };  // Strong: volatile, relaxed, atomic
enum class Kind : uint8_t { Read, Write };

struct Access {
  uint32_t launch = 0;      // 0: nobody
  uint32_t thread = 0;      // of the launch
  uint32_t epoch = 0;       // how many barriers of blocks there were
  uint32_t warp_epoch = 0;  // and of the thread's warp
  Strength strength = Strength::Weak;
};

// All readers since the last write would be too many: two are kept, of which the later lanes are
// ordered after neither.
struct Shadow {
  Access written, read, other_read;
};

// Whether the former of the two comes before the latter. `per_block` threads make a block.
inline bool ordered(const Access& former, const Access& now, uint32_t per_block) {
  if (former.launch != now.launch || former.thread == now.thread) return true;
  if (former.thread / per_block != now.thread / per_block) return false;
  if (former.epoch != now.epoch) return true;
  const uint32_t lane = former.thread % per_block, mine = now.thread % per_block;
  return lane / 32 == mine / 32 && former.warp_epoch != now.warp_epoch;
}

inline bool races(const Access& former, const Access& now, uint32_t per_block) {
  const bool both_strong = former.strength == Strength::Strong && now.strength == Strength::Strong;
  return !both_strong && !ordered(former, now, per_block);
}

// Notes an access to a byte. The former one with which it races, or null. Those who write `the
// same` as is there do not race with each other.
inline const Access* touch(Shadow& byte, const Access& now, uint32_t per_block, Kind kind,
                           bool the_same = false) {
  static thread_local Access rival;
  const auto meets = [&](const Access& former) {
    if (!races(former, now, per_block)) return false;
    rival = former;
    return true;
  };
  bool found = !the_same && meets(byte.written);
  if (kind == Kind::Read) {
    if (!ordered(byte.read, now, per_block)) byte.other_read = byte.read;
    byte.read = now;
  } else {
    found = found || meets(byte.read) || meets(byte.other_read);
    byte.written = now;
  }
  return found ? &rival : nullptr;
}

}  // namespace ptx
