#include "kernels/cpu/loop_table.h"
#include "kernels/cpu/move.h"
#include "kernels/device.h"
#include "kernels/iterate.h"
#include "kernels/scalar/convert.h"

namespace pyautograd::kernels {

namespace {

using ConvertRow = void (*)(void* out, int64_t out_stride, const void* x, int64_t x_stride,
                            int64_t n);

template <class To, class From>
void convert_row(void* out, int64_t out_stride, const void* x, int64_t x_stride, int64_t n) {
  To* o = static_cast<To*>(out);
  const From* a = static_cast<const From*>(x);
  if (out_stride == 1 && x_stride == 1) {
    for (int64_t i = 0; i < n; ++i) o[i] = convert<To>(a[i]);
  } else {
    for (int64_t i = 0; i < n; ++i) o[i * out_stride] = convert<To>(a[i * x_stride]);
  }
}

template <class To, class From>
void convert_real_row(void* out, int64_t out_stride, const void* x, int64_t x_stride, int64_t n) {
  convert_row<To, RealOf<From>>(out, out_stride, x, 2 * x_stride, n);
}

// Integers that wrap, and tests for zero, do not see the sign of a number as wide or wider.
template <class To, class From>
constexpr ConvertRow row_for() {
  constexpr bool real = !is_complex_type<To> && !is_complex_type<From>;
  if constexpr (is_complex_type<From> && !is_complex_type<To> && !std::is_same_v<To, bool>)
    return convert_real_row<To, From>;
  else if constexpr (real && std::is_same_v<To, bool>)
    return convert_row<To, BitsOf<From>>;
  else if constexpr (std::is_same_v<From, bool>)
    return row_for<To, uint8_t>();
  else if constexpr (real && std::is_integral_v<To> && std::is_integral_v<From>)
    return convert_row<BitsOf<To>,
                       std::conditional_t<(sizeof(From) < sizeof(To)), From, BitsOf<From>>>;
  else
    return convert_row<To, From>;
}

template <class To, class From>
void convert_loop(void* out, const void* x, int64_t n) {
  row_for<To, From>()(out, 1, x, 1, n);
}

struct Conversion {
  ConvertRow row;
  Loop1 loop;
};

template <class To, class... From>
constexpr std::array<Conversion, kDTypeCount> convert_to(List<From...>) {
  return {Conversion{row_for<To, From>(), convert_loop<To, From>}...};
}

template <class... To>
constexpr std::array<std::array<Conversion, kDTypeCount>, kDTypeCount> convert_table(List<To...>) {
  return {convert_to<To>(AllTypes{})...};
}

constexpr auto kConvert = convert_table(AllTypes{});

const HalfLoops& half_loops(DType dtype) {
  return dtype == DType::Float16 ? loops().float16 : loops().bfloat16;
}

constexpr int64_t kPiece = 512;

// n <= kPiece numbers of x as float32, which holds the halves, or as float64, which holds the rest.
struct Piece {
  alignas(64) char numbers[kPiece * sizeof(double)];
  DType dtype;

  void read(DType from, const void* x, int64_t x_stride, int64_t n) {
    dtype = is_half(from) || from == DType::Float32 ? DType::Float32 : DType::Float64;
    if (!is_half(from)) return kConvert[int(dtype)][int(from)].row(numbers, 1, x, x_stride, n);
    uint16_t row[kPiece];
    if (x_stride != 1) move_row(2, row, 1, x, x_stride, n);
    half_loops(from).widen(reinterpret_cast<float*>(numbers), x_stride == 1 ? x : row, n);
  }

