#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/small_vector.h"

namespace pyautograd {
namespace {

using Strings = SmallVector<std::string, 2>;

std::string text(int i) {
  return "a string too long to be stored in place, number " + std::to_string(i);
}

Strings make(int count) {
  Strings out;
  for (int i = 0; i < count; ++i) out.push_back(text(i));
  return out;
}

// Sizes on both sides of the inline capacity.
class SmallVectorOfSize : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Sizes, SmallVectorOfSize, testing::Values(0, 1, 2, 3, 4, 5, 9));

TEST_P(SmallVectorOfSize, KeepsWhatWasPushed) {
  Strings v = make(GetParam());
  ASSERT_EQ(v.size(), static_cast<size_t>(GetParam()));
  for (int i = 0; i < GetParam(); ++i) EXPECT_EQ(v[i], text(i));
}

TEST_P(SmallVectorOfSize, CopyIsIndependent) {
  Strings v = make(GetParam());
  Strings copy(v);
  EXPECT_EQ(copy, v);
  copy.push_back("more");
  EXPECT_EQ(v, make(GetParam()));
  v = copy;
  EXPECT_EQ(v, copy);
}

TEST_P(SmallVectorOfSize, MoveEmptiesTheSource) {
  Strings v = make(GetParam());
  Strings moved(std::move(v));
  EXPECT_TRUE(v.empty());
  EXPECT_EQ(moved, make(GetParam()));
  v = std::move(moved);
  EXPECT_EQ(v, make(GetParam()));
  moved = make(3);
  EXPECT_EQ(moved, make(3));
}

TEST_P(SmallVectorOfSize, AssigningToItselfChangesNothing) {
  Strings v = make(GetParam());
  Strings& same = v;
  v = same;
  EXPECT_EQ(v, make(GetParam()));
  v = std::move(same);
  EXPECT_EQ(v, make(GetParam()));
}

TEST_P(SmallVectorOfSize, InsertAndEraseAtEveryPosition) {
  for (int position = 0; position <= GetParam(); ++position) {
    Strings v = make(GetParam());
    std::vector<std::string> expected(v.begin(), v.end());
    v.insert(position, "new");
    expected.insert(expected.begin() + position, "new");
    EXPECT_TRUE(std::equal(v.begin(), v.end(), expected.begin(), expected.end()));
    v.erase(position);
    EXPECT_EQ(v, make(GetParam()));
  }
}

TEST_P(SmallVectorOfSize, ResizeGrowsWithTheValueAndShrinks) {
  Strings v = make(GetParam());
  v.resize(7, "filler");
  ASSERT_EQ(v.size(), 7u);
  for (int i = GetParam(); i < 7; ++i) EXPECT_EQ(v[i], "filler");
  v.resize(1);
  EXPECT_EQ(v.size(), 1u);
}

TEST(SmallVector, PushingAnElementOfItselfWhileGrowing) {
  Strings v = make(2);
  v.push_back(v[0]);
  v.push_back(v[1]);
  v.push_back(v[2]);
  EXPECT_EQ(v[2], text(0));
  EXPECT_EQ(v[3], text(1));
  EXPECT_EQ(v[4], text(0));
}

TEST(SmallVector, DestroysEveryElementOnce) {
  auto witness = std::make_shared<int>(1);
  {
    SmallVector<std::shared_ptr<int>, 2> v(5, witness);
    EXPECT_EQ(witness.use_count(), 6);
    v.erase(1);
    v.pop_back();
    EXPECT_EQ(witness.use_count(), 4);
    v.clear();
    EXPECT_EQ(witness.use_count(), 1);
    v.push_back(witness);
  }
  EXPECT_EQ(witness.use_count(), 1);
}

struct ThrowsOnThirdCopy {
  explicit ThrowsOnThirdCopy(std::shared_ptr<int> count) : count(std::move(count)) {}
  ThrowsOnThirdCopy(const ThrowsOnThirdCopy& other) : count(other.count) {
    if (++*count == 3) throw std::runtime_error("third copy");
  }
  ThrowsOnThirdCopy(ThrowsOnThirdCopy&&) noexcept = default;
  ThrowsOnThirdCopy& operator=(ThrowsOnThirdCopy&&) noexcept = default;
  std::shared_ptr<int> count;
};

TEST(SmallVector, AThrowingCopyLeaksNothing) {
  auto count = std::make_shared<int>(0);
  SmallVector<ThrowsOnThirdCopy, 1> source;
  for (int i = 0; i < 4; ++i) source.emplace_back(count);
  const long before = count.use_count();
  EXPECT_THROW((SmallVector<ThrowsOnThirdCopy, 1>(source)), std::runtime_error);
  EXPECT_EQ(count.use_count(), before);
}

TEST(SmallVector, HoldsTypesThatOnlyMove) {
  SmallVector<std::unique_ptr<int>, 1> v;
  for (int i = 0; i < 4; ++i) v.push_back(std::make_unique<int>(i));
  SmallVector<std::unique_ptr<int>, 1> moved(std::move(v));
  EXPECT_EQ(*moved.back(), 3);
}

TEST(SmallVector, IsASpan) {
  const Dims dims{2, 3, 4, 5, 6, 7};
  std::span<const int64_t> span = dims;
  EXPECT_EQ(std::accumulate(span.begin(), span.end(), int64_t{1}, std::multiplies<>()), 5040);
}

}  // namespace
}  // namespace pyautograd
