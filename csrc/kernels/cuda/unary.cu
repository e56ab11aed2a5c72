#include <array>

#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/tables.h"

namespace pyautograd::kernels::cuda {

namespace {

using Run = bool (*)(const View& out, const View& x);

template <class F, class T>
bool run(const View& out, const View& x) {
  return run_map<Formula<F, T>, Result<F, T>, T>(out, x);
}

template <class F, class T>
constexpr Run pick() {
  if constexpr (accepts<F, T>())
    return &run<F, T>;
  else
    return nullptr;
}

template <class F, class... T>
constexpr std::array<Run, sizeof...(T)> by_dtype(List<T...>) {
  return {pick<F, T>()...};
}

template <class... F>
constexpr std::array<std::array<Run, AllTypes::size>, sizeof...(F)> by_functor(List<F...>) {
  return {by_dtype<F>(AllTypes{})...};
}

bool unary(FnId fn, const View& out, const View& x) {
  if (is_half(x.dtype)) return false;
  static constexpr auto table = by_functor(Unary{});
  const Run run = table[fn][static_cast<size_t>(x.dtype)];
  return run && run(out, x);
}

}  // namespace

void install_unary(DeviceKernels& table) { table.unary = &unary; }

}  // namespace pyautograd::kernels::cuda
