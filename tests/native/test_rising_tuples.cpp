// Tuples of places in rising order, and all tuples of these.

#include <gtest/gtest.h>

#include <algorithm>

#include "ops/ops.h"
#include "ops/rising_tuples.h"

namespace pyautograd {
namespace {

TEST(RisingTuples, EveryTupleIsFoundByItsPlacesInAnyOrder) {
  for (int64_t n = 0; n <= 5; ++n) {
    for (size_t k = 0; k <= 3; ++k) {
      const ops::RisingTuples tuples(n, k, Device());
      ASSERT_EQ(tuples.places().size(), k + 1);
      Tensors all;
      for (const Tensor& places : tuples.places()) all.push_back(tuples.for_all(places));
      Dims shape(k + 1, n);
      ASSERT_EQ(all[0].shape(), shape);
      std::vector<int64_t> digits(k + 1, 0);
      for (int64_t flat = 0; flat < all[0].size(); ++flat) {
        int64_t rest = flat;
        for (int64_t& digit : digits) digit = rest % n, rest /= n;
        std::sort(digits.begin(), digits.end());
        for (size_t j = 0; j <= k; ++j) ASSERT_EQ(all[j].array().data<int64_t>()[flat], digits[j]);
      }
    }
  }
}

TEST(RisingTuples, SumsOverOrdersAreTheTransposedMap) {
  for (int64_t n = 1; n <= 4; ++n) {
    for (size_t k = 1; k <= 3; ++k) {
      const ops::RisingTuples tuples(n, k, Device());
      const int64_t count = tuples.places()[0].size();
      const Tensor sums = tuples.over_orders(ops::ones(Dims(k + 1, n)));
      ASSERT_EQ(sums.size(), count);
      for (int64_t i = 0; i < count; ++i) {
        std::vector<int64_t> tuple;
        for (const Tensor& places : tuples.places())
          tuple.push_back(places.array().data<int64_t>()[i]);
        ASSERT_TRUE(std::is_sorted(tuple.begin(), tuple.end()));
        double orders = 1;
        while (std::next_permutation(tuple.begin(), tuple.end())) ++orders;
        ASSERT_EQ(sums.array().data<double>()[i], orders);
      }
    }
  }
}

}  // namespace
}  // namespace pyautograd
