// sort, argsort, selection, and search in what is sorted. A sort is a gather by a permutation, so
// derivatives of every order are those of take_along_axis.

#include "ops/sort.h"

#include "autograd/capture.h"
#include "kernels/kernels.h"
#include "kernels/sort.h"
#include "ops/reduce.h"

namespace pyautograd {

namespace ops {

namespace {

// Positions along an axis, as many as the op finds there.
class Positions : public AlongAxis {
 public:
  using AlongAxis::AlongAxis;
  Specs infer(TensorSpan inputs) const override {
    Dims shape = inputs[0].shape();
    shape[axis_] = length(shape[axis_]);
    return {Spec{std::move(shape), DType::Int64, inputs[0].device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    Ref<Array> out = Array::empty(specs[0].shape, DType::Int64, specs[0].device);
    find(out->device_view(), inputs[0].device_view(), static_cast<int>(axis_));
    return Tensors::of(Tensor(std::move(out)));
  }

 protected:
  virtual int64_t length(int64_t n) const { return n; }
  virtual void find(const View& out, const View& x, int axis) const = 0;
};

class Argsort final : public Positions {
 public:
  Argsort(int64_t axis, bool descending) : Positions(axis), descending_(descending) {}
  std::string_view name() const override { return "argsort"; }

 protected:
  void find(const View& out, const View& x, int axis) const override {
    kernels::argsort(out, x, axis, descending_);
  }
  Ref<const Primitive> along(int64_t axis) const override {
    return make_ref<Argsort>(axis, descending_);
  }

 private:
  const bool descending_;
};

// Of the first `count` elements in sorted order.
class ArgSelect final : public Positions {
 public:
  ArgSelect(int64_t axis, int64_t count, bool descending, bool sorted)
      : Positions(axis), count_(count), descending_(descending), sorted_(sorted) {}
  std::string_view name() const override { return "topk"; }

 protected:
  int64_t length(int64_t) const override { return count_; }
  void find(const View& out, const View& x, int axis) const override {
    kernels::arg_select(out, x, axis, descending_, sorted_);
  }
  Ref<const Primitive> along(int64_t axis) const override {
    return make_ref<ArgSelect>(axis, count_, descending_, sorted_);
  }

 private:
  const int64_t count_;
  const bool descending_, sorted_;
};

// Of the element of one rank; on the host.
class ArgNth final : public Positions {
 public:
  ArgNth(int64_t axis, int64_t rank) : Positions(axis), rank_(rank) {}
  std::string_view name() const override { return "kthvalue"; }

 protected:
  int64_t length(int64_t) const override { return 1; }
  void find(const View& out, const View& x, int axis) const override {
    kernels::arg_nth(out, x, axis, rank_);
  }
  Ref<const Primitive> along(int64_t axis) const override { return make_ref<ArgNth>(axis, rank_); }

 private:
  const int64_t rank_;
};

class Argpartition final : public Positions {
 public:
  Argpartition(int64_t axis, Dims ranks) : Positions(axis), ranks_(std::move(ranks)) {}
  std::string_view name() const override { return "argpartition"; }

 protected:
  void find(const View& out, const View& x, int axis) const override {
    kernels::arg_partition(out, x, axis, ranks_);
  }
  Ref<const Primitive> along(int64_t axis) const override {
    return make_ref<Argpartition>(axis, ranks_);
  }

 private:
  const Dims ranks_;
};

// Values alone, which takes half the time of a gather: for arrays that nothing differentiates.
class Arranged : public Primitive {
 public:
  explicit Arranged(int64_t axis) : axis_(static_cast<int>(axis)) {}
  Specs infer(TensorSpan inputs) const override { return {inputs[0].spec()}; }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    arrange(out->device_view(), inputs[0].device_view());
    return Tensors::of(Tensor(std::move(out)));
  }

 protected:
  virtual void arrange(const View& out, const View& x) const = 0;

  const int axis_;
};

class SortValues final : public Arranged {
 public:
  SortValues(int64_t axis, bool descending) : Arranged(axis), descending_(descending) {}
  std::string_view name() const override { return "sort"; }

 protected:
  void arrange(const View& out, const View& x) const override {
    kernels::sort(out, x, axis_, descending_);
  }

