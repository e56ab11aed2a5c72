#include "kernels/scalar/random.h"

#include "kernels/cpu/loop_table.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

namespace {

constexpr int64_t kTile = 512;  // words
constexpr int kAtOnce = 2;      // blocks

// Words of n / 4 blocks; n is a multiple of 4.
void fill_words(uint64_t* out, const uint64_t* key, uint64_t block, int64_t n) {
  for (; n >= 4 * kAtOnce; n -= 4 * kAtOnce, out += 4 * kAtOnce) {
    PhiloxBlock c[kAtOnce];
    for (PhiloxBlock& counter : c) counter = {{++block, 0, 0, 0}};  // counts up first, as NumPy
    philox(c, key[0], key[1]);
    for (int i = 0; i < kAtOnce; ++i)
      for (int j = 0; j < 4; ++j) out[4 * i + j] = c[i].word[j];
  }
  for (; n > 0; n -= 4, out += 4) {
    const PhiloxBlock c = philox_block(key, block++);
    for (int j = 0; j < 4; ++j) out[j] = c.word[j];
  }
}

struct Identity {
  void operator()(uint64_t* out, const uint64_t* words, int64_t n) const {
    for (int64_t i = 0; i < n; ++i) out[i] = words[i];
  }
};

struct Uniform {
  void operator()(double* out, const uint64_t* words, int64_t n) const {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) out[i] = uniform_double(words[i]);
  }
  void operator()(float* out, const uint64_t* words, int64_t n) const {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i)
      out[i] = uniform_float(uint32_t(i & 1 ? words[i / 2] >> 32 : words[i / 2]));
  }
};

struct Exponential {
  template <class T>
  void operator()(T* out, const uint64_t* words, int64_t n) const {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) out[i] = T(exponential_variate(words[i]));
  }
};

// The central formula for every element, then the others gathered and done again.
struct Normal {
  template <class T>
  void operator()(T* out, const uint64_t* words, int64_t n) const {
    double central[kTile];
    uint64_t tail[kTile];
    int32_t place[kTile];
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) central[i] = normal_central(centered(words[i]));
    int tails = 0;
    for (int64_t i = 0; i < n; ++i) {
      tail[tails] = words[i];
      place[tails] = int32_t(i);
      tails += !(std::fabs(centered(words[i])) <= kCentral);
    }
    double radius[kTile], value[kTile];
#pragma GCC ivdep
    for (int i = 0; i < tails; ++i) {
      radius[i] = tail_radius(tail[i]);
      value[i] = normal_tail(radius[i]);
    }
    for (int i = 0; i < tails; ++i) {
      const double z = radius[i] <= 5 ? value[i] : normal_far_tail(radius[i]);
      central[place[i]] = upper_half(tail[i]) ? z : -z;
    }
    for (int64_t i = 0; i < n; ++i) out[i] = T(central[i]);
  }
};

template <class F, class T, int kPerWord>
void draw_loop(void* out, const uint64_t* key, uint64_t block, int64_t n) {
  uint64_t words[kTile];
  T* o = static_cast<T*>(out);
  constexpr int64_t kElements = kTile * kPerWord;
  for (int64_t begin = 0; begin < n; begin += kElements, block += kTile / 4) {
    const int64_t length = n - begin < kElements ? n - begin : kElements;
    const int64_t needed = (length + kPerWord - 1) / kPerWord;
    fill_words(words, key, block, (needed + 3) & -4);
    F()(o + begin, words, length);
  }
}

// What the squeeze accepts at the first attempt, nine of ten, in vectors; the rest one by one.
void log_gamma_loop(double* out, const double* shape, int64_t step, const uint64_t* key,
                    uint64_t block, int64_t n) {
  constexpr int64_t kEach = kTile / 4;
  for (int64_t begin = 0; begin < n; begin += kEach, block += kEach) {
    const int64_t length = n - begin < kEach ? n - begin : kEach;
    uint64_t words[kTile], first[kEach];
    double x[kEach], value[kEach];
    int64_t accepted[kEach];
    fill_words(words, key, block, 4 * length);
    for (int64_t i = 0; i < length; ++i) first[i] = words[4 * i];
    Normal()(x, first, length);
    const double* a = shape + begin * step;
    int64_t small = 0;
#pragma GCC ivdep
    for (int64_t i = 0; i < length; ++i) {
      const double shape_i = a[i * step];
      const GammaParts parts = gamma_parts(shape_i, x[i]);
      const double root = 1 + parts.t;
      const bool squeezed = gamma_squeeze(gamma_uniform(words[4 * i + 1]), x[i]);
      accepted[i] = (shape_i > 0) & (shape_i < 1e290) & (root > 0) & squeezed;
      value[i] = log_gamma_of(accepted[i] ? parts.d : 1, accepted[i] ? root : 1);
      small |= shape_i < 1;
    }
    if (small) {
#pragma GCC ivdep
      for (int64_t i = 0; i < length; ++i) {
        const double shape_i = a[i * step];
        const double boost = -exponential_variate(words[4 * i + 2]) / shape_i;
        value[i] += shape_i < 1 ? boost : 0;
      }
    }
    for (int64_t i = 0; i < length; ++i) {
      const Substream draw{key, block + uint64_t(i), words + 4 * i};
      out[begin + i] = accepted[i] ? value[i] : log_gamma_variate(draw, a[i * step]);
    }
  }
}

template <class F, class T, int kPerWord = 1>
void install_draw(LoopTable& table, BaseDraw kind) {
  table.base_draw[int(kind)][int(dtype_of<T>)] = draw_loop<F, T, kPerWord>;
}

}  // namespace

void install_random(LoopTable& table) {
  install_draw<Identity, uint64_t>(table, BaseDraw::Words);
  install_draw<Uniform, double>(table, BaseDraw::Uniform);
  install_draw<Uniform, float, 2>(table, BaseDraw::Uniform);
  install_draw<Normal, double>(table, BaseDraw::Normal);
  install_draw<Normal, float>(table, BaseDraw::Normal);
  install_draw<Exponential, double>(table, BaseDraw::Exponential);
  install_draw<Exponential, float>(table, BaseDraw::Exponential);
  table.log_gamma = log_gamma_loop;
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
