#include <algorithm>
#include <atomic>
#include <cstring>
#include <optional>

#include "core/array.h"
#include "kernels/cpu/loop_table.h"
#include "kernels/cpu/move.h"
#include "kernels/device.h"
#include "kernels/iterate.h"

namespace pyautograd::kernels {

namespace {

constexpr int64_t kTile = 512;
constexpr int64_t kShortRow = 32;

// How a loop over contiguous elements reaches an operand. One that repeats row by row, such as a
// bias, is packed once for all tiles.
enum class Access { Straight, Constant, Repeated, Packed };

template <size_t N>
class Elementwise {
 public:
  // Operand 0 is the output. `scalars` has bit i set if the loop reads operand i once when it is
  // constant.
  Elementwise(const std::array<const View*, N>& operands, unsigned scalars)
      : operands_(operands), nest_(operands[0]->shape, strides_of(operands)), scalars_(scalars) {
    for (size_t i = 0; i < N; ++i) {
      size_[i] = itemsize(operands[i]->dtype);
      bool constant = (scalars >> i & 1) && nest_.constant(i);
      bool repeated =
          i > 0 && nest_.count() > 0 && nest_.row() <= kTile / 4 && nest_.repeats_rows(i);
      access_[i] = constant          ? Access::Constant
                   : nest_.packed(i) ? Access::Straight
                   : repeated        ? Access::Repeated
                                     : Access::Packed;
      if (access_[i] == Access::Repeated) tile_ = kTile - kTile % nest_.row();
      if (access_[i] == Access::Packed) layouts_[i] = layout_of(i);
    }
  }

  // loop(pointers, n, bits of the constant operands)
  template <class Loop>
  void run(const Loop& loop) const {
    if (nest_.count() == 0) return;
    auto any = [&](Access a) {
      return std::find(access_.begin(), access_.end(), a) != access_.end();
    };
    bool straight = !any(Access::Packed) && !any(Access::Repeated);
    bool by_rows = any(Access::Packed) && nest_.row() >= kShortRow && rows_are_straight();
    parallel_for(nest_.count(), kGrain, [&](int64_t begin, int64_t end) {
      if (straight)
        run_straight(loop, begin, end);
      else if (by_rows)
        run_rows(loop, begin, end);
      else
        run_tiles(loop, begin, end);
    });
  }

 private:
  using Pointers = std::array<char*, N>;

  static std::array<std::span<const int64_t>, N> strides_of(
      const std::array<const View*, N>& operands) {
    std::array<std::span<const int64_t>, N> strides;
    for (size_t i = 0; i < N; ++i) strides[i] = operands[i]->strides;
    return strides;
  }
  char* at(size_t i, int64_t offset) const {
    return bytes_at(operands_[i]->data, offset * size_[i]);
  }

  bool rows_are_straight() const {
    for (size_t i = 0; i < N; ++i)
      if (nest_.stride(i) != 1 && !(nest_.stride(i) == 0 && scalars_ >> i & 1)) return false;
    return true;
  }

  template <class Loop>
  void run_straight(const Loop& loop, int64_t begin, int64_t end) const {
    Pointers pointers;
    unsigned constants = 0;
    for (size_t i = 0; i < N; ++i) {
      bool constant = access_[i] == Access::Constant;
      pointers[i] = at(i, constant ? 0 : begin);
      constants |= unsigned(constant) << i;
    }
    loop(pointers, end - begin, constants);
  }

  template <class Loop>
  void run_rows(const Loop& loop, int64_t begin, int64_t end) const {
    unsigned constants = 0;
    for (size_t i = 0; i < N; ++i) constants |= unsigned(nest_.stride(i) == 0) << i;
    nest_.walk(begin, end, [&](const auto& offsets, int64_t n) {
      Pointers pointers;
      for (size_t i = 0; i < N; ++i) pointers[i] = at(i, offsets[i]);
      loop(pointers, n, constants);
    });
  }

  using Buffers = char[N][kTile * kMaxItemsize];

  template <class Loop>
  void run_tiles(const Loop& loop, int64_t begin, int64_t end) const {
    alignas(64) Buffers buffers;
    unsigned constants = 0;
    for (size_t i = 0; i < N; ++i) {
      if (access_[i] == Access::Repeated) fill_repeated(i, buffers[i], begin, end);
      constants |= unsigned(access_[i] == Access::Constant) << i;
    }
    for (; begin < end; begin += tile_) {
      const int64_t stop = std::min(end, begin + tile_);
      Pointers pointers;
      for (size_t i = 0; i < N; ++i) {
        const bool direct = access_[i] == Access::Straight || access_[i] == Access::Constant;
        pointers[i] = direct ? at(i, access_[i] == Access::Straight ? begin : 0) : buffers[i];
        if (i > 0 && access_[i] == Access::Packed) move_packed(i, begin, stop, buffers[i], true);
      }
      loop(pointers, stop - begin, constants);
      if (access_[0] == Access::Packed) move_packed(0, begin, stop, buffers[0], false);
    }
  }

