// Chooses, once, the widest instruction set that both the build and the processor have.

#include <array>

#include "core/error.h"
#include "kernels/cpu/loop_table.h"

namespace pyautograd::kernels {

// The build defines PYAUTOGRAD_WITH_... for each set of loop files it compiled.
namespace v2 {
void install(LoopTable& table);
}
namespace v3 {
void install(LoopTable& table);
}
namespace v4 {
void install(LoopTable& table);
}
namespace portable {
void install(LoopTable& table);
}

namespace {

LoopTable make_table() {
  LoopTable table{};
  install_common(table);
  auto take = [&](const char* name, void (*install)(LoopTable&)) {
    if (table.name != nullptr) return;
    table.name = name;
    install(table);
  };
#ifdef PYAUTOGRAD_WITH_v4
  if (__builtin_cpu_supports("x86-64-v4")) take("x86-64-v4", v4::install);
#endif
#ifdef PYAUTOGRAD_WITH_v3
  if (__builtin_cpu_supports("x86-64-v3")) take("x86-64-v3", v3::install);
#endif
#ifdef PYAUTOGRAD_WITH_v2
  if (__builtin_cpu_supports("x86-64-v2")) take("x86-64-v2", v2::install);
#endif
#ifdef PYAUTOGRAD_WITH_portable
  take("portable", portable::install);
#endif
  (void)take;
  if (table.name == nullptr)
    runtime_error("pyautograd was built for newer processors than this one");
  return table;
}

}  // namespace

const LoopTable& loops() {
  static const LoopTable table = make_table();
  return table;
}

std::string_view instruction_set() { return loops().name; }

Loop1 unary_loop(FnId fn, DType input) {
  return fn < kUnaryCount ? loops().unary[fn][int(input)] : nullptr;
}

Loop2 binary_loop(FnId fn, DType input) {
  unsigned index = unsigned(fn) - kUnaryCount;
  return index < unsigned(kBinaryCount) ? loops().binary[index][int(input)] : nullptr;
}

namespace {

template <class... F>
int index_in(List<F...>, FnId fn) {
  int index = 0;
  (void)(... || (fn_id<F>() == fn || (++index, false)));
  return index;
}

}  // namespace

Loop3 slope_loop(FnId fn, DType dtype) {
  const int index = index_in(Slopes{}, fn);
  return index < kSlopeCount ? loops().slope[index][int(dtype)] : nullptr;
}

NearLimit near_limit_loop(FnId slope, DType dtype) {
  const int index = index_in(Slopes{}, slope);
  return index < kSlopeCount ? loops().near_limit[index][int(dtype)] : nullptr;
}

Loop3 where_loop(int64_t itemsize) { return loops().where[size_class(itemsize)]; }

bool supports(FnId fn, DType input) {
  return unary_loop(fn, input) != nullptr || binary_loop(fn, input) != nullptr;
}

namespace {

template <class... F>
constexpr auto result_kinds(List<F...>) {
  return std::array<ResultKind, sizeof...(F)>{result_kind<F>...};
}

}  // namespace

DType result_dtype(FnId fn, DType input) {
  static constexpr auto kinds = result_kinds(Unary{} + Binary{});
  switch (kinds[fn]) {
    case ResultKind::Bool:
      return DType::Bool;
    case ResultKind::Real:
      return real_of(input);
    case ResultKind::Complex:
      return complex_of(input);
    case ResultKind::Same:
      break;
  }
  return input;
}

}  // namespace pyautograd::kernels
