// Reading and writing at arrays of positions. What goes to one place is sorted by it first and then
// added in the order of the updates, so that every run gives the same bits: the host's, but for
// places with very many updates.

#include <algorithm>
#include <bit>
#include <optional>

#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/pair_sort.h"
#include "kernels/cuda/tables.h"
#include "kernels/sort_key.h"

namespace pyautograd::kernels::cuda {

namespace {

template <size_t N>
using Strides = std::array<std::span<const int64_t>, N>;

// The loops over a shape in row-major order. False where they are too many for a kernel.
template <size_t N>
std::optional<Places<N>> row_major(std::span<const int64_t> shape, const Strides<N>& strides) {
  const Nest<N> nest(shape, strides, Order::RowMajor);
  if (nest.rank() > kMaxRank) return std::nullopt;
  return Places<N>(nest);
}

struct Normalize {
  int64_t* out;
  const int64_t* index;
  bool* bad;
  Places<2> places;
  int64_t size;
  bool from_end;

  PYAUTOGRAD_HD void operator()(int64_t i) const {
    const auto at = places(i);
    const int64_t value = index[at.of[1]], shifted = value + (from_end && value < 0 ? size : 0);
    const bool good = shifted >= 0 && shifted < size;
    // Where nobody looks before the next kernel, that must not go astray.
    out[at.of[0]] = good ? shifted : 0;
    // Whoever writes here writes the same.
    if (!good) *bad = true;
  }
};

bool normalize_index(const View& out, const View& index, int64_t size, bool from_end,
                     const View& bad) {
  const auto places = row_major<2>(index.shape, {out.strides, index.strides});
  if (!places) return false;
  Queue(out.device)
      .each(element_count(index.shape),
            Normalize{static_cast<int64_t*>(out.data), static_cast<const int64_t*>(index.data),
                      static_cast<bool*>(bad.data), *places, size, from_end});
  return true;
}

// Where in an array the elements lie that index arrays name: the first array starts the sums, the
// others add.
struct AddOffsets {
  int64_t* to;
  const int64_t* index;
  Places<1> places;
  int64_t stride;
  bool first;

  PYAUTOGRAD_HD void operator()(int64_t i) const {
    const int64_t offset = index[places(i).of[0]] * stride;
    to[i] = first ? offset : to[i] + offset;
  }
};

bool make_offsets(Queue& queue, int64_t* to, const View& target, std::span<const View> index) {
  for (size_t k = 0; k < index.size(); ++k) {
    const auto places = row_major<1>(index[k].shape, {index[k].strides});
    if (!places) return false;
    queue.each(element_count(index[k].shape),
               AddOffsets{to, static_cast<const int64_t*>(index[k].data), *places,
                          target.strides[k], k == 0});
  }
  return true;
}

// An array whose leading axes have the shape of the positions, and one whose leading axes are named
// by them; the rest of both is the same.
struct Sides {
  int64_t positions;
  Divisor rest;
  Places<1> lead;    // of the first
  Places<2> behind;  // of the first, the second

  static std::optional<Sides> of(const View& lined, const View& named, size_t indexed,
                                 size_t lead) {
    const auto leading = row_major<1>(lined.shape.first(lead), {lined.strides.first(lead)});
    const auto behind = row_major<2>(lined.shape.subspan(lead),
                                     {lined.strides.subspan(lead), named.strides.subspan(indexed)});
    if (!leading || !behind) return std::nullopt;
    return Sides{element_count(lined.shape.first(lead)),
                 Divisor(element_count(lined.shape.subspan(lead))), *leading, *behind};
  }
  int64_t elements() const { return positions * rest.number(); }
  // Element number `behind` of position, or of whatever else has as many.
  struct Item {
    int64_t position, behind;
  };
  PYAUTOGRAD_HD Item split(int64_t item) const {
    const int64_t position = rest.quotient(item);
    return {position, item - position * rest.number()};
  }
};

template <class T>
struct Gather {
  T* out;
  const T* x;
  const int64_t* offsets;
  Sides sides;

  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const auto [position, rest] = sides.split(item);
    const auto behind = sides.behind(rest);
    out[sides.lead(position).of[0] + behind.of[0]] = x[offsets[position] + behind.of[1]];
  }
};

bool gather(const View& out, const View& x, std::span<const View> index) {
  const auto sides = Sides::of(out, x, index.size(), index[0].shape.size());
  if (!sides) return false;
  const Scratch offsets(out.device.index, static_cast<size_t>(sides->positions) * sizeof(int64_t));
  Queue queue(out.device);
  if (!make_offsets(queue, offsets.as<int64_t>(), x, index)) return false;
  return visit_size(itemsize(out.dtype), [&]<class T>(TypeTag<T>) {
    queue.each(sides->elements(),
               Gather<T>{static_cast<T*>(out.data), static_cast<const T*>(x.data),
                         offsets.as<int64_t>(), *sides});
    return true;
  });
}

struct Number {
  int64_t* to;
  PYAUTOGRAD_HD void operator()(int64_t i) const { to[i] = i; }
};

// The updates of one place, side by side and in their order after the sort by place.
template <class T>
struct Updates {
  const T* updates;
  Pairs sorted;  // offsets in the target, numbers of positions
  Sides sides;

