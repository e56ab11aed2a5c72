#include <algorithm>

#include "core/strides.h"
#include "kernels/kernels.h"
#include "ops/index.h"
#include "ops/linear.h"

// Reading and writing at arrays of positions, over the leading axes.
namespace pyautograd::ops {

namespace {

// Index arrays as a kernel takes them: checked, and broadcast by strides.
class CheckedIndices {
 public:
  CheckedIndices(TensorSpan indices, const Dims& sizes, const IndexLabels& labels)
      : shape_(index_shape(labels.op, indices)) {
    // As in NumPy, indices that were broadcast away read nothing and cannot be wrong.
    const bool nowhere = count_elements(shape_) == 0;
    for (size_t i = 0; i < indices.size(); ++i) {
      arrays_.push_back(nowhere ? Array::empty(shape_, DType::Int64, indices[i].device())
                                : checked_indices(indices[i], sizes[i], labels.op, labels.axes[i]));
      strides_.push_back(broadcast_strides(arrays_[i]->shape, arrays_[i]->strides, shape_));
    }
    for (size_t i = 0; i < indices.size(); ++i) {
      views_.push_back(
          View{arrays_[i]->address(), DType::Int64, shape_, strides_[i], arrays_[i]->device});
    }
  }
  CheckedIndices(const CheckedIndices&) = delete;
  CheckedIndices& operator=(const CheckedIndices&) = delete;
  std::span<const View> views() const { return views_; }

