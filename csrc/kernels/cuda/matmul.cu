// Matrix products: through cuBLAS where it is there and has the dtype, and a plain kernel.

#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/tables.h"

#ifndef PYAUTOGRAD_CUDA_EMULATION
#include "kernels/cuda/cublas.h"
#endif

namespace pyautograd::kernels::cuda {

namespace {

Dims without_last(std::span<const int64_t> dims, size_t count) {
  return Dims(dims.first(dims.size() - count));
}

// One element of the result each.
template <class T>
struct PlainProduct {
  T* out;
  const T *a, *b;
  Places<3> batch;  // of the matrices: out, a, b
  int64_t m, n, k, a_row, a_column, b_row, b_column, out_row, out_column;

  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const int64_t matrix = item / (m * n), element = item - matrix * (m * n);
    const int64_t i = element / n, j = element - i * n;
    const auto offsets = batch(matrix);
    const T* left = a + offsets.of[1] + i * a_row;
    const T* right = b + offsets.of[2] + j * b_column;
    T sum(0);
    for (int64_t l = 0; l < k; ++l)
      sum = Formula<Add, T>()(sum, Formula<Multiply, T>()(left[l * a_column], right[l * b_row]));
    out[offsets.of[0] + i * out_row + j * out_column] = sum;
  }
};

template <class T>
bool plain_product(const View& out, const View& a, const View& b, const Nest<3>& batch) {
  if (batch.rank() > kMaxRank) return false;
  const size_t row = out.shape.size() - 2, column = row + 1;
  const PlainProduct<T> product{static_cast<T*>(out.data),
                                static_cast<const T*>(a.data),
                                static_cast<const T*>(b.data),
                                Places<3>(batch),
                                out.shape[row],
                                out.shape[column],
                                a.shape[column],
                                a.strides[row],
                                a.strides[column],
                                b.strides[row],
                                b.strides[column],
                                out.strides[row],
                                out.strides[column]};
  Queue(out.device).each(batch.count() * product.m * product.n, product);
  return true;
}

bool product(const View& out, const View& a, const View& b, bool tf32);

// Numbers without gaps in memory of their own.
View plain_view(const View& x, DType dtype, const Scratch& memory, Dims& strides) {
  strides = packed_strides(x.shape);
  return {memory.as<void>(), dtype, x.shape, strides, x.device};
}

// Without cuBLAS, which multiplies halves itself and adds in float32.
bool product_in_single(const View& out, const View& a, const View& b) {
  const auto scratch = [](const View& x) {
    return Scratch(x.device.index, static_cast<size_t>(element_count(x.shape)) * sizeof(float));
  };
  const Scratch memories[] = {scratch(out), scratch(a), scratch(b)};
  Dims strides[3];
  const View wide_a = plain_view(a, DType::Float32, memories[1], strides[1]),
             wide_b = plain_view(b, DType::Float32, memories[2], strides[2]),
             wide_out = plain_view(out, DType::Float32, memories[0], strides[0]);
  copy_on_device(wide_a, a);
  copy_on_device(wide_b, b);
  return product(wide_out, wide_a, wide_b, false) && copy_on_device(out, wide_out);
}

#ifndef PYAUTOGRAD_CUDA_EMULATION

// The transposes of a row-major product are what cuBLAS computes: out' = b' a', column by column.
bool as_columns(const View& x, int64_t step, CublasMatrix& out) {
  const size_t row = x.shape.size() - 2, column = row + 1;
  const int64_t rows = x.shape[row], columns = x.shape[column];
  const int64_t down = rows == 1 ? columns : x.strides[row];
  const int64_t along = columns == 1 ? 1 : x.strides[column];
  out = {x.data, false, down, step};
  if (along == 1 && down >= columns) return true;
  out = {x.data, true, columns == 1 ? rows : x.strides[column], step};
  return (rows == 1 || x.strides[row] == 1) && out.leading >= rows;
}

cudaDataType cublas_type(DType dtype) {
  return dtype == DType::Float16     ? CUDA_R_16F
         : dtype == DType::BFloat16  ? CUDA_R_16BF
         : dtype == DType::Float32   ? CUDA_R_32F
         : dtype == DType::Float64   ? CUDA_R_64F
         : dtype == DType::Complex64 ? CUDA_C_32F
                                     : CUDA_C_64F;
}

// False where the operands do not lie as cuBLAS takes them.
bool cublas_product(const View& out, const View& a, const View& b, const Nest<3>& batch,
                    bool tf32) {
  if (!is_inexact(out.dtype) || batch.rank() > 1) return false;
  const size_t row = out.shape.size() - 2, column = row + 1;
  CublasProduct product{out.shape[column],
                        out.shape[row],
                        a.shape[column],
                        batch.count(),
                        {},
                        {},
                        out.data,
                        cublas_type(out.dtype),
                        tf32};
  // It wants positive leading dimensions, which empty operands have not.
  if (product.k == 0 || element_count(out.shape) == 0) return false;
  // Nor are steps backwards promised to work.
  const bool follows = product.count == 1 || (batch.stride(0) == product.m * product.n &&
                                              batch.stride(1) >= 0 && batch.stride(2) >= 0);
  if (!follows || !as_columns(b, batch.stride(2), product.a) ||
      !as_columns(a, batch.stride(1), product.b))
    return false;
  return run_cublas(Queue(out.device), product);
}

bool is_plain(const View& x) {
  int64_t step = 1;
  for (size_t d = x.shape.size(); d-- > 0; step *= x.shape[d])
    if (x.shape[d] != 1 && x.strides[d] != step) return false;
  return true;
}

// Operands in any order are laid out anew once.
bool packed_product(const View& out, const View& a, const View& b, bool tf32) {
  const auto bytes = [](const View& x) {
    return static_cast<size_t>(element_count(x.shape) * itemsize(x.dtype));
  };
  const Scratch a_memory(out.device.index, bytes(a)), b_memory(out.device.index, bytes(b));
  const auto packed = [](const View& x, const Scratch& memory, Dims& strides) {
    const View plain = plain_view(x, x.dtype, memory, strides);
    copy_on_device(plain, x);
    return plain;
  };
  Dims a_strides, b_strides;
  const View plain_a = packed(a, a_memory, a_strides), plain_b = packed(b, b_memory, b_strides);
  return product(out, plain_a, plain_b, tf32);
}

#endif

bool product(const View& out, const View& a, const View& b, [[maybe_unused]] bool tf32) {
  const Dims leading = without_last(out.shape, 2);
  const Nest<3> batch(leading, {out.strides.first(leading.size()), a.strides.first(leading.size()),
                                b.strides.first(leading.size())});
#ifndef PYAUTOGRAD_CUDA_EMULATION
  if (cublas_product(out, a, b, batch, tf32)) return true;
  if (is_inexact(out.dtype) && !(is_plain(a) && is_plain(b)))
    return packed_product(out, a, b, tf32);
#endif
  if (is_half(out.dtype)) return product_in_single(out, a, b);
  return visit_dtype(out.dtype,
                     [&]<class T>(TypeTag<T>) { return plain_product<T>(out, a, b, batch); });
}

}  // namespace

void install_matmul(DeviceKernels& table) { table.matmul = &product; }

}  // namespace pyautograd::kernels::cuda
