#include <algorithm>
#include <cmath>

#include "kernels/kernels.h"
#include "ops/index.h"
#include "ops/linear.h"

namespace pyautograd::ops {

namespace {

Tensor filled(const Dims& shape, double value, DType dtype, Device device = {}) {
  Ref<Array> out = Array::empty(shape, dtype, device);
  kernels::fill(out->device_view(), value);
  return Tensor(std::move(out));
}

// What was made on the host, on the device that the user asked for.
Tensor placed(Tensor x, std::optional<Device> device) {
  return device ? to_device(x, *device) : std::move(x);
}

constexpr double kMostCounted = 0x1p62;

template <class T>
[[noreturn]] void count_too_large(T start, T stop, T step) {
  value_error("[arange] cannot count from ", start, " to ", stop, " in steps of ", step);
}

int64_t arange_size(double start, double stop, double step) {
  if (step == 0) value_error("[arange] step must not be zero");
  const double count = std::ceil((stop - start) / step);
  if (!(count < kMostCounted)) count_too_large(start, stop, step);
  return std::max<int64_t>(0, count <= 0 ? 0 : static_cast<int64_t>(count));
}

// 0, 1, ..., n - 1 scaled and shifted in whole numbers, which doubles could not hold.
Tensor arange_exact(int64_t start, int64_t stop, int64_t step) {
  if (step == 0) value_error("[arange] step must not be zero");
  const __int128 span = static_cast<__int128>(stop) - start;
  const __int128 count = (span + step - (step > 0 ? 1 : -1)) / step;
  const bool ahead = span != 0 && (span > 0) == (step > 0);
  if (ahead && static_cast<double>(count) >= kMostCounted) count_too_large(start, stop, step);
  const int64_t n = ahead ? static_cast<int64_t>(count) : 0;
  const Tensor steps = arange(0, static_cast<double>(n), 1, DType::Int64);
  const Tensor offset = full({}, 0, DType::Int64), scale = full({}, 0, DType::Int64);
  kernels::fill_int(offset.view(), start);
  kernels::fill_int(scale.view(), step);
  return add(multiply(steps, scale), offset);
}

Tensor zeros_op(const Dims& shape, std::optional<DType> dtype, std::optional<Device> device) {
  const DType wanted = dtype.value_or(DType::Float64);
  check_shape("zeros", shape, wanted);
  return zeros(shape, wanted, device.value_or(Device()));
}
Tensor ones_op(const Dims& shape, std::optional<DType> dtype, std::optional<Device> device) {
  const DType wanted = dtype.value_or(DType::Float64);
  check_shape("ones", shape, wanted);
  return ones(shape, wanted, device.value_or(Device()));
}
Tensor empty_op(const Dims& shape, std::optional<DType> dtype, std::optional<Device> device) {
  const DType wanted = dtype.value_or(DType::Float64);
  check_shape("empty", shape, wanted);
  return Tensor(Array::empty(shape, wanted, device.value_or(Device())));
}

Tensor full_op(const Dims& shape, const Tensor& value, std::optional<DType> dtype,
               std::optional<Device> device) {
  warn_of_discarded_part("full", value.dtype(), dtype.value_or(value.dtype()));
  const Tensor plain = cast(value, dtype.value_or(value.dtype()));
  check_shape("full", shape, plain.dtype());
  return copy(fitted("full", placed(plain, device), shape));
}

Tensor zeros_like_op(const Tensor& x, std::optional<DType> dtype, std::optional<Device> device) {
  return zeros(x.shape(), dtype.value_or(x.dtype()), device.value_or(x.device()));
}
Tensor ones_like_op(const Tensor& x, std::optional<DType> dtype, std::optional<Device> device) {
  return ones(x.shape(), dtype.value_or(x.dtype()), device.value_or(x.device()));
}
Tensor empty_like_op(const Tensor& x, std::optional<DType> dtype, std::optional<Device> device) {
  return Tensor(Array::empty(x.shape(), dtype.value_or(x.dtype()), device.value_or(x.device())));
}
Tensor full_like_op(const Tensor& x, const Tensor& value, std::optional<DType> dtype,
                    std::optional<Device> device) {
  return full_op(x.shape(), value, dtype.value_or(x.dtype()), device.value_or(x.device()));
}

Tensor number_of(std::string_view op, const Tensor& x) {
  const Array& array =
      concrete_array(op, x, "its arguments decide a shape and must be plain numbers");
  if (array.size() != 1) {
    type_error("[", op, "] expected a number, got shape ", shape_string(array.shape));
  }
  return Tensor(array.with_layout({}, {}, array.offset));
}
double double_of(const Tensor& number) {
  return *astype(number, DType::Float64).array().data<double>();
}
int64_t int_of(const Tensor& number) {
  return *astype(number, DType::Int64).array().data<int64_t>();
}

// Whether somebody may differentiate by it.
bool is_variable(const Tensor& x) { return x.tracked() || x.depth() > 0; }

Tensor arange_op(const Tensor& start, const std::optional<Tensor>& stop,
                 const std::optional<Tensor>& step, std::optional<DType> dtype,
                 std::optional<Device> device) {
  const Tensor first = number_of("arange", stop ? start : scalar(0, start.dtype()));
  const Tensor last = number_of("arange", stop.value_or(start));
  const Tensor by = number_of("arange", step.value_or(scalar(1, DType::Int64)));
  // As in NumPy no narrower than int64.
  const DType common =
      promote(DType::Int64, promote(promote(first.dtype(), last.dtype()), by.dtype()));
  if (is_complex(common)) type_error("[arange] is not defined for dtype ", name_of(common));
  if (is_floating(common)) {
    const double from = double_of(first), to = double_of(last), width = double_of(by);
    const bool moves = (stop && is_variable(start)) || (step && is_variable(*step));
    if (!moves) return placed(arange(from, to, width, dtype.value_or(common)), device);
    // The same numbers, as a function of start and step; how many there are stays.
    const Tensor begin = stop ? cast(start, common) : full({}, 0, common);
    const Tensor apart = subtract(add(begin, cast(step.value_or(by), common)), begin);
    const double count = static_cast<double>(arange(from, to, width, common).size());
    const Tensor numbers = add(begin, multiply(arange(0, count, 1, common), apart));
    return placed(cast(numbers, dtype.value_or(common)), device);
  }
  const Tensor numbers = arange_exact(int_of(first), int_of(last), int_of(by));
  return placed(cast(numbers, dtype.value_or(DType::Int64)), device);
}

// As astype, but integers lie below what they stand for: NumPy's rule for integer samples.
Tensor round_down_to(const Tensor& x, DType dtype) {
  const Tensor cast = astype(x, dtype);
  if (!is_integer(dtype)) return cast;
  return subtract(cast, astype(less(x, astype(cast, x.dtype())), dtype));
}

Tensor linspace_op(const Tensor& start, const Tensor& stop, int64_t num, bool endpoint,
                   std::optional<DType> dtype, int64_t axis, std::optional<Device> device) {
  if (num < 0) value_error("[linspace] number of samples, ", num, ", must not be negative");
  const DType floating = to_floating(promote(start.dtype(), stop.dtype()));
  const Tensor first = astype(start, floating), last = astype(stop, floating);
  const Tensor range = last - first;
  const int64_t intervals = endpoint ? num - 1 : num;
  Dims column(static_cast<size_t>(range.ndim()) + 1, 1);
  column[0] = num;
  const Tensor steps =
      reshape(arange(0, static_cast<double>(num), 1, floating, range.device()), column);
  Tensor result = intervals > 0 ? steps * (range / static_cast<double>(intervals)) + first
                                : steps * range + first;
  if (endpoint && num > 1) {
    // Rounding must not move the end.
    Slice head = whole(result.shape());
    head.size[0] = num - 1;
    const Tensor end = expand_dims(broadcast_to(last, range.shape()), {0});
    const Tensor parts[] = {slice(result, head), end};
    result = ops::concat(parts, 0);
  }
  if (axis != 0) result = moveaxis(result, 0, axis);
  return placed(dtype ? round_down_to(result, *dtype) : result, device);
}

Tensor eye_op(int64_t rows, std::optional<int64_t> columns, int64_t k, std::optional<DType> dtype,
              std::optional<Device> device) {
  return placed(eye(rows, columns, k, dtype.value_or(DType::Float64)), device);
}

Tensor astype_op(const Tensor& x, DType dtype, bool copied, std::optional<Device> device) {
  if (device && *device != x.device()) return astype_op(to_device(x, *device), dtype, false, {});
  if (x.dtype() == dtype) return copied ? copy(x) : x;
  warn_of_discarded_part("astype", x.dtype(), dtype);
  return astype(x, dtype);
}

}  // namespace

Tensor zeros(const Dims& shape, DType dtype, Device device) {
  return filled(shape, 0, dtype, device);
}
Tensor ones(const Dims& shape, DType dtype, Device device) {
  return filled(shape, 1, dtype, device);
}
Tensor full(const Dims& shape, double value, DType dtype) { return filled(shape, value, dtype); }
Tensor zeros_like(const Tensor& x) { return zeros(x.shape(), x.dtype(), x.device()); }
Tensor ones_like(const Tensor& x) { return ones(x.shape(), x.dtype(), x.device()); }

Tensor scalar(double value, DType dtype) {
  if (dtype != DType::Float64) return filled({}, value, dtype);
  Ref<Array> out = Array::empty({}, dtype);
  *out->data<double>() = value;
  return Tensor(std::move(out));
}

Tensor scalar(std::complex<double> value, DType dtype) {
  Ref<Array> exact = Array::empty({}, DType::Complex128);
  *exact->data<std::complex<double>>() = value;
  return cast(Tensor(std::move(exact)), dtype);
}

Tensor arange(double start, double stop, double step, DType dtype, Device device) {
  Ref<Array> out = Array::empty({arange_size(start, stop, step)}, dtype, device);
  // NumPy's increment: the rounded difference of the first two values.
  kernels::arange(out->device_view(), start, is_floating(dtype) ? (start + step) - start : step);
  return Tensor(std::move(out));
}

Tensor eye(int64_t rows, std::optional<int64_t> columns, int64_t k, DType dtype) {
  const int64_t width = columns.value_or(rows);
  check_shape("eye", {rows, width}, dtype);
  const Tensor out = zeros({rows, width}, dtype);
  const int64_t first_row = k < 0 ? -std::max(k, -rows) : 0;
  const int64_t first_column = std::min(std::max<int64_t>(k, 0), width);
  const int64_t length = std::min(rows - first_row, width - first_column);
  if (length > 0) {
    const int64_t offset = first_row * width + first_column;
    kernels::fill(out.array().with_layout({length}, {width + 1}, offset)->view(), 1);
  }
  return out;
}

}  // namespace pyautograd::ops

