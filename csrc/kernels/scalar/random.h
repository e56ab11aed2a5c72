#pragma once

// Random variates as functions of random words. The three base draws use nothing but the exactly
// rounded operations of IEEE arithmetic, and so give the same bits on every processor and device.

#include "kernels/scalar/normal.h"
#include "kernels/scalar/philox.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

// Words to numbers.

// The nearest double, as a cast gives it, by instructions that every vector unit has.
PYAUTOGRAD_HD inline double unsigned_to_double(uint64_t x) {
  const double high = __builtin_bit_cast(double, uint64_t{0x4330000000000000} | (x >> 32)) - 0x1p52;
  const double low =
      __builtin_bit_cast(double, uint64_t{0x4330000000000000} | (x & 0xFFFFFFFF)) - 0x1p52;
  return high * 0x1p32 + low;
}

// In [0, 1): multiples of 2**-53, or of 2**-24 of half a word.
PYAUTOGRAD_HD inline double uniform_double(uint64_t word) {
  return unsigned_to_double(word >> 11) * 0x1p-53;
}
PYAUTOGRAD_HD inline float uniform_float(uint32_t half) { return float(half >> 8) * 0x1p-24f; }

// A word stands for the point (word + 1/2) / 2**64 of (0, 1). Its distance from the nearer end is
// exact to the last place, so tails are as fine as floating point allows.
PYAUTOGRAD_HD inline bool upper_half(uint64_t word) { return word >> 63; }
PYAUTOGRAD_HD inline double end_distance(uint64_t word) {
  return (unsigned_to_double(upper_half(word) ? ~word : word) + 0.5) * 0x1p-64;
}

// Logarithm.

// log(m) + e log(2) for m = 1 + f between sqrt(1/2) and sqrt(2): 2 artanh(f / (2 + f)) as a series.
PYAUTOGRAD_HD inline double log_of_parts(double f, double e) {
  constexpr double kSeries[] = {1. / 3,  1. / 5,  1. / 7,  1. / 9,  1. / 11, 1. / 13,
                                1. / 15, 1. / 17, 1. / 19, 1. / 21, 1. / 23};
  const double s = f / (2 + f), z = s * s;
  const double tail = 2 * s * (z * polynomial(kSeries, z)) + e * 1.90821492927058770002e-10;
  return e * 6.93147180369123816490e-01 + (2 * s + tail);
}

struct LogParts {
  double f, e;
};
// x must be a positive normal number.
PYAUTOGRAD_HD inline LogParts log_parts(double x) {
  const uint64_t bits = __builtin_bit_cast(uint64_t, x);
  // The exponent as if significands began at sqrt(1/2).
  const uint64_t shifted = (bits - 0x3FE6A09E667F3BCD + (uint64_t{1024} << 52)) >> 52;
  const double m = __builtin_bit_cast(double, bits - ((shifted - 1024) << 52));
  const double e = __builtin_bit_cast(double, uint64_t{0x4330000000000000} | shifted) - 0x1p52;
  return {m - 1, e - 1024};
}
PYAUTOGRAD_HD inline double log_positive(double x) {
  const LogParts parts = log_parts(x);
  return log_of_parts(parts.f, parts.e);
}

// Exponential: -log(1 - u), exact near both ends.

PYAUTOGRAD_HD inline double exponential_variate(uint64_t word) {
  const bool upper = upper_half(word);
  const double v = end_distance(word);
  const LogParts parts = log_parts(upper ? v : 1 - v);
  // For small u the rounded 1 - u has lost the digits of u.
  const double f = !upper && parts.e == 0 ? -v : parts.f;
  return -log_of_parts(f, parts.e);
}

// Normal.

// A word as a point of (-1/2, 1/2); from there the words' order is that of the variates.
PYAUTOGRAD_HD inline double centered(uint64_t word) {
  const uint64_t steps = (upper_half(word) ? word : ~word) & (~uint64_t{0} >> 1);
  const double distance = (unsigned_to_double(steps) + 0.5) * 0x1p-64;
  return upper_half(word) ? distance : -distance;
}
// sqrt(-log(p)) where p is the word's distance from the nearer end.
PYAUTOGRAD_HD inline double tail_radius(uint64_t word) {
  return std::sqrt(-log_positive(end_distance(word)));
}

