// A register-blocked matrix product: the whole story for small products and for builds without
// BLAS. Like fft.cpp, this file may fuse multiply and add.

#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "kernels/cpu/loop_table.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

namespace {

#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64, kRows = 8, kWide = 3;
#elif defined(__AVX2__)
inline constexpr int kVectorBytes = 32, kRows = 6, kWide = 2;
#else
inline constexpr int kVectorBytes = 16, kRows = 6, kWide = 2;
#endif
inline constexpr int kDepth = kPanelDepth;  // rows of b in a packed panel

template <class T, int Bytes>
struct Lane {
  typedef T type __attribute__((vector_size(Bytes), aligned(alignof(T)), may_alias));
};

template <class T>
struct Panel {
  const T* a;
  int64_t a_row, a_column;
  const T* b;  // unit column stride
  int64_t b_row;
  int64_t m, k;
  T* c;
  int64_t c_row, width;
  bool accumulate;
};

// c[row .. row + Rows, width] = (or +=) a[row .. row + Rows, k] @ b[k, Vectors]
template <class T, int Bytes, int Vectors, int Rows>
inline void tile(const Panel<T>& p, int64_t row) {
  using V = typename Lane<T, Bytes>::type;
  constexpr int64_t lanes = Bytes / sizeof(T);
  V acc[Rows][Vectors] = {};
  const T* a = p.a + row * p.a_row;
  for (int64_t i = 0; i < p.k; ++i) {
    V b[Vectors];
    for (int v = 0; v < Vectors; ++v)
      b[v] = *reinterpret_cast<const V*>(p.b + i * p.b_row + v * lanes);
    for (int r = 0; r < Rows; ++r) {
      T value = a[r * p.a_row + i * p.a_column];
      for (int v = 0; v < Vectors; ++v) acc[r][v] += value * b[v];
    }
  }
  for (int r = 0; r < Rows; ++r) {
    T* c = p.c + (row + r) * p.c_row;
    if (p.width == Vectors * lanes) {
      for (int v = 0; v < Vectors; ++v) {
        V* target = reinterpret_cast<V*>(c + v * lanes);
        *target = p.accumulate ? *target + acc[r][v] : acc[r][v];
      }
    } else {
      T values[Vectors * lanes];
      std::memcpy(values, acc[r], sizeof(values));
      for (int64_t j = 0; j < p.width; ++j) c[j] = p.accumulate ? c[j] + values[j] : values[j];
    }
  }
}

template <class T, int Bytes, int Vectors>
[[gnu::noinline]] void run_panel(const Panel<T>& p) {
  int64_t row = 0;
  for (; row + kRows <= p.m; row += kRows) tile<T, Bytes, Vectors, kRows>(p, row);
  if ((p.m - row) & 4) tile<T, Bytes, Vectors, 4>(p, row), row += 4;
  if ((p.m - row) & 2) tile<T, Bytes, Vectors, 2>(p, row), row += 2;
  if ((p.m - row) & 1) tile<T, Bytes, Vectors, 1>(p, row);
}

// How many columns the next panel has: two vectors, or the largest vector that the rest fills.
template <class T>
int64_t panel_columns(int64_t rest) {
  int64_t columns = 2 * kVectorBytes / sizeof(T);
  int64_t least = 16 / sizeof(T);
  while (columns > rest && columns > least) columns /= 2;
  return columns;
}

template <class T>
void run_panel_of(int64_t columns, const Panel<T>& p) {
  int64_t bytes = columns * int64_t(sizeof(T));
  if (bytes == 2 * kVectorBytes) return run_panel<T, kVectorBytes, 2>(p);
  if constexpr (kVectorBytes > 32)
    if (bytes == 64) return run_panel<T, 64, 1>(p);
  if constexpr (kVectorBytes > 16)
    if (bytes == 32) return run_panel<T, 32, 1>(p);
  run_panel<T, 16, 1>(p);
}

// Rows of `columns` elements one after another, with zeros beyond `width`.
template <class T>
void pack(T* packed, const T* b, int64_t b_row, int64_t b_column, int64_t depth, int64_t width,
          int64_t columns) {
  if (b_column == 1 && width == columns) {
    for (int64_t r = 0; r < depth; ++r)
      std::memcpy(packed + r * columns, b + r * b_row, size_t(columns) * sizeof(T));
    return;
  }
  for (int64_t q = 0; q < columns; ++q)
    for (int64_t r = 0; r < depth; ++r)
      packed[r * columns + q] = q < width ? b[r * b_row + q * b_column] : T(0);
}

// Row by row, since all its time goes into writing; sums as in a tile, so that none is -0.
template <class T>
void outer_product(const Gemm& g) {
  const T* a = static_cast<const T*>(g.a);
  const T* __restrict b = static_cast<const T*>(g.b);
  for (int64_t i = 0; i < g.m; ++i) {
    T* __restrict c = static_cast<T*>(g.c) + i * g.c_row;
    const T value = a[i * g.a_row];
    for (int64_t j = 0; j < g.n; ++j) c[j] = T(0) + value * b[j];
  }
}

template <class T>
void gemm(const Gemm& g) {
  if (g.k == 1 && g.b_column == 1) return outer_product<T>(g);
  const T* a = static_cast<const T*>(g.a);
  const T* b = static_cast<const T*>(g.b);
  alignas(64) T packed[kDepth * 2 * kVectorBytes / sizeof(T)];
  for (int64_t j = 0, columns; j < g.n; j += columns) {
    columns = panel_columns<T>(g.n - j);
    int64_t width = g.n - j < columns ? g.n - j : columns;
    // Few rows do not repay packing, if b can be read as it lies.
    bool direct = g.b_column == 1 && width == columns && (g.m <= 4 * kRows || g.n <= columns);
    for (int64_t k = 0; k < g.k; k += kDepth) {
      int64_t depth = g.k - k < kDepth ? g.k - k : kDepth;
      const T* source = b + k * g.b_row + j * g.b_column;
      if (!direct) pack(packed, source, g.b_row, g.b_column, depth, width, columns);
      run_panel_of(columns, Panel<T>{a + k * g.a_column, g.a_row, g.a_column,
                                     direct ? source : packed, direct ? g.b_row : columns, g.m,
                                     depth, static_cast<T*>(g.c) + j, g.c_row, width, k > 0});
    }
  }
}

// All of b is in registers, and no loop is left but that over the rows of a; sums as in a tile.
template <class T, int K, int N>
void products_of_size(const Gemm& first, int64_t count, const std::array<int64_t, 3>& steps) {
  T* c = static_cast<T*>(first.c);
  const T *a = static_cast<const T*>(first.a), *b = static_cast<const T*>(first.b);
  for (; count > 0; --count, c += steps[0], a += steps[1], b += steps[2]) {
    T right[K][N];
    for (int p = 0; p < K; ++p)
      for (int j = 0; j < N; ++j) right[p][j] = b[p * first.b_row + j * first.b_column];
    for (int64_t i = 0; i < first.m; ++i) {
      T sums[N] = {};
      for (int p = 0; p < K; ++p) {
        const T value = a[i * first.a_row + p * first.a_column];
        for (int j = 0; j < N; ++j) sums[j] += value * right[p][j];
      }
      for (int j = 0; j < N; ++j) c[i * first.c_row + j] = sums[j];
    }
  }
}

template <class T>
void tiny_gemms(Gemm first, int64_t count, const std::array<int64_t, 3>& steps) {
  [&]<int... Sizes>(std::integer_sequence<int, Sizes...>) {
    static constexpr decltype(&products_of_size<T, 1, 1>) kBySize[] = {
        &products_of_size<T, Sizes / kTiny + 1, Sizes % kTiny + 1>...};
    kBySize[(first.k - 1) * kTiny + first.n - 1](first, count, steps);
  }(std::make_integer_sequence<int, kTiny * kTiny>());
}

// The widest panels that the registers hold, then as above.
template <class T>
int64_t wide_panel_columns(int64_t rest) {
  constexpr int64_t columns = kWide * kVectorBytes / sizeof(T);
  return rest >= columns ? columns : panel_columns<T>(rest);
}

template <class T>
void pack_panels(const Gemm& g, void* panels) {
  T* to = static_cast<T*>(panels);
  for (int64_t j = 0, columns; j < g.n; j += columns, to += g.k * columns) {
    columns = wide_panel_columns<T>(g.n - j);
    pack(to, static_cast<const T*>(g.b) + j * g.b_column, g.b_row, g.b_column, g.k,
         g.n - j < columns ? g.n - j : columns, columns);
  }
}

template <class T>
void multiply_panels(const Gemm& g, const void* panels, bool add) {
  const T* from = static_cast<const T*>(panels);
  for (int64_t j = 0, columns; j < g.n; j += columns, from += g.k * columns) {
    columns = wide_panel_columns<T>(g.n - j);
    const Panel<T> panel{static_cast<const T*>(g.a),
                         g.a_row,
                         g.a_column,
                         from,
                         columns,
                         g.m,
                         g.k,
                         static_cast<T*>(g.c) + j,
                         g.c_row,
                         g.n - j < columns ? g.n - j : columns,
                         add};
    if (columns * int64_t(sizeof(T)) > 2 * kVectorBytes) {
      run_panel<T, kVectorBytes, kWide>(panel);
    } else {
      run_panel_of(columns, panel);
    }
  }
}

template <class T>
void install_panels(LoopTable& table, DType dtype) {
  table.gemm[int(dtype)] = gemm<T>;
  table.tiny_gemms[int(dtype)] = tiny_gemms<T>;
  table.pack_panels[int(dtype)] = pack_panels<T>;
  table.multiply_panels[int(dtype)] = multiply_panels<T>;
}

}  // namespace

void install_gemm(LoopTable& table) {
  table.beats_blas = kVectorBytes == 64;
  install_panels<float>(table, DType::Float32);
  install_panels<double>(table, DType::Float64);
  table.gemm[int(DType::Int8)] = table.gemm[int(DType::UInt8)] = gemm<uint8_t>;
  table.gemm[int(DType::Int16)] = table.gemm[int(DType::UInt16)] = gemm<uint16_t>;
  table.gemm[int(DType::Int32)] = table.gemm[int(DType::UInt32)] = gemm<uint32_t>;
  table.gemm[int(DType::Int64)] = table.gemm[int(DType::UInt64)] = gemm<uint64_t>;
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
