#pragma once

#include "core/small_vector.h"
#include "core/view.h"

namespace pyautograd::kernels {

// Where windows lie over the spatial axes of an array, axis by axis.
struct Windows {
  Dims lengths;        // of the array
  Dims size;           // elements of a window
  Dims counts;         // windows
  Dims stride;         // from one window to the next
  Dims dilation;       // from one element of a window to the next
  Dims before, after;  // zeros around the array
};

// The factors of
//   sum(x[n, p * stride + t * dilation - before, g, i] * weight[t, i, g, o] * y[n, p, g, o])
// over images n, windows p, elements t of a window, groups g of channels i and o. The derivative by
// y is what a layer computes, the others are what its cotangents need.
enum class WindowFactor : uint8_t { X, Weight, Y };

// All three of them, of which the derivative by `wanted` is made of the other two, in order.
struct WindowFactors {
  WindowFactors(WindowFactor wanted, const View& out, const View& first, const View& second)
      : x(wanted == WindowFactor::X ? out : first),
        weight(wanted == WindowFactor::X        ? first
               : wanted == WindowFactor::Weight ? out
                                                : second),
        y(wanted == WindowFactor::Y ? out : second) {}
  const View &x, &weight, &y;
};

// The derivative of the sum above by `wanted`: out and the other two factors, in the order above,
// which are row-major and of one dtype. For every device.
void window_product(WindowFactor wanted, const View& out, const View& first, const View& second,
                    const Windows& windows);

}  // namespace pyautograd::kernels