PYAUTOGRAD_HD inline double normal_variate(uint64_t word) {
  const double q = centered(word);
  if (std::fabs(q) <= kCentral) return normal_central(q);
  const double r = tail_radius(word), z = r <= 5 ? normal_tail(r) : normal_far_tail(r);
  return upper_half(word) ? z : -z;
}

// Variates that reject: each has blocks of its own, one for every attempt.

// The blocks of one element; the words of the first attempt may be at hand.
struct Substream {
  const uint64_t* key;
  uint64_t block;
  const uint64_t* first = nullptr;
  PYAUTOGRAD_HD PhiloxBlock operator()(uint64_t attempt) const {
    if (first && attempt == 0) return {{first[0], first[1], first[2], first[3]}};
    return philox_block(key, block, attempt);
  }
};

// log(1 + t) - t + t**2 / 2 - t**3 / 3.
PYAUTOGRAD_HD inline double log_rest(double t) {
  if (std::fabs(t) > 0.2) return log_positive(1 + t) - t * (1 - t * (1. / 2 - t / 3));
  double sum = 1. / 24;
  for (int k = 23; k >= 4; --k) sum = 1. / k - t * sum;
  return -t * t * t * t * sum;
}

// The steps of a gamma draw of shape a from a normal variate x and a uniform u.
struct GammaParts {
  double d, t;
};
PYAUTOGRAD_HD inline GammaParts gamma_parts(double a, double x) {
  const double d = (a < 1 ? a + 1 : a) - 1. / 3, c = 1 / (3 * std::sqrt(d));
  return {d, c * x};
}
PYAUTOGRAD_HD inline double gamma_uniform(uint64_t word) { return uniform_double(word) + 0x1p-54; }
PYAUTOGRAD_HD inline bool gamma_squeeze(double u, double x) {
  return u < 1 - 0.0331 * (x * x) * (x * x);
}
PYAUTOGRAD_HD inline double log_gamma_of(double d, double root) {
  return log_positive(d * (root * root * root));
}

// The logarithm of a gamma variate of shape a, which does not underflow for small a (G. Marsaglia
// and W. W. Tsang, A simple method for generating gamma variables, ACM TOMS 26, 2000; for a < 1
// with their relation between shapes a and a + 1). Accepts at least 95 of 100 attempts.
PYAUTOGRAD_HD inline double log_gamma_variate(const Substream& draw, double a) {
  if (!(a > 0)) return a == 0 ? -std::numeric_limits<double>::infinity() : a * NAN;
  if (!(a < 1e290)) return std::log(a);
  PhiloxBlock words = draw(0);
  const double boost = a < 1 ? -exponential_variate(words.word[2]) / a : 0;
  for (uint64_t attempt = 1;; ++attempt) {
    const double x = normal_variate(words.word[0]), u = gamma_uniform(words.word[1]);
    const auto [d, t] = gamma_parts(a, x);
    const double root = 1 + t;
    // After a squeeze, their x**2 / 2 + d - d v + d log(v) with v = (1 + t)**3, without its
    // cancellation.
    if (root > 0 && (gamma_squeeze(u, x) || log_positive(u) < 3 * d * log_rest(t)))
      return log_gamma_of(d, root) + boost;
    words = draw(attempt);
  }
}

// k log(k / mean) + mean - k without cancellation (C. Loader, Fast and accurate computation of
// binomial probabilities, 2000); k > 0.
PYAUTOGRAD_HD inline double deviance(double k, double mean) {
  const double difference = k - mean, v = difference / (k + mean);
  if (std::fabs(v) > 0.1) return k * log_positive(k / mean) - difference;
  double sum = 1. / 23;
  for (int j = 21; j > 1; j -= 2) sum = 1. / j + v * v * sum;
  return difference * v + 2 * k * v * v * v * sum;
}

// log(k!) - ((k + 1/2) log(k + 1) - (k + 1) + log(2 pi) / 2), the rest of Stirling's series.
PYAUTOGRAD_HD inline double stirling_rest(double k) {
  constexpr double kSmall[] = {0.08106146679532726, 0.04134069595540929, 0.02767792568499834,
                               0.02079067210376509, 0.01664469118982119, 0.01387612882307075,
                               0.01189670994589177, 0.01041126526197209, 0.009255462182712733,
                               0.008330563433362871};
  if (k < 10) return kSmall[int(k)];
  const double x = k + 1, r = 1 / (x * x);
  return (1. / 12 - r * (1. / 360 - r * (1. / 1260 - r / 1680))) / x;
}

