#include <climits>
#include <optional>

#include "kernels/cpu/blas.h"
#include "kernels/cpu/loop_table.h"
#include "kernels/cpu/move.h"
#include "kernels/cpu/scratch.h"
#include "kernels/cpu/split.h"
#include "kernels/device_input.h"
#include "kernels/iterate.h"

namespace pyautograd::kernels {

namespace {

// Below this many multiplications the register-blocked loop beats a call to BLAS.
template <class T>
constexpr int64_t kSmall = is_complex_type<T> ? 6 * 6 * 6 : 24 * 24 * 24;
// Above this many a product is split over threads.
constexpr int64_t kLarge = int64_t{1} << 20;

int64_t work(const Gemm& g) { return g.m * g.n * g.k; }

// How BLAS reads a matrix; leading < 0 if it cannot.
struct Layout {
  int transpose = kBlasPlain;
  int64_t leading = -1;
};

Layout layout(int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride) {
  if (columns == 1 || column_stride == 1) {
    if (rows == 1) return {kBlasPlain, std::max<int64_t>(1, columns)};
    if (row_stride >= columns) return {kBlasPlain, row_stride};
  }
  if (rows == 1 || row_stride == 1) {
    if (columns == 1) return {kBlasTransposed, std::max<int64_t>(1, rows)};
    if (column_stride >= rows) return {kBlasTransposed, column_stride};
  }
  return {};
}

template <class T>
class Packed {
 public:
  // A contiguous copy of a matrix that BLAS cannot read, or not by rows; strides are updated.
  Packed(const void*& data, int64_t rows, int64_t columns, int64_t& row_stride,
         int64_t& column_stride, bool by_rows = false) {
    const Layout found = layout(rows, columns, row_stride, column_stride);
    if (found.leading >= 0 && !(by_rows && found.transpose == kBlasTransposed)) return;
    copy_.emplace(rows * columns);
    std::array<int64_t, 2> shape{rows, columns}, from{row_stride, column_stride}, to{columns, 1};
    copy(View{copy_->get(), dtype_of<T>, shape, to},
         View{const_cast<void*>(data), dtype_of<T>, shape, from});
    data = copy_->get();
    row_stride = columns;
    column_stride = 1;
  }

