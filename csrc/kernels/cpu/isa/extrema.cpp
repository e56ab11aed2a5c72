// Where the extrema of rows are, and of columns.

#include "kernels/cpu/isa/reduce.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

namespace {

template <class T>
bool not_a_number(T x) {
  return x != x;
}

// Whether x is the better one, or the first nan.
template <bool kMaximum, class T>
bool beats(T x, T best) {
  return (kMaximum ? x > best : x < best) | (not_a_number(x) & !not_a_number(best));
}

template <class T>
int64_t first_nan(const T* x) {
  for (int64_t i = 0;; ++i)
    if (not_a_number(x[i])) return i;
}

template <bool kMaximum, class T>
int64_t arg_of_few(const T* x, int64_t n) {
  T best = x[0];
  int64_t place = 0;
  bool ordered = !not_a_number(best);
  for (int64_t i = 1; i < n; ++i) {
    const T value = x[i];
    const bool wins = kMaximum ? value > best : value < best;
    best = wins ? value : best;
    place = wins ? i : place;
    ordered &= !not_a_number(value);
  }
  return ordered ? place : first_nan(x);
}

// Every lane keeps its best element and the number of the vector that it came from. A nan beats
// nothing here, but shows in `ordered`.
template <bool kMaximum, class T>
int64_t arg_of_vectors(const T* x, int64_t n) {
  using I = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  using V = Vector<T>;
  constexpr int kParts = 4, kLanes = kVectorLanes<T>;
  V best[kParts];
  Vector<I> from[kParts], now[kParts], ordered = Vector<I>{} - 1;
  std::memcpy(best, x, sizeof(best));
  for (int p = 0; p < kParts; ++p) {
    from[p] = now[p] = Vector<I>{} + p;
    ordered &= Vector<I>(best[p] == best[p]);
  }
  const auto step = [&](int p, int64_t i, const Vector<I>& number) {
    V value;
    std::memcpy(&value, x + i, sizeof(V));
    const Vector<I> wins = kMaximum ? value > best[p] : value < best[p];
    best[p] = wins ? value : best[p];
    from[p] = wins ? number : from[p];
    ordered &= Vector<I>(value == value);
  };
  int64_t i = kParts * kLanes;
  for (; i + kParts * kLanes <= n; i += kParts * kLanes) {
#pragma GCC unroll 4
    for (int p = 0; p < kParts; ++p) step(p, i + p * kLanes, now[p] += kParts);
  }
  for (; i + kLanes <= n; i += kLanes) step(0, i, Vector<I>{} + I(i / kLanes));
  // Of equals the first one: from the earlier vector, or in the lower lane of one.
  for (int p = 1; p < kParts; ++p) {
    const Vector<I> wins = (kMaximum ? best[p] > best[0] : best[p] < best[0]) |
                           (Vector<I>(best[p] == best[0]) & Vector<I>(from[p] < from[0]));
    best[0] = wins ? best[p] : best[0];
    from[0] = wins ? from[p] : from[0];
  }
  T values[kLanes];
  I vectors[kLanes], all[kLanes];
  std::memcpy(values, best, sizeof(values));
  std::memcpy(vectors, from, sizeof(vectors));
  std::memcpy(all, &ordered, sizeof(ordered));
  I whole = all[0];
  T top = values[0];
  int64_t place = int64_t(vectors[0]) * kLanes;
  for (int lane = 1; lane < kLanes; ++lane) {
    const T value = values[lane];
    const int64_t at = int64_t(vectors[lane]) * kLanes + lane;
    const bool wins = (kMaximum ? value > top : value < top) | ((value == top) & (at < place));
    top = wins ? value : top;
    place = wins ? at : place;
    whole &= all[lane];
  }
  if (!whole) return first_nan(x);
  for (; i < n; ++i) {
    const bool wins = beats<kMaximum>(x[i], top);
    top = wins ? x[i] : top;
    place = wins ? i : place;
  }
  return place;
}

// Two passes: lanes of few bytes have no room for a place.
template <bool kMaximum, class T>
int64_t arg_of_bytes(const T* x, int64_t n) {
  const T best = fold_row<std::conditional_t<kMaximum, MaxFold, MinFold>>(x, n);
  constexpr int64_t kStep = 256;
  for (int64_t i = 0; i < n; i += kStep) {
    const int64_t end = n - i < kStep ? n : i + kStep;
    unsigned found = 0;
    for (int64_t j = i; j < end; ++j) found |= x[j] == best;
    if (!found) continue;
    for (int64_t j = i; j < end; ++j)
      if (x[j] == best) return j;
  }
  return 0;
}

// Vectors are counted in 32 bits.
constexpr int64_t kArgPiece = int64_t{1} << 30;

template <bool kMaximum, class T>
int64_t arg_row(const T* x, int64_t n) {
  if constexpr (sizeof(T) < 4) {
    return n < 64 ? arg_of_few<kMaximum>(x, n) : arg_of_bytes<kMaximum>(x, n);
  } else {
    int64_t place = 0;
    for (int64_t i = 0; i < n; i += kArgPiece) {
      const int64_t length = n - i < kArgPiece ? n - i : kArgPiece;
      const int64_t found =
          i + (length < 4 * kVectorLanes<T> ? arg_of_few<kMaximum>(x + i, length)
                                            : arg_of_vectors<kMaximum>(x + i, length));
      if (i == 0 || beats<kMaximum>(x[found], x[place])) place = found;
    }
    return place;
  }
}

template <class T>
int64_t arg_loop(bool maximum, const void* x, int64_t n) {
  const T* a = static_cast<const T*>(x);
  return maximum ? arg_row<true>(a, n) : arg_row<false>(a, n);
}

template <bool kMaximum, class T>
void arg_columns(int64_t* __restrict out, const T* x, int64_t n, int64_t row_stride,
                 int64_t columns) {
  using I = std::conditional_t<sizeof(T) == 8, int64_t, int32_t>;
  for (int64_t c = 0; c < columns; ++c) out[c] = 0;
  for (int64_t begin = 0; begin < n; begin += kArgPiece) {
    const int64_t end = n - begin < kArgPiece ? n : begin + kArgPiece;
    T best[kArgColumns];
    I place[kArgColumns];
    for (int64_t c = 0; c < columns; ++c) {
      best[c] = x[out[c] * row_stride + c];
      place[c] = -1;
    }
    for (int64_t r = begin; r < end; ++r) {
      const T* row = x + r * row_stride;
      const I now = I(r - begin);
      for (int64_t c = 0; c < columns; ++c) {
        const bool wins = beats<kMaximum>(row[c], best[c]);
        best[c] = wins ? row[c] : best[c];
        place[c] = wins ? now : place[c];
      }
    }
    for (int64_t c = 0; c < columns; ++c)
      if (place[c] >= 0) out[c] = begin + place[c];
  }
}

template <class T>
void arg_columns_loop(bool maximum, int64_t* out, const void* x, int64_t n, int64_t row_stride,
                      int64_t columns) {
  const T* a = static_cast<const T*>(x);
  if (maximum)
    arg_columns<true>(out, a, n, row_stride, columns);
  else
    arg_columns<false>(out, a, n, row_stride, columns);
}

template <class T>
using Ordered = std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>;

template <class... T>
void install_all(LoopTable& table, List<T...>) {
  ((table.arg_reduce[int(dtype_of<T>)] = arg_loop<Ordered<T>>), ...);
  ((table.arg_columns[int(dtype_of<T>)] = arg_columns_loop<Ordered<T>>), ...);
}

}  // namespace

void install_extrema(LoopTable& table) { install_all(table, RealTypes{}); }

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
