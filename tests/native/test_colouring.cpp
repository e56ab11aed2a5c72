#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <set>
#include <tuple>

#include "sparse/colouring.h"

namespace pyautograd::sparse {
namespace {

using Dense = std::vector<std::vector<double>>;

Rows rows_of(const Dense& a, int64_t columns) {
  Rows out{static_cast<int64_t>(a.size()), columns, {0}, {}};
  for (const std::vector<double>& row : a) {
    for (int32_t j = 0; j < columns; ++j) {
      if (row[j] != 0) out.indices.push_back(j);
    }
    out.starts.push_back(out.entries());
  }
  return out;
}

Dense random_matrix(std::mt19937& random, int rows, int columns, double density, bool symmetric) {
  std::uniform_real_distribution<double> uniform(0, 1);
  Dense a(rows, std::vector<double>(columns, 0));
  for (int i = 0; i < rows; ++i) {
    for (int j = symmetric ? i : 0; j < columns; ++j) {
      if (uniform(random) >= density) continue;
      a[i][j] = 1 + uniform(random);
      if (symmetric) a[j][i] = a[i][j];
    }
  }
  return a;
}

// A few dense rows and columns over a diagonal.
Dense arrow(int n, int heads) {
  Dense a(n, std::vector<double>(n, 0));
  for (int i = 0; i < n; ++i) {
    a[i][i] = i + 1;
    for (int k = 0; k < heads; ++k) a[k][i] = a[i][k] = i + k + 2;
  }
  return a;
}

// One row per colour: the sum of the rows of `a` that have it.
std::vector<double> compressed(const Dense& a, int64_t columns, const Colouring& colouring) {
  std::vector<double> out(colouring.count * columns, 0);
  for (size_t i = 0; i < a.size(); ++i) {
    if (colouring.colours[i] == kNone) continue;
    for (int64_t j = 0; j < columns; ++j) out[colouring.colours[i] * columns + j] += a[i][j];
  }
  return out;
}

Dense transpose(const Dense& a, int64_t columns) {
  Dense out(columns, std::vector<double>(a.size()));
  for (size_t i = 0; i < a.size(); ++i) {
    for (int64_t j = 0; j < columns; ++j) out[j][i] = a[i][j];
  }
  return out;
}

std::vector<double> entries_of(const Dense& a) {
  std::vector<double> out;
  for (const std::vector<double>& row : a) {
    for (double value : row) {
      if (value != 0) out.push_back(value);
    }
  }
  return out;
}

void expect_recovers(const Dense& a, int64_t columns, const Bicolouring& colouring) {
  const Rows pattern = rows_of(a, columns);
  std::vector<double> products = compressed(a, columns, colouring.rows);
  const Dense turned = transpose(a, columns);
  const std::vector<double> by_column =
      compressed(turned, static_cast<int64_t>(a.size()), colouring.columns);
  products.insert(products.end(), by_column.begin(), by_column.end());
  std::vector<double> found;
  for (int64_t source : recover_jacobian(pattern, colouring)) found.push_back(products.at(source));
  EXPECT_EQ(found, entries_of(a));  // read off, so to the bit
}

void expect_recovers(const Dense& a, const Colouring& colouring, const Recovery& recovery) {
  const int64_t n = static_cast<int64_t>(a.size());
  const std::vector<double> products = compressed(a, n, colouring);
  const std::vector<double> wanted = entries_of(a);
  std::vector<double> found(wanted.size(), 0), sums(recovery.sums, 0);
  for (size_t i = 0; i < recovery.entries.size(); ++i) {
    double value = products.at(recovery.sources[i]);
    if (!recovery.leaves.empty() && recovery.leaves[i] != kNone) {
      value -= sums.at(recovery.leaves[i]);
      sums.at(recovery.parents[i]) += value;
    }
    found.at(recovery.entries[i]) = found.at(recovery.mirrors[i]) = value;
  }
  ASSERT_EQ(found.size(), wanted.size());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 1e-9);
}

bool adjacent(const Dense& a, int v, int w) { return v != w && a[v][w] != 0; }

// By the definition: every path on four vertices has three colours.
bool is_star(const Dense& a, const std::vector<int32_t>& c) {
  const int n = static_cast<int>(a.size());
  for (int v = 0; v < n; ++v) {
    for (int w = 0; w < n; ++w) {
      if (!adjacent(a, v, w)) continue;
      if (c[v] == c[w]) return false;
      for (int x = 0; x < n; ++x) {
        if (!adjacent(a, w, x) || x == v || c[x] != c[v]) continue;
        for (int y = 0; y < n; ++y) {
          if (adjacent(a, x, y) && y != w && y != v && c[y] == c[w]) return false;
        }
      }
    }
  }
  return true;
}

// By the definition: the vertices of any two colours span a forest.
bool is_acyclic(const Dense& a, const Colouring& colouring) {
  const int n = static_cast<int>(a.size());
  for (int32_t p = 0; p < colouring.count; ++p) {
    for (int32_t q = p + 1; q < colouring.count; ++q) {
      std::vector<int> root(n);
      std::iota(root.begin(), root.end(), 0);
      const auto find = [&](int v) {
        while (root[v] != v) v = root[v];
        return v;
      };
      for (int v = 0; v < n; ++v) {
        for (int w = v + 1; w < n; ++w) {
          const std::set<int32_t> both{colouring.colours[v], colouring.colours[w]};
          if (!adjacent(a, v, w)) continue;
          if (both.size() == 1) return false;
          if (both != std::set<int32_t>{p, q}) continue;
          if (find(v) == find(w)) return false;
          root[find(v)] = find(w);
        }
      }
    }
  }
  return true;
}

class InOrder : public testing::TestWithParam<Order> {};
INSTANTIATE_TEST_SUITE_P(Orders, InOrder,
                         testing::Values(Order::Natural, Order::LargestFirst, Order::SmallestLast,
                                         Order::IncidenceDegree));

TEST_P(InOrder, JacobiansAreRecovered) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    const int rows = static_cast<int>(random() % 12), columns = static_cast<int>(random() % 12);
    const Dense a = random_matrix(random, rows, columns, (round % 10) / 10.0, false);
    const Rows pattern = rows_of(a, columns);
    Bicolouring by_column{{std::vector<int32_t>(rows, kNone), 0},
                          colour_columns(pattern, GetParam())};
    Bicolouring by_row{colour_columns(transposed(pattern), GetParam()),
                       {std::vector<int32_t>(columns, kNone), 0}};
    const Bicolouring both = colour_both(pattern, GetParam());
    expect_recovers(a, columns, by_column);
    expect_recovers(a, columns, by_row);
    expect_recovers(a, columns, both);
    EXPECT_LE(both.rows.count + both.columns.count,
              std::min(by_column.columns.count, by_row.rows.count));
  }
}