 private:
  std::optional<Scratch<T>> copy_;
};

Gemm rows_of(const Gemm& g, int64_t begin, int64_t end, int64_t size) {
  Gemm part = g;
  part.m = end - begin;
  part.a = bytes_at(g.a, begin * g.a_row * size);
  part.c = bytes_at(g.c, begin * g.c_row * size);
  return part;
}

Gemm columns_of(const Gemm& g, int64_t begin, int64_t end, int64_t size) {
  Gemm part = g;
  part.n = end - begin;
  part.b = bytes_at(g.b, begin * g.b_column * size);
  part.c = bytes_at(g.c, begin * size);
  return part;
}

// Calls run(part) for blocks that depend on the sizes only.
template <class Run>
void split(const Gemm& g, int64_t size, const Run& run) {
  over_blocks(g.m, g.n, g.k, [&](int64_t i, int64_t j, int64_t rows, int64_t columns) {
    run(columns_of(rows_of(g, i, i + rows, size), j, j + columns, size));
  });
}

// Adds to c, or overwrites it.
template <class T>
void blas_product(const Gemm& g, bool add = false) {
  using Functions = BlasFunctions<T>;
  const Functions& f = blas().functions<T>();
  const T one(1), zero(0);
  Layout a = layout(g.m, g.k, g.a_row, g.a_column), b = layout(g.k, g.n, g.b_row, g.b_column);
  const T* left = static_cast<const T*>(g.a);
  const T* right = static_cast<const T*>(g.b);
  T* c = static_cast<T*>(g.c);
  auto gemv = [&](const Layout& l, int64_t rows, int64_t columns, const T* matrix, const T* x,
                  int64_t x_step, int64_t y_step, bool flip) {
    bool transposed = (l.transpose == kBlasTransposed) != flip;
    if (l.transpose == kBlasTransposed) std::swap(rows, columns);
    f.gemv(kBlasRowMajor, transposed ? kBlasTransposed : kBlasPlain, int(rows), int(columns),
           Functions::factor(one), matrix, int(l.leading), x, int(x_step), Functions::factor(zero),
           c, int(y_step));
  };
  if (!add && g.n == 1 && g.b_row > 0)
    return gemv(a, g.m, g.k, left, right, g.b_row, g.c_row, false);
  if (!add && g.m == 1 && g.a_column > 0)
    return gemv(b, g.k, g.n, right, left, g.a_column, 1, true);
  f.gemm(kBlasRowMajor, a.transpose, b.transpose, int(g.m), int(g.n), int(g.k),
         Functions::factor(one), left, int(a.leading), right, int(b.leading),
         Functions::factor(add ? one : zero), c, int(std::max(g.c_row, g.n)));
}

// Products that take BLAS longer to copy into panels than they should: cut into blocks, each is
// small enough to be run in place.
constexpr int64_t kModerate = int64_t{1} << 24;
// Rows of a from which on it pays to bring a transposed b into the right order.
template <class T>
constexpr int64_t kManyRows = sizeof(T) == 8 ? 96 : 128;

template <class T>
bool is_moderate(const Gemm& g) {
  return !is_complex_type<T> && work(g) <= kModerate && g.m > 1 && g.n > 1;
}

bool takes_transposed(const Gemm& g) {
  const Layout b = layout(g.k, g.n, g.b_row, g.b_column);
  return b.leading >= 0 && b.transpose == kBlasTransposed;
}

template <class T>
bool runs_in_blocks(const Gemm& g) {
  if (blas().in_place == 0 || !is_moderate<T>(g)) return false;
  return !takes_transposed(g) || g.m >= kManyRows<T>;
}

// Where BLAS copies matrices first and computes with half vectors, as OpenBLAS does on processors
// with AVX-512 that it does not know. Our kernel takes about half of its time.
template <class T>
bool outruns_blas(const Gemm& g) {
  if (blas().in_place > 0 || !loops().beats_blas || !is_moderate<T>(g)) return false;
  return sizeof(T) == 8 || !takes_transposed(g);
}

// Cuts into equal parts, in whole vectors; limit >= 8.
int64_t even_part(int64_t extent, int64_t limit) {
  if (extent <= limit) return extent;
  limit &= -8;
  const int64_t parts = (extent + limit - 1) / limit;
  return ((extent + parts - 1) / parts + 7) & -8;
}

// A transposed a, such as the input of a layer whose weights' gradient is wanted, was often made
// long ago, and the product reads it across its lines: it comes into the cache faster line by line.
template <class T>
void prefetch_transposed(const Gemm& g) {
  if (g.a_row != 1 || g.m * g.k * int64_t(sizeof(T)) > (1 << 20)) return;
  constexpr int64_t kLine = 64;
  for (int64_t p = 0; p < g.k; ++p) {
    const char* row = bytes_at(g.a, p * g.a_column * int64_t(sizeof(T)));
    for (int64_t i = 0; i < g.m * int64_t(sizeof(T)); i += kLine) __builtin_prefetch(row + i);
  }
}

template <class T>
void blocked_product(const Gemm& g) {
  constexpr int64_t size = sizeof(T);
  const int64_t limit = blas().in_place;
  const int64_t n = even_part(g.n, 320),
                k = even_part(g.k, limit / (std::min<int64_t>(g.m, 32) * n)),
                m = even_part(g.m, limit / (n * k)), across = (g.n + n - 1) / n;
  parallel_for((g.m + m - 1) / m * across, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t i = block / across * m, j = block % across * n;
      Gemm part =
          columns_of(rows_of(g, i, std::min(i + m, g.m), size), j, std::min(j + n, g.n), size);
      for (int64_t p = 0; p < g.k; p += k) {
        part.k = std::min(k, g.k - p);
        prefetch_transposed<T>(part);
        blas_product<T>(part, p > 0);
        part.a = bytes_at(part.a, k * g.a_column * size);
        part.b = bytes_at(part.b, k * g.b_row * size);
      }
    }
  });
}

// Products too large to be run in place, in which b, packed once, stays in the second cache while
// rows of a pass by. With AVX-512 our kernel takes three quarters of OpenBLAS's time there, which
// packs a as well.
template <class T>
bool runs_in_panels(const Gemm& g) {
  if (!loops().beats_blas || g.a_column != 1) return false;
  const bool tall = g.m >= 128 && g.n >= (sizeof(T) == 8 ? 16 : 64) && g.k >= 32;
  return tall && work(g) > kLarge && g.k * g.n * int64_t(sizeof(T)) <= (2 << 20);
}

