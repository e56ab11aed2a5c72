#pragma once

#include <algorithm>
#include <array>
#include <bit>

#include "core/strides.h"
#include "kernels/cuda/places.h"
#include "kernels/cuda/queue.h"
#include "kernels/device.h"
#include "kernels/visit_size.h"

namespace pyautograd::kernels::cuda {

// Of numbers one after the other, row-major.
inline Dims packed_strides(std::span<const int64_t> shape) {
  Dims strides(shape.size());
  int64_t step = 1;
  for (size_t d = shape.size(); d-- > 0; step *= shape[d]) strides[d] = step;
  return strides;
}

// Neighbours that one instruction loads; what carries several sums is none for one.
template <class T, int N>
struct alignas(std::has_single_bit(sizeof(T)) ? sizeof(T) * N : alignof(T)) Pack {
  T item[N];
};

// In one instruction: behind a long formula nvcc makes one of each item.
template <class T, int N>
PYAUTOGRAD_HD void store_pack(T* to, const Pack<T, N>& pack) {
#ifdef __CUDA_ARCH__
  if constexpr (sizeof(pack) == sizeof(uint4)) {
    __stcg(reinterpret_cast<uint4*>(to), std::bit_cast<uint4>(pack));
    return;
  }
#endif
  *reinterpret_cast<Pack<T, N>*>(to) = pack;
}

// Whether a pack of W may be loaded wherever an operand's elements begin.
template <int W, class T, int N>
bool begins_with_packs(const T* data, const Places<N>& places, int operand) {
  for (int d = 0; d < places.rank; ++d)
    if (places.strides[d][operand] % W != 0) return false;
  return reinterpret_cast<uintptr_t>(data) % sizeof(Pack<T, W>) == 0;
}

// An input of an elementwise kernel: an array, or one number, which may come from the host.
template <class T>
struct Operand {
  const T* data = nullptr;
  T value{};
  bool constant = false;

  // False for what cannot be one: an array of the host.
  static bool make(const View& x, Operand& out) {
    out.constant = shows_one_number(x.shape, x.strides);
    out.data = static_cast<const T*>(x.data);
    if (on_device(x)) return true;
    if (!out.constant) return false;
    out.value = *out.data;
    out.data = nullptr;
    return true;
  }
  PYAUTOGRAD_HD T at(int64_t offset) const { return data ? data[offset] : value; }
  // As many elements from the first on as there are, and something behind them.
  template <int N>
  PYAUTOGRAD_HD Pack<T, N> pack_at(int64_t first, int64_t there) const {
    Pack<T, N> pack{};
    if (constant) {
      const T all = at(0);
      for (int k = 0; k < N; ++k) pack.item[k] = all;
    } else if (there >= N) {
      pack = *reinterpret_cast<const Pack<T, N>*>(data + first);
    } else {
      for (int k = 0; k < N; ++k)
        if (k < there) pack.item[k] = data[first + k];
    }
    return pack;
  }
  template <int N>
  bool aligned() const {
    return constant || reinterpret_cast<uintptr_t>(data) % sizeof(Pack<T, N>) == 0;
  }
};

// The inputs that a functor of fewer arguments does not have.
struct Unused {};
template <>
struct Operand<Unused> {
  bool constant = true;
  PYAUTOGRAD_HD Unused at(int64_t) const { return {}; }
  template <int N>
  PYAUTOGRAD_HD Pack<Unused, N> pack_at(int64_t, int64_t) const {
    return {};
  }
  template <int N>
  bool aligned() const {
    return true;
  }
};

template <class F, class A, class B, class C>
PYAUTOGRAD_HD auto apply_functor(const F& f, A a, B b, C c) {
  if constexpr (std::is_same_v<B, Unused>)
    return f(a);
  else if constexpr (std::is_same_v<C, Unused>)
    return f(a, b);
  else
    return f(a, b, c);
}

// out = f(a, b, c), element by element.
template <class F, class R, class A, class B = Unused, class C = Unused>
struct Map {
  R* out;
  int64_t n;
  Operand<A> a;
  Operand<B> b;
  Operand<C> c;

