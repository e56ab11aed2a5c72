// Which values occur, how often and where.

#include <limits>

#include "autograd/capture.h"
#include "kernels/kernels.h"
#include "ops/linear.h"
#include "ops/reduce.h"
#include "ops/sort.h"

namespace pyautograd::ops {

namespace {

Tensor flat(const Tensor& x) { return x.ndim() == 1 ? x : reshape(x, {x.size()}); }

// The numbers of x behind every transform. What depends on them has a shape that vmap cannot know.
Tensor concrete(std::string_view op, const Tensor& x) {
  return flat(plain(concrete_array(op, x, "the shape of the result depends on them")));
}

// The one number of an array.
int64_t number(const Tensor& x) { return *to_device(x, {}).array().data<int64_t>(); }

// Element i of 1-D x differs from the one before it; the first always does.
Tensor starts_group(const Tensor& sorted) {
  const int64_t n = sorted.size();
  if (n == 0) return zeros({0}, DType::Bool, sorted.device());
  const Tensor differs =
      not_equal(slice_axis(sorted, 0, 0, n - 1), slice_axis(sorted, 0, 1, n - 1));
  return ops::concat(Tensors{ones({1}, DType::Bool, sorted.device()), differs}, 0);
}

// The distinct values of x in ascending order: where each occurs first, which of them each element
// is, and how often each occurs. Everything but the values is integers without derivatives.
struct Distinct {
  Distinct(std::string_view op, const Tensor& x)
      : x_(x),
        numbers_(concrete(op, x)),
        order_(argsort(numbers_)),
        starts_(starts_group(take(numbers_, order_, 0))),
        heads_(nonzero(starts_)[0]) {}

  Tensor indices() const { return take(order_, heads_, 0); }
  Tensor values() const { return take(flat(x_), indices(), 0); }
  Tensor inverse() const {
    const Tensor one = scalar(1, DType::Int64);
    const Tensor group = cumsum(starts_, 0) - one;
    const Tensor places = zeros({numbers_.size()}, DType::Int64, numbers_.device());
    return reshape(put_along_axis(places, order_, group, 0), x_.shape());
  }
  Tensor counts() const {
    const int64_t n = heads_.size();
    const Tensor end =
        broadcast_to(scalar(static_cast<double>(numbers_.size()), DType::Int64), {1});
    const Tensor fence = ops::concat(Tensors{heads_, end}, 0);
    return slice_axis(fence, 0, 1, n) - heads_;
  }