TEST_P(InOrder, HessiansAreRecovered) {
  std::mt19937 random(2);
  for (int round = 0; round < 300; ++round) {
    const int n = static_cast<int>(random() % 14);
    const Dense a = random_matrix(random, n, n, (round % 10) / 10.0, true);
    const Rows pattern = rows_of(a, n);
    const Colouring star = colour_star(pattern, GetParam());
    EXPECT_TRUE(is_star(a, star.colours));
    expect_recovers(a, star, recover_star(pattern, star));
    const Colouring acyclic = colour_acyclic(pattern, GetParam());
    EXPECT_TRUE(is_acyclic(a, acyclic));
    expect_recovers(a, acyclic, recover_acyclic(pattern, acyclic));
  }
}

TEST_P(InOrder, ArrowsTakeAHandfulOfColours) {
  const Dense a = arrow(40, 2);
  const Rows pattern = rows_of(a, 40);
  const Bicolouring both = colour_both(pattern, GetParam());
  EXPECT_LE(both.rows.count + both.columns.count, 6);
  expect_recovers(a, 40, both);
  EXPECT_LE(colour_star(pattern, GetParam()).count, 4);
  EXPECT_LE(colour_acyclic(pattern, GetParam()).count, 4);
}

TEST(Colouring, BandsTakeAsManyColoursAsTheyAreWide) {
  Dense a(50, std::vector<double>(50, 0));
  for (int i = 0; i < 50; ++i) {
    for (int j = std::max(0, i - 1); j < std::min(50, i + 2); ++j) a[i][j] = 1 + std::abs(i - j);
  }
  const Rows pattern = rows_of(a, 50);
  EXPECT_EQ(colour_columns(pattern, Order::Natural).count, 3);
  EXPECT_EQ(colour_star(pattern, Order::Natural).count, 3);
  EXPECT_EQ(colour_acyclic(pattern, Order::Natural).count, 2);
}

TEST(Colouring, MostlyFullPatternsAreRecoveredToo) {
  std::mt19937 random(4);
  const Dense a = random_matrix(random, 70, 70, 0.8, true);
  const Rows pattern = rows_of(a, 70);
  const Colouring star = colour_star(pattern, Order::Natural);
  EXPECT_EQ(star.count, 70);
  expect_recovers(a, star, recover_star(pattern, star));
  const Colouring acyclic = colour_acyclic(pattern, Order::Natural);
  expect_recovers(a, acyclic, recover_acyclic(pattern, acyclic));
}

TEST(Colouring, SymmetrisedIsTheUnionWithTheTranspose) {
  std::mt19937 random(3);
  Dense a = random_matrix(random, 9, 9, 0.3, false);
  const Rows made = symmetrised(rows_of(a, 9));
  const Dense turned = transpose(a, 9);
  for (int i = 0; i < 9; ++i) {
    for (int j = 0; j < 9; ++j) a[i][j] = a[i][j] != 0 || turned[i][j] != 0;
  }
  const Rows wanted = rows_of(a, 9);
  EXPECT_EQ(made.starts, wanted.starts);
  EXPECT_EQ(made.indices, wanted.indices);
}

}  // namespace
}  // namespace pyautograd::sparse
