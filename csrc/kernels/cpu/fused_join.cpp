#include <array>
#include <optional>
#include <unordered_map>

#include "kernels/cpu/loop_table.h"
#include "kernels/fused.h"

namespace pyautograd::kernels {

namespace {

// An op that takes part in pairs.
struct Role {
  enum class Kind : uint8_t { None, Negative, Square, Binary } kind = Kind::None;
  uint8_t type = 0;   // of JoinedTypes
  uint8_t index = 0;  // of JoinedFormulas
  bool is(Kind wanted, uint8_t of_type) const { return kind == wanted && type == of_type; }
};

constexpr std::array kTypes{DType::Float32, DType::Float64};
static_assert(kTypes.size() == JoinedTypes::size);

template <class F>
constexpr uint8_t kIndex = index_of<F>(JoinedFormulas{});

template <class... F>
constexpr bool is_symmetric_among(List<F...>, uint8_t index) {
  return (... || (kIndex<F> == index && symmetric<F>));
}
constexpr bool is_symmetric(uint8_t index) { return is_symmetric_among(JoinedFormulas{}, index); }

class Roles {
 public:
  Roles() {
    for (uint8_t type = 0; type < kTypes.size(); ++type) add(type, JoinedFormulas{});
  }

  Role find(const void* loop) const {
    const auto found = known_.find(loop);
    return found == known_.end() ? Role{} : found->second;
  }

 private:
  template <class... F>
  void add(uint8_t type, List<F...>) {
    const DType dtype = kTypes[type];
    const auto note = [&](auto loop, Role formula) {
      known_.emplace(reinterpret_cast<const void*>(loop), formula);
    };
    note(unary_loop(fn_id<Negative>(), dtype), {Role::Kind::Negative, type});
    note(unary_loop(fn_id<Square>(), dtype), {Role::Kind::Square, type, kIndex<Multiply>});
    (note(binary_loop(fn_id<F>(), dtype), {Role::Kind::Binary, type, kIndex<F>}), ...);
  }

  std::unordered_map<const void*, Role> known_;
};

}  // namespace

class FusedProgram::Joining {
 public:
  explicit Joining(FusedProgram& program)
      : program_(program), actions_(program.actions_), gone_(actions_.size()) {
    count_readers();
    for (const Action& action : actions_) roles_.push_back(role_of(action));
  }

  // Negatives first: a sum of one is a difference, which joins other pairs.
  void run() {
    for (uint32_t i = 0; i < actions_.size(); ++i) each_side(i, &Joining::join_negative);
    for (uint32_t i = 0; i < actions_.size(); ++i) negate(i);
    for (uint32_t i = 0; i < actions_.size(); ++i) each_side(i, &Joining::join_pair);
    uint32_t i = 0;
    std::erase_if(actions_, [&](const Action&) { return gone_[i++]; });
  }

 private:
  using Kind = Role::Kind;

  void count_readers() {
    readers_.resize(program_.values_.size());
    makers_.assign(program_.values_.size(), kNone);
    for (uint32_t i = 0; i < actions_.size(); ++i) {
      makers_[actions_[i].out.base] = i;
      for (uint8_t k = 0; k < actions_[i].count; ++k) ++readers_[actions_[i].operands[k].base];
    }
  }

  static Role role_of(const Action& action) {
    static const Roles known;
    if (action.kind == Action::Kind::Unary)
      return known.find(reinterpret_cast<const void*>(action.unary));
    if (action.kind == Action::Kind::Binary)
      return known.find(reinterpret_cast<const void*>(action.binary));
    return {};
  }

  template <class Join>
  void each_side(uint32_t i, Join join) {
    for (uint8_t side = 0; side < 2; ++side)
      if (roles_[i].kind == Kind::Binary) (this->*join)(i, side);
  }

  // What makes an operand that nobody else reads, if it is of that kind.
  uint32_t maker(uint32_t i, uint8_t side, Kind kind) const {
    const Operand x = actions_[i].operands[side].base;
    const uint32_t found = makers_[x];
    const bool alone = found != kNone && readers_[x] == 1 && !program_.values_[x].memory;
    return alone && roles_[found].is(kind, roles_[i].type) ? found : kNone;
  }

  void join_negative(uint32_t i, uint8_t side) {
    const uint32_t inner = maker(i, side, Kind::Negative);
    if (inner == kNone) return;
    Role& role = roles_[i];
    const Address x = actions_[inner].operands[0], other = actions_[i].operands[1 - side];
    if (role.index == kIndex<Add>) {
      become<Subtract>(i, other, x);
    } else if (role.index == kIndex<Subtract> && side == 1) {
      become<Add>(i, other, x);
    } else {
      join(i, {.kind = Action::Kind::Binary, .binary = loops(i).of_negative[role.index][side]},
           {x, other});
    }
    remove(inner);
  }

  template <class F>
  void become(uint32_t i, Address x, Address y) {
    Action& action = actions_[i];
    action.binary = binary_loop(fn_id<F>(), kTypes[roles_[i].type]);
    action.operands = {x, y};
    roles_[i].index = kIndex<F>;
  }

  void negate(uint32_t i) {
    if (roles_[i].kind != Kind::Negative) return;
    const uint32_t inner = maker(i, 0, Kind::Binary);
    const auto read = inner == kNone ? std::nullopt : row_first(inner);
    if (!read) return;
    join(i, {.kind = Action::Kind::Binary, .binary = loops(i).negative[roles_[inner].index]},
         {(*read)[0], (*read)[1]});
    remove(inner);
  }

  void join_pair(uint32_t i, uint8_t side) {
    uint32_t inner = maker(i, side, Kind::Binary);
    if (inner == kNone) inner = maker(i, side, Kind::Square);
    const auto read = inner == kNone ? std::nullopt : row_first(inner);
    if (!read) return;
    const Loop3 loop = loops(i).pair[roles_[inner].index][roles_[i].index][side];
    if (!loop) return;
    join(i, {.kind = Action::Kind::Ternary, .ternary = loop},
         {(*read)[0], (*read)[1], actions_[i].operands[1 - side]});
    remove(inner);
  }

  // What an op reads, in an order in which the first is no number, if there is one.
  std::optional<std::array<Address, 2>> row_first(uint32_t i) const {
    const Address x = actions_[i].operands[0];
    const Address y = actions_[i].operands[roles_[i].kind == Kind::Square ? 0 : 1];
    if (!is_number(x)) return {{x, y}};
    if (is_symmetric(roles_[i].index) && !is_number(y)) return {{y, x}};
    return std::nullopt;
  }

  void remove(uint32_t i) {
    gone_[i] = true;
    roles_[i] = {};
  }

  const JoinedLoops& loops(uint32_t i) const { return kernels::loops().joined[roles_[i].type]; }

  void join(uint32_t i, Action joined, std::initializer_list<Address> operands) {
    joined.out = actions_[i].out;
    for (const Address& x : operands) joined.operands[joined.count++] = x;
    actions_[i] = joined;
    roles_[i].kind = Kind::None;
  }

  bool is_number(Address x) const { return program_.values_[x.base].kind == Value::Kind::Number; }

  FusedProgram& program_;
  std::vector<Action>& actions_;
  std::vector<bool> gone_;
  std::vector<Role> roles_;
  std::vector<uint32_t> readers_, makers_;
};

void FusedProgram::join_pairs() { Joining(*this).run(); }

}  // namespace pyautograd::kernels
