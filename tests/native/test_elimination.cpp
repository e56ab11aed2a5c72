#include <gtest/gtest.h>

#include <complex>
#include <random>
#include <vector>

#include "sparse/elimination.h"

namespace pyautograd::sparse {
namespace {

using Dense = std::vector<std::vector<double>>;

// By Gauss-Jordan, of matrices with large diagonals.
Dense inverse_of(Dense a) {
  const size_t n = a.size();
  for (size_t p = 0; p < n; ++p) {
    const double r = 1 / a[p][p];
    a[p][p] = 1;
    for (double& x : a[p]) x *= r;
    for (size_t i = 0; i < n; ++i) {
      if (i == p) continue;
      const double f = a[i][p];
      a[i][p] = 0;
      for (size_t j = 0; j < n; ++j) a[i][j] -= f * a[p][j];
    }
  }
  return a;
}

struct Sparse {
  std::vector<int32_t> rows, columns;
  std::vector<double> values;
  Dense dense;
};

Sparse random_matrix(std::mt19937& random, int n, double density) {
  std::uniform_real_distribution<double> uniform(0, 1);
  Sparse a;
  a.dense.assign(n, std::vector<double>(n, 0));
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < n; ++j) {
      if (i != j && uniform(random) >= density) continue;
      a.dense[i][j] = uniform(random) + (i == j ? n : 0);
      a.rows.push_back(i);
      a.columns.push_back(j);
      a.values.push_back(a.dense[i][j]);
    }
  }
  return a;
}

TEST(Elimination, HasTheEntriesOfTheInverse) {
  std::mt19937 random(0);
  for (const int n : {1, 2, 7, 20}) {
    for (const double density : {0.0, 0.1, 0.5, 1.0}) {
      const Sparse a = random_matrix(random, n, density);
      const Elimination elimination(n, a.rows, a.columns);
      std::vector<double> found(a.values.size());
      elimination.inverse<double>(a.values.data(), {}, found.data());
      const Dense expected = inverse_of(a.dense);
      for (size_t e = 0; e < found.size(); ++e)
        EXPECT_NEAR(found[e], expected[a.columns[e]][a.rows[e]], 1e-14);
    }
  }
}

TEST(Elimination, FillsWhatIsBelowAnArrow) {
  std::vector<int32_t> rows, columns;
  const auto link = [&](int32_t i, int32_t j) {
    rows.push_back(i);
    columns.push_back(j);
  };
  for (int32_t i = 0; i < 6; ++i) link(i, i);
  for (int32_t i = 1; i < 6; ++i) link(i, 0);
  EXPECT_EQ(Elimination(6, rows, columns).below(), 15);
  for (size_t e = 0; e < rows.size(); ++e) {
    rows[e] = 5 - rows[e];
    columns[e] = 5 - columns[e];
  }
  EXPECT_EQ(Elimination(6, rows, columns).below(), 5);
}

// The inverse of (s + i) A in direction A is -1 / (s + i)^2 times that of A, and so on.
TEST(Elimination, HasDerivativesOfEveryOrderThatItSays) {
  std::mt19937 random(1);
  const Sparse a = random_matrix(random, 8, 0.2);
  const Elimination elimination(8, a.rows, a.columns);
  using Complex = std::complex<double>;
  const Complex s(0.8, 0.6);
  std::vector<Complex> values, direction, found(a.values.size());
  for (const double x : a.values) {
    values.push_back(s * x);
    direction.push_back(x);
  }
  const Dense inverse = inverse_of(a.dense);
  Complex factor = 1.0 / s;
  std::vector<const Complex*> along;
  for (size_t order = 0; order <= Elimination::kMostDirections; ++order) {
    elimination.inverse<Complex>(values.data(), along, found.data());
    for (size_t e = 0; e < found.size(); ++e) {
      const Complex expected = factor * inverse[a.columns[e]][a.rows[e]];
      EXPECT_NEAR(std::abs(found[e] - expected), 0, 1e-11);
    }
    factor *= -static_cast<double>(order + 1) / s;
    along.push_back(direction.data());
  }
  EXPECT_ANY_THROW(elimination.inverse<Complex>(values.data(), along, found.data()));
}

TEST(Elimination, RefusesWhatIsOutside) {
  const std::vector<int32_t> inside{0, 1}, outside{0, 2}, negative{0, -1}, one{0};
  EXPECT_ANY_THROW(Elimination(2, inside, outside));
  EXPECT_ANY_THROW(Elimination(2, negative, inside));
  EXPECT_ANY_THROW(Elimination(2, inside, one));
}

}  // namespace
}  // namespace pyautograd::sparse