  PYAUTOGRAD_HD T at(int64_t i, int64_t behind) const {
    return updates[sides.lead(sorted.places[i]).of[0] + behind];
  }
  PYAUTOGRAD_HD bool same(int64_t i, int64_t offset) const {
    return i < sides.positions && sorted.keys[i] == offset;
  }
  // Those of [i, end) that go to the place.
  PYAUTOGRAD_HD T add(T sum, int64_t i, int64_t end, int64_t offset, int64_t behind) const {
    for (; i < end && same(i, offset); ++i) sum = Formula<Add, T>()(sum, at(i, behind));
    return sum;
  }
};

// The last update of a place is written.
template <class T>
struct WriteLast {
  T* out;
  Updates<T> of;

  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const auto [i, rest] = of.sides.split(item);
    const int64_t offset = of.sorted.keys[i];
    if (of.same(i + 1, offset)) return;
    const auto behind = of.sides.behind(rest);
    out[offset + behind.of[1]] = of.at(i, behind.of[0]);
  }
};

// A place with more updates than this is summed in parts, which end at multiples of it.
constexpr int64_t kPart = 1024;

// The part that begins at a multiple of kPart, for places with many updates.
template <class T>
struct AddPart {
  T* parts;  // rest of them for each multiple
  Updates<T> of;

  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const auto [part, rest] = of.sides.split(item);
    const int64_t i = part * kPart, offset = of.sorted.keys[i];
    const int64_t first = count_before<false>(of.sorted.keys, i, offset);
    if (first == i || !of.same(first + kPart, offset)) return;
    const auto behind = of.sides.behind(rest);
    parts[item] = of.add(of.at(i, behind.of[0]), i + 1, i + kPart, offset, behind.of[0]);
  }
};

// The first update of a place adds all of them up.
template <class T>
struct AddAll {
  T* out;
  const T* parts;
  Updates<T> of;

  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const auto [i, rest] = of.sides.split(item);
    const int64_t offset = of.sorted.keys[i];
    if (i > 0 && of.sorted.keys[i - 1] == offset) return;
    const auto behind = of.sides.behind(rest);
    T* to = out + offset + behind.of[1];
    if (!of.same(i + kPart, offset)) {
      *to = of.add(*to, i, of.sides.positions, offset, behind.of[0]);
      return;
    }
    int64_t part = i / kPart + 1;
    T sum = of.add(*to, i, part * kPart, offset, behind.of[0]);
    for (; of.same(part * kPart, offset); ++part)
      sum = Formula<Add, T>()(sum, parts[part * of.sides.rest.number() + rest]);
    *to = sum;
  }
};

template <class T>
void add_sorted(Queue& queue, T* out, const Updates<T>& updates) {
  const Sides& sides = updates.sides;
  const int64_t parts = (sides.positions + kPart - 1) / kPart * sides.rest.number();
  const bool cut = sides.positions > kPart;
  const Scratch memory(queue.device(), cut ? static_cast<size_t>(parts) * sizeof(T) : 0);
  if (cut) queue.each(parts, AddPart<T>{memory.as<T>(), updates});
  queue.each(sides.elements(), AddAll<T>{out, memory.as<T>(), updates});
}

