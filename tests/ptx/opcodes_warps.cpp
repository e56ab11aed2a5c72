// What the lanes of a warp do together.

#include <algorithm>

#include "fault.h"
#include "select.h"

namespace ptx {

namespace {

// Waits for the lanes that an operand names, all of which must come to such an instruction.
template <size_t mask_from_end>
void wait_for_lanes(Thread& t, const Instruction& i) {
  t.lanes = get<uint32_t>(t, i.operands[i.count - mask_from_end]);
  if (!(t.lanes >> t.lane() & 1)) fault("a lane is not among those that it waits for");
  t.waits_at = &i;
  t.state = State::AtWarp;
}

template <class F>
void each_lane(Warp& warp, uint32_t lanes, const F& f) {
  for (uint32_t lane = 0; lane < 32; ++lane)
    if (lanes >> lane & 1) f(lane, warp.lane(lane), *warp.lane(lane).waits_at);
}

// Orders the whole warp, even where it is one of some lanes: nothing is reported that is no race.
void pass(Warp& warp, uint32_t) { warp.block.pass_warp_barrier(warp.number); }

// d|p = shfl(a, b, c): the value of another lane of a segment, p whether that is there.
enum class Shuffle { Up, Down, Butterfly, Index };
template <Shuffle shuffle>
void exchange(Warp& warp, uint32_t lanes) {
  uint32_t offered[32] = {};
  each_lane(warp, lanes, [&](uint32_t lane, Thread& t, const Instruction& i) {
    offered[lane] = get<uint32_t>(t, i.operands[i.groups[0]]);
  });
  each_lane(warp, lanes, [&](uint32_t lane, Thread& t, const Instruction& i) {
    const size_t first = i.groups[0];
    const uint32_t b = get<uint32_t>(t, i.operands[first + 1]) & 31;
    const uint32_t c = get<uint32_t>(t, i.operands[first + 2]);
    const uint32_t segment = c >> 8 & 31, clamp = c & 31;
    const uint32_t most = (lane & segment) | (clamp & ~segment);
    const uint32_t least = lane & segment;
    int from = 0;
    bool there = false;
    if constexpr (shuffle == Shuffle::Up) {
      from = static_cast<int>(lane) - static_cast<int>(b);
      there = from >= static_cast<int>(most);
    } else if constexpr (shuffle == Shuffle::Down) {
      from = static_cast<int>(lane + b);
      there = from <= static_cast<int>(most);
    } else if constexpr (shuffle == Shuffle::Butterfly) {
      from = static_cast<int>(lane ^ b);
      there = from <= static_cast<int>(most);
    } else {
      from = static_cast<int>(least | (b & ~segment));
      there = from <= static_cast<int>(most);
    }
    if (!there) from = static_cast<int>(lane);
    // Of a lane that does not take part anything might come.
    const bool offers = lanes >> from & 1;
    set(t, i.operands[0], offers ? offered[from] : 0xA5A5A5A5u);
    if (first == 2) set(t, i.operands[1], there);
  });
}

uint32_t ballot(Warp& warp, uint32_t lanes) {
  uint32_t out = 0;
  each_lane(warp, lanes, [&](uint32_t lane, Thread& t, const Instruction& i) {
    if (get<bool>(t, i.operands[1])) out |= 1u << lane;
  });
  return out;
}
enum class Vote { Any, All, Uniform, Ballot };
template <Vote vote>
void cast_votes(Warp& warp, uint32_t lanes) {
  const uint32_t found = ballot(warp, lanes);
  each_lane(warp, lanes, [&](uint32_t, Thread& t, const Instruction& i) {
    if constexpr (vote == Vote::Ballot)
      set(t, i.operands[0], found);
    else if constexpr (vote == Vote::Any)
      set(t, i.operands[0], found != 0);
    else if constexpr (vote == Vote::All)
      set(t, i.operands[0], found == lanes);
    else
      set(t, i.operands[0], found == lanes || found == 0);
  });
}

// The lanes that hold the same number.
template <class T>
void match_any(Warp& warp, uint32_t lanes) {
  T numbers[32] = {};
  each_lane(warp, lanes, [&](uint32_t lane, Thread& t, const Instruction& i) {
    numbers[lane] = get<T>(t, i.operands[1]);
  });
  each_lane(warp, lanes, [&](uint32_t lane, Thread& t, const Instruction& i) {
    uint32_t same = 0;
    for (uint32_t other = 0; other < 32; ++other)
      if ((lanes >> other & 1) && numbers[other] == numbers[lane]) same |= 1u << other;
    set(t, i.operands[0], same);
  });
}

// Threads of a warp need not run together: each finds itself alone.
void active_mask(Thread& t, const Instruction& i) { set(t, i.operands[0], 1u << t.lane()); }

void decode_shuffle(Modifiers& m, Instruction& i) {
  if (!m.take("sync")) m.unknown();
  i.step = &wait_for_lanes<1>;
  if (m.take("up"))
    i.meeting = &exchange<Shuffle::Up>;
  else if (m.take("down"))
    i.meeting = &exchange<Shuffle::Down>;
  else if (m.take("bfly"))
    i.meeting = &exchange<Shuffle::Butterfly>;
  else if (m.take("idx"))
    i.meeting = &exchange<Shuffle::Index>;
  else
    m.unknown();
  if (m.take_type() != Type::B32) m.unknown();
}

void decode_vote(Modifiers& m, Instruction& i) {
  if (!m.take("sync")) m.unknown();
  i.step = &wait_for_lanes<1>;
  if (m.take("ballot"))
    i.meeting = &cast_votes<Vote::Ballot>;
  else if (m.take("any"))
    i.meeting = &cast_votes<Vote::Any>;
  else if (m.take("all"))
    i.meeting = &cast_votes<Vote::All>;
  else if (m.take("uni"))
    i.meeting = &cast_votes<Vote::Uniform>;
  else
    m.unknown();
  const Type type = m.take_type();
  if (type != (i.meeting == &cast_votes<Vote::Ballot> ? Type::B32 : Type::Pred)) m.unknown();
}

void decode_match(Modifiers& m, Instruction& i) {
  if (!m.take("any") || !m.take("sync")) m.unknown();
  i.step = &wait_for_lanes<1>;
  i.meeting = m.take_type() == Type::B32 ? &match_any<uint32_t> : &match_any<uint64_t>;
}

}  // namespace

void decode_warp_barrier(Instruction& i) {
  i.step = &wait_for_lanes<1>;
  i.meeting = &pass;
}

void add_warps(Decoders& decoders) {
  decoders["shfl"] = &decode_shuffle;
  decoders["vote"] = &decode_vote;
  decoders["match"] = &decode_match;
  decoders["activemask"] = [](Modifiers& m, Instruction& i) {
    if (m.take_type() == Type::B32) i.step = &active_mask;
  };
}

}  // namespace ptx
