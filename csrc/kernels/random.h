#pragma once

// The door to the random kernels. Every draw is a function of a key, a block number and the
// element's index alone (kernels/scalar/philox.h), so it depends neither on threads nor on how work
// is cut, nor on the device. All but permutations serve every device (kernels/device.h).

#include <span>

#include "core/view.h"

namespace pyautograd::kernels {

struct RandomKey {
  uint64_t words[2];
  friend bool operator==(const RandomKey&, const RandomKey&) = default;
};

// A place in a random stream; as an array, uint64 words: those of the key, then the block.
struct RandomPlace {
  RandomKey key;
  uint64_t block;
};
inline constexpr int64_t kPlaceWords = 3;
void write_place(const View& out, const RandomPlace& place);

// Base draws, which take no parameter. Word i of the stream makes element i.
enum class BaseDraw : uint8_t { Words, Uniform, Normal, Exponential };
inline constexpr int kBaseDraws = 4;
// How many blocks of four words n elements use up: float32 uniforms take half a word each.
int64_t base_draw_blocks(BaseDraw kind, DType dtype, int64_t n);
// out is contiguous: uint64 for Words, float32 or float64 otherwise.
// `found` is empty, or the words of a place, on the device of out: it starts so many blocks behind
// that one then.
void base_draw(BaseDraw kind, const View& out, const RandomPlace& from, const View& found);

// Draws with parameters; all inputs contiguous with as many elements as out, or one for all of
// them. Element i uses index[i] in the stream (int64). The kernel trusts its parameters: none is
// nan or out of range.
enum class ParameterDraw : uint8_t {
  LogGamma,  // float64 shape -> float64; a block per element
  Poisson,   // float64 mean -> int64; a block per element
  Binomial,  // float64 n, p -> int64; a block per element
  Integers,  // int64 low, high (inclusive; may be uint64 bits) -> int64; a word per element
};
int64_t parameter_draw_blocks(ParameterDraw kind, int64_t n);
void parameter_draw(ParameterDraw kind, const View& out, const RandomPlace& from, const View& found,
                    const View& index, std::span<const View> parameters);

// Rows of out (contiguous int64, 2-D) become permutations of 0, ..., n - 1: word r n + i of the
// stream places element i of row r. A call places elements [first, last) of every row, after those
// before them.
void permutations(const View& out, const RandomPlace& from, int64_t first, int64_t last);

// Of contiguous float64 arrays (kernels/scalar/gamma_slope.h); y may be empty for Lgamma.
void gamma_shape_slopes(const View& out, const View& a, const View& y, int order);
void log_gamma_slopes(const View& out, const View& a, int order);

}  // namespace pyautograd::kernels
