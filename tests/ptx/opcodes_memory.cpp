// Loads, stores and atomic operations.

#include <algorithm>

#include "fault.h"
#include "select.h"

namespace ptx {

namespace {

enum class Space { Generic, Global, Shared, Local, Param };

std::byte* local(Thread& t, uint64_t offset, uint32_t bytes) {
  if (offset + bytes > t.context->local.size()) fault("outside of local memory: ", offset);
  return t.context->local.data() + offset;
}

std::byte* parameter(Thread& t, uint64_t address, uint32_t bytes, bool writes) {
  if ((address & ~uint64_t{0xFFFFFFFF}) != kParamWindow) return local(t, address, bytes);
  const auto& parameters = t.block->launch.parameters;
  const uint64_t offset = address & 0xFFFFFFFF;
  if (writes) fault("writes a parameter of the kernel");
  if (offset + bytes > parameters.size()) fault("outside of the parameters: ", offset);
  return const_cast<std::byte*>(parameters.data()) + offset;
}

// Where the host finds what a thread touches. `written` is what it is about to write, or null.
std::byte* locate(Thread& t, Space space, uint64_t address, uint32_t bytes,
                  const std::byte* written, Strength strength) {
  if (address % bytes != 0) fault("misaligned: ", bytes, " bytes at ", address);
  if (space == Space::Generic) {
    switch (address >> 56) {
      case kSharedWindow >> 56:
        space = Space::Shared;
        break;
      case kLocalWindow >> 56:
        space = Space::Local;
        break;
      case kParamWindow >> 56:
        space = Space::Param;
        break;
      default:
        space = Space::Global;
    }
  }
  switch (space) {
    case Space::Shared:
      return t.block->shared(t, static_cast<uint32_t>(address), bytes, written, strength);
    case Space::Local:
      return local(t, address & 0xFFFFFFFF, bytes);
    case Space::Param:
      return parameter(t, address, bytes, written != nullptr);
    default:
      return t.block->global(t, address, bytes, written, strength);
  }
}

// Where an instruction reads or writes, which decides how it is compiled.
template <Space space, Strength strength, class T>
struct Place {
  static std::byte* find(Thread& t, const Operand& operand, const Instruction& i, uint32_t lanes,
                         const std::byte* written) {
    const uint64_t base = value(t, operand);
    return locate(t, space, base + static_cast<uint64_t>(i.offset), lanes * sizeof(T), written,
                  strength);
  }
  static void load(Thread& t, const Instruction& i) {
    const uint32_t lanes = i.groups[0];
    const std::byte* from = find(t, i.operands[lanes], i, lanes, nullptr);
    for (uint32_t k = 0; k < lanes; ++k) {
      T number;
      std::memcpy(&number, from + k * sizeof(T), sizeof(T));
      set(t, i.operands[k], number);
    }
  }
  static void store(Thread& t, const Instruction& i) {
    const uint32_t lanes = i.groups[1];
    std::byte written[4 * sizeof(T)];
    for (uint32_t k = 0; k < lanes; ++k) {
      const T number = get<T>(t, i.operands[1 + k]);
      std::memcpy(written + k * sizeof(T), &number, sizeof(T));
    }
    std::memcpy(find(t, i.operands[0], i, lanes, written), written, lanes * sizeof(T));
  }
};

// Orders of memory that count as strong: threads of one block run one at a time here, so each of
// them sees what the others have written.
bool take_strength(Modifiers& m) {
  bool strong = false;
  for (const std::string_view word : {"volatile", "relaxed", "acquire", "release", "acq_rel"})
    strong |= m.take(word);
  for (const std::string_view word : {"cta", "gpu", "sys"}) m.take(word);
  return strong;
}

// What says only how memory is cached.
void take_hints(Modifiers& m) {
  for (const std::string_view word :
       {"weak", "nc", "ca", "cg", "cs", "cv", "lu", "wb", "wt", "L1::no_allocate", "L1::evict_last",
        "L1::evict_first", "L2::128B", "L2::256B", "L2::64B"})
    m.take(word);
}

Space take_space(Modifiers& m) {
  if (m.take("global") || m.take("const")) return Space::Global;
  if (m.take("shared") || m.take("shared::cta")) return Space::Shared;
  if (m.take("local")) return Space::Local;
  if (m.take("param") || m.take("param::func") || m.take("param::entry")) return Space::Param;
  return Space::Generic;
}

using All =
    Types<uint8_t, uint16_t, uint32_t, uint64_t, int8_t, int16_t, int32_t, int64_t, float, double>;

template <Space space, Strength strength>
Step access_step(Type type, bool loads) {
  return select(All{}, type, [&]<class T>() -> Step {
    using Here = Place<space, strength, T>;
    return loads ? &Here::load : &Here::store;
  });
}
template <Strength strength>
Step access_step(Space space, Type type, bool loads) {
  switch (space) {
    case Space::Global:
      return access_step<Space::Global, strength>(type, loads);
    case Space::Shared:
      return access_step<Space::Shared, strength>(type, loads);
    case Space::Local:
      return access_step<Space::Local, strength>(type, loads);
    case Space::Param:
      return access_step<Space::Param, strength>(type, loads);
    default:
      return access_step<Space::Generic, strength>(type, loads);
  }
}

template <bool loads>
void decode_access(Modifiers& m, Instruction& i) {
  const bool strong = take_strength(m);
  take_hints(m);
  const Space space = take_space(m);
  const Type type = m.take_type();
  const size_t lanes = m.take("v4") ? 4 : m.take("v2") ? 2 : 1;
  if (i.groups[loads ? 0 : 1] != lanes) m.unknown();
  i.step = strong ? access_step<Strength::Strong>(space, type, loads)
                  : access_step<Strength::Weak>(space, type, loads);
}

// Atomic operations give what was there before.

struct Sum {
  template <class T>
  T operator()(T old, T x, T) const {
    if constexpr (std::is_floating_point_v<T>)
      return old + x;
    else
      return static_cast<T>(static_cast<uint64_t>(old) + static_cast<uint64_t>(x));
  }
};
struct Least {
  template <class T>
  T operator()(T old, T x, T) const {
    return std::min(old, x);
  }
};
struct Greatest {
  template <class T>
  T operator()(T old, T x, T) const {
    return std::max(old, x);
  }
};
struct Exchange {
  template <class T>
  T operator()(T, T x, T) const {
    return x;
  }
};
struct CompareAndSwap {
  template <class T>
  T operator()(T old, T expected, T x) const {
    return old == expected ? x : old;
  }
};
struct BitAnd {
  template <class T>
  T operator()(T old, T x, T) const {
    return static_cast<T>(old & x);
  }
};
struct BitOr {
  template <class T>
  T operator()(T old, T x, T) const {
    return static_cast<T>(old | x);
  }
};
struct BitXor {
  template <class T>
  T operator()(T old, T x, T) const {
    return static_cast<T>(old ^ x);
  }
};

template <Space space, class T, class F, bool returns>
void atomic(Thread& t, const Instruction& i) {
  constexpr size_t first = returns ? 1 : 0;
  const std::byte any[sizeof(T)] = {};  // what is written is not known yet
  std::byte* place = Place<space, Strength::Strong, T>::find(t, i.operands[first], i, 1, any);
  T old;
  std::memcpy(&old, place, sizeof(T));
  const T x = get<T>(t, i.operands[first + 1]);
  const T y = i.count > first + 2 ? get<T>(t, i.operands[first + 2]) : T{};
  const T now = F{}(old, x, y);
  std::memcpy(place, &now, sizeof(T));
  if constexpr (returns) set(t, i.operands[0], old);
}

template <bool returns, class F, class List>
Step atomic_step(Space space, Type type, List list) {
  return select(list, type, [&]<class T>() -> Step {
    switch (space) {
      case Space::Global:
        return &atomic<Space::Global, T, F, returns>;
      case Space::Shared:
        return &atomic<Space::Shared, T, F, returns>;
      case Space::Generic:
        return &atomic<Space::Generic, T, F, returns>;
      default:
        return nullptr;
    }
  });
}

template <bool returns>
void decode_atomic(Modifiers& m, Instruction& i) {
  take_strength(m);
  const Space space = take_space(m);
  const Type type = m.take_type();
  using Numbers = Types<uint32_t, uint64_t, int32_t, int64_t>;
  using Summable = Types<uint32_t, uint64_t, int32_t, int64_t, float, double>;
  using Words = Types<uint32_t, uint64_t>;
  if (m.take("add"))
    i.step = atomic_step<returns, Sum>(space, type, Summable{});
  else if (m.take("min"))
    i.step = atomic_step<returns, Least>(space, type, Numbers{});
  else if (m.take("max"))
    i.step = atomic_step<returns, Greatest>(space, type, Numbers{});
  else if (m.take("exch"))
    i.step = atomic_step<returns, Exchange>(space, type, Words{});
  else if (m.take("cas"))
    i.step = atomic_step<returns, CompareAndSwap>(space, type, Words{});
  else if (m.take("and"))
    i.step = atomic_step<returns, BitAnd>(space, type, Words{});
  else if (m.take("or"))
    i.step = atomic_step<returns, BitOr>(space, type, Words{});
  else if (m.take("xor"))
    i.step = atomic_step<returns, BitXor>(space, type, Words{});
}

// cvta: between a space and the generic one.

template <uint64_t window>
void to_generic(Thread& t, const Instruction& i) {
  set(t, i.operands[0], get<uint64_t>(t, i.operands[1]) | window);
}
template <uint64_t window>
void from_generic(Thread& t, const Instruction& i) {
  const auto address = get<uint64_t>(t, i.operands[1]);
  if (window != 0 && (address & window) != window) fault("not an address of that space");
  set(t, i.operands[0], address & ~window);
}

void decode_convert_address(Modifiers& m, Instruction& i) {
  const bool to = m.take("to");
  const Space space = take_space(m);
  if (m.take_type() != Type::U64) m.unknown();
  switch (space) {
    case Space::Global:
      i.step = to ? &from_generic<0> : &to_generic<0>;
      break;
    case Space::Shared:
      i.step = to ? &from_generic<kSharedWindow> : &to_generic<kSharedWindow>;
      break;
    case Space::Local:
      i.step = to ? &from_generic<kLocalWindow> : &to_generic<kLocalWindow>;
      break;
    case Space::Param:
      i.step = to ? &from_generic<0> : &to_generic<0>;  // marked from the start
      break;
    default:
      break;
  }
}

void nothing(Thread&, const Instruction&) {}
void fence(Thread& t, const Instruction&) { t.block->note_fence(); }

void decode_fence(Modifiers& m, Instruction& i) {
  const bool block_only = m.take("cta");
  for (const std::string_view word : {"gl", "sys", "gpu", "sc", "acq_rel"}) m.take(word);
  i.step = block_only ? &nothing : &fence;
}

}  // namespace

void add_memory(Decoders& decoders) {
  decoders["ld"] = &decode_access<true>;
  decoders["st"] = &decode_access<false>;
  decoders["atom"] = &decode_atomic<true>;
  decoders["red"] = &decode_atomic<false>;
  decoders["cvta"] = &decode_convert_address;
  decoders["membar"] = &decode_fence;
  decoders["fence"] = &decode_fence;
  decoders["ldu"] = &decode_access<true>;
  decoders["prefetch"] = [](Modifiers& m, Instruction& i) {
    m.take("global");
    for (const std::string_view level : {"L1", "L2"}) m.take(level);
    i.step = &nothing;
  };
}

}  // namespace ptx
