#include <gtest/gtest.h>

#include "kernels/scalar/random.h"

namespace pyautograd::kernels {
namespace {

constexpr uint64_t kTop = ~uint64_t{0};

// The first known answers of Random123's kat_vectors for philox4x64-10.
TEST(Random, PhiloxGivesTheKnownAnswers) {
  PhiloxBlock c[2] = {{{0, 0, 0, 0}}, {{kTop, kTop, kTop, kTop}}};
  PhiloxBlock zero[1] = {c[0]}, ones[1] = {c[1]};
  philox(zero, 0, 0);
  philox(ones, kTop, kTop);
  const uint64_t zeros[] = {0x16554d9eca36314c, 0xdb20fe9d672d0fdc, 0xd7e772cee186176b,
                            0x7e68b68aec7ba23b};
  const uint64_t filled[] = {0x87b092c3013fe90b, 0x438c3c67be8d0224, 0x9cc7d7c69cd777b6,
                             0xa09caebf594f0ba0};
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(zero[0].word[i], zeros[i]);
    EXPECT_EQ(ones[0].word[i], filled[i]);
  }
  philox(c, 0, 0);  // blocks side by side do not disturb each other
  EXPECT_EQ(c[0].word[0], zeros[0]);
}

// Words so near to an end that no test could draw them. Quantiles to 20 digits by mpmath.
TEST(Random, TailsAreExact) {
  struct Case {
    uint64_t word;
    double normal, exponential;
  };
  const Case cases[] = {
      {0, 9.155293772686072546, 45.054566736396445112},
      {1, 9.0359188485719379718, 43.955954447728335421},
      {1000, 8.2951213354632988488, 37.453164401812711703},
      {1000000, 7.4302162586077264125, 30.545908497872350699},
      {uint64_t{1} << 27, 6.7523004308666885281, 25.646445676992686157},
      {uint64_t{1} << 30, 6.4439345264679282807, 23.567004138572479233},
  };
  for (const Case& c : cases) {
    EXPECT_NEAR(normal_variate(kTop - c.word), c.normal, 1e-15 * c.normal);
    EXPECT_EQ(normal_variate(c.word), -normal_variate(kTop - c.word));
    EXPECT_NEAR(exponential_variate(kTop - c.word), c.exponential, 3e-16 * c.exponential);
    EXPECT_NEAR(exponential_variate(c.word) * 0x1p65, 2. * double(c.word) + 1,
                1e-9 * (2. * double(c.word) + 1));
  }
}

TEST(Random, UniformsStayBelowOne) {
  EXPECT_EQ(uniform_double(kTop), 1 - 0x1p-53);
  EXPECT_EQ(uniform_float(~uint32_t{0}), 1 - 0x1p-24f);
  EXPECT_EQ(uniform_double(0), 0);
}

TEST(Random, ConversionRoundsAsACast) {
  for (uint64_t x : {uint64_t{0}, uint64_t{1} << 53, (uint64_t{1} << 53) + 1, kTop, kTop - 1024,
                     uint64_t{0x123456789ABCDEF0}, (uint64_t{1} << 63) - 512})
    EXPECT_EQ(unsigned_to_double(x), double(x));
}

}  // namespace
}  // namespace pyautograd::kernels