template <class T>
void panel_product(const Gemm& g) {
  constexpr int64_t size = sizeof(T), kRowBlock = 32;
  const int64_t blocks = (g.m + kRowBlock - 1) / kRowBlock;
  const Scratch<T> panels(std::min(g.k, kPanelDepth) * (g.n + kPanelSlack));
  for (int64_t p = 0; p < g.k; p += kPanelDepth) {
    Gemm part = g;
    part.k = std::min(kPanelDepth, g.k - p);
    part.a = bytes_at(g.a, p * g.a_column * size);
    part.b = bytes_at(g.b, p * g.b_row * size);
    loops().pack_panels[int(dtype_of<T>)](part, panels.get());
    const int64_t grain = std::max<int64_t>(1, kLarge / 2 / (kRowBlock * part.k * g.n));
    parallel_for(blocks, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin * kRowBlock; i < std::min(end * kRowBlock, g.m); i += kRowBlock) {
        const Gemm rows = rows_of(part, i, std::min(i + kRowBlock, g.m), size);
        loops().multiply_panels[int(dtype_of<T>)](rows, panels.get(), p > 0);
      }
    });
  }
}

bool fits_blas(const Gemm& g) {
  return std::max({g.m, g.n, g.k, std::abs(g.a_row), std::abs(g.a_column), std::abs(g.b_row),
                   std::abs(g.b_column), g.c_row}) <= INT_MAX;
}

// A single sum, for which BLAS or a kernel for matrices takes longer to begin with.
constexpr int64_t kShortDot = 128;

template <class T>
void short_dot(const Gemm& g) {
  constexpr int64_t kLanes = 8;
  const T *a = static_cast<const T*>(g.a), *b = static_cast<const T*>(g.b);
  T sum(0);
  int64_t p = 0;
  if (g.a_column == 1 && g.b_row == 1 && g.k >= 2 * kLanes) {
    T lanes[kLanes] = {};
    for (; p + kLanes <= g.k; p += kLanes)
      for (int64_t j = 0; j < kLanes; ++j) lanes[j] += a[p + j] * b[p + j];
    for (const T& lane : lanes) sum += lane;
  }
  for (; p < g.k; ++p) sum += a[p * g.a_column] * b[p * g.b_row];
  *static_cast<T*>(g.c) = sum;
}

template <class T>
void product(Gemm g) {
  auto own = loops().gemm[int(dtype_of<T>)];
  // A single sum is all latency in a kernel for matrices.
  const bool dot = g.m == 1 && g.n == 1, long_dot = dot && g.k > 64;
  if constexpr (std::is_floating_point_v<T>) {
    if (dot && g.k <= kShortDot) return short_dot<T>(g);
  }
  if (work(g) <= kSmall<T> && !long_dot) return own(g);
  if constexpr (std::is_floating_point_v<T>) {
    if (g.k == 1 && g.b_column == 1) return split(g, sizeof(T), own);
    if (runs_in_panels<T>(g)) return panel_product<T>(g);
  }
  if constexpr (is_inexact(dtype_of<T>)) {
    if (blas().functions<T>().gemm != nullptr && fits_blas(g) && !outruns_blas<T>(g)) {
      const bool blocks = runs_in_blocks<T>(g);
      Packed<T> a(g.a, g.m, g.k, g.a_row, g.a_column),
          b(g.b, g.k, g.n, g.b_row, g.b_column, blocks);
      if (blocks) return blocked_product<T>(g);
      return split(g, sizeof(T), [](const Gemm& part) { blas_product<T>(part); });
    }
  }
  if constexpr (std::is_floating_point_v<T>) {
    if (g.m > 64 && g.n <= (1 << 14)) return panel_product<T>(g);
  }
  // Blocks of rows of a that stay in the second cache while panels of b pass by.
  constexpr int64_t kRowBlock = 120;
  split(g, sizeof(T), [&](const Gemm& part) {
    for (int64_t i = 0; i < part.m; i += kRowBlock)
      own(rows_of(part, i, std::min(part.m, i + kRowBlock), sizeof(T)));
  });
}