  // A tile holds whole rows, so that every tile begins as far into a row as the first.
  void fill_repeated(size_t i, char* buffer, int64_t begin, int64_t end) const {
    const int64_t row = nest_.row(), stride = nest_.stride(i), from = begin % row;
    move_row(size_[i], buffer, 1, at(i, from * stride), stride, row - from);
    move_row(size_[i], buffer + (row - from) * size_[i], 1, at(i, 0), stride, from);
    const int64_t wanted = std::min(tile_, end - begin) * size_[i];
    for (int64_t filled = row * size_[i]; filled < wanted; filled *= 2)
      std::memcpy(buffer + filled, buffer, size_t(std::min(filled, wanted - filled)));
  }

  // By number and place in memory, or the other way round for the output. Fewer axes lie apart in
  // one operand than in all.
  Nest<2> layout_of(size_t i) const {
    Dims sizes, strides;
    for (size_t d = 0; d < nest_.rank(); ++d) {
      sizes.push_back(nest_.size(d));
      strides.push_back(nest_.stride(d, i));
    }
    const Dims numbers = contiguous_strides(sizes);
    if (i == 0) return Nest<2>(sizes, {strides, numbers}, Order::RowMajor);
    return Nest<2>(sizes, {numbers, strides}, Order::RowMajor);
  }

  // An input into its buffer, or the output out of it.
  void move_packed(size_t i, int64_t begin, int64_t end, char* buffer, bool input) const {
    visit_size(size_[i], [&](auto tag) {
      using T = typename decltype(tag)::type;
      T* packed = reinterpret_cast<T*>(buffer);
      T* data = static_cast<T*>(operands_[i]->data);
      if (input)
        move_elements(*layouts_[i], begin, end, packed, -begin, data, 0);
      else
        move_elements(*layouts_[i], begin, end, data, 0, packed, -begin);
    });
  }

  std::array<const View*, N> operands_;
  Nest<N> nest_;
  unsigned scalars_;
  int64_t tile_ = kTile;
  std::array<int64_t, N> size_;
  std::array<Access, N> access_;
  std::array<std::optional<Nest<2>>, N> layouts_;  // of what is packed, tile by tile
};

}  // namespace

void unary(FnId fn, const View& out, const View& x) {
  if (on_device(out)) return run_with_numbers(&DeviceKernels::unary, out.device, fn, out, x);
  Loop1 loop = unary_loop(fn, x.dtype);
  Elementwise<2>({&out, &x}, 0).run([&](const auto& p, int64_t n, unsigned) {
    loop(p[0], p[1], n);
  });
}

void binary(FnId fn, const View& out, const View& x, const View& y) {
  if (on_device(out)) return run_with_numbers(&DeviceKernels::binary, out.device, fn, out, x, y);
  Loop2 loop = binary_loop(fn, x.dtype);
  Elementwise<3>({&out, &x, &y}, 0b110).run([&](const auto& p, int64_t n, unsigned constants) {
    loop(p[0], p[1], p[2], n, constants & 2, constants & 4);
  });
}

void where(const View& out, const View& condition, const View& x, const View& y) {
  if (on_device(out))
    return run_with_numbers(&DeviceKernels::where, out.device, out, condition, x, y);
  const Loop3 loop = where_loop(itemsize(out.dtype));
  Elementwise<4>({&out, &condition, &x, &y}, 0b1100)
      .run([&](const auto& p, int64_t n, unsigned constants) {
        loop(p[0], p[1], p[2], p[3], n, constants & 4, constants & 8);
      });
}

// On a device an exponential takes no longer than one more number.
void scale_by_slope(FnId fn, const View& out, const View& x, const View& t, const View& y) {
  if (on_device(out)) return binary(fn, out, t, x);
  const Loop3 loop = slope_loop(fn, out.dtype);
  Elementwise<4>({&out, &x, &t, &y}, 0b1100).run([&](const auto& p, int64_t n, unsigned constants) {
    loop(p[0], p[1], p[2], p[3], n, constants & 4, constants & 8);
  });
}

bool any_near_limit(FnId fn, const View& y) {
  if (is_half(y.dtype) && !on_device(y)) {
    const Ref<Array> wide = Array::empty(Dims(y.shape), DType::Float32);
    copy(wide->view(), y);
    return any_near_limit(fn, wide->view());
  }
  const NearLimit test = near_limit_loop(fn, y.dtype);
  const Nest<1> nest(y.shape, {y.strides});
  if (on_device(y) || !test || !nest.packed(0)) return true;
  std::atomic<bool> found{false};
  parallel_for(nest.count(), kGrain, [&](int64_t begin, int64_t end) {
    if (test(bytes_at(y.data, begin * itemsize(y.dtype)), end - begin)) found.store(true);
  });
  return found.load();
}

}  // namespace pyautograd::kernels