  PYAUTOGRAD_HD static R value(A x, B y, C z) {
    return static_cast<R>(apply_functor(F(), x, y, z));
  }
};

// The largest pack of any operand is 16 bytes.
template <class... T>
inline constexpr int pack_width = std::max(1, 16 / static_cast<int>(std::max({sizeof(T)...})));

// All operands lie packed one element after the other, or are constant; item i is a pack.
template <class F, class R, class A, class B, class C>
struct PackedMap {
  static constexpr int kWidth = pack_width<R, A, B, C>;
  Map<F, R, A, B, C> map;

  PYAUTOGRAD_HD void operator()(int64_t i) const {
    const int64_t first = i * kWidth, there = map.n - first;
    const auto a = map.a.template pack_at<kWidth>(first, there);
    const auto b = map.b.template pack_at<kWidth>(first, there);
    const auto c = map.c.template pack_at<kWidth>(first, there);
    Pack<R, kWidth> out;
    for (int k = 0; k < kWidth; ++k) out.item[k] = map.value(a.item[k], b.item[k], c.item[k]);
    if (there >= kWidth) {
      *reinterpret_cast<Pack<R, kWidth>*>(map.out + first) = out;
    } else {
      for (int k = 0; k < kWidth; ++k)
        if (k < there) map.out[first + k] = out.item[k];
    }
  }
};

template <class F, class R, class A, class B, class C>
struct StridedMap {
  static constexpr int kOperands =
      2 + int{!std::is_same_v<B, Unused>} + int{!std::is_same_v<C, Unused>};
  Map<F, R, A, B, C> map;
  Places<kOperands> places;

  PYAUTOGRAD_HD void operator()(int64_t i) const {
    const auto p = places(i);
    // What is unused reads nothing, whatever its offset.
    map.out[p.of[0]] = map.value(map.a.at(p.of[1]), map.b.at(p.of[kOperands > 2 ? 2 : 0]),
                                 map.c.at(p.of[kOperands > 3 ? 3 : 0]));
  }
};

// The loops over the output and the inputs that there are.
template <size_t N>
Nest<N> make_nest(const View& out, const std::array<const View*, 3>& inputs) {
  std::array<std::span<const int64_t>, N> strides{out.strides};
  for (size_t k = 1; k < N; ++k) strides[k] = inputs[k - 1]->strides;
  return Nest<N>(out.shape, strides);
}

// Formulas of complex numbers are too long to gain from packs: one kernel of them is enough.
// Operand 0 is the output; absent inputs are null. False where an operand cannot be one.
template <class F, class R, class A, class B = Unused, class C = Unused>
bool run_map(const View& out, const View& a, const View* b = nullptr, const View* c = nullptr) {
  constexpr size_t kOperands = StridedMap<F, R, A, B, C>::kOperands;
  const auto nest = make_nest<kOperands>(out, {&a, b, c});
  if (nest.count() == 0) return true;  // and no number of an operand can be looked at
  Map<F, R, A, B, C> map{static_cast<R*>(out.data), nest.count(), {}, {}, {}};
  if (!Operand<A>::make(a, map.a)) return false;
  if constexpr (!std::is_same_v<B, Unused>) {
    if (!Operand<B>::make(*b, map.b)) return false;
  }
  if constexpr (!std::is_same_v<C, Unused>) {
    if (!Operand<C>::make(*c, map.c)) return false;
  }
  Queue queue(out.device);
  if constexpr (!is_complex_type<R> && !is_complex_type<A>) {
    constexpr int kWidth = pack_width<R, A, B, C>;
    const bool packed = nest.packed(0) && (map.a.constant || nest.packed(1)) &&
                        (map.b.constant || nest.packed(kOperands > 2 ? 2 : 0)) &&
                        (map.c.constant || nest.packed(kOperands > 3 ? 3 : 0)) &&
                        reinterpret_cast<uintptr_t>(out.data) % sizeof(Pack<R, kWidth>) == 0 &&
                        map.a.template aligned<kWidth>() && map.b.template aligned<kWidth>() &&
                        map.c.template aligned<kWidth>();
    if (packed) {
      queue.each((map.n + kWidth - 1) / kWidth, PackedMap<F, R, A, B, C>{map});
      return true;
    }
  }
  if (nest.rank() > kMaxRank) return false;
  queue.each(map.n, StridedMap<F, R, A, B, C>{map, Places<kOperands>(nest)});
  return true;
}

}  // namespace pyautograd::kernels::cuda
