// Comparisons, selections and moves.

#include <cmath>

#include "fault.h"
#include "select.h"

namespace ptx {

namespace {

using All = Types<bool, uint16_t, uint32_t, uint64_t, int16_t, int32_t, int64_t, float, double>;

// setp. A comparison with a nan holds only of the unordered ones, whose names end with u, and ne
// of ordered numbers does not.
enum class Relation : uint8_t { Eq, Ne, Lt, Le, Gt, Ge, Num, Nan };
struct Comparison {
  Relation relation;
  bool unordered;
};
constexpr std::pair<std::string_view, Comparison> kComparisons[] = {
    {"eq", {Relation::Eq, false}}, {"ne", {Relation::Ne, false}},   {"lt", {Relation::Lt, false}},
    {"le", {Relation::Le, false}}, {"gt", {Relation::Gt, false}},   {"ge", {Relation::Ge, false}},
    {"lo", {Relation::Lt, false}}, {"ls", {Relation::Le, false}},   {"hi", {Relation::Gt, false}},
    {"hs", {Relation::Ge, false}}, {"equ", {Relation::Eq, true}},   {"neu", {Relation::Ne, true}},
    {"ltu", {Relation::Lt, true}}, {"leu", {Relation::Le, true}},   {"gtu", {Relation::Gt, true}},
    {"geu", {Relation::Ge, true}}, {"num", {Relation::Num, false}}, {"nan", {Relation::Nan, false}},
};

template <Relation relation, bool unordered, class T>
bool compare(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    const bool nan = std::isnan(a) || std::isnan(b);
    if constexpr (relation == Relation::Num) return !nan;
    if constexpr (relation == Relation::Nan) return nan;
    if (nan) return unordered;
  }
  switch (relation) {
    case Relation::Eq:
      return a == b;
    case Relation::Ne:
      return a != b;
    case Relation::Lt:
      return a < b;
    case Relation::Le:
      return a <= b;
    case Relation::Gt:
      return a > b;
    case Relation::Ge:
      return a >= b;
    default:
      return false;
  }
}

enum class Join : uint8_t { None, And, Or, Xor };

template <Relation relation, bool unordered, Join join, class T>
void set_predicate(Thread& t, const Instruction& i) {
  const size_t first = i.groups[0];
  const bool holds =
      compare<relation, unordered>(get<T>(t, i.operands[first]), get<T>(t, i.operands[first + 1]));
  const bool other = join != Join::None && get<bool>(t, i.operands[first + 2]);
  const auto joined = [&](bool value) {
    return join == Join::None  ? value
           : join == Join::And ? value && other
           : join == Join::Or  ? value || other
                               : value != other;
  };
  set(t, i.operands[0], joined(holds));
  if (first == 2) set(t, i.operands[1], joined(!holds));
}

template <class T, Relation relation, bool unordered>
Step joined_step(Join join) {
  switch (join) {
    case Join::And:
      return &set_predicate<relation, unordered, Join::And, T>;
    case Join::Or:
      return &set_predicate<relation, unordered, Join::Or, T>;
    case Join::Xor:
      return &set_predicate<relation, unordered, Join::Xor, T>;
    default:
      return &set_predicate<relation, unordered, Join::None, T>;
  }
}

template <class T, bool unordered>
Step comparison_step(Relation relation, Join join) {
  switch (relation) {
    case Relation::Eq:
      return joined_step<T, Relation::Eq, unordered>(join);
    case Relation::Ne:
      return joined_step<T, Relation::Ne, unordered>(join);
    case Relation::Lt:
      return joined_step<T, Relation::Lt, unordered>(join);
    case Relation::Le:
      return joined_step<T, Relation::Le, unordered>(join);
    case Relation::Gt:
      return joined_step<T, Relation::Gt, unordered>(join);
    case Relation::Ge:
      return joined_step<T, Relation::Ge, unordered>(join);
    case Relation::Num:
      return joined_step<T, Relation::Num, unordered>(join);
    default:
      return joined_step<T, Relation::Nan, unordered>(join);
  }
}

void decode_set_predicate(Modifiers& m, Instruction& i) {
  const std::string_view name = m.take_first();
  Join join = Join::None;
  if (m.take("and")) join = Join::And;
  if (m.take("or")) join = Join::Or;
  if (m.take("xor")) join = Join::Xor;
  const Type type = m.take_type();
  for (const auto& [known, comparison] : kComparisons) {
    if (known != name) continue;
    i.step = select(All{}, type, [&]<class T>() -> Step {
      if constexpr (std::is_floating_point_v<T>) {
        if (comparison.unordered) return comparison_step<T, true>(comparison.relation, join);
      } else if (comparison.unordered || comparison.relation >= Relation::Num) {
        return nullptr;
      }
      return comparison_step<T, false>(comparison.relation, join);
    });
  }
}

template <class T>
void choose(Thread& t, const Instruction& i) {
  set(t, i.operands[0], get<T>(t, i.operands[get<bool>(t, i.operands[3]) ? 1 : 2]));
}

// mov: of one number, of several packed into one, and back.

template <class T>
void move(Thread& t, const Instruction& i) {
  set(t, i.operands[0], get<T>(t, i.operands[1]));
}
template <class T>
void unpack(Thread& t, const Instruction& i) {
  const size_t count = i.groups[0];
  const uint64_t bits = value(t, i.operands[count]);
  const size_t width = 8 * sizeof(T) / count;
  for (size_t k = 0; k < count; ++k)
    set(t, i.operands[k], bits >> (k * width) & (~uint64_t{0} >> (64 - width)));
}
template <class T>
void pack(Thread& t, const Instruction& i) {
  const size_t count = i.groups[1];
  const size_t width = 8 * sizeof(T) / count;
  uint64_t bits = 0;
  for (size_t k = 0; k < count; ++k)
    bits |= (value(t, i.operands[1 + k]) & (~uint64_t{0} >> (64 - width))) << (k * width);
  set(t, i.operands[0], bits);
}

// Special registers.

using Special = uint32_t (*)(const Thread&);
constexpr std::pair<std::string_view, Special> kSpecial[] = {
    {"%tid.x", [](const Thread& t) { return t.id.x; }},
    {"%tid.y", [](const Thread& t) { return t.id.y; }},
    {"%tid.z", [](const Thread& t) { return t.id.z; }},
    {"%ntid.x", [](const Thread& t) { return t.block->launch.block.x; }},
    {"%ntid.y", [](const Thread& t) { return t.block->launch.block.y; }},
    {"%ntid.z", [](const Thread& t) { return t.block->launch.block.z; }},
    {"%ctaid.x", [](const Thread& t) { return t.block->place.x; }},
    {"%ctaid.y", [](const Thread& t) { return t.block->place.y; }},
    {"%ctaid.z", [](const Thread& t) { return t.block->place.z; }},
    {"%nctaid.x", [](const Thread& t) { return t.block->launch.grid.x; }},
    {"%nctaid.y", [](const Thread& t) { return t.block->launch.grid.y; }},
    {"%nctaid.z", [](const Thread& t) { return t.block->launch.grid.z; }},
    {"%laneid", [](const Thread& t) { return t.lane(); }},
    {"%warpid", [](const Thread& t) { return t.warp(); }},
    {"%lanemask_eq", [](const Thread& t) { return 1u << t.lane(); }},
    {"%lanemask_lt", [](const Thread& t) { return (1u << t.lane()) - 1; }},
    {"%lanemask_le", [](const Thread& t) { return ~0u >> (31 - t.lane()); }},
    {"%lanemask_gt", [](const Thread& t) { return ~(~0u >> (31 - t.lane())); }},
    {"%lanemask_ge", [](const Thread& t) { return ~((1u << t.lane()) - 1); }},
};

void move_special(Thread& t, const Instruction& i) {
  set(t, i.operands[0], kSpecial[i.operands[1].index].second(t));
}

void decode_move(Modifiers& m, Instruction& i) {
  const Type type = m.take_type();
  if (i.count == 2 && i.operands[1].kind == Operand::Kind::Special) {
    i.step = type == Type::U32 || type == Type::B32 ? &move_special : nullptr;
    return;
  }
  i.step = select(All{}, type, [&]<class T>() -> Step {
    if (i.groups[0] > 1) return &unpack<T>;
    if (i.groups[1] > 1) return &pack<T>;
    return &move<T>;
  });
}

}  // namespace

int special_register(std::string_view name) {
  for (int k = 0; k < static_cast<int>(std::size(kSpecial)); ++k)
    if (kSpecial[k].first == name) return k;
  return -1;
}

void add_moves(Decoders& decoders) {
  decoders["setp"] = &decode_set_predicate;
  decoders["mov"] = &decode_move;
  decoders["selp"] = [](Modifiers& m, Instruction& i) {
    i.step = select(All{}, m.take_type(), []<class T>() -> Step { return &choose<T>; });
  };
}

}  // namespace ptx
