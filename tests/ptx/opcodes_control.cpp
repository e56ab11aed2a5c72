// Jumps, calls and the barrier of a block.

#include "fault.h"
#include "select.h"

namespace ptx {

namespace {

void jump(Thread& t, const Instruction& i) { t.pc = t.function->code.data() + i.target; }

void jump_by_table(Thread& t, const Instruction& i) {
  const auto& table = t.function->branch_tables[i.target];
  const auto which = get<uint32_t>(t, i.operands[0]);
  if (which >= table.size()) fault("a jump beyond its table: ", which);
  t.pc = t.function->code.data() + table[which];
}

void copy(Thread& t, uint32_t to, uint32_t from, uint32_t bytes) {
  std::byte* local = t.context->local.data();
  std::memcpy(local + to, local + from, bytes);
}

void enter(Thread& t, const Instruction& i) {
  const Call& call = t.function->calls[static_cast<size_t>(i.call)];
  const Function& callee = *call.callee;
  Context& context = *t.context;
  if (call.arguments.size() != callee.parameters.size() ||
      call.results.size() != callee.results.size())
    fault("a call with other arguments than those of ", callee.name);
  context.frames.push_back({t.function, t.pc, &call, t.base});
  const uint32_t base = t.at_local, first = t.at_register;
  if (base + callee.frame_bytes > kMostLocal) fault("the stack overflows");
  grow(context, base + callee.frame_bytes);
  for (size_t k = 0; k < call.arguments.size(); ++k)
    copy(t, base + callee.parameters[k].offset, t.base + call.arguments[k],
         callee.parameters[k].bytes);
  t.at_register += callee.registers;
  t.at_local += callee.frame_bytes;
  if (context.registers.size() < t.at_register)
    context.registers.resize(t.at_register, 0xA5A5A5A5A5A5A5A5);
  t.base = base;
  t.function = &callee;
  t.r = context.registers.data() + first;
  t.pc = callee.code.data();
}

void leave(Thread& t, const Instruction&) {
  Context& context = *t.context;
  if (context.frames.empty()) {
    t.state = State::Done;
    return;
  }
  const Frame frame = context.frames.back();
  context.frames.pop_back();
  const Function& callee = *t.function;
  for (size_t k = 0; k < callee.results.size(); ++k)
    copy(t, frame.base + frame.call->results[k], t.base + callee.results[k].offset,
         callee.results[k].bytes);
  t.at_register -= callee.registers;
  t.at_local -= callee.frame_bytes;
  t.base = frame.base;
  t.function = frame.function;
  t.r = context.registers.data() + (t.at_register - frame.function->registers);
  t.pc = frame.pc;
}

void end(Thread& t, const Instruction&) { t.state = State::Done; }
void trap(Thread&, const Instruction&) { fault("a trap"); }

void wait_for_block(Thread& t, const Instruction& i) {
  t.waits_at = &i;
  t.state = State::AtBarrier;
}

// bar.red: what the predicates of all threads make together.
template <class Fold>
void fold_predicates(Warp& all, uint32_t) {
  bool any = false, every = true;
  uint32_t count = 0;
  const auto waiting = [&](const auto& f) {
    for (Thread& t : all.block.threads)
      if (t.state == State::AtBarrier) f(t, *t.waits_at);
  };
  waiting([&](Thread& t, const Instruction& i) {
    const bool mine = get<bool>(t, i.operands[2]);
    any |= mine;
    every &= mine;
    count += mine;
  });
  waiting([&](Thread& t, const Instruction& i) { Fold{}(t, i, any, every, count); });
}
struct Any {
  void operator()(Thread& t, const Instruction& i, bool any, bool, uint32_t) const {
    set(t, i.operands[0], any);
  }
};
struct Every {
  void operator()(Thread& t, const Instruction& i, bool, bool every, uint32_t) const {
    set(t, i.operands[0], every);
  }
};
struct Count {
  void operator()(Thread& t, const Instruction& i, bool, bool, uint32_t count) const {
    set(t, i.operands[0], count);
  }
};

bool is_first_barrier(const Operand& operand) {
  return operand.kind == Operand::Kind::Constant && operand.value == 0;
}

// Barriers of a whole block; others, and those of some of its warps, are not needed so far.
void decode_barrier(Modifiers& m, Instruction& i) {
  m.take("cta");
  if (m.take("warp")) {
    if (!m.take("sync")) m.unknown();
    return decode_warp_barrier(i);
  }
  const bool reduces = m.take("red");
  if (!reduces && !m.take("sync")) m.unknown();
  m.take("aligned");
  if (i.count != (reduces ? 3 : 1) || !is_first_barrier(i.operands[reduces ? 1 : 0])) m.unknown();
  i.step = &wait_for_block;
  if (!reduces) return;
  if (m.take("or"))
    i.meeting = &fold_predicates<Any>;
  else if (m.take("and"))
    i.meeting = &fold_predicates<Every>;
  else if (m.take("popc"))
    i.meeting = &fold_predicates<Count>;
  else
    m.unknown();
  if (m.take_type() == (i.meeting == &fold_predicates<Count> ? Type::Pred : Type::U32)) m.unknown();
}

template <Step step>
void decode_plain(Modifiers& m, Instruction& i) {
  m.take("uni");
  i.step = step;
}

}  // namespace

void add_control(Decoders& decoders) {
  decoders["bra"] = &decode_plain<&jump>;
  decoders["call"] = &decode_plain<&enter>;
  decoders["ret"] = &decode_plain<&leave>;
  decoders["exit"] = &decode_plain<&end>;
  decoders["trap"] = &decode_plain<&trap>;
  decoders["bar"] = &decode_barrier;
  decoders["barrier"] = &decode_barrier;
  decoders["brx"] = [](Modifiers& m, Instruction& i) {
    if (!m.take("idx")) m.unknown();
    m.take("uni");
    i.step = &jump_by_table;
  };
}

}  // namespace ptx
