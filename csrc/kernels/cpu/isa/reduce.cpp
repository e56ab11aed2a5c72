#include "kernels/cpu/isa/reduce.h"

#include "kernels/cpu/loop_table.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

namespace {

template <class Fold, class T>
void fold_row_loop(void* acc, const void* x, int64_t n) {
  T* a = static_cast<T*>(acc);
  Fold::fold(*a, fold_row<Fold>(static_cast<const T*>(x), n));
}

template <class Fold, class T>
inline void fold_rows(T* acc, const T* x, int64_t rows, int64_t row_stride, int64_t columns) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* row = x + r * row_stride;
#pragma GCC ivdep
    for (int64_t c = 0; c < columns; ++c) Fold::fold(acc[c], row[c]);
  }
}

// Tiles of columns stay in the first cache; groups of rows are summed apart, to bound the error of
// long sums.
template <class Fold, class T>
void fold_columns_loop(void* acc, const void* x, int64_t rows, int64_t row_stride,
                       int64_t columns) {
  constexpr int64_t kTile = 4096 / sizeof(T), kGroup = 128;
  for (int64_t c = 0; c < columns; c += kTile) {
    int64_t width = columns - c < kTile ? columns - c : kTile;
    T* a = static_cast<T*>(acc) + c;
    const T* begin = static_cast<const T*>(x) + c;
    if (rows <= kGroup) {
      fold_rows<Fold>(a, begin, rows, row_stride, width);
      continue;
    }
    for (int64_t r = 0; r < rows; r += kGroup) {
      T group[kTile];
      for (int64_t i = 0; i < width; ++i) group[i] = Fold::template identity<T>();
      fold_rows<Fold>(group, begin + r * row_stride, rows - r < kGroup ? rows - r : kGroup,
                      row_stride, width);
      fold_rows<Fold>(a, group, 1, 0, width);
    }
  }
}

template <class T>
bool any_nonzero(const T* x, int64_t n, bool wanted) {
  constexpr int64_t kStep = 256;
  for (int64_t i = 0; i < n; i += kStep) {
    int64_t end = n - i < kStep ? n : i + kStep;
    unsigned found = 0;
    for (int64_t j = i; j < end; ++j) found |= (x[j] != T(0)) == wanted;
    if (found) return true;
  }
  return false;
}

template <bool All, class T>
void truth_row_loop(void* acc, const void* x, int64_t n) {
  bool* a = static_cast<bool*>(acc);
  if (*a != All) return;  // already decided
  *a = any_nonzero(static_cast<const T*>(x), n, !All) != All;
}

template <bool All, class T>
void truth_columns_loop(void* acc, const void* x, int64_t rows, int64_t row_stride,
                        int64_t columns) {
  uint8_t* a = static_cast<uint8_t*>(acc);
  for (int64_t r = 0; r < rows; ++r) {
    const T* row = static_cast<const T*>(x) + r * row_stride;
#pragma GCC ivdep
    for (int64_t c = 0; c < columns; ++c) {
      uint8_t truth = row[c] != T(0);
      a[c] = All ? a[c] & truth : a[c] | truth;
    }
  }
}

template <class T>
int64_t arg_loop(bool maximum, const void* x, int64_t n) {
  const T* a = static_cast<const T*>(x);
  T best = maximum ? fold_row<MaxFold>(a, n) : fold_row<MinFold>(a, n);
  constexpr int64_t kStep = 256;
  for (int64_t i = 0; i < n; i += kStep) {
    int64_t end = n - i < kStep ? n : i + kStep;
    unsigned found = 0;
    for (int64_t j = i; j < end; ++j) found |= (a[j] == best) | (a[j] != a[j]);
    if (!found) continue;
    for (int64_t j = i; j < end; ++j)
      if (best != best ? a[j] != a[j] : a[j] == best) return j;
  }
  return 0;
}

template <class Fold, class T>
constexpr ReduceLoops fold_loops() {
  return {fold_row_loop<Fold, T>, fold_columns_loop<Fold, T>};
}
template <bool All, class T>
constexpr ReduceLoops truth_loops() {
  return {truth_row_loop<All, T>, truth_columns_loop<All, T>};
}

// Wrapping sums and truth values do not see the sign, so they share the unsigned loops; bool is a
// byte.
template <class T>
struct Unsigned {
  using type = std::make_unsigned_t<T>;
};
template <>
struct Unsigned<bool> {
  using type = uint8_t;
};
template <>
struct Unsigned<float> {
  using type = float;
};
template <>
struct Unsigned<double> {
  using type = double;
};

template <class T>
void install(LoopTable& table) {
  using U = typename Unsigned<T>::type;
  using Ordered = std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>;
  int d = int(dtype_of<T>);
  constexpr bool is_bool = std::is_same_v<T, bool>;
  table.reduce[int(Reduce::Sum)][d] = is_bool ? fold_loops<MaxFold, U>() : fold_loops<SumFold, U>();
  table.reduce[int(Reduce::Prod)][d] =
      is_bool ? fold_loops<MinFold, U>() : fold_loops<ProdFold, U>();
  table.reduce[int(Reduce::Max)][d] = fold_loops<MaxFold, Ordered>();
  table.reduce[int(Reduce::Min)][d] = fold_loops<MinFold, Ordered>();
  table.reduce[int(Reduce::Any)][d] = truth_loops<false, U>();
  table.reduce[int(Reduce::All)][d] = truth_loops<true, U>();
  table.arg_reduce[d] = arg_loop<Ordered>;
}

template <class... T>
void install_all(LoopTable& table, List<T...>) {
  (install<T>(table), ...);
}

}  // namespace

void install_reduce(LoopTable& table) { install_all(table, AllTypes{}); }

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
