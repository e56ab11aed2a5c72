#pragma once

#include <span>

#include "core/view.h"

namespace pyautograd::kernels {

// All but arg_nth serve every device (kernels/device.h).

// Ascending orders below count nan as larger than every number and -0 as equal to 0. Descending is
// the opposite order, so nan comes first. Equal elements keep their order either way.

// out has x's shape and dtype.
void sort(const View& out, const View& x, int axis, bool descending);
// out is int64 and has x's shape: the positions along the axis in sorted order.
void argsort(const View& out, const View& x, int axis, bool descending);

// Positions of the `count` first elements in sorted order, count = out's size along the axis. They
// come sorted; or in no particular order, but for the one of number count - 1, which is the last.
void arg_select(const View& out, const View& x, int axis, bool descending, bool sorted);

// Each of the ranks, ascending, where a sort has it: what is in front of it is not larger, what is
// behind not smaller, and equal elements keep their order. `arg_partition` gives the positions.
// Devices sort.
void partition(const View& out, const View& x, int axis, std::span<const int64_t> ranks);
void arg_partition(const View& out, const View& x, int axis, std::span<const int64_t> ranks);

// The position of the element that a sort has at this rank; not for devices. out has size 1 along
// the axis.
void arg_nth(const View& out, const View& x, int axis, int64_t rank);

// How many elements of the ascending line are less than each of `values` (or, with `right`, not
// greater); complex numbers by real part, then by imaginary part. All three are contiguous: lines
// of shape (L, n), values and out of shape (L, m).
void searchsorted(const View& out, const View& lines, const View& values, bool right);

// Position along the axis of the extremum so far, the first of equals; the first nan stays. out is
// int64 and has x's shape.
void arg_scan(bool maximum, const View& out, const View& x, int axis);

}  // namespace pyautograd::kernels
