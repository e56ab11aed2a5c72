#include <gtest/gtest.h>

#include <memory>

#include "autograd/drawn_streams.h"

namespace pyautograd {
namespace {

TEST(DrawnStreams, LetsGoOfWhatMadeTheWords) {
  auto kept = std::make_shared<int>(0);
  DrawnStreams streams([kept] { return Tensor(); });
  const auto source = make_ref<RandomSource>(RandomSource::Place{});
  ASSERT_NE(streams.of(source), nullptr);
  EXPECT_EQ(kept.use_count(), 2);
  streams.forget_words();
  EXPECT_EQ(kept.use_count(), 1);
  EXPECT_EQ(streams.all().size(), 1u);
}

}  // namespace
}  // namespace pyautograd
