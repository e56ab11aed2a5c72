#include "kernels/cpu/loop_table.h"
#include "kernels/cpu/move.h"
#include "kernels/iterate.h"

namespace pyautograd::kernels {

namespace {

constexpr int64_t kTile = 512;
constexpr int64_t kShortRow = 32;

// How a loop over contiguous elements reaches an operand.
enum class Access { Straight, Constant, Packed };

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
      access_[i] = constant          ? Access::Constant
                   : nest_.packed(i) ? Access::Straight
                                     : Access::Packed;
    }
  }

  // loop(pointers, n, bits of the constant operands)
  template <class Loop>
  void run(const Loop& loop) const {
    if (nest_.count() == 0) return;
    bool straight =
        std::none_of(access_.begin(), access_.end(), [](Access a) { return a == Access::Packed; });
    bool by_rows = !straight && nest_.row() >= kShortRow && rows_are_straight();
    parallel_for(nest_.count(), kGrain, [&](int64_t begin, int64_t end) {
      if (straight)
        run_straight(loop, begin, end);
      else if (by_rows)
        run_rows(loop, begin, end);
      else
        for (int64_t b = begin; b < end; b += kTile) run_tile(loop, b, std::min(end, b + kTile));
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

  template <class Loop>
  void run_tile(const Loop& loop, int64_t begin, int64_t end) const {
    alignas(64) char buffers[N][kTile * kMaxItemsize];
    Pointers pointers;
    unsigned constants = 0;
    for (size_t i = 0; i < N; ++i) {
      pointers[i] = access_[i] == Access::Packed
                        ? buffers[i]
                        : at(i, access_[i] == Access::Straight ? begin : 0);
      constants |= unsigned(access_[i] == Access::Constant) << i;
    }
    move_packed(begin, end, buffers, true);
    loop(pointers, end - begin, constants);
    if (access_[0] == Access::Packed) move_packed(begin, end, buffers, false);
  }

  // Inputs into their buffers, or the output out of its buffer.
  void move_packed(int64_t begin, int64_t end, char (*buffers)[kTile * kMaxItemsize],
                   bool inputs) const {
    int64_t done = 0;
    nest_.walk(begin, end, [&](const auto& offsets, int64_t n) {
      for (size_t i = inputs ? 1 : 0; i < (inputs ? N : 1); ++i) {
        if (access_[i] != Access::Packed) continue;
        char* buffer = buffers[i] + done * size_[i];
        if (inputs)
          move_row(size_[i], buffer, 1, at(i, offsets[i]), nest_.stride(i), n);
        else
          move_row(size_[i], at(i, offsets[i]), nest_.stride(i), buffer, 1, n);
      }
      done += n;
    });
  }

  std::array<const View*, N> operands_;
  Nest<N> nest_;
  unsigned scalars_;
  std::array<int64_t, N> size_;
  std::array<Access, N> access_;
};

}  // namespace

void unary(FnId fn, const View& out, const View& x) {
  Loop1 loop = unary_loop(fn, x.dtype);
  Elementwise<2>({&out, &x}, 0).run([&](const auto& p, int64_t n, unsigned) {
    loop(p[0], p[1], n);
  });
}

void binary(FnId fn, const View& out, const View& x, const View& y) {
  Loop2 loop = binary_loop(fn, x.dtype);
  Elementwise<3>({&out, &x, &y}, 0b110).run([&](const auto& p, int64_t n, unsigned constants) {
    loop(p[0], p[1], p[2], n, constants & 2, constants & 4);
  });
}

void where(const View& out, const View& condition, const View& x, const View& y) {
  auto loop = loops().where[size_class(itemsize(out.dtype))];
  Elementwise<4>({&out, &condition, &x, &y}, 0b1100)
      .run([&](const auto& p, int64_t n, unsigned constants) {
        loop(p[0], reinterpret_cast<const bool*>(p[1]), p[2], p[3], n, constants & 4,
             constants & 8);
      });
}

}  // namespace pyautograd::kernels
