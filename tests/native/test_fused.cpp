#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "core/array.h"
#include "kernels/fused.h"

namespace pyautograd::kernels {
namespace {

using Numbers = std::vector<double>;

// More than one range of parallel_for, and no whole number of tiles.
constexpr int64_t kCount = 100'003;

Numbers counted(int64_t n) {
  Numbers x(static_cast<size_t>(n));
  std::iota(x.begin(), x.end(), 1.0);
  return x;
}

ElementLoop loop_of(FnId fn) {
  return {unary_loop(fn, DType::Float64), binary_loop(fn, DType::Float64)};
}

void run(const FusedProgram& program, std::initializer_list<const double*> pieces) {
  std::vector<char*> memory;
  for (const double* piece : pieces)
    memory.push_back(reinterpret_cast<char*>(const_cast<double*>(piece)));
  program.run(memory);
}

TEST(Fused, StepsReadEachOther) {
  Numbers x = counted(kCount), y(x.size()), z(x.size());
  const double two = 2;
  FusedProgram program(kCount);
  const FusedProgram::Operand a = program.memory({0}, 8), b = program.number({1}, 8);
  const FusedProgram::Operand sum[] = {a, b};
  const FusedProgram::Operand shifted = program.step(loop_of(fn_id<Add>()), sum, 8, std::nullopt);
  const FusedProgram::Operand square =
      program.step(loop_of(fn_id<Square>()), {{shifted}}, 8, FusedProgram::Memory{2});
  const FusedProgram::Operand product[] = {square, shifted};
  program.step(loop_of(fn_id<Multiply>()), product, 8, FusedProgram::Memory{3});
  program.finish();
  run(program, {x.data(), &two, y.data(), z.data()});
  for (size_t i = 0; i < x.size(); ++i) {
    ASSERT_EQ(y[i], (x[i] + 2) * (x[i] + 2));
    ASSERT_EQ(z[i], y[i] * (x[i] + 2));
  }
}

void check_layouts(int64_t rows, int64_t columns) {
  Numbers x = counted(2 * rows * columns), y(static_cast<size_t>(rows * columns));
  const Dims shape{rows, columns};
  for (const Dims& strides : {Dims{columns, 1}, Dims{1, rows}, Dims{2 * columns, 2}, Dims{0, 1},
                              Dims{1, 0}, Dims{0, 0}, Dims{2 * columns, 1}}) {
    FusedProgram program(rows * columns);
    const FusedProgram::Operand a = program.memory({{0}, 8, shape, strides});
    program.step(loop_of(fn_id<Negative>()), {{a}}, 8, FusedProgram::Memory{1});
    program.finish();
    run(program, {x.data(), y.data()});
    for (int64_t i = 0; i < rows * columns; ++i) {
      const int64_t place = i / columns * strides[0] + i % columns * strides[1];
      ASSERT_EQ(y[static_cast<size_t>(i)], -x[static_cast<size_t>(place)]);
    }
  }
}

TEST(Fused, LayoutsArePacked) {
  check_layouts(301, 97);
  check_layouts(30'011, 3);
  check_layouts(3, 30'011);
}

// Every slice of a small array, repeated along the first axis until there are many tiles.
TEST(Fused, SplicesAreSlices) {
  const Dims shape{700, 5, 7};
  const Dims strides = contiguous_strides(shape);
  const Numbers x = counted(count_elements(shape));
  for (int64_t start : {0, 1, 3}) {
    for (int64_t step : {1, 2, 3}) {
      for (int64_t left : {0, 1, 2, 4}) {
        Dims size, places;
        int64_t first = 0;
        for (size_t d = 0; d < 3; ++d) {
          const int64_t stride = d == 1 ? 1 : step;
          size.push_back(std::max<int64_t>(0, (shape[d] - start - left + stride - 1) / stride));
          places.push_back(stride * strides[d]);
          first += start * strides[d];
        }
        Numbers value = counted(count_elements(size)), got(x.size()), want = x;
        for (double& v : value) v = -v;
        size_t next = 0;
        for (int64_t i = 0; i < size[0]; ++i)
          for (int64_t j = 0; j < size[1]; ++j)
            for (int64_t k = 0; k < size[2]; ++k)
              want[static_cast<size_t>(first + i * places[0] + j * places[1] + k * places[2])] =
                  value[next++];
        FusedProgram program(count_elements(shape));
        const FusedProgram::Operand a = program.memory({0}, 8);
        const Dims value_strides = contiguous_strides(size);
        program.splice({first, places}, a, {{1}, 8, size, value_strides}, FusedProgram::Memory{2});
        program.finish();
        run(program, {x.data(), value.data(), got.data()});
        ASSERT_EQ(got, want) << start << " " << step << " " << left;
      }
    }
  }
}

// One formula and another that reads it, on either side, among rows and numbers.
template <class T>
class Pair {
 public:
  Pair() {
    for (int k = 0; k < 3; ++k) {
      for (int64_t i = 0; i < kCount; ++i)
        given_[k].push_back(i % (5 + k) == 0 ? T(-0.0) : T(i % 89 - 40) / T(7 + k));
      given_[k][static_cast<size_t>(1 + k)] = std::numeric_limits<T>::infinity();
    }
  }

  // Bit k of `numbers`: input k is one.
  void check(FnId inner, FnId outer, int numbers, bool second) {
    const std::vector<T> want = run(inner, outer, numbers, second, true);
    const std::vector<T> got = run(inner, outer, numbers, second, false);
    for (size_t i = 0; i < want.size(); ++i) {
      const bool same = std::memcmp(&got[i], &want[i], sizeof(T)) == 0;
      ASSERT_TRUE(same || (std::isnan(got[i]) && std::isnan(want[i])))
          << inner << " " << outer << " " << numbers << " " << second << " " << i;
    }
  }

 private:
  static constexpr int64_t kSize = sizeof(T);

  static ElementLoop loop(FnId fn) {
    return {unary_loop(fn, dtype_of<T>), binary_loop(fn, dtype_of<T>)};
  }

  // What is kept stays between two loops.
  std::vector<T> run(FnId inner, FnId outer, int numbers, bool second, bool keep) {
    std::vector<T> result(kCount), between(kCount);
    FusedProgram program(kCount);
    const auto input = [&](uint32_t k) {
      return numbers >> k & 1 ? program.number({k}, kSize) : program.memory({k}, kSize);
    };
    SmallVector<FusedProgram::Operand, 3> read{input(0)};
    if (loop(inner).binary) read.push_back(input(1));
    const std::optional<FusedProgram::Memory> kept{{4}};
    read = {program.step(loop(inner), read, kSize, keep ? kept : std::nullopt)};
    if (loop(outer).binary) read.push_back(input(2));
    if (second && read.size() == 2) std::swap(read[0], read[1]);
    program.step(loop(outer), read, kSize, FusedProgram::Memory{3});
    program.finish();
    std::vector<char*> pieces;
    for (std::vector<T>* x : {&given_[0], &given_[1], &given_[2], &result, &between})
      pieces.push_back(reinterpret_cast<char*>(x->data()));
    program.run(pieces);
    return result;
  }

  std::array<std::vector<T>, 3> given_;
};

template <class T>
void check_pairs(std::span<const FnId> inner, std::span<const FnId> outer, int first_number) {
  Pair<T> pair;
  for (FnId f : inner)
    for (FnId g : outer)
      for (int numbers = 0; numbers < 8; numbers += 1 << first_number)
        for (bool second : {false, true}) pair.check(f, g, numbers, second);
}

TEST(Fused, PairsHaveTheBitsOfTwoOps) {
  const FnId binary[] = {fn_id<Add>(),   fn_id<Subtract>(),  fn_id<Multiply>(),
                         fn_id<Scale>(), fn_id<ScaleBoth>(), fn_id<ScaleSquare>()};
  const FnId unary[] = {fn_id<Negative>(), fn_id<Square>()};
  check_pairs<double>(binary, binary, 0);
  check_pairs<float>(binary, binary, 0);
  check_pairs<double>(binary, unary, 0);
  check_pairs<float>(binary, unary, 0);
  check_pairs<double>(unary, binary, 2);  // whose own input is no number
  check_pairs<float>(unary, binary, 2);
}

}  // namespace
}  // namespace pyautograd::kernels
