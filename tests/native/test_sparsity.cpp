#include <gtest/gtest.h>

#include "autograd/index_sets.h"
#include "autograd/sparsity.h"
#include "ops/ops.h"

namespace pyautograd {
namespace {

std::vector<int32_t> members(const IndexSets& sets, IndexSets::Id id) {
  const std::span<const int32_t> found = sets.of(id);
  return {found.begin(), found.end()};
}

TEST(IndexSets, AUnionIsSorted) {
  IndexSets sets(10);
  const IndexSets::Id a = sets.unite(sets.singleton(7), sets.singleton(2));
  const IndexSets::Id b = sets.unite(a, sets.singleton(4));
  EXPECT_EQ(members(sets, a), (std::vector<int32_t>{2, 7}));
  EXPECT_EQ(members(sets, b), (std::vector<int32_t>{2, 4, 7}));
}

TEST(IndexSets, AUnionThatAddsNothingIsOneOfItsParts) {
  IndexSets sets(3);
  const IndexSets::Id a = sets.singleton(0), b = sets.singleton(1);
  const IndexSets::Id both = sets.unite(a, b);
  EXPECT_EQ(sets.unite(both, a), both);
  EXPECT_EQ(sets.unite(b, both), both);
  EXPECT_EQ(sets.unite(IndexSets::kEmpty, a), a);
  EXPECT_EQ(sets.unite(a, IndexSets::kEmpty), a);
  const IndexSets::Id many[] = {a, both, b, IndexSets::kEmpty};
  EXPECT_EQ(sets.unite(many), both);
  EXPECT_EQ(sets.unite(std::span<const IndexSets::Id>()), IndexSets::kEmpty);
}

TEST(IndexSets, UnionsOfManyAgreeWithUnionsOfTwo) {
  for (const int64_t universe : {40, 4000}) {  // on both sides of the choice between two sorts
    IndexSets sets(universe);
    std::vector<IndexSets::Id> ids;
    IndexSets::Id folded = IndexSets::kEmpty;
    for (int64_t i = 0; i < 30; ++i) {
      ids.push_back(sets.singleton(i * 7 % universe));
      ids.push_back(ids.back());
      folded = sets.unite(folded, ids.back());
    }
    EXPECT_EQ(members(sets, sets.unite(ids)), members(sets, folded));
  }
}

Leaf leaf_of(int64_t n) { return make_leaf(ops::ones({n})); }

TEST(Sparsity, NeighboursInASlice) {
  const Leaf x = leaf_of(4);
  const ops::Slice front{{0}, {3}, {1}}, back{{1}, {3}, {1}};
  const Tensor y = ops::multiply(ops::slice(x.tensor, front), ops::slice(x.tensor, back));
  const Edge target = edge_of(x.tensor);
  const Pattern found = jacobian_pattern({&y, 1}, {&target, 1}).value();
  EXPECT_EQ(found.columns, 4);
  EXPECT_EQ(found.starts, (CachedVector<int32_t>{0, 2, 4, 6}));
  EXPECT_EQ(found.indices, (CachedVector<int32_t>{0, 1, 1, 2, 2, 3}));
  EXPECT_TRUE(found.dense_ops.empty());
  EXPECT_TRUE(jacobian_pattern({&y, 1}, {&target, 1}, 10));
  EXPECT_FALSE(jacobian_pattern({&y, 1}, {&target, 1}, 5));
}

TEST(Sparsity, SeveralInputsAreLaidEndToEnd) {
  const Leaf x = leaf_of(2), y = leaf_of(2);
  const Tensor out[] = {ops::add(x.tensor, y.tensor), ops::ones({1})};
  const Edge targets[] = {edge_of(y.tensor), edge_of(x.tensor)};
  const Pattern found = jacobian_pattern(out, targets).value();
  EXPECT_EQ(found.starts, (CachedVector<int32_t>{0, 2, 4, 4}));
  EXPECT_EQ(found.indices, (CachedVector<int32_t>{0, 2, 1, 3}));
}

TEST(Sparsity, DeepGraphsNeedNoStack) {
  const Leaf x = leaf_of(2);
  Tensor y = x.tensor;
  for (int i = 0; i < 200'000; ++i) y = ops::negative(y);
  const Edge target = edge_of(x.tensor);
  EXPECT_EQ(jacobian_pattern({&y, 1}, {&target, 1})->indices, (CachedVector<int32_t>{0, 1}));
}

}  // namespace
}  // namespace pyautograd
