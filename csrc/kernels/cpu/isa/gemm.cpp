// A register-blocked matrix product: the whole story for small products and for builds without BLAS. This
// file alone may fuse multiply and add.

#include <cstdint>
#include <cstring>

#include "kernels/cpu/loop_table.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

namespace {

#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
inline constexpr int kVectorBytes = 32;
#else
inline constexpr int kVectorBytes = 16;
#endif
inline constexpr int kDepth = 256;  // rows of b in a packed panel
inline constexpr int kRows = 6;

template <class T>
struct Lane {
  typedef T type __attribute__((vector_size(kVectorBytes), aligned(alignof(T)), may_alias));
};
template <class T>
inline constexpr int kLanes = kVectorBytes / sizeof(T);

// c[Rows, width] = (or +=) a[Rows, k] @ panel[k, 2 vectors]
template <class T, int Rows, int Vectors>
inline void tile(const T* a, int64_t a_row, int64_t a_column, const T* panel, int64_t panel_row, int64_t k, T* c,
                 int64_t c_row, int64_t width, bool accumulate) {
  using V = typename Lane<T>::type;
  V acc[Rows][Vectors] = {};
  for (int64_t p = 0; p < k; ++p) {
    V b[Vectors];
    for (int v = 0; v < Vectors; ++v)
      b[v] = *reinterpret_cast<const V*>(panel + p * panel_row + v * kLanes<T>);
    for (int r = 0; r < Rows; ++r) {
      T value = a[r * a_row + p * a_column];
      for (int v = 0; v < Vectors; ++v) acc[r][v] += value * b[v];
    }
  }
  if (width == Vectors * kLanes<T>) {
    for (int r = 0; r < Rows; ++r)
      for (int v = 0; v < Vectors; ++v) {
        V* target = reinterpret_cast<V*>(c + r * c_row + v * kLanes<T>);
        *target = accumulate ? *target + acc[r][v] : acc[r][v];
      }
    return;
  }
  for (int r = 0; r < Rows; ++r) {
    T row[Vectors * kLanes<T>];
    std::memcpy(row, acc[r], sizeof(row));
    for (int64_t j = 0; j < width; ++j) c[r * c_row + j] = accumulate ? c[r * c_row + j] + row[j] : row[j];
  }
}

template <class T, int Vectors>
[[gnu::noinline]] void column_panel(const T* a, int64_t a_row, int64_t a_column, const T* panel,
                                    int64_t panel_row, int64_t m, int64_t k, T* c, int64_t c_row, int64_t width,
                                    bool accumulate) {
  auto run = [&]<int Rows>(int64_t i) {
    tile<T, Rows, Vectors>(a + i * a_row, a_row, a_column, panel, panel_row, k, c + i * c_row, c_row, width,
                           accumulate);
  };
  int64_t i = 0;
  for (; i + kRows <= m; i += kRows) run.template operator()<kRows>(i);
  switch (m - i) {
    case 5: return run.template operator()<5>(i);
    case 4: return run.template operator()<4>(i);
    case 3: return run.template operator()<3>(i);
    case 2: return run.template operator()<2>(i);
    case 1: return run.template operator()<1>(i);
  }
}

template <class T>
void gemm(const Gemm& g) {
  const T* a = static_cast<const T*>(g.a);
  const T* b = static_cast<const T*>(g.b);
  T* c = static_cast<T*>(g.c);
  alignas(64) T packed[kDepth * 2 * kLanes<T>];
  for (int64_t j = 0; j < g.n; j += 2 * kLanes<T>) {
    int64_t width = g.n - j < 2 * kLanes<T> ? g.n - j : 2 * kLanes<T>;
    int64_t vectors = width <= kLanes<T> ? 1 : 2;
    int64_t padded = vectors * kLanes<T>;
    for (int64_t p = 0; p < g.k; p += kDepth) {
      int64_t depth = g.k - p < kDepth ? g.k - p : kDepth;
      const T* source = b + p * g.b_row + j * g.b_column;
      const T* panel = packed;
      int64_t panel_row = padded;
      // Few rows do not repay packing, if b can be read as it lies.
      if (g.b_column == 1 && padded == width && (g.m <= 4 * kRows || g.n <= padded)) {
        panel = source;
        panel_row = g.b_row;
      } else {
        for (int64_t r = 0; r < depth; ++r)
          for (int64_t q = 0; q < padded; ++q)
            packed[r * padded + q] = q < width ? source[r * g.b_row + q * g.b_column] : T(0);
      }
      const T* left = a + p * g.a_column;
      auto run = vectors == 1 ? column_panel<T, 1> : column_panel<T, 2>;
      run(left, g.a_row, g.a_column, panel, panel_row, g.m, depth, c + j, g.c_row, width, p > 0);
    }
  }
}

}  // namespace

void install_gemm(LoopTable& table) {
  table.gemm[int(DType::Float32)] = gemm<float>;
  table.gemm[int(DType::Float64)] = gemm<double>;
  table.gemm[int(DType::Int8)] = table.gemm[int(DType::UInt8)] = gemm<uint8_t>;
  table.gemm[int(DType::Int16)] = table.gemm[int(DType::UInt16)] = gemm<uint16_t>;
  table.gemm[int(DType::Int32)] = table.gemm[int(DType::UInt32)] = gemm<uint32_t>;
  table.gemm[int(DType::Int64)] = table.gemm[int(DType::UInt64)] = gemm<uint64_t>;
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