// Truth values: or of ands.
template <>
void product<bool>(Gemm g) {
  const bool* a = static_cast<const bool*>(g.a);
  const bool* b = static_cast<const bool*>(g.b);
  for (int64_t i = 0; i < g.m; ++i) {
    bool* row = static_cast<bool*>(g.c) + i * g.c_row;
    std::fill_n(row, g.n, false);
    for (int64_t p = 0; p < g.k; ++p)
      if (a[i * g.a_row + p * g.a_column])
        for (int64_t j = 0; j < g.n; ++j) row[j] |= b[p * g.b_row + j * g.b_column];
  }
}

// The matrices of each operand and the loop over the leading axes.
struct Batch {
  Gemm matrix;
  Nest<3> nest;  // out, a, b

  Batch(const View& out, const View& a, const View& b)
      : nest(leading(out.shape), {leading(out.strides), leading(a.strides), leading(b.strides)}) {
    size_t rank = out.shape.size();
    matrix = {out.shape[rank - 2],
              out.shape[rank - 1],
              a.shape[rank - 1],
              a.data,
              a.strides[rank - 2],
              a.strides[rank - 1],
              b.data,
              b.strides[rank - 2],
              b.strides[rank - 1],
              out.data,
              out.strides[rank - 2]};
    if (matrix.m == 1) matrix.c_row = std::max<int64_t>(1, matrix.n);
  }

  // A batch of matrices times one matrix is one tall product, when the rows follow each other.
  bool stacks() const {
    const Gemm& g = matrix;
    int64_t a_row = g.m == 1 ? nest.stride(1) : g.a_row,
            c_row = g.m == 1 ? nest.stride(0) : g.c_row;
    return nest.row() > 1 && nest.stride(2) == 0 && nest.stride(1) == g.m * a_row && a_row != 0 &&
           nest.stride(0) == g.m * c_row && c_row >= g.n;
  }

  static std::span<const int64_t> leading(std::span<const int64_t> dims) {
    return dims.first(dims.size() - 2);
  }
};

// Whether there is a loop over whole products, which take less time than to begin them one by one.
template <class T>
bool tiny(const Gemm& g) {
  return loops().tiny_gemms[int(dtype_of<T>)] && g.m <= 2 * kTiny && g.n <= kTiny && g.k <= kTiny &&
         g.m * g.n > 1;
}

template <class T>
void run_batch(const Batch& batch) {
  constexpr int64_t size = sizeof(T);
  bool stacked = batch.stacks();
  const Nest<3>& nest = batch.nest;
  auto run = [&](int64_t begin, int64_t end) {
    nest.walk(begin, end, [&](const auto& o, int64_t n) {
      Gemm g = batch.matrix;
      g.c = bytes_at(g.c, o[0] * size), g.a = bytes_at(g.a, o[1] * size),
      g.b = bytes_at(g.b, o[2] * size);
      if (stacked) {
        if (g.m == 1) g.a_row = nest.stride(1), g.c_row = nest.stride(0);
        g.m *= n;
        return product<T>(g);
      }
      if (tiny<T>(g)) {
        return loops().tiny_gemms[int(dtype_of<T>)](
            g, n, {nest.stride(0), nest.stride(1), nest.stride(2)});
      }
      for (int64_t i = 0; i < n; ++i) {
        product<T>(g);
        g.c = bytes_at(g.c, nest.stride(0) * size);
        g.a = bytes_at(g.a, nest.stride(1) * size);
        g.b = bytes_at(g.b, nest.stride(2) * size);
      }
    });
  };
  // Few large products are split themselves; a nested region would run in one thread.
  if (stacked || nest.count() < 8) return run(0, nest.count());
  parallel_for(nest.count(), std::max<int64_t>(1, kLarge / 2 / work(batch.matrix)), run);
}

}  // namespace

void matmul(const View& out, const View& a, const View& b) {
  if (element_count(out.shape) == 0) return;
  if (a.shape.back() == 0) return fill(out, 0);
  if (on_device(out)) {
    const DeviceInput left(a, out.device), right(b, out.device);
    return run_on_device(&DeviceKernels::matmul, out.device, out, left.view(), right.view(),
                         tf32_allowed());
  }
  Batch batch(out, a, b);
  visit_dtype(out.dtype, [&](auto tag) { run_batch<typename decltype(tag)::type>(batch); });
}

}  // namespace pyautograd::kernels
