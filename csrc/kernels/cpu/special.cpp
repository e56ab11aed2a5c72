#include "kernels/special.h"

#include "kernels/cpu/move.h"
#include "kernels/iterate.h"
#include "kernels/kernels.h"

namespace pyautograd::kernels {

void map_special(SpecialFunction function, const Orders& orders, const View& out,
                 std::span<const View> inputs) {
  const Dims nowhere(out.shape.size(), 0);
  std::array<std::span<const int64_t>, 4> strides{out.strides, nowhere, nowhere, nowhere};
  for (size_t i = 0; i < inputs.size(); ++i) strides[i + 1] = inputs[i].strides;
  const Nest<4> nest(out.shape, strides);
  visit_dtype(out.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_floating_point_v<T>) {
      parallel_for(nest.count(), kGrain / 32, [&](int64_t begin, int64_t end) {
        nest.walk(begin, end, [&](const auto& offset, int64_t n) {
          for (int64_t i = 0; i < n; ++i) {
            double x[3] = {};
            for (size_t k = 0; k < inputs.size(); ++k)
              x[k] = static_cast<const T*>(inputs[k].data)[offset[k + 1] + i * nest.stride(k + 1)];
            static_cast<T*>(out.data)[offset[0] + i * nest.stride(0)] = T(function(x, orders));
          }
        });
      });
    }
  });
}

}  // namespace pyautograd::kernels