 private:
  const Tensor& x_;
  const Tensor numbers_, order_, starts_, heads_;
};

Tensors unique_all(const Tensor& x) {
  const Distinct distinct("unique_all", x);
  return {distinct.values(), distinct.indices(), distinct.inverse(), distinct.counts()};
}
Tensors unique_counts(const Tensor& x) {
  const Distinct distinct("unique_counts", x);
  return {distinct.values(), distinct.counts()};
}
Tensors unique_inverse(const Tensor& x) {
  const Distinct distinct("unique_inverse", x);
  return {distinct.values(), distinct.inverse()};
}
Tensor unique_values(const Tensor& x) {
  if (x.tracked() || !x.is_array()) return Distinct("unique_values", x).values();
  // Without derivatives nobody asks where the values come from.
  const Tensor sorted = sort(flat(x));
  return take(sorted, nonzero(starts_group(sorted))[0], 0);
}

void check_counted(const Tensor& x, const std::optional<Tensor>& weights, int64_t minlength) {
  if (x.ndim() != 1) {
    value_error("[bincount] x must have one axis, got shape ", shape_string(x.shape()));
  }
  if (x.size() > 0 && (is_inexact(x.dtype()) || x.dtype() == DType::UInt64)) {
    type_error("[bincount] x must hold integers that int64 can hold, got dtype ",
               name_of(x.dtype()));
  }
  if (weights) require_real("bincount", *weights);
  if (minlength < 0) value_error("[bincount] minlength must not be negative, got ", minlength);
  if (weights && weights->shape() != x.shape()) {
    value_error("[bincount] weights of shape ", shape_string(weights->shape()),
                " must have one element for each of x, of shape ", shape_string(x.shape()));
  }
}

Tensor bincount(const Tensor& x, const std::optional<Tensor>& weights, int64_t minlength) {
  check_counted(x, weights, minlength);
  // Of all that vmap maps: results below minlength have one size.
  const Tensor numbers = cast(plain(innermost_array(x)), DType::Int64);
  int64_t bins = minlength;
  // A captured call has no numbers yet: they are taken to be as few as the caller expects.
  const bool expected = minlength > 0 && Capture::unknown(numbers.array());
  if (expected) {
    const Tensor end = scalar(static_cast<double>(minlength), DType::Int64);
    surely(logical_or(less(numbers, scalar(0, DType::Int64)), greater_equal(numbers, end)));
  } else if (numbers.size() > 0) {
    const int64_t least = number(min(numbers));
    if (least < 0) value_error("[bincount] x must not be negative, but has ", least);
    constexpr int64_t kMost = std::numeric_limits<int64_t>::max();  // too many for check_shape
    bins = std::max(bins, std::min(number(max(numbers)), kMost - 1) + 1);
  }
  if (bins > minlength)
    concrete_array("bincount", x,
                   "the size of the result depends on them, but with a minlength "
                   "above all of them");
  const DType dtype = weights ? DType::Float64 : DType::Int64;
  check_shape("bincount", {bins}, dtype);
  const Tensor zero = zeros({bins}, dtype, x.device()), places = cast(x, DType::Int64);
  if (weights) return put_along_axis(zero, places, cast(*weights, dtype), 0, true);
  if (expected || !is_on_host(x) || !places.is_array())
    return put_along_axis(zero, places, ones({places.size()}, dtype, x.device()), 0, true);
  kernels::count_at(zero.array().view(), places.array().view());
  return zero;
}

// Which integers occur among others, from a table of these; nothing where they lie far apart.
std::optional<Tensor> isin_table(const Tensor& wanted, const Tensor& among) {
  constexpr uint64_t kEntries = 8;  // of the table for each integer
  if (!is_integer(wanted.dtype()) || wanted.dtype() == DType::UInt64 || !wanted.is_array() ||
      !among.is_array())
    return {};
  const Tensor places = cast(flat(among), DType::Int64), asked = cast(wanted, DType::Int64);
  const Tensor low = min(places), high = max(places);
  const uint64_t reach = static_cast<uint64_t>(number(high)) - static_cast<uint64_t>(number(low));
  const auto elements = static_cast<uint64_t>(places.size() + asked.size());
  if (reach > kEntries * elements) return {};
  const Tensor table =
      put_along_axis(zeros({static_cast<int64_t>(reach) + 1}, DType::Bool, wanted.device()),
                     places - low, ones({places.size()}, DType::Bool, wanted.device()), 0);
  const Tensor inside = logical_and(greater_equal(asked, low), less_equal(asked, high));
  const Tensor found = take(table, where(inside, asked - low, scalar(0, DType::Int64)), {});
  return logical_and(inside, found);
}

Tensor isin(const Tensor& element, const Tensor& test_elements, bool invert) {
  const DType dtype = promote(element.dtype(), test_elements.dtype());
  // A number of the host goes along with a device, which what is looked up in a table would not.
  const bool moves = is_on_host(element) && element.size() <= 1;
  const Device device = moves ? test_elements.device() : element.device();
  const Tensor wanted = to_device(cast(element, dtype), device);
  const int64_t n = test_elements.size();
  if (n == 0) return to_device(full(element.shape(), invert ? 1 : 0, DType::Bool), device);
  const bool of_host = is_on_host(test_elements);
  const Tensor among = of_host ? to_device(test_elements, device) : test_elements;
  if (const std::optional<Tensor> found = isin_table(wanted, cast(among, dtype)))
    return invert ? logical_not(*found) : *found;
  const Tensor sorted = sort(cast(flat(among), dtype));
  const Tensor last = scalar(static_cast<double>(n - 1), DType::Int64);
  const Tensor nearest = take(sorted, minimum(searchsorted(sorted, wanted), last), 0);
  return invert ? not_equal(nearest, wanted) : equal(nearest, wanted);
}

Tensor flatnonzero(const Tensor& x) { return nonzero(concrete("flatnonzero", x))[0]; }

Tensor argwhere(const Tensor& x) {
  const Tensor numbers = concrete("argwhere", x);
  if (x.ndim() == 0) return zeros({nonzero(numbers)[0].size(), 0}, DType::Int64, x.device());
  return stack(nonzero(reshape(numbers, x.shape())), 1);
}

constexpr const char* kDistinctDoc = R"(

Complex numbers are ordered by real part, then by imaginary part. nan differs from every other nan, so each is a value of its own; 0 and -0 are one value, represented by the one that
comes first. The derivative of the values goes to the first occurrences.

:param x: tensor of any shape
:raises RuntimeError: under vmap, since the number of values depends on the elements
:returns: )";

}  // namespace