  void write(DType to, void* out, int64_t out_stride, int64_t n) const {
    if (!is_half(to)) return kConvert[int(to)][int(dtype)].row(out, out_stride, numbers, 1, n);
    uint16_t row[kPiece];
    void* target = out_stride == 1 ? out : row;
    if (dtype == DType::Float32) {
      half_loops(to).narrow(target, reinterpret_cast<const float*>(numbers), n);
    } else {
      const double* wide = reinterpret_cast<const double*>(numbers);
      visit_half(to, [&]<class T>(TypeTag<T>) {
        for (int64_t i = 0; i < n; ++i) static_cast<T*>(target)[i] = convert<T>(wide[i]);
      });
    }
    if (out_stride != 1) move_row(2, out, out_stride, row, 1, n);
  }
};

void copy_half(const View& out, const View& x, const Nest<2>& nest) {
  const int64_t out_size = itemsize(out.dtype), x_size = itemsize(x.dtype);
  const int64_t out_stride = nest.stride(0), x_stride = nest.stride(1);
  parallel_for(nest.count(), kGrain, [&](int64_t begin, int64_t end) {
    nest.walk(begin, end, [&](const auto& o, int64_t n) {
      Piece piece;
      for (int64_t i = 0; i < n; i += kPiece) {
        const int64_t count = std::min(kPiece, n - i);
        piece.read(x.dtype, bytes_at(x.data, (o[1] + i * x_stride) * x_size), x_stride, count);
        piece.write(out.dtype, bytes_at(out.data, (o[0] + i * out_stride) * out_size), out_stride,
                    count);
      }
    });
  });
}

void copy_converting(const View& out, const View& x, const Nest<2>& nest) {
  if (is_half(out.dtype) || is_half(x.dtype)) return copy_half(out, x, nest);
  const Loop1 loop = conversion_loop(out.dtype, x.dtype);
  const ConvertRow row = kConvert[int(out.dtype)][int(x.dtype)].row;
  const bool packed = nest.stride(0) == 1 && nest.stride(1) == 1;
  int64_t out_size = itemsize(out.dtype), x_size = itemsize(x.dtype);
  parallel_for(nest.count(), kGrain, [&](int64_t begin, int64_t end) {
    nest.walk(begin, end, [&](const auto& o, int64_t n) {
      char *to = bytes_at(out.data, o[0] * out_size), *from = bytes_at(x.data, o[1] * x_size);
      if (packed)
        loop(to, from, n);
      else
        row(to, nest.stride(0), from, nest.stride(1), n);
    });
  });
}

void copy_rows(const View& out, const View& x, const Nest<2>& nest) {
  int64_t size = itemsize(out.dtype);
  parallel_for(nest.count(), 2 * kGrain, [&](int64_t begin, int64_t end) {
    nest.walk(begin, end, [&](const auto& o, int64_t n) {
      move_row(size, bytes_at(out.data, o[0] * size), nest.stride(0), bytes_at(x.data, o[1] * size),
               nest.stride(1), n);
    });
  });
}

// Rows of a few elements one beside the other: all their first elements, then all their second
// ones.
bool copy_short_rows(const View& out, const View& x, const Nest<2>& nest) {
  constexpr int64_t kShort = 8, kTile = 512;
  const Nest<2> outer = nest.without_row();
  if (nest.row() > kShort || outer.row() < 4 * nest.row()) return false;
  const int64_t size = itemsize(out.dtype);
  parallel_for(outer.count(), 2 * kGrain / nest.row(), [&](int64_t begin, int64_t end) {
    outer.walk(begin, end, [&](const auto& o, int64_t n) {
      for (int64_t i = 0; i < n; i += kTile) {
        for (int64_t j = 0; j < nest.row(); ++j) {
          move_row(size,
                   bytes_at(out.data, (o[0] + i * outer.stride(0) + j * nest.stride(0)) * size),
                   outer.stride(0),
                   bytes_at(x.data, (o[1] + i * outer.stride(1) + j * nest.stride(1)) * size),
                   outer.stride(1), std::min(kTile, n - i));
        }
      }
    });
  });
  return true;
}

// Two axes of which `across` is contiguous in x and the last one in out: tiles that fit the first
// cache make both sides see whole cache lines.
struct Transpose {
  int64_t rows, columns, out_row, x_column;
};

// Squares of as many items as fit 16 bytes, transposed in registers.
template <class T>
constexpr int64_t kSquare = sizeof(T) == 4 || sizeof(T) == 8 ? int64_t(16 / sizeof(T)) : 1;

// The items of the lower or upper halves of two vectors in turn.
template <bool upper, class Row>
Row interleaved(Row a, Row b) {
  if constexpr (sizeof(a[0]) == 8)
    return __builtin_shufflevector(a, b, 0 + upper, 2 + upper);
  else
    return __builtin_shufflevector(a, b, 0 + 2 * upper, 4 + 2 * upper, 1 + 2 * upper,
                                   5 + 2 * upper);
}

template <class T>
void transpose_square(T* out, const T* x, const Transpose& t) {
  if constexpr (kSquare<T> == 1) {
    *out = *x;
  } else {
    typedef T Row __attribute__((vector_size(16)));
    Row rows[kSquare<T>];
    for (int64_t j = 0; j < kSquare<T>; ++j) std::memcpy(&rows[j], x + j * t.x_column, 16);
    // Twice, or once, every other item of two rows that lie half the square apart.
    for (int64_t step = 1; step < kSquare<T>; step *= 2) {
      Row next[kSquare<T>];
      for (int64_t j = 0; j < kSquare<T> / 2; ++j) {
        next[2 * j] = interleaved<false>(rows[j], rows[j + kSquare<T> / 2]);
        next[2 * j + 1] = interleaved<true>(rows[j], rows[j + kSquare<T> / 2]);
      }
      std::memcpy(rows, next, sizeof(rows));
    }
    for (int64_t i = 0; i < kSquare<T>; ++i) std::memcpy(out + i * t.out_row, &rows[i], 16);
  }
}

template <class T>
void transpose_tiles(T* out, const T* x, const Transpose& t, int64_t row_begin, int64_t row_end) {
  constexpr int64_t kTile = 32, kStep = kSquare<T>;
  for (int64_t c = 0; c < t.columns; c += kTile) {
    const int64_t c_end = std::min(t.columns, c + kTile), c_whole = c_end - (c_end - c) % kStep;
    for (int64_t r = row_begin; r < row_end; r += kTile) {
      const int64_t r_end = std::min(row_end, r + kTile), r_whole = r_end - (r_end - r) % kStep;
      for (int64_t i = r; i < r_whole; i += kStep)
        for (int64_t j = c; j < c_whole; j += kStep)
          transpose_square(out + i * t.out_row + j, x + i + j * t.x_column, t);
      for (int64_t i = r; i < r_end; ++i)
        for (int64_t j = i < r_whole ? c_whole : c; j < c_end; ++j)
          out[i * t.out_row + j] = x[i + j * t.x_column];
    }
  }
}

// The axis along which x is contiguous, or -1.
int unit_axis(const View& x) {
  for (size_t d = 0; d < x.shape.size(); ++d)
    if (x.strides[d] == 1 && x.shape[d] > 1) return int(d);
  return -1;
}

bool copy_transposed(const View& out, const View& x) {
  int across = unit_axis(x), along = unit_axis(out);
  if (across < 0 || along < 0 || across == along) return false;
  Transpose t{x.shape[across], x.shape[along], out.strides[across], x.strides[along]};
  if (t.rows < 8 || t.columns < 8) return false;
  Dims shape(out.shape);
  shape[across] = shape[along] = 1;
  Nest<2> outer(shape, {out.strides, x.strides});
  int64_t size = itemsize(out.dtype);
  outer.walk(0, outer.count(), [&](const auto& offsets, int64_t n) {
    for (int64_t k = 0; k < n; ++k) {
      void* target = bytes_at(out.data, (offsets[0] + k * outer.stride(0)) * size);
      const void* source = bytes_at(x.data, (offsets[1] + k * outer.stride(1)) * size);
      parallel_for(t.rows, std::max<int64_t>(32, kGrain / t.columns),
                   [&](int64_t begin, int64_t end) {
                     visit_size(size, [&](auto tag) {
                       using T = typename decltype(tag)::type;
                       transpose_tiles(static_cast<T*>(target), static_cast<const T*>(source), t,
                                       begin, end);
                     });
                   });
    }
  });
  return true;
}

template <class T>
void fill_with(const View& out, T value) {
  Nest<1> nest(out.shape, {out.strides});
  T* data = static_cast<T*>(out.data);
  parallel_for(nest.count(), 2 * kGrain, [&](int64_t begin, int64_t end) {
    nest.walk(begin, end, [&](const auto& o, int64_t n) {
      move_row(data + o[0], nest.stride(0), &value, 0, n);
    });
  });
}

}  // namespace

Loop1 conversion_loop(DType to, DType from) {
  if (is_half(to) || is_half(from)) return nullptr;
  const Loop1 loop = loops().convert[int(to)][int(from)];
  return loop ? loop : kConvert[int(to)][int(from)].loop;
}

void copy(const View& out, const View& x) {
  if (on_device(out) || on_device(x)) return copy_between(out, x);
  Nest<2> nest(out.shape, {out.strides, x.strides});
  if (nest.count() == 0) return;
  if (out.dtype != x.dtype) return copy_converting(out, x, nest);
  bool rows_match = nest.stride(0) == 1 && (nest.stride(1) == 1 || nest.stride(1) == 0);
  if (nest.count() >= 256) {
    if (!rows_match && copy_transposed(out, x)) return;
    if (copy_short_rows(out, x, nest)) return;
  }
  copy_rows(out, x, nest);
}

void fill(const View& out, double value) {
  if (on_device(out)) return run_on_device(&DeviceKernels::fill, out.device, out, value);
  visit_stored_dtype(
      out.dtype, [&](auto tag) { fill_with(out, convert<typename decltype(tag)::type>(value)); });
}

void fill_int(const View& out, int64_t value) {
  if (on_device(out)) return run_on_device(&DeviceKernels::fill_int, out.device, out, value);
  visit_stored_dtype(
      out.dtype, [&](auto tag) { fill_with(out, convert<typename decltype(tag)::type>(value)); });
}

void arange(const View& out, double start, double step) {
  if (on_device(out)) return run_on_device(&DeviceKernels::arange, out.device, out, start, step);
  visit_stored_dtype(out.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* data = static_cast<T*>(out.data);
    int64_t n = element_count(out.shape), stride = out.strides.empty() ? 0 : out.strides[0];
    for (int64_t i = 0; i < n; ++i) data[i * stride] = convert<T>(start + double(i) * step);
  });
}

}  // namespace pyautograd::kernels
