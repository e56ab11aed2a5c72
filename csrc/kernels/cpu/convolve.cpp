#include "kernels/convolve.h"

#include <algorithm>

#include "kernels/cpu/loop_table.h"
#include "kernels/cpu/move.h"
#include "kernels/device_input.h"
#include "kernels/iterate.h"

namespace pyautograd::kernels {

void convolve(const View& out, const View& x, const View& y, int64_t start) {
  if (on_device(out)) {
    const DeviceInput left(x, out.device), right(y, out.device);
    return run_on_device(&DeviceKernels::convolve, out.device, out, left.view(), right.view(),
                         start);
  }
  const size_t last = out.shape.size() - 1;
  const int64_t size = out.shape[last], n = x.shape[last], m = y.shape[last];
  const int64_t item = itemsize(out.dtype);
  const auto leading = [&](const View& view) { return view.strides.first(last); };
  const Nest<3> nest(out.shape.first(last), {leading(out), leading(x), leading(y)});
  const auto loop = loops().convolve[int(out.dtype)];
  // What the widest registers sum side by side.
  const int64_t tile = std::max<int64_t>(1, 512 / item), tiles = (size + tile - 1) / tile;
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, m) / tile);
  nest.walk(0, nest.count(), [&](const auto& offsets, int64_t lines) {
    for (int64_t line = 0; line < lines; ++line) {
      const auto place = [&](const View& view, size_t i) {
        return bytes_at(view.data, (offsets[i] + line * nest.stride(i)) * item);
      };
      char* to = place(out, 0);
      const char *left = place(x, 1), *right = place(y, 2);
      parallel_for(tiles, grain, [&](int64_t begin, int64_t end) {
        const int64_t first = begin * tile, count = std::min(size, end * tile) - first;
        loop(to + first * item, left, n, right, m, start + first, count);
      });
    }
  });
}

}  // namespace pyautograd::kernels