bool write_sorted(Queue& queue, const View& out, const View& updates, const PairSort& sort,
                  const Sides& sides, bool add) {
  queue.each(sides.positions, Number{sort.items().places});
  const Pairs sorted = sort.sorted(queue);
  const auto updates_of = [&]<class T>(TypeTag<T>) {
    return Updates<T>{static_cast<const T*>(updates.data), sorted, sides};
  };
  if (!add) {
    return visit_size(itemsize(out.dtype), [&]<class T>(TypeTag<T> tag) {
      queue.each(sides.elements(), WriteLast<T>{static_cast<T*>(out.data), updates_of(tag)});
      return true;
    });
  }
  return visit_dtype(out.dtype, [&]<class T>(TypeTag<T> tag) {
    add_sorted(queue, static_cast<T*>(out.data), updates_of(tag));
    return true;
  });
}

struct Clear {
  int64_t* to;
  PYAUTOGRAD_HD void operator()(int64_t i) const { to[i] = 0; }
};

// Of the places that indices of these axes name.
int offset_bits(const View& out, size_t axes) {
  int64_t most = 0;
  for (size_t d = 0; d < axes; ++d) {
    if (out.strides[d] < 0) return 64;
    most += (out.shape[d] - 1) * out.strides[d];
  }
  return std::max(1, static_cast<int>(std::bit_width(static_cast<uint64_t>(most))));
}

bool scatter(const View& out, const View& updates, std::span<const View> index, bool add) {
  const size_t lead = index.empty() ? 0 : index[0].shape.size();
  const auto sides = Sides::of(updates, out, index.size(), lead);
  if (!sides) return false;
  Queue queue(out.device);
  const PairSort sort(out.device.index, 1, sides->positions, offset_bits(out, index.size()));
  if (index.empty()) queue.each(1, Clear{sort.items().keys});
  if (!make_offsets(queue, sort.items().keys, out, index)) return false;
  return write_sorted(queue, out, updates, sort, *sides, add);
}

Dims with_zero(std::span<const int64_t> strides, int axis) {
  Dims result(strides);
  result[static_cast<size_t>(axis)] = 0;
  return result;
}

template <class T>
struct Take {
  T* out;
  const T* x;
  const int64_t* index;
  Places<3> places;  // of out, index, x
  int64_t step;

  PYAUTOGRAD_HD void operator()(int64_t i) const {
    const auto at = places(i);
    out[at.of[0]] = x[at.of[2] + index[at.of[1]] * step];
  }
};

bool take_along_axis(const View& out, const View& x, const View& index, int axis) {
  const Dims beside = with_zero(x.strides, axis);
  const Nest<3> nest(out.shape, {out.strides, index.strides, beside});
  if (nest.rank() > kMaxRank) return false;
  return visit_size(itemsize(out.dtype), [&]<class T>(TypeTag<T>) {
    Queue(out.device)
        .each(nest.count(), Take<T>{static_cast<T*>(out.data), static_cast<const T*>(x.data),
                                    static_cast<const int64_t*>(index.data), Places<3>(nest),
                                    x.strides[static_cast<size_t>(axis)]});
    return true;
  });
}

struct OffsetsAlong {
  int64_t* to;
  const int64_t* index;
  Places<2> places;  // of index, out
  int64_t step;

  PYAUTOGRAD_HD void operator()(int64_t i) const {
    const auto at = places(i);
    to[i] = at.of[1] + index[at.of[0]] * step;
  }
};

bool put_along_axis(const View& out, const View& updates, const View& index, int axis, bool add) {
  const Dims beside = with_zero(out.strides, axis);
  const auto places = row_major<2>(updates.shape, {index.strides, beside});
  const auto sides = Sides::of(updates, out, out.shape.size(), updates.shape.size());
  if (!places || !sides) return false;
  if (sides->positions == 0) return true;
  Queue queue(out.device);
  const PairSort sort(out.device.index, 1, sides->positions);
  queue.each(sides->positions,
             OffsetsAlong{sort.items().keys, static_cast<const int64_t*>(index.data), *places,
                          out.strides[static_cast<size_t>(axis)]});
  return write_sorted(queue, out, updates, sort, *sides, add);
}

}  // namespace

void install_index(DeviceKernels& table) {
  table.normalize_index = &normalize_index;
  table.gather = &gather;
  table.scatter = &scatter;
  table.take_along_axis = &take_along_axis;
  table.put_along_axis = &put_along_axis;
}

}  // namespace pyautograd::kernels::cuda
