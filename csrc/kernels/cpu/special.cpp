#include "kernels/special.h"

#include "kernels/cpu/loop_table.h"
#include "kernels/cpu/move.h"
#include "kernels/device_input.h"
#include "kernels/fused.h"
#include "kernels/iterate.h"
#include "kernels/kernels.h"

namespace pyautograd::kernels {

namespace {

SpecialLoop vector_loop(SpecialVector vector, const Orders& orders) {
  const int order = orders[0];
  return order >= 0 && order < kSpecialOrders ? loops().special[int(vector)][order] : nullptr;
}

// Tails are padded, so that all elements take the same code.
template <class T>
void map_tiles(SpecialLoop loop, SpecialFunction function, const Orders& orders, T* out,
               int64_t out_step, const T* x, int64_t step, int64_t n) {
  constexpr int64_t kTile = 256;
  const int64_t block = loops().special_block;
  double arguments[kTile], values[kTile];
  int64_t left[kTile];
  for (int64_t begin = 0; begin < n; begin += kTile) {
    const int64_t length = std::min(n - begin, kTile), whole = (length + block - 1) & -block;
    for (int64_t i = 0; i < length; ++i) arguments[i] = double(x[(begin + i) * step]);
    std::fill(arguments + length, arguments + whole, arguments[length - 1]);
    if (loop(values, arguments, left, whole) > 0)
      for (int64_t i = 0; i < length; ++i)
        if (left[i] != 0) values[i] = function(arguments + i, orders);
    for (int64_t i = 0; i < length; ++i) out[(begin + i) * out_step] = T(values[i]);
  }
}

// Where the numbers of a row are: from an address on, so many items from one to the next.
struct Steps {
  const void* first;
  int64_t step;
};

// One after the other, in double precision.
template <class T, class Wide>
void map_row(Wide (*function)(const Wide*, const Orders&), const Orders& orders, T* out,
             int64_t out_step, std::span<const Steps> inputs, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    Wide x[3] = {};
    for (size_t k = 0; k < inputs.size(); ++k)
      x[k] = Wide(static_cast<const T*>(inputs[k].first)[i * inputs[k].step]);
    out[i * out_step] = T(function(x, orders));
  }
}

template <class T>
void map_row(const Special& special, T* out, int64_t out_step, std::span<const Steps> inputs,
             int64_t n) {
  if constexpr (is_complex_type<T>) {
    map_row<T>(special.complex, special.orders, out, out_step, inputs, n);
  } else if (const SpecialLoop loop = vector_loop(special.vector, special.orders)) {
    map_tiles(loop, special.function, special.orders, out, out_step,
              static_cast<const T*>(inputs[0].first), inputs[0].step, n);
  } else {
    map_row<T>(special.function, special.orders, out, out_step, inputs, n);
  }
}

template <class Body>
void visit_special(DType dtype, const Body& body) {
  visit_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (is_complex_type<T> || std::is_floating_point_v<T>) body(tag);
  });
}

template <class T>
class RowOfSpecial final : public ElementFunction {
 public:
  RowOfSpecial(const Special& special, size_t arity) : special_(special), arity_(arity) {}
  void run(void* out, std::span<const void* const, 3> inputs, std::span<const bool, 3> numbers,
           int64_t n) const override {
    Steps steps[3];
    for (size_t k = 0; k < arity_; ++k) steps[k] = {inputs[k], numbers[k] ? 0 : 1};
    map_row(special_, static_cast<T*>(out), 1, {steps, arity_}, n);
  }

 private:
  const Special special_;
  const size_t arity_;
};

}  // namespace

std::shared_ptr<const ElementFunction> special_loop(const Special& special, DType dtype,
                                                    size_t arity) {
  std::shared_ptr<const ElementFunction> row;
  visit_special(dtype, [&](auto tag) {
    row = std::make_shared<RowOfSpecial<typename decltype(tag)::type>>(special, arity);
  });
  return row;
}

void map_special(const Special& special, const View& out, std::span<const View> inputs) {
  if (on_device(out)) {
    SmallVector<DeviceInput, 3> there;
    SmallVector<View, 3> views;
    for (const View& x : inputs) there.push_back(DeviceInput(x, out.device));
    for (const DeviceInput& x : there) views.push_back(x.view());
    const std::span<const View> given(views);
    if (is_beside(given, out.device)) {
      const KernelScope scope(out.device, out, given);
      const auto run = scope.kernels().special;
      if (run && run(special.name, special.orders, out, given)) return;
    }
    return compute_on_host(out, given, [&](const View& here, std::span<const View> inputs_here) {
      map_special(special, here, inputs_here);
    });
  }
  const Dims nowhere(out.shape.size(), 0);
  std::array<std::span<const int64_t>, 4> strides{out.strides, nowhere, nowhere, nowhere};
  for (size_t i = 0; i < inputs.size(); ++i) strides[i + 1] = inputs[i].strides;
  const Nest<4> nest(out.shape, strides);
  const bool quick = !is_complex(out.dtype) && vector_loop(special.vector, special.orders);
  visit_special(out.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    parallel_for(nest.count(), quick ? kGrain / 4 : kGrain / 32, [&](int64_t begin, int64_t end) {
      nest.walk(begin, end, [&](const auto& offset, int64_t n) {
        Steps steps[3];
        for (size_t k = 0; k < inputs.size(); ++k)
          steps[k] = {static_cast<const T*>(inputs[k].data) + offset[k + 1], nest.stride(k + 1)};
        map_row(special, static_cast<T*>(out.data) + offset[0], nest.stride(0),
                {steps, inputs.size()}, n);
      });
    });
  });
}

}  // namespace pyautograd::kernels
