#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "core/array.h"
#include "kernels/small_program.h"

namespace pyautograd::kernels {
namespace {

using Operand = FusedProgram::Operand;
using Memory = FusedProgram::Memory;

constexpr size_t kPieceBytes = 4096;
constexpr uint32_t kGiven = 3, kResults = 12;

using Piece = std::vector<char>;

// Numbers and the edges between them.
Piece filled(std::mt19937& random) {
  const double edges[] = {0.0, -0.0, 1.0, -1.0, INFINITY, -INFINITY, 0.5, 2.0};
  std::normal_distribution<double> normal;
  Piece piece(kPieceBytes);
  for (size_t i = 0; i < kPieceBytes / 8; ++i) {
    const double x = random() % 4 == 0 ? edges[random() % std::size(edges)] : normal(random);
    std::memcpy(piece.data() + 8 * i, &x, 8);
  }
  return piece;
}

// The steps that one seed stands for, for whichever program takes them.
template <class Program>
void build(Program& program, int64_t count, uint32_t seed) {
  std::mt19937 random(seed);
  const auto pick = [&](size_t n) { return random() % n; };
  std::vector<Operand> rows, numbers, singles, truths;
  const auto place = [&]() {
    return Memory{static_cast<uint32_t>(pick(kGiven)), static_cast<int64_t>(8 * pick(64))};
  };
  for (int i = 0; i < 3; ++i) {
    rows.push_back(program.memory(place(), 8));
    numbers.push_back(program.number(place(), 8));
    const Dims shape{count}, strides{static_cast<int64_t>(pick(4))};
    rows.push_back(program.memory({place(), 8, shape, strides}));
    singles.push_back(program.memory({place(), 4, shape, strides}));
  }
  uint32_t results = 0;
  const auto out = [&]() -> std::optional<Memory> {
    if (results == kResults || pick(3) > 0) return std::nullopt;
    return Memory{kGiven + results++, static_cast<int64_t>(8 * pick(4))};
  };
  const auto any = [&](const std::vector<Operand>& from) { return from[pick(from.size())]; };
  const FnId unary[] = {fn_id<Negative>(),   fn_id<Absolute>(), fn_id<Square>(), fn_id<Sqrt>(),
                        fn_id<Reciprocal>(), fn_id<Sin>(),      fn_id<Exp>()};
  const FnId binary[] = {fn_id<Add>(),         fn_id<Subtract>(),     fn_id<Multiply>(),
                         fn_id<Divide>(),      fn_id<Maximum>(),      fn_id<Minimum>(),
                         fn_id<Scale>(),       fn_id<ScaleBoth>(),    fn_id<ScaleOver>(),
                         fn_id<ScaleTanh>(),   fn_id<ScaleSigmoid>(), fn_id<ScaleSqrt>(),
                         fn_id<ScaleSquare>(), fn_id<Power>(),        fn_id<Hypot>()};
  for (int i = 0; i < 150; ++i) {
    switch (pick(8)) {
      case 0: {
        const Operand x[] = {any(rows)};
        rows.push_back(
            program.step({unary_loop(unary[pick(std::size(unary))], DType::Float64)}, x, 8, out()));
        break;
      }
      case 1: {
        const Operand x[] = {any(rows), any(rows)};
        truths.push_back(
            program.step({nullptr, binary_loop(fn_id<Less>(), DType::Float64)}, x, 1, out()));
        break;
      }
      case 2: {
        if (truths.empty()) break;
        const Operand x[] = {any(truths), any(rows), pick(2) ? any(numbers) : any(rows)};
        rows.push_back(program.step({nullptr, nullptr, where_loop(8)}, x, 8, out()));
        break;
      }
      case 3: {
        const Operand x[] = {any(singles), any(singles)};
        singles.push_back(
            program.step({nullptr, binary_loop(fn_id<Multiply>(), DType::Float32)}, x, 4, out()));
        break;
      }
      case 4: {
        const int64_t first = static_cast<int64_t>(pick(static_cast<size_t>(count))),
                      step = 1 + static_cast<int64_t>(pick(2));
        const Dims shape{pick(4) == 0 ? 0 : (count - first + step - 1) / step}, places{step},
            strides{static_cast<int64_t>(pick(3))};
        rows.push_back(
            program.splice({first, places}, any(rows), {place(), 8, shape, strides}, out()));
        break;
      }
      default: {
        const size_t form = pick(4);
        const Operand x[] = {form == 1 || form == 3 ? any(numbers) : any(rows),
                             form >= 2 ? any(numbers) : any(rows)};
        rows.push_back(program.step(
            {nullptr, binary_loop(binary[pick(std::size(binary))], DType::Float64)}, x, 8, out()));
      }
    }
  }
  program.finish();
}

std::vector<Piece> results_of(const auto& program, std::vector<Piece> pieces) {
  std::vector<char*> memory;
  for (Piece& piece : pieces) memory.push_back(piece.data());
  program.run(memory);
  return pieces;
}

// Equal bits, but for the bits of a nan.
bool same(const Piece& a, const Piece& b) {
  for (size_t i = 0; i < kPieceBytes; i += 8) {
    double x, y;
    std::memcpy(&x, a.data() + i, 8);
    std::memcpy(&y, b.data() + i, 8);
    if (std::memcmp(&x, &y, 8) != 0 && (x == x || y == y)) return false;
  }
  return true;
}

TEST(SmallProgram, MakesWhatAFusedProgramMakes) {
  for (int64_t count = 1; count <= SmallProgram::kMostElements; ++count) {
    for (uint32_t seed = 0; seed < 60; ++seed) {
      std::mt19937 random(seed);
      std::vector<Piece> pieces;
      for (uint32_t i = 0; i < kGiven; ++i) pieces.push_back(filled(random));
      pieces.resize(kGiven + kResults, Piece(kPieceBytes, 'x'));
      FusedProgram fused(count);
      build(fused, count, seed);
      SmallProgram small(count);
      build(small, count, seed);
      const std::vector<Piece> want = results_of(fused, pieces), got = results_of(small, pieces);
      for (size_t i = 0; i < pieces.size(); ++i)
        ASSERT_TRUE(same(got[i], want[i])) << count << " " << seed << " " << i;
      ASSERT_NE(want[kGiven], pieces[kGiven]);
    }
  }
}

}  // namespace
}  // namespace pyautograd::kernels