 private:
  const bool descending_;
};

class PartitionValues final : public Arranged {
 public:
  PartitionValues(int64_t axis, Dims ranks) : Arranged(axis), ranks_(std::move(ranks)) {}
  std::string_view name() const override { return "partition"; }

 protected:
  void arrange(const View& out, const View& x) const override {
    kernels::partition(out, x, axis_, ranks_);
  }

 private:
  const Dims ranks_;
};

Tensor contiguous_as(const Tensor& x, DType dtype, const Dims& shape, Device device) {
  Ref<Array> out = Array::empty(x.shape(), dtype, device);
  kernels::copy(out->device_view(), x.device_view());
  return Tensor(out->with_layout(shape, contiguous_strides(shape), 0));
}

// Inputs are ascending lines of shape (L..., n) and values of shape (L..., m...), where L are the
// `lead` axes that maps have put in front.
class SearchSorted final : public Primitive {
 public:
  SearchSorted(int64_t lead, bool right) : lead_(lead), right_(right) {}
  std::string_view name() const override { return "searchsorted"; }
  Specs infer(TensorSpan inputs) const override {
    return {Spec{inputs[1].shape(), DType::Int64, inputs[1].device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    const DType dtype = promote(inputs[0].dtype(), inputs[1].dtype());
    const Dims& shape = inputs[1].shape();
    const int64_t lines = count_elements({shape.begin(), static_cast<size_t>(lead_)});
    const int64_t n = inputs[0].shape()[lead_];
    const int64_t m = count_elements({shape.begin() + lead_, shape.size() - lead_});
    Ref<Array> out = Array::empty(shape, specs[0].dtype, specs[0].device);
    const Ref<Array> flat = out->with_layout({lines, m}, {m, 1}, 0);
    const auto contiguous = [&](const Tensor& x, int64_t width) {
      return contiguous_as(x, dtype, {lines, width}, specs[0].device);
    };
    kernels::searchsorted(flat->device_view(), contiguous(inputs[0], n).device_view(),
                          contiguous(inputs[1], m).device_view(), right_);
    return Tensors::of(Tensor(std::move(out)));
  }
  BatchResult batch(int64_t size, TensorSpan values, std::span<const int> dims) const override {
    if (lead_ == 0 && dims[0] == kNotMapped) {
      const Tensor front = mapped_to_front(values[1], dims[1]);
      return {pyautograd::apply(Ref<const Primitive>(this), Borrowed<2>(values[0], front)), {0}};
    }
    const Tensor lines = mapped_or_broadcast(values[0], dims[0], size);
    const Tensor wanted = mapped_or_broadcast(values[1], dims[1], size);
    return {{apply1(make_ref<SearchSorted>(lead_ + 1, right_), Borrowed<2>(lines, wanted))}, {0}};
  }

 private:
  const int64_t lead_;
  const bool right_;
};

Tensor line_of(const Tensor& x, std::optional<int64_t> axis) {
  return axis ? x : reshape(x, {x.size()});
}

bool only_values(const Tensor& x) { return x.is_array() && !x.tracked(); }

Tensors with_values(const Tensor& x, Tensor places, int64_t axis) {
  Tensor values = take_along_axis(x, places, axis);
  return {std::move(values), std::move(places)};
}

// The places in the order of a further key, where equals keep the order they have.
Tensor sorted_further(const Tensor& places, const Tensor& key, int64_t axis, bool descending) {
  const Tensor order = argsort(take_along_axis(key, places, axis), axis, descending);
  return take_along_axis(places, order, axis);
}

// Complex numbers as NumPy sorts them: by real part, then by imaginary part, and what has a nan
// behind all others.
Tensor argsort_complex(const Tensor& x, int64_t axis, bool descending) {
  const Tensor re = real(x), im = imag(x);
  const Tensor places = sorted_further(argsort(im, axis, descending), re, axis, descending);
  // A device is not waited for to save it work.
  if (x.is_array() && is_on_host(x) && !Capture::unknown(x.array()) &&
      !kernels::any_nan(x.array().view()))
    return places;
  const auto is_nan = [](const Tensor& part) { return cast(isnan(part), DType::Int8); };
  const Tensor nans = is_nan(re) + is_nan(re) + is_nan(im);
  return sorted_further(places, nans, axis, descending);
}

void require_k(std::string_view op, const Tensor& x, int64_t k, int64_t least, int64_t axis) {
  const int64_t n = x.shape()[axis];
  if (k < least || k > n) {
    value_error("[", op, "] k = ", k, " is out of range: axis ", axis, " has ", n,
                " elements, so k must be from ", least, " to ", n);
  }
}

Tensor select_places(const Tensor& x, int64_t k, int64_t axis, bool descending, bool sorted) {
  if (is_complex(x.dtype())) return slice_axis(argsort(x, axis, descending), axis, 0, k);
  return apply1(make_ref<ArgSelect>(axis, k, descending, sorted), x);
}

Tensors topk(const Tensor& x, int64_t k, int64_t axis, bool largest, bool sorted) {
  const int64_t along = normalize_axis("topk", axis, x.ndim());
  require_k("topk", x, k, 0, along);
  return with_values(x, select_places(x, k, along, largest, sorted), along);
}

Tensors kthvalue(const Tensor& x, int64_t k, int64_t axis, bool keepdims) {
  const int64_t along = normalize_axis("kthvalue", axis, x.ndim());
  require_k("kthvalue", x, k, 1, along);
  const bool alone = is_on_host(x) && !is_complex(x.dtype());
  const Tensor place = alone
                           ? apply1(make_ref<ArgNth>(along, k - 1), x)
                           : slice_axis(select_places(x, k, along, false, false), along, k - 1, 1);
  Tensors kept = with_values(x, place, along);
  if (keepdims) return kept;
  return {squeeze(kept[0], Dims{along}), squeeze(kept[1], Dims{along})};
}

// Ascending ranks from 0 on, without repetitions.
Dims ranks_of(std::string_view op, const Dims& kth, int64_t n) {
  Dims ranks;
  for (int64_t k : kth) {
    if (k < -n || k >= n)
      value_error("[", op, "] kth = ", k, " is out of bounds for ", n, " elements");
    ranks.push_back(k < 0 ? k + n : k);
  }
  std::sort(ranks.begin(), ranks.end());
  ranks.resize(static_cast<size_t>(std::unique(ranks.begin(), ranks.end()) - ranks.begin()));
  return ranks;
}

Tensor argpartition(const Tensor& x, const Dims& kth, std::optional<int64_t> axis) {
  const Tensor line = line_of(x, axis);
  const int64_t along = normalize_axis("argpartition", axis.value_or(0), line.ndim());
  Dims ranks = ranks_of("argpartition", kth, line.shape()[along]);
  if (is_complex(x.dtype())) return argsort(line, along);
  return apply1(make_ref<Argpartition>(along, std::move(ranks)), line);
}

Tensor partition(const Tensor& x, const Dims& kth, std::optional<int64_t> axis) {
  const Tensor line = line_of(x, axis);
  const int64_t along = normalize_axis("partition", axis.value_or(0), line.ndim());
  Dims ranks = ranks_of("partition", kth, line.shape()[along]);
  if (only_values(line) && !is_complex(x.dtype()))
    return apply1(make_ref<PartitionValues>(along, std::move(ranks)), line);
  return take_along_axis(line, argpartition(line, ranks, along), along);
}

bool is_right(std::string_view op, std::string_view side) {
  if (side != "left" && side != "right")
    value_error("[", op, "] side must be 'left' or 'right', got '", side, "'");
  return side == "right";
}

Tensor search(const Tensor& lines, const Tensor& values, bool right) {
  return apply1(make_ref<SearchSorted>(0, right), Borrowed<2>(lines, values));
}

Tensor in_order(const Tensor& x, const Tensor& sorter) {
  if (sorter.ndim() != 1 || sorter.size() != x.size()) {
    value_error("[searchsorted] the sorter has shape ", shape_string(sorter.shape()),
                ": it must hold one index for each element of x1, of shape ",
                shape_string(x.shape()));
  }
  if (!is_integer(sorter.dtype()))
    type_error("[searchsorted] the sorter must hold integers, got dtype ", name_of(sorter.dtype()));
  return take(x, sorter, 0);
}

Tensor digitize(const Tensor& x, const Tensor& edges, bool right) {
  if (edges.ndim() != 1)
    value_error("[digitize] bins must be 1-D, got shape ", shape_string(edges.shape()));
  require_real("digitize", x);
  require_real("digitize", edges);
  const Tensor bins = is_on_host(edges) ? to_device(edges, x.device()) : edges;
  const int64_t n = bins.size();
  if (n < 2) return search(bins, x, !right);
  const Tensor left = slice_axis(bins, 0, 0, n - 1), next = slice_axis(bins, 0, 1, n - 1);
  const Tensor falls = any(greater(left, next)), rises = any(less(left, next));
  if (surely(logical_and(falls, rises)))
    value_error("[digitize] bins must be monotonically increasing or decreasing");
  const Tensor count = scalar(static_cast<double>(n), DType::Int64);
  return where(falls, count - search(flip(bins, {}), x, !right), search(bins, x, !right));
}

// NumPy's names of algorithms, between which nothing depends: the sort is always stable.
void require_kind(std::string_view op, std::optional<std::string_view> kind) {
  if (!kind || *kind == "stable" || *kind == "mergesort" || *kind == "quicksort") return;
  if (*kind != "heapsort") {
    value_error("[", op, "] kind must be 'quicksort', 'mergesort', 'heapsort' or 'stable', got '",
                *kind, "'");
  }
}

Tensor argsort_op(const Tensor& x, std::optional<int64_t> axis,
                  std::optional<std::string_view> kind, bool descending, bool stable) {
  require_kind("argsort", kind);
  return argsort(x, axis, descending, stable);
}
Tensor sort_op(const Tensor& x, std::optional<int64_t> axis, std::optional<std::string_view> kind,
               bool descending, bool stable) {
  require_kind("sort", kind);
  return sort(x, axis, descending, stable);
}

}  // namespace

Tensor argsort(const Tensor& x, std::optional<int64_t> axis, bool descending, bool) {
  const Tensor line = line_of(x, axis);
  const int64_t along = normalize_axis("argsort", axis.value_or(0), line.ndim());
  if (is_complex(x.dtype())) return argsort_complex(line, along, descending);
  return apply1(make_ref<Argsort>(along, descending), line);
}

Tensor sort(const Tensor& x, std::optional<int64_t> axis, bool descending, bool) {
  const Tensor line = line_of(x, axis);
  const int64_t along = normalize_axis("sort", axis.value_or(0), line.ndim());
  if (only_values(line) && !is_complex(x.dtype()))
    return apply1(make_ref<SortValues>(along, descending), line);
  return take_along_axis(line, argsort(line, along, descending), along);
}

Tensor searchsorted(const Tensor& x1, const Tensor& x2, std::string_view side,
                    const std::optional<Tensor>& sorter) {
  const bool right = is_right("searchsorted", side);
  if (x1.ndim() != 1)
    value_error("[searchsorted] x1 must be 1-D, got shape ", shape_string(x1.shape()));
  const Tensor sorted = sorter ? in_order(x1, *sorter) : x1;
  return search(is_on_host(x1) ? to_device(sorted, x2.device()) : sorted, x2, right);
}

void register_sorting(Registry& registry) {
  registry.add("sort", &sort_op, "x, /, axis=-1, kind=None, *, descending=False, stable=True",
               R"(The elements in ascending order along an axis, or in descending order.

nan counts as larger than every number: it comes last, and first if ``descending``. Elements that are equal, 0 and -0
among them, keep their order, whatever ``stable`` says. Complex numbers are ordered by real part, then by imaginary
part. The derivative goes to the elements by the permutation that
argsort returns, so among equals to each its own.

:param x: tensor with at least one axis
:param axis: int, or None to flatten x first
:param kind: accepted for NumPy's sake
:param descending: whether the largest comes first
:param stable: accepted for the array API; the sort is always stable
:returns: tensor of x's shape and dtype
:raises IndexError: if the axis is out of range

>>> pa.sort(pa.tensor([3.0, 1.0, 2.0])).tolist()
[1.0, 2.0, 3.0])");
  registry.add("argsort", &argsort_op, "x, /, axis=-1, kind=None, *, descending=False, stable=True",
               R"(The indices that sort x along an axis, as sort does.

:param x: tensor with at least one axis
:param axis: int, or None to flatten x first
:param kind: accepted for NumPy's sake
:param descending: whether the largest comes first; equal elements keep their order here, too
:param stable: accepted for the array API; the sort is always stable
:returns: int64 tensor of x's shape; it has no derivative
:raises IndexError: if the axis is out of range

>>> pa.argsort(pa.tensor([3.0, 1.0, 2.0]), descending=True).tolist()
[0, 2, 1])");
  registry.add("topk", &topk, "x, k, /, axis=-1, *, largest=True, sorted=True",
               R"(The k largest elements along an axis, or the k smallest, and their indices.

The first of equal elements is taken first; nan counts as larger than every number. The derivative goes to the elements
taken.

:param x: tensor with at least one axis
:param k: how many, from 0 to the size of the axis
:param axis: int
:param largest: whether to take the largest; else the smallest
:param sorted: whether the result is in sorted order; else it comes in any order, faster
:returns: values and int64 indices
:raises ValueError: if k is out of range
:raises IndexError: if the axis is out of range

>>> values, indices = pa.topk(pa.tensor([3.0, 1.0, 4.0, 1.0]), 2)
>>> values.tolist(), indices.tolist()
([4.0, 3.0], [2, 0]))");
  registry.add("kthvalue", &kthvalue, "x, k, /, axis=-1, *, keepdims=False",
               R"(The k-th smallest element along an axis, counted from 1, and its index.

Found by selection, in linear time. The earlier of equal elements counts as the smaller one; nan as larger than every
number. The derivative goes to the element found.

:param x: tensor with at least one axis
:param k: which, from 1 to the size of the axis
:param axis: int
:param keepdims: keep the axis with size one
:returns: value and int64 index
:raises ValueError: if k is out of range
:raises IndexError: if the axis is out of range

>>> value, index = pa.kthvalue(pa.tensor([3.0, 1.0, 2.0]), 2)
>>> value.item(), index.item()
(2.0, 2))");
  registry.add("partition", &partition, "a, kth, axis=-1",
               R"(The elements along an axis with those of rank ``kth`` where a sort would put them.

What comes before such an element is no larger and what comes behind no smaller, in an order that is left open. Found by
selection, in linear time. nan counts as larger than every number. The derivative goes to the elements by the
permutation that argpartition returns.

:param x: tensor with at least one axis
:param kth: int or ints, from the end if negative
:param axis: int, or None to flatten x first
:returns: tensor of x's shape and dtype
:raises ValueError: if kth is out of bounds
:raises IndexError: if the axis is out of range

>>> pa.partition(pa.tensor([3.0, 1.0, 2.0]), 1).tolist()
[1.0, 2.0, 3.0])");
  registry.add(
      "argpartition", &argpartition, "a, kth, axis=-1",
      R"(The places of the elements in the order of partition. Equal elements keep their order.

:param x: tensor with at least one axis
:param kth: int or ints, from the end if negative
:param axis: int, or None to flatten x first
:returns: int64 tensor of x's shape; it has no derivative
:raises ValueError: if kth is out of bounds
:raises IndexError: if the axis is out of range

>>> pa.argpartition(pa.tensor([3.0, 1.0, 2.0]), 1).tolist()
[1, 2, 0])");
  registry.add("searchsorted", &searchsorted, "x1, x2, /, side='left', sorter=None",
               R"(Where the elements of x2 would have to go into the ascending x1 to keep it sorted.

Complex numbers are ordered as sort orders them.

:param x1: tensor with one axis, in ascending order, nan last
:param x2: tensor of any shape
:param side: 'left' for the place before equal elements, 'right' for the one behind them
:param sorter: integer tensor that sorts x1, as argsort returns it
:returns: int64 tensor of x2's shape; it has no derivative
:raises ValueError: if x1 is not one-dimensional, or the side unknown

>>> pa.searchsorted(pa.tensor([1.0, 2.0, 2.0, 3.0]), pa.tensor([2.0, 2.5])).tolist()
[1, 3])");
  registry.add(
      "digitize", &digitize, "x, bins, /, right=False",
      R"(The number of the bin that each element falls into: bins[i - 1] <= x < bins[i] for ascending bins.

:param x: tensor of any shape
:param bins: tensor with one axis, ascending or descending, without nan
:param right: whether bins are closed on the right instead
:returns: int64 tensor of x's shape; it has no derivative
:raises ValueError: if the bins are not monotonic; not checked where vmap maps them

>>> pa.digitize(pa.tensor([0.2, 6.4, 3.0]), pa.tensor([0.0, 1.0, 2.5, 4.0])).tolist()
[1, 4, 3])");
}

}  // namespace ops

void register_sort(Registry& registry) {
  ops::register_sorting(registry);
  ops::register_counting(registry);
}

}  // namespace pyautograd