void register_counting(Registry& registry) {
  const std::string distinct = kDistinctDoc;
  registry.add("unique_values", &unique_values, "x, /",
               "The distinct values of x in ascending order." + distinct +
                   R"(tensor with one axis

>>> pa.unique_values(pa.tensor([3, 1, 3])).tolist()
[1, 3])");
  registry.add("unique_counts", &unique_counts, "x, /",
               "The distinct values of x in ascending order, and how often each occurs." +
                   distinct + R"(values and counts

>>> [part.tolist() for part in pa.unique_counts(pa.tensor([3, 1, 3]))]
[[1, 3], [1, 2]])");
  registry.add("unique_inverse", &unique_inverse, "x, /",
               "The distinct values of x in ascending order, and which of them each element is." +
                   distinct +
                   R"(values, and inverse_indices of x's shape: x is values[inverse_indices]

>>> [part.tolist() for part in pa.unique_inverse(pa.tensor([3, 1, 3]))]
[[1, 3], [1, 0, 1]])");
  registry.add("unique_all", &unique_all, "x, /",
               "The distinct values of x in ascending order: where each occurs first in the "
               "flattened x, which of them each element is, and how often each occurs." +
                   distinct + R"(values, indices, inverse_indices and counts

>>> [part.tolist() for part in pa.unique_all(pa.tensor([3, 1, 3]))]
[[1, 3], [1, 0], [1, 0, 1], [1, 2]])");
  registry.add(
      "bincount", &bincount, "x, /, weights=None, minlength=0",
      R"(How often each of 0, 1, 2, ... occurs in x, or the sum of the weights where it does.

Linear in the weights, and differentiable with respect to them.

:param x: integer tensor with one axis, no element negative
:param weights: tensor of x's shape
:param minlength: the least size of the result
:returns: int64 tensor of max(x) + 1 elements; float64 with weights
:raises ValueError: if an element or minlength is negative, or shapes differ
:raises TypeError: if x is not of integers
:raises RuntimeError: if vmap maps x, and minlength is not above all of it: the size of the result
    would depend on it

>>> pa.bincount(pa.tensor([0, 2, 2])).tolist()
[1, 0, 2])");
  registry.add("isin", &isin, "element, test_elements, /, *, invert=False",
               R"(Whether each element occurs among the test elements. nan never does.

:param element: tensor of any shape
:param test_elements: tensor of any shape
:param invert: whether to ask for the opposite
:returns: bool tensor of the first one's shape

>>> pa.isin(pa.tensor([1, 2, 3]), pa.tensor([3, 1])).tolist()
[True, False, True])");
  registry.add("flatnonzero", &flatnonzero, "x, /",
               R"(The indices of the elements of the flattened x that are not zero.

:param x: tensor of any shape
:returns: int64 tensor with one axis
:raises RuntimeError: under vmap, since the number of indices depends on the elements

>>> pa.flatnonzero(pa.tensor([[0, 1], [2, 0]])).tolist()
[1, 2])");
  registry.add(
      "argwhere", &argwhere, "x, /",
      R"(The positions of the elements that are not zero, a row for each, in row-major order.

:param x: tensor of any shape
:returns: int64 tensor of shape (how many, axes of x)
:raises RuntimeError: under vmap, since the number of rows depends on the elements

>>> pa.argwhere(pa.tensor([[0, 1], [2, 0]])).tolist()
[[0, 1], [1, 0]])");
}

}  // namespace pyautograd::ops