// -log(k!) + k log(mean) - mean, but for a constant.
PYAUTOGRAD_HD inline double log_poisson(double k, double mean) {
  return 0.5 * log_positive(k + 1) - stirling_rest(k) - deviance(k + 1, mean);
}

// Both transformed rejections: a proposal k near `center` and the uniform to accept it with.
struct Proposal {
  double k, s, v;
};
PYAUTOGRAD_HD inline Proposal propose(const PhiloxBlock& words, double a, double b, double center) {
  const double u = centered(words.word[0]), s = end_distance(words.word[0]);
  return {std::floor((2 * a / s + b) * u + center), s, uniform_double(words.word[1]) + 0x1p-54};
}

// Inversion for small means; else W. Hormann, The transformed rejection method for generating
// Poisson random variables, Insurance: Mathematics and Economics 12, 1993 (algorithm PTRS).
PYAUTOGRAD_HD inline double poisson_variate(const Substream& draw, double mean) {
  if (mean < 10) {
    double p = std::exp(-mean), u = uniform_double(draw(0).word[0]), k = 0;
    for (; u >= p && k < 150; u -= p, p *= mean / k) ++k;
    return k;
  }
  const double b = 0.931 + 2.53 * std::sqrt(mean), a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), v_r = 0.9277 - 3.6224 / (b - 2);
  const double constant = -log_positive(mean) - 0.91893853320467274178;  // -log(sqrt(2 pi))
  for (uint64_t attempt = 0;; ++attempt) {
    const auto [k, s, v] = propose(draw(attempt), a, b, mean + 0.43);
    if (s >= 0.07 && v <= v_r) return k;
    if (k < 0 || (s < 0.013 && v > s)) continue;
    if (log_positive(v * inverse_alpha / (a / (s * s) + b)) <= log_poisson(k, mean) + constant)
      return k;
  }
}

// p <= 1/2. Inversion for small means; else W. Hormann, The generation of binomial random variates,
// Journal of Statistical Computation and Simulation 46, 1993 (algorithm BTRS).
PYAUTOGRAD_HD inline double binomial_half(const Substream& draw, double n, double p) {
  if (n * p < 10) {
    const double odds = p / (1 - p);
    double mass = std::exp(n * std::log1p(-p)), u = uniform_double(draw(0).word[0]), k = 0;
    for (; u >= mass && k < n && k < 150; u -= mass, mass *= odds * ((n - k + 1) / k)) ++k;
    return k;
  }
  const double mean = n * p, rest = n * (1 - p), deviation = std::sqrt(mean * (1 - p));
  const double b = 1.15 + 2.53 * deviation, a = -0.0873 + 0.0248 * b + 0.01 * p;
  const double alpha = (2.83 + 5.1 / b) * deviation, v_r = 0.92 - 4.2 / b;
  const double m = std::floor((n + 1) * p), mode = log_poisson(m, mean) + log_poisson(n - m, rest);
  for (uint64_t attempt = 0;; ++attempt) {
    const auto [k, s, v] = propose(draw(attempt), a, b, mean + 0.5);
    if (k < 0 || k > n) continue;
    if (s >= 0.07 && v <= v_r) return k;
    if (log_positive(v * alpha / (a / (s * s) + b)) <=
        log_poisson(k, mean) + log_poisson(n - k, rest) - mode)
      return k;
  }
}
PYAUTOGRAD_HD inline double binomial_variate(const Substream& draw, double n, double p) {
  return p <= 0.5 ? binomial_half(draw, n, p) : n - binomial_half(draw, n, 1 - p);
}

// A number below `count` (0: any word), each as likely as the other (D. Lemire, Fast random integer
// generation in an interval, ACM TOMS 2019). Word `lane` of each of the blocks is this element's.
PYAUTOGRAD_HD inline uint64_t bounded(const Substream& draw, int lane, uint64_t word,
                                      uint64_t count) {
  if (count == 0) return word;
  if (word * count < count) {
    const uint64_t unfair = -count % count;
    for (uint64_t attempt = 1; word * count < unfair; ++attempt) word = draw(attempt).word[lane];
  }
  return multiply_high(word, count);
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
