#include <climits>
#include <limits>

#include "kernels/kernels.h"
#include "ops/elementwise.h"
#include "ops/linalg.h"
#include "ops/reduce.h"

namespace pyautograd::ops::linalg {

namespace {

double epsilon(DType dtype) {
  if (is_half(dtype)) return dtype == DType::Float16 ? 0x1p-10 : 0x1p-7;
  return real_of(dtype) == DType::Float32 ? std::numeric_limits<float>::epsilon()
                                          : std::numeric_limits<double>::epsilon();
}

}  // namespace

BatchResult OnMatrices::batch(int64_t, TensorSpan values, std::span<const int> dims) const {
  int64_t leading = 0;
  for (size_t i = 0; i < values.size(); ++i)
    leading = std::max(leading, values[i].ndim() - (dims[i] != kNotMapped) - core_rank(i));
  Tensors aligned;
  for (size_t i = 0; i < values.size(); ++i)
    aligned.push_back(align_mapped(values[i], dims[i], leading + core_rank(i)));
  BatchResult result{apply(Ref<const Primitive>(this), aligned), {}};
  result.dims.resize(result.outputs.size(), 0);
  return result;
}

Dependence OnMatrices::dependence(const DependenceArgs& args) const {
  const auto ndim = static_cast<int64_t>(args.x.shape.size());
  const int64_t own = ndim - core_rank(args.input);
  // Inputs that broadcast have matrices for results; an op of one input leaves the batch as it is.
  const int64_t common = std::max(own, static_cast<int64_t>(args.outputs[0].shape.size()) - 2);
  Dependence out{Dependence::Kind::Axes};
  for (int64_t i = 0; i < ndim; ++i)
    out.places.push_back(i < own ? common - own + i : Dependence::kAll);
  return out;
}

Dims lead(const Tensor& x, int64_t core_rank) {
  return Dims(x.shape().begin(), x.shape().end() - core_rank);
}

Dims with_core(Dims lead, std::initializer_list<int64_t> core) {
  for (int64_t size : core) lead.push_back(size);
  return lead;
}

Dims common_lead(std::string_view op, TensorSpan inputs) {
  Dims shape = lead(inputs[0]);
  for (const Tensor& x : inputs.subspan(1)) shape = broadcast_shapes(op, shape, lead(x));
  return shape;
}

void linalg_error(std::string_view op, std::string_view message) {
  fail(Error::Kind::LinAlg, "[", op, "] ", message);
}

void require_matrices(std::string_view op, const Tensor& x, const char* name) {
  if (x.ndim() < 2) {
    linalg_error(op, pyautograd::concat(name, " must have at least 2 dimensions, got shape ",
                                        shape_string(x.shape())));
  }
  if (std::max(rows(x), columns(x)) > INT_MAX)
    value_error("[", op, "] ", name, " is too large for LAPACK: ", shape_string(x.shape()));
}

void require_square(std::string_view op, const Tensor& x, const char* name) {
  require_matrices(op, x, name);
  if (rows(x) != columns(x)) {
    linalg_error(op, pyautograd::concat(name, " must be square in its last two axes, got ",
                                        shape_string(x.shape())));
  }
}

Tensor floating(const Tensor& x) { return cast(x, to_floating(x.dtype())); }

void raise_where_nonzero(std::string_view op, const std::vector<int32_t>& info,
                         std::string_view message) {
  for (size_t i = 0; i < info.size(); ++i) {
    if (info[i] == 0) continue;
    linalg_error(op, info.size() == 1
                         ? std::string(message)
                         : pyautograd::concat(message, " (matrix ", i, " of ", info.size(), ")"));
  }
}

void require_lapack(std::string_view op, Device device) {
  if (kernels::has_lapack() || device.kind != Device::Kind::CPU) return;
  runtime_error("[", op,
                "] needs LAPACK, which was not found: install the package scipy-openblas32");
}

Ref<Array> empty_by_columns(const Dims& lead, int64_t rows, int64_t columns, DType dtype,
                            Device device) {
  const Ref<Array> plain = Array::empty(with_core(lead, {columns, rows}), dtype, device);
  Dims strides = plain->strides;
  std::swap(strides[strides.size() - 1], strides[strides.size() - 2]);
  return plain->with_layout(with_core(lead, {rows, columns}), std::move(strides), 0);
}

namespace {

// Fills `out` with x, broadcast.
void copy_into(const Ref<Array>& out, const Array& x) {
  const Dims strides = broadcast_strides(x.shape, x.strides, out->shape);
  kernels::copy(out->device_view(), {x.address(), x.dtype, out->shape, strides, x.device});
}

}  // namespace

Ref<Array> copy_by_columns(const Tensor& x, const Dims& lead, Device device) {
  const Array& from = x.array();
  const size_t rank = from.shape.size();
  Ref<Array> out =
      empty_by_columns(lead, from.shape[rank - 2], from.shape[rank - 1], from.dtype, device);
  copy_into(out, from);
  return out;
}

Ref<Array> copy_by_rows(const Tensor& x, const Dims& lead, Device device, int64_t core_rank) {
  const Array& from = x.array();
  Dims shape = lead;
  for (int64_t axis = x.ndim() - core_rank; axis < x.ndim(); ++axis)
    shape.push_back(x.shape()[axis]);
  Ref<Array> out = Array::empty(std::move(shape), from.dtype, device);
  copy_into(out, from);
  return out;
}

Tensor stored_by_rows(const Tensor& x, Device device, int64_t core_rank) {
  const bool stored = x.array().contiguous() && x.device() == device;
  return stored ? x : Tensor(copy_by_rows(x, lead(x, core_rank), device, core_rank));
}

bool is_by_columns(const Tensor& x) {
  Dims shape = x.shape(), strides = x.array().strides;
  const size_t last = shape.size() - 1;
  std::swap(shape[last], shape[last - 1]);
  std::swap(strides[last], strides[last - 1]);
  return is_contiguous(shape, strides);
}

kernels::Matrices matrices(const Array& by_columns) {
  const Dims& shape = by_columns.shape;
  const size_t leading = shape.size() - 2;
  return {by_columns.address(), by_columns.dtype,   count_elements(std::span(shape).first(leading)),
          shape[leading],       shape[leading + 1], by_columns.device};
}

kernels::Matrices transposed_matrices(const Array& by_rows) {
  kernels::Matrices m = matrices(by_rows);
  std::swap(m.rows, m.columns);
  return m;
}

std::vector<int64_t> broadcast_numbers(const Dims& lead, const Dims& full) {
  const Dims strides = broadcast_strides(lead, contiguous_strides(lead), full);
  std::vector<int64_t> numbers(static_cast<size_t>(count_elements(full)), 0);
  Dims counter(full.size(), 0);
  for (int64_t& number : numbers) {
    for (size_t d = 0; d < full.size(); ++d) number += counter[d] * strides[d];
    for (size_t d = full.size(); d-- > 0 && ++counter[d] == full[d];) counter[d] = 0;
  }
  return numbers;
}

// On a device it is computed there, without a copy to wait for.
Tensor identity_matrix(int64_t n, DType dtype, Device device) {
  if (device.kind == Device::Kind::CPU) return eye(n, {}, 0, dtype);
  const Tensor places = arange(0, static_cast<double>(n), 1, DType::Int64, device);
  return astype(equal(expand_dims(places, {-1}), places), dtype);
}

Tensor row_range(const Tensor& x, int64_t begin, int64_t end) {
  if (begin == 0 && end == rows(x)) return x;
  return slice_axis(x, x.ndim() - 2, begin, end - begin);
}

Tensor column_range(const Tensor& x, int64_t begin, int64_t end) {
  if (begin == 0 && end == columns(x)) return x;
  return slice_axis(x, x.ndim() - 1, begin, end - begin);
}

Tensor scale_columns(const Tensor& x, const Tensor& v) { return x * expand_dims(v, {-2}); }

Tensor hermitian_part(const Tensor& x) { return (x + adjoint(x)) * 0.5; }

Tensor lower_product(const Tensor& a, const Tensor& b, bool upper_a) {
  constexpr int64_t kLarge = 384, kStrips = 4;
  const int64_t n = rows(a), height = (n + kStrips - 1) / kStrips, inner = columns(a);
  if (n < kLarge || n != columns(b) || inner < kLarge) return tril(matmul(a, b));
  Tensors strips;
  for (int64_t i = 0; i < n; i += height) {
    const int64_t end = std::min(n, i + height), begin = upper_a ? i : 0;
    const Tensor strip = matmul(column_range(row_range(a, i, end), begin, inner),
                                row_range(column_range(b, 0, end), begin, inner));
    const Tensor rest =
        zeros(with_core(lead(strip), {end - i, n - end}), strip.dtype(), strip.device());
    strips.push_back(end == n ? strip : ops::concat(Tensors{strip, rest}, -1));
  }
  return tril(ops::concat(strips, -2));
}

Tensor upper_product(const Tensor& a, const Tensor& b) {
  return matrix_transpose(lower_product(matrix_transpose(b), matrix_transpose(a)));
}

// What is only compared is computed from constants: what transforms would make of absolute values,
// which have a kink at the exact zeros here, nobody reads.
Tensor rounding_of(const Tensor& given) {
  const Tensor v = detached(given);
  const int64_t n = v.shape().back();
  const Tensor size = absolute(v),
               largest = n == 0 ? constant_like(size, 0) : max(size, Dims{-1}, true);
  return largest * (2 * static_cast<double>(n) * epsilon(v.dtype()));
}

Tensor equal_pairs(const Tensor& given) {
  const Tensor v = detached(given);
  const int64_t n = v.shape().back();
  const Tensor differences = expand_dims(v, {-2}) - expand_dims(v, {-1});
  const Tensor slack = expand_dims(rounding_of(v), {-1});
  const Tensor elsewhere = logical_not(identity_matrix(n, DType::Bool, v.device()));
  return logical_and(less_equal(absolute(differences), slack), elsewhere);
}

Tensor moves(const Tensor& t) { return any(not_equal(t, constant_like(t, 0)), Dims{-2, -1}, true); }

Tensor moves_by_pairs(const Tensor& t) {
  const Tensor columns = any(not_equal(t, constant_like(t, 0)), Dims{-2}, true);
  return logical_or(columns, matrix_transpose(columns));
}

Tensor over_differences(const Tensor& x, const Tensor& v, const Tensor& moving) {
  const Tensor differences = expand_dims(v, {-2}) - expand_dims(v, {-1});
  const Tensor diagonal = identity_matrix(v.shape().back(), DType::Bool, v.device()),
               equal = equal_pairs(v);
  const Tensor one = constant_like(v, 1), zero = constant_like(v, 0);
  const Tensor nan = constant_like(v, std::numeric_limits<double>::quiet_NaN());
  const Tensor regular = reciprocal(where(logical_or(equal, diagonal), one, differences));
  const Tensor slopes = where(diagonal, zero, where(equal, nan, regular));
  return call<kernels::Scale>(x, slopes) + where(logical_and(equal, moving), nan, zero);
}

Tensor constant_in(const Tensor& x, const Tensor& value) {
  return where(scalar(1, DType::Bool), value, x);
}

Tensor total(std::initializer_list<Tensor> terms) {
  Tensor sum;
  for (const Tensor& term : terms)
    if (term) sum = sum ? sum + term : term;
  return sum;
}

}  // namespace pyautograd::ops::linalg

namespace pyautograd {

void register_linalg(Registry& registry) {
  ops::linalg::register_solvers(registry);
  ops::linalg::register_banded_solvers(registry);
  ops::linalg::register_determinants(registry);
  ops::linalg::register_factorizations(registry);
  ops::linalg::register_spectra(registry);
  ops::linalg::register_general_spectra(registry);
  ops::linalg::register_least_squares(registry);
  ops::linalg::register_matrix_functions(registry);
  ops::linalg::register_norms(registry);
  ops::linalg::register_matrix_products(registry);
}

}  // namespace pyautograd