 private:
  Dims shape_;
  SmallVector<Ref<Array>, 2> arrays_;
  SmallVector<Dims, 2> strides_;
  SmallVector<View, 2> views_;
};

Dims followed_by(Dims shape, std::span<const int64_t> rest) {
  for (int64_t n : rest) shape.push_back(n);
  return shape;
}

bool any_mapped(std::span<const int> dims) {
  return std::any_of(dims.begin(), dims.end(), [](int dim) { return dim != kNotMapped; });
}

// Index arrays under vmap, for data that carries the mapped dimension in front: each index of the
// vmap reads its own.
struct MappedIndices {
  Tensors arrays;
  IndexLabels labels;
};
MappedIndices mapped_indices(int64_t size, TensorSpan indices, std::span<const int> dims,
                             const IndexLabels& labels, bool each_its_own) {
  int64_t ndim = 0;
  for (size_t i = 0; i < indices.size(); ++i) {
    ndim = std::max(ndim, indices[i].ndim() - (dims[i] != kNotMapped));
  }
  MappedIndices result{{}, labels};
  if (each_its_own) {
    Dims column(static_cast<size_t>(ndim) + 1, 1);
    column[0] = size;
    const Tensor numbers =
        arange(0, static_cast<double>(size), 1, DType::Int64, indices[0].device());
    result.arrays.push_back(reshape(numbers, column));
    result.labels.axes.insert(0, 0);
  }
  for (size_t i = 0; i < indices.size(); ++i) {
    result.arrays.push_back(align_mapped(indices[i], dims[i], ndim));
  }
  return result;
}

// The mapped dimension at `place`, for data whose leading axes are indexed alike for every index of
// the vmap.
Tensor mapped_at(const Tensor& x, int dim, int64_t size, int64_t place) {
  return dim == kNotMapped ? moveaxis(mapped_or_broadcast(x, dim, size), 0, place)
                           : moveaxis(x, dim, place);
}

// An array whose axes lie in memory in another order, outermost first.
Ref<Array> empty_in_order(const Spec& spec, std::span<const int64_t> order) {
  Dims shape, strides(spec.shape.size(), 0);
  for (int64_t axis : order) shape.push_back(spec.shape[static_cast<size_t>(axis)]);
  const Dims steps = contiguous_strides(shape);
  for (size_t i = 0; i < order.size(); ++i) strides[static_cast<size_t>(order[i])] = steps[i];
  const Ref<Array> memory = Array::empty(shape, spec.dtype, spec.device);
  return memory->with_layout(spec.shape, strides, 0);
}

class Gather final : public Linear {
 public:
  // The order in memory of the result's axes; none: row-major.
  explicit Gather(IndexLabels labels, Dims order = {})
      : labels_(std::move(labels)), order_(std::move(order)) {}
  std::string_view name() const override { return "gather"; }
  bool takes_halves(TensorSpan) const override { return true; }
  Dependence dependence(const DependenceArgs&) const override { return {Dependence::Kind::Picks}; }
  Specs infer(TensorSpan inputs) const override {
    const std::span<const int64_t> rest = std::span(inputs[0].shape()).subspan(inputs.size() - 1);
    return {Spec{followed_by(index_shape(labels_.op, inputs.subspan(1)), rest), inputs[0].dtype(),
                 inputs[0].device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    Ref<Array> out = order_.empty() ? Array::empty(specs[0].shape, specs[0].dtype, specs[0].device)
                                    : empty_in_order(specs[0], order_);
    const CheckedIndices indices(inputs.subspan(1), inputs[0].shape(), labels_);
    kernels::gather(out->device_view(), inputs[0].device_view(), indices.views());
    return Tensors::of(Tensor(std::move(out)));
  }
  Saves saves() const override { return {.inputs = ~1u, .specs = true}; }
  Tensors vjp(const VjpArgs& args) const override {
    Tensors result(args.inputs.size());
    const Tensor& g = args.cotangents[0];
    result[0] = scatter(zeros_view(args.input_specs[0].shape, g.dtype()), g, args.inputs.subspan(1),
                        labels_, true);
    return result;
  }
  BatchResult batch(int64_t size, TensorSpan values, std::span<const int> dims) const override {
    const bool own = dims[0] != kNotMapped;
    Tensors inputs;
    if (!any_mapped(dims.subspan(1))) {
      inputs.push_back(moveaxis(values[0], dims[0], static_cast<int64_t>(values.size()) - 1));
      for (const Tensor& index : values.subspan(1)) inputs.push_back(index);
      const size_t place = index_shape(labels_.op, values.subspan(1)).size();
      const size_t ndim = place + static_cast<size_t>(inputs[0].ndim()) - values.size() + 1;
      return {{apply1(make_ref<Gather>(labels_, order_around(place, ndim)), inputs)},
              {static_cast<int>(place)}};
    }
    const MappedIndices indices =
        mapped_indices(size, values.subspan(1), dims.subspan(1), labels_, own);
    inputs.push_back(mapped_to_front(values[0], dims[0]));
    for (const Tensor& index : indices.arrays) inputs.push_back(index);
    Dims order = order_.empty() ? Dims() : order_around(0, order_.size() + 1);
    return {{apply1(make_ref<Gather>(indices.labels, std::move(order)), inputs)}, {0}};
  }

 protected:
  size_t linear_inputs(size_t) const override { return 1; }

 private:
  // With a mapped axis in this place outermost: what each index of the vmap sees lies as without.
  Dims order_around(size_t place, size_t ndim) const {
    Dims order{static_cast<int64_t>(place)};
    for (size_t i = 0; i + 1 < ndim; ++i) {
      const int64_t axis = order_.empty() ? static_cast<int64_t>(i) : order_[i];
      order.push_back(axis < static_cast<int64_t>(place) ? axis : axis + 1);
    }
    return order;
  }

  const IndexLabels labels_;
  const Dims order_;
};

// Inputs are x, updates and the indices. With add, and over zeros, it is the transpose of gather.
class Scatter final : public Linear {
 public:
  Scatter(IndexLabels labels, bool add) : labels_(std::move(labels)), add_(add) {}
  std::string_view name() const override { return add_ ? "scatter_add" : "scatter"; }
  bool takes_halves(TensorSpan) const override { return !add_; }
  Dependence dependence(const DependenceArgs&) const override {
    return {Dependence::Kind::Collects};
  }
  Specs infer(TensorSpan inputs) const override { return {inputs[0].spec()}; }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    const CheckedIndices indices(inputs.subspan(2), inputs[0].shape(), labels_);
    Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    kernels::copy(out->device_view(), inputs[0].device_view());
    kernels::scatter(out->device_view(), inputs[1].device_view(), indices.views(), add_);
    return Tensors::of(Tensor(std::move(out)));
  }
  Saves saves() const override { return {.inputs = ~3u, .specs = true}; }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor& g = args.cotangents[0];
    const TensorSpan indices = args.inputs.subspan(2);
    Tensors result(args.inputs.size());
    if (args.wants[0]) {
      const Dims& updates = args.input_specs[1].shape;
      result[0] = add_ ? g : scatter(g, zeros_view(updates, g.dtype()), indices, labels_, false);
    }
    if (args.wants[1]) {
      const Tensor read = gather(g, indices, labels_);
      result[1] = add_ ? read
                       : where(last_writers(args.input_specs[0].shape, indices, read.ndim()), read,
                               zeros_view({}, read.dtype()));
    }
    return result;
  }
  BatchResult batch(int64_t size, TensorSpan values, std::span<const int> dims) const override {
    const TensorSpan indices = values.subspan(2);
    if (!any_mapped(dims.subspan(2))) {
      const int64_t indexed = static_cast<int64_t>(indices.size());
      const int64_t place = static_cast<int64_t>(index_shape(labels_.op, indices).size());
      return {{scatter(mapped_at(values[0], dims[0], size, indexed),
                       mapped_at(values[1], dims[1], size, place), indices, labels_, add_)},
              {static_cast<int>(indexed)}};
    }
    const MappedIndices outer = mapped_indices(size, indices, dims.subspan(2), labels_, true);
    return {
        {scatter(mapped_or_broadcast(values[0], dims[0], size),
                 mapped_or_broadcast(values[1], dims[1], size), outer.arrays, outer.labels, add_)},
        {0}};
  }

