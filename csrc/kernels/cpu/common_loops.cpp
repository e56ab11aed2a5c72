// The loops of which one copy serves every processor: over complex numbers, and over what has no
// vector instruction.

#include "kernels/cpu/isa/reduce.h"
#include "kernels/cpu/move.h"

namespace pyautograd::kernels {

namespace {

template <class F, class T>
void unary_loop(void* out, const void* x, int64_t n) {
  auto* o = static_cast<Result<F, T>*>(out);
  const T* a = static_cast<const T*>(x);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) o[i] = Formula<F, T>()(a[i]);
}

template <class F, class T, bool XScalar, bool YScalar>
void straight(Result<F, T>* out, const T* x, const T* y, int64_t n) {
  const T x0 = x[0], y0 = y[0];
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i)
    out[i] = Formula<F, T>()(XScalar ? x0 : x[i], YScalar ? y0 : y[i]);
}

template <class F, class T>
void binary_loop(void* out, const void* x, const void* y, int64_t n, bool x_scalar, bool y_scalar) {
  if (n <= 0) return;
  auto* o = static_cast<Result<F, T>*>(out);
  const T* a = static_cast<const T*>(x);
  const T* b = static_cast<const T*>(y);
  const int64_t count = x_scalar && y_scalar ? 1 : n;
  if (x_scalar)
    straight<F, T, true, false>(o, a, b, count);
  else if (y_scalar)
    straight<F, T, false, true>(o, a, b, count);
  else
    straight<F, T, false, false>(o, a, b, count);
  for (int64_t i = count; i < n; ++i) o[i] = o[0];
}

template <class T, class... F>
void install_unary(LoopTable& table, List<F...>) {
  auto one = [&]<class Functor>(TypeTag<Functor>) {
    if constexpr (accepts<Functor, T>() && compiled_once<Functor, T>)
      table.unary[fn_id<Functor>()][int(dtype_of<T>)] = unary_loop<Functor, T>;
  };
  (one(TypeTag<F>{}), ...);
}

template <class T, class... F>
void install_binary(LoopTable& table, List<F...>) {
  auto one = [&]<class Functor>(TypeTag<Functor>) {
    if constexpr (accepts<Functor, T>() && compiled_once<Functor, T>)
      table.binary[fn_id<Functor>() - kUnaryCount][int(dtype_of<T>)] = binary_loop<Functor, T>;
  };
  (one(TypeTag<F>{}), ...);
}

// Products as NumPy forms them, not as the operator of std::complex does.
struct ComplexProdFold : ProdFold {
  template <class T>
  static void fold(T& acc, const T& x) {
    acc = product(acc, x);
  }
};

template <class T>
void gemm(const Gemm& g) {
  const T* a = static_cast<const T*>(g.a);
  const T* b = static_cast<const T*>(g.b);
  for (int64_t i = 0; i < g.m; ++i) {
    T* row = static_cast<T*>(g.c) + i * g.c_row;
    for (int64_t j = 0; j < g.n; ++j) row[j] = T(0);
    for (int64_t p = 0; p < g.k; ++p) {
      const T left = a[i * g.a_row + p * g.a_column];
      const T* right = b + p * g.b_row;
      if (g.b_column == 1)
        for (int64_t j = 0; j < g.n; ++j) row[j] += product(left, right[j]);
      else
        for (int64_t j = 0; j < g.n; ++j) row[j] += product(left, right[j * g.b_column]);
    }
  }
}

void where_loop(void* out, const void* condition, const void* x, const void* y, int64_t n,
                bool x_scalar, bool y_scalar) {
  const auto* chosen = static_cast<const bool*>(condition);
  auto* o = static_cast<Bytes16*>(out);
  const auto* a = static_cast<const Bytes16*>(x);
  const auto* b = static_cast<const Bytes16*>(y);
  for (int64_t i = 0; i < n; ++i) o[i] = chosen[i] ? a[x_scalar ? 0 : i] : b[y_scalar ? 0 : i];
}

template <class F, class T>
void slope_loop(void* out, const void* x, const void* t, const void* y, int64_t n, bool t_scalar,
                bool y_scalar) {
  using Formula = ComplexFormula<F>;
  auto* o = static_cast<T*>(out);
  const auto *a = static_cast<const T*>(x), *b = static_cast<const T*>(t),
             *c = static_cast<const T*>(y);
  for (int64_t i = 0; i < n; ++i) {
    const T scale = b[t_scalar ? 0 : i], result = c[y_scalar ? 0 : i];
    o[i] =
        Formula::near_limit(result) ? Formula()(scale, a[i]) : Formula::from_result(scale, result);
  }
}
template <class F, class T>
bool near_limit(const void* y, int64_t n) {
  const auto* a = static_cast<const T*>(y);
  return std::any_of(a, a + n, [](T result) { return ComplexFormula<F>::near_limit(result); });
}
template <class T, class F>
void install_slope(LoopTable& table) {
  table.slope[index_of<F>(Slopes{})][int(dtype_of<T>)] = slope_loop<F, T>;
  table.near_limit[index_of<F>(Slopes{})][int(dtype_of<T>)] = near_limit<F, T>;
}
template <class T, class... F>
void install_slopes_of(LoopTable& table, List<F...>) {
  (install_slope<T, F>(table), ...);
}

template <class... T>
void install_elementwise(LoopTable& table, List<T...>) {
  (install_unary<T>(table, Unary{}), ...);
  (install_binary<T>(table, Binary{}), ...);
}

template <class T>
void install_complex(LoopTable& table) {
  const int d = int(dtype_of<T>);
  table.reduce[int(Reduce::Sum)][d] = fold_loops<SumFold, T>();
  table.reduce[int(Reduce::Prod)][d] = fold_loops<ComplexProdFold, T>();
  table.reduce[int(Reduce::Any)][d] = truth_loops<false, T>();
  table.reduce[int(Reduce::All)][d] = truth_loops<true, T>();
  table.gemm[d] = gemm<T>;
  install_slopes_of<T>(table, Slopes{});
}

}  // namespace

void install_common(LoopTable& table) {
  install_elementwise(table, AllTypes{});
  install_complex<std::complex<float>>(table);
  install_complex<std::complex<double>>(table);
  table.where[size_class(sizeof(Bytes16))] = where_loop;
}

}  // namespace pyautograd::kernels