namespace pyautograd::algebra {

Tensor zeros(const Spec& spec) { return ops::zeros(spec.shape, spec.dtype, spec.device); }
Tensor ones(const Spec& spec) { return ops::ones(spec.shape, spec.dtype, spec.device); }

}  // namespace pyautograd::algebra

namespace pyautograd {

void register_creation(Registry& registry) {
  registry.add("zeros", ops::zeros_op, "shape, dtype=None, *, device=None",
               R"(Zeros of a shape, float64 unless ``dtype`` says otherwise.

A negative size raises ``ValueError``; more bytes than there are, ``MemoryError``.

>>> pa.zeros((2, 3)).shape
(2, 3))");
  registry.add("ones", ops::ones_op, "shape, dtype=None, *, device=None",
               R"(Ones of a shape, float64 unless ``dtype`` says otherwise.

A negative size raises ``ValueError``; more bytes than there are, ``MemoryError``.

>>> pa.ones(2).tolist()
[1.0, 1.0])");
  registry.add("empty", ops::empty_op, "shape, dtype=None, *, device=None",
               R"(An array of a shape whose numbers are whatever the memory held.

>>> pa.empty((2, 0)).shape
(2, 0))");
  registry.add("full", ops::full_op, "shape, fill_value, dtype=None, *, device=None",
               R"(An array of a shape filled with ``fill_value``, which broadcasts to it.

The dtype is that of ``fill_value`` unless given. Differentiable in ``fill_value``.

>>> pa.full((2, 2), 7).tolist()
[[7, 7], [7, 7]])");
  registry.add("zeros_like", ops::zeros_like_op, "x, /, dtype=None, *, device=None",
               R"(Zeros with the shape, and unless given the dtype, of ``x``. Records nothing.

>>> pa.zeros_like(pa.ones((2, 1))).tolist()
[[0.0], [0.0]])");
  registry.add("ones_like", ops::ones_like_op, "x, /, dtype=None, *, device=None",
               R"(Ones with the shape, and unless given the dtype, of ``x``. Records nothing.

>>> pa.ones_like(pa.zeros(2)).tolist()
[1.0, 1.0])");
  registry.add(
      "empty_like", ops::empty_like_op, "x, /, dtype=None, *, device=None",
      R"(An array with the shape and dtype of ``x`` whose numbers are whatever the memory held.

>>> pa.empty_like(pa.ones((2, 3))).shape
(2, 3))");
  registry.add("full_like", ops::full_like_op, "x, /, fill_value, dtype=None, *, device=None",
               R"(An array with the shape and dtype of ``x``, filled with ``fill_value``.

Differentiable in ``fill_value``.

>>> pa.full_like(pa.ones(2), 3).tolist()
[3.0, 3.0])");
  registry.add("arange", ops::arange_op, "start, stop=None, step=1, dtype=None, *, device=None",
               R"(Evenly spaced numbers from ``start`` (inclusive) to ``stop`` (exclusive).

With one argument, from 0 to it. ``step`` is 1 unless given; 0 raises ``ValueError``. Integers give int64, floats
float64. The arguments decide the length, so ``vmap`` must not map them. Differentiable in ``start`` and ``step``.

>>> pa.arange(5, 0, -2).tolist()
[5, 3, 1])");
  registry.add("linspace", ops::linspace_op,
               "start, stop, num=50, endpoint=True, dtype=None, axis=0, *, device=None",
               R"(``num`` evenly spaced samples from ``start`` to ``stop``.

``start`` and ``stop`` may be arrays, which broadcast; the samples lie along ``axis`` of the result. Differentiable in
both. With ``endpoint=False`` the last sample is one step short of ``stop``.

>>> pa.linspace(0, 1, 5).tolist()
[0.0, 0.25, 0.5, 0.75, 1.0])");
  registry.add(
      "eye", ops::eye_op, "n_rows, n_cols=None, k=0, dtype=None, *, device=None",
      R"(Ones on the ``k``-th diagonal (above the main one for ``k`` > 0) of a matrix of zeros.

>>> pa.eye(2, 3, k=1).tolist()
[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])");
  registry.add("astype", ops::astype_op, "x, dtype, /, *, copy=True, device=None",
               R"(The numbers of ``x`` as ``dtype``.

Floats become integers by cutting the fraction off. Between floating dtypes the derivative is the identity, cast; to or
from integers there is none. With ``copy=False``, ``x`` itself where the dtype is already right.

>>> pa.astype(pa.tensor([1.7, -1.7]), pa.int64).tolist()
[1, -1])");
  registry.add("copy", ops::copy, "x, /",
               R"(A fresh array with the numbers of ``x``. Its derivative is the identity.

>>> x = pa.ones(2)
>>> y = pa.copy(x)
>>> y[0] = 5
>>> x.tolist()
[1.0, 1.0])");
}

}  // namespace pyautograd