 protected:
  size_t linear_inputs(size_t) const override { return 2; }

 private:
  // Which updates survived: where several were meant for one place, only the last took part. Every
  // update leaves its number there, and who reads his own number back was last.
  Tensor last_writers(const Dims& shape, TensorSpan indices, int64_t ndim) const {
    const Dims places = index_shape(labels_.op, indices);
    const double count = static_cast<double>(count_elements(places));
    const Tensor numbers = reshape(arange(0, count, 1, DType::Int64, indices[0].device()), places);
    const Dims indexed(shape.begin(), shape.begin() + indices.size());
    const Tensor board =
        scatter(zeros_view(indexed, DType::Int64), numbers, indices, labels_, false);
    const Tensor last = equal(gather(board, indices, labels_), numbers);
    return reshape(last, followed_by(places, Dims(static_cast<size_t>(ndim) - places.size(), 1)));
  }

  const IndexLabels labels_;
  const bool add_;
};

// No primitive looks at what is written in place.
void require_place(const IndexLabels& labels, const Tensor& x, const Tensor& y) {
  if (y.device() == x.device()) return;
  value_error("[", labels.op, "] inputs lie on ", name_of(x.device()), " and ", name_of(y.device()),
              ": move one of them with .to('", name_of(x.device()), "')");
}

}  // namespace

Tensor index_beside(const Tensor& x, const Tensor& index) {
  return is_on_host(index) ? to_device(index, x.device()) : index;
}

Dims index_shape(std::string_view op, TensorSpan indices) {
  Dims shape = indices[0].shape();
  for (const Tensor& index : indices.subspan(1)) {
    try {
      shape = broadcast_shapes(op, shape, index.shape());
    } catch (const Error&) {
      index_error("[", op, "] index arrays of shapes ", shape_string(shape), " and ",
                  shape_string(index.shape()), " do not broadcast to each other");
    }
  }
  return shape;
}

Ref<Array> checked_indices(const Tensor& index, int64_t size, std::string_view op, int64_t axis) {
  if (index.dtype() == DType::Int64 && is_on_host(index) &&
      kernels::all_below(index.view(), size)) {
    const Array& array = index.array();
    return array.with_layout(array.shape, array.strides, array.offset);
  }
  Ref<Array> checked = Array::empty(index.shape(), DType::Int64, index.device());
  int64_t bad = 0;
  if (!kernels::normalize_index(checked->device_view(), index.device_view(), size, &bad)) {
    index_error("[", op, "] index ", bad, " is out of bounds for axis ", axis, " with size ", size);
  }
  return checked;
}

void write_at(const Tensor& x, const Tensor& updates, TensorSpan indices,
              const IndexLabels& labels) {
  Tensors beside;
  for (const Tensor& index : indices) {
    const Array& array = concrete_array(labels.op, index, "use the recorded form");
    const Tensor places = plain(array);
    const bool written = x.is_array() && array.storage == x.array().storage;
    beside.push_back(index_beside(x, written ? copy(places) : places));
    require_place(labels, x, beside.back());
  }
  const Array& values = updates.array();
  const bool number = is_on_host(updates) && shows_one_number(values.shape, values.strides);
  if (!number) require_place(labels, x, updates);
  const CheckedIndices checked(beside, x.shape(), labels);
  kernels::scatter(x.device_view(), updates.device_view(), checked.views(), false);
}

Tensor gather(const Tensor& x, TensorSpan indices, const IndexLabels& labels) {
  Tensors inputs{x};
  for (const Tensor& index : indices) inputs.push_back(index_beside(x, index));
  return apply1(make_ref<Gather>(labels), inputs);
}

Tensor scatter(const Tensor& x, const Tensor& updates, TensorSpan indices,
               const IndexLabels& labels, bool add) {
  // Updates lie where they go, but for zeros that rules make.
  const Tensor& place = is_on_host(x) ? updates : x;
  Tensors inputs{x, updates};
  for (const Tensor& index : indices) inputs.push_back(index_beside(place, index));
  return apply1(make_ref<Scatter>(labels, add), inputs);
}

}  // namespace pyautograd::ops
