#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <set>
#include <tuple>

#include "sparse/colouring.h"
#include "sparse/recovery.h"

namespace pyautograd::sparse {
namespace {

using Dense = std::vector<std::vector<double>>;

OwnRows rows_of(const Dense& a, int64_t columns) {
  OwnRows out{static_cast<int64_t>(a.size()), columns};
  for (const std::vector<double>& row : a) {
    for (int32_t j = 0; j < columns; ++j) {
      if (row[j] != 0) out.indices.push_back(j);
    }
    out.end_row();
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
Dense compressed(const Dense& a, int64_t columns, const Colouring& colouring) {
  Dense out(colouring.count, std::vector<double>(columns, 0));
  for (size_t i = 0; i < a.size(); ++i) {
    if (colouring.colours[i] == kNone) continue;
    for (int64_t j = 0; j < columns; ++j) out[colouring.colours[i]][j] += a[i][j];
  }
  return out;
}

std::vector<const double*> pointers_to(const Dense& rows) {
  std::vector<const double*> out;
  for (const std::vector<double>& row : rows) out.push_back(row.data());
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
  const OwnRows pattern = rows_of(a, columns);
  Dense products = compressed(a, columns, colouring.rows);
  const Dense turned = transpose(a, columns);
  for (std::vector<double>& row :
       compressed(turned, static_cast<int64_t>(a.size()), colouring.columns)) {
    products.push_back(std::move(row));
  }
  const std::vector<double> wanted = entries_of(a);
  std::vector<double> found(wanted.size(), 0);
  recover_jacobian(pattern, colouring)
      .read(pointers_to(products).data(), 0, static_cast<int64_t>(found.size()), found.data());
  EXPECT_EQ(found, wanted);  // read off, so to the bit
}

void expect_reads_off(const Dense& a, const Colouring& star) {
  const Dense products = compressed(a, static_cast<int64_t>(a.size()), star);
  const std::vector<double> wanted = entries_of(a);
  std::vector<double> found(wanted.size(), 0);
  recover_star(rows_of(a, static_cast<int64_t>(a.size())), star)
      .read(pointers_to(products).data(), 0, static_cast<int64_t>(found.size()), found.data());
  EXPECT_EQ(found, wanted);
}

void expect_substitutes(const Dense& a, const Colouring& acyclic) {
  const Dense products = compressed(a, static_cast<int64_t>(a.size()), acyclic);
  const std::vector<double> wanted = entries_of(a);
  std::vector<double> found(wanted.size(), 0);
  recover_acyclic(rows_of(a, static_cast<int64_t>(a.size())), acyclic)
      .solve(pointers_to(products).data(), found.data());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 1e-9);
}

bool adjacent(const Dense& a, int v, int w) { return v != w && a[v][w] != 0; }

// By the definition: every path on four vertices has three colours.
bool is_star(const Dense& a, const CachedVector<int32_t>& c) {
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
    const OwnRows pattern = rows_of(a, columns);
    Bicolouring by_column{{CachedVector<int32_t>(rows, kNone), 0},
                          colour_columns(pattern, GetParam())};
    Bicolouring by_row{colour_columns(transposed(pattern), GetParam()),
                       {CachedVector<int32_t>(columns, kNone), 0}};
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
    const OwnRows pattern = rows_of(a, n);
    const Colouring star = colour_star(pattern, GetParam());
    EXPECT_TRUE(is_star(a, star.colours));
    expect_reads_off(a, star);
    const Colouring acyclic = colour_acyclic(pattern, GetParam());
    EXPECT_TRUE(is_acyclic(a, acyclic));
    expect_substitutes(a, acyclic);
  }
}

TEST_P(InOrder, ArrowsTakeAHandfulOfColours) {
  const Dense a = arrow(40, 2);
  const OwnRows pattern = rows_of(a, 40);
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
  const OwnRows pattern = rows_of(a, 50);
  EXPECT_EQ(colour_columns(pattern, Order::Natural).count, 3);
  EXPECT_EQ(colour_star(pattern, Order::Natural).count, 3);
  EXPECT_EQ(colour_acyclic(pattern, Order::Natural).count, 2);
}

TEST(Colouring, MostlyFullPatternsAreRecoveredToo) {
  std::mt19937 random(4);
  const Dense a = random_matrix(random, 70, 70, 0.8, true);
  const OwnRows pattern = rows_of(a, 70);
  const Colouring star = colour_star(pattern, Order::Natural);
  EXPECT_EQ(star.count, 70);
  expect_reads_off(a, star);
  const Colouring acyclic = colour_acyclic(pattern, Order::Natural);
  expect_substitutes(a, acyclic);
}

TEST(Colouring, SymmetrisedIsTheUnionWithTheTranspose) {
  std::mt19937 random(3);
  Dense a = random_matrix(random, 9, 9, 0.3, false);
  EXPECT_FALSE(is_symmetric(rows_of(a, 9)));
  const OwnRows made = symmetrised(rows_of(a, 9));
  const Dense turned = transpose(a, 9);
  for (int i = 0; i < 9; ++i) {
    for (int j = 0; j < 9; ++j) a[i][j] = a[i][j] != 0 || turned[i][j] != 0;
  }
  const OwnRows wanted = rows_of(a, 9);
  EXPECT_EQ(made.starts, wanted.starts);
  EXPECT_EQ(made.indices, wanted.indices);
  EXPECT_TRUE(is_symmetric(made));
}

TEST(Colouring, PatternsAreSymmetricIfEveryEntryHasAMirror) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    const int n = 1 + static_cast<int>(random() % 8);
    Dense a = random_matrix(random, n, n, (round % 10) / 10.0, true);
    EXPECT_TRUE(is_symmetric(rows_of(a, n)));
    const int i = static_cast<int>(random() % n), j = static_cast<int>(random() % n);
    a[i][j] = a[i][j] == 0;
    EXPECT_EQ(is_symmetric(rows_of(a, n)), i == j);
  }
}

TEST(Recovery, PlacesAreWideWhereTheyMustBe) {
  const int64_t longest = int64_t{1} << 20;
  for (const int64_t rows : {int64_t{1} << 12, int64_t{1} << 13}) {  // 32 bits, and more
    Places places(rows, longest, 2);
    places.fill([&](auto set) {
      set(0, rows - 1, longest - 1);
      set(1, 0, 1);
    });
    std::vector<float> first(2, 1), last(longest, 2);
    last.back() = 3;
    std::vector<const float*> pointers(rows, first.data());
    pointers.back() = last.data();
    float found[2];
    places.read(pointers.data(), 0, 2, found);
    EXPECT_EQ(found[0], 3);
    EXPECT_EQ(found[1], 1);
  }
}

}  // namespace
}  // namespace pyautograd::sparse
