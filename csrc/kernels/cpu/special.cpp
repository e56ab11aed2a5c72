#include "kernels/special.h"

#include "kernels/cpu/loop_table.h"
#include "kernels/cpu/move.h"
#include "kernels/device_input.h"
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
  constexpr int64_t kTile = 256, kBlock = 16;
  double arguments[kTile], values[kTile];
  int64_t left[kTile];
  for (int64_t begin = 0; begin < n; begin += kTile) {
    const int64_t length = std::min(n - begin, kTile), whole = (length + kBlock - 1) & -kBlock;
    for (int64_t i = 0; i < length; ++i) arguments[i] = double(x[(begin + i) * step]);
    std::fill(arguments + length, arguments + whole, arguments[length - 1]);
    if (loop(values, arguments, left, whole) > 0)
      for (int64_t i = 0; i < length; ++i)
        if (left[i] != 0) values[i] = function(arguments + i, orders);
    for (int64_t i = 0; i < length; ++i) out[(begin + i) * out_step] = T(values[i]);
  }
}

}  // namespace

void map_special(std::string_view name, SpecialFunction function, ComplexSpecialFunction complex,
                 SpecialVector vector, const Orders& orders, const View& out,
                 std::span<const View> inputs) {
  if (on_device(out)) {
    SmallVector<DeviceInput, 3> there;
    SmallVector<View, 3> views;
    for (const View& x : inputs) there.push_back(DeviceInput(x, out.device));
    for (const DeviceInput& x : there) views.push_back(x.view());
    const std::span<const View> given(views);
    if (is_beside(given, out.device)) {
      const KernelScope scope(out.device, out, given);
      const auto run = scope.kernels().special;
      if (run && run(name, orders, out, given)) return;
    }
    return compute_on_host(out, given, [&](const View& here, std::span<const View> inputs_here) {
      map_special(name, function, complex, vector, orders, here, inputs_here);
    });
  }
  const Dims nowhere(out.shape.size(), 0);
  std::array<std::span<const int64_t>, 4> strides{out.strides, nowhere, nowhere, nowhere};
  for (size_t i = 0; i < inputs.size(); ++i) strides[i + 1] = inputs[i].strides;
  const Nest<4> nest(out.shape, strides);
  // One after the other, in double precision.
  const auto apply = [&]<class T, class Wide>(TypeTag<T>, TypeTag<Wide>, auto one) {
    T* to = static_cast<T*>(out.data);
    parallel_for(nest.count(), kGrain / 32, [&](int64_t begin, int64_t end) {
      nest.walk(begin, end, [&](const auto& offset, int64_t n) {
        for (int64_t i = 0; i < n; ++i) {
          Wide x[3] = {};
          for (size_t k = 0; k < inputs.size(); ++k)
            x[k] =
                Wide(static_cast<const T*>(inputs[k].data)[offset[k + 1] + i * nest.stride(k + 1)]);
          to[offset[0] + i * nest.stride(0)] = T(one(x, orders));
        }
      });
    });
  };
  const SpecialLoop loop = vector_loop(vector, orders);
  visit_dtype(out.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (is_complex_type<T>) {
      apply(tag, TypeTag<std::complex<double>>(), complex);
    } else if constexpr (std::is_floating_point_v<T>) {
      if (!loop) return apply(tag, TypeTag<double>(), function);
      T* to = static_cast<T*>(out.data);
      const T* from = static_cast<const T*>(inputs[0].data);
      parallel_for(nest.count(), kGrain / 4, [&](int64_t begin, int64_t end) {
        nest.walk(begin, end, [&](const auto& offset, int64_t n) {
          map_tiles(loop, function, orders, to + offset[0], nest.stride(0), from + offset[1],
                    nest.stride(1), n);
        });
      });
    }
  });
}

}  // namespace pyautograd::kernels
