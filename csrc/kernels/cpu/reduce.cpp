#include <memory>

#include "kernels/cpu/loop_table.h"
#include "kernels/cpu/move.h"
#include "kernels/device.h"
#include "kernels/iterate.h"
#include "kernels/scalar/norm.h"

namespace pyautograd::kernels {

namespace {

// One reduction: x and out share axes; out has stride 0 along those that are reduced.
struct Problem {
  Reduce kind;
  DType x_dtype, out_dtype;
  const char* x;
  char* out;
  Dims shape, x_strides, out_strides;
  SmallVector<bool, 4> reduced;

  int64_t x_size() const { return itemsize(x_dtype); }
  int64_t out_size() const { return itemsize(out_dtype); }
  const ReduceLoops& loops() const { return kernels::loops().reduce[int(kind)][int(x_dtype)]; }

  // The axis with the smallest stride in x, among those that are reduced or those that are kept; -1
  // if none.
  int innermost(bool is_reduced) const {
    int best = -1;
    for (size_t d = 0; d < shape.size(); ++d)
      if (reduced[d] == is_reduced &&
          (best < 0 || std::abs(x_strides[d]) <= std::abs(x_strides[best])))
        best = int(d);
    return best;
  }
  int longest(bool is_reduced) const {
    int best = -1;
    for (size_t d = 0; d < shape.size(); ++d)
      if (reduced[d] == is_reduced && (best < 0 || shape[d] > shape[best])) best = int(d);
    return best;
  }
  // Elements [begin, end) of one axis only.
  Problem slice(int axis, int64_t begin, int64_t end) const {
    Problem part = *this;
    part.shape[axis] = end - begin;
    part.x += begin * x_strides[axis] * x_size();
    part.out += begin * out_strides[axis] * out_size();
    return part;
  }
  // The shape with size 1 where the axes are not of the wanted kind, but for `apart`, which goes
  // too.
  Dims only(bool is_reduced, int apart = -1) const {
    Dims part = shape;
    for (size_t d = 0; d < part.size(); ++d)
      if (reduced[d] != is_reduced || int(d) == apart) part[d] = 1;
    return part;
  }
};

Problem make_problem(Reduce kind, const View& out, const View& x) {
  Problem p{
      kind, x.dtype, out.dtype, static_cast<const char*>(x.data), static_cast<char*>(out.data), {},
      {},   {},      {}};
  for (size_t d = 0; d < x.shape.size(); ++d) {
    if (x.shape[d] == 1) continue;
    const bool reduced = out.shape[d] != x.shape[d];
    const int64_t out_stride = reduced ? 0 : out.strides[d];
    // Axes that lie end to end are one: it may be long where they are short.
    if (!p.shape.empty() && p.reduced.back() == reduced &&
        p.x_strides.back() == x.strides[d] * x.shape[d] &&
        p.out_strides.back() == out_stride * x.shape[d]) {
      p.shape.back() *= x.shape[d];
      p.x_strides.back() = x.strides[d];
      p.out_strides.back() = out_stride;
      continue;
    }
    p.shape.push_back(x.shape[d]);
    p.x_strides.push_back(x.strides[d]);
    p.out_strides.push_back(out_stride);
    p.reduced.push_back(reduced);
  }
  return p;
}

template <class T>
T identity_of(Reduce kind) {
  using Limits = std::numeric_limits<T>;
  switch (kind) {
    case Reduce::Sum:
    case Reduce::SumOfSquares:
    case Reduce::SumOfTinySquares:
    case Reduce::SumOfHugeSquares:
    case Reduce::Norm:
    case Reduce::Any:
      return T(0);
    case Reduce::Prod:
    case Reduce::All:
      return T(1);
    case Reduce::Max:
      return is_float<T> ? T(-Limits::infinity()) : Limits::lowest();
    case Reduce::Min:
      break;
  }
  return is_float<T> ? Limits::infinity() : Limits::max();
}

void fill_identity(Reduce kind, DType dtype, void* out, int64_t n) {
  visit_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    std::fill_n(static_cast<T*>(out), n, identity_of<T>(kind));
  });
}

constexpr int64_t kTile = 512;

// Results one after another, each from rows of x.
void reduce_by_rows(const Problem& p) {
  int64_t out_size = p.out_size(), x_size = p.x_size();
  Nest<2> kept(p.only(false), {p.out_strides, p.x_strides});
  Nest<1> inner(p.only(true), {p.x_strides});
  auto fold_row = p.loops().row;
  alignas(64) char packed[kTile * kMaxItemsize];
  char identity[kMaxItemsize];
  fill_identity(p.kind, p.out_dtype, identity, 1);
  const bool straight = inner.rank() == 1 && inner.stride(0) == 1;
  auto reduce_one = [&](char* out, const char* x) {
    std::memcpy(out, identity, size_t(out_size));
    if (straight) return fold_row(out, x, inner.count());
    inner.walk(0, inner.count(), [&](const auto& offsets, int64_t n) {
      const char* row = x + offsets[0] * x_size;
      if (inner.stride(0) == 1) return fold_row(out, row, n);
      for (int64_t b = 0; b < n; b += kTile) {
        int64_t length = std::min(kTile, n - b);
        move_row(x_size, packed, 1, row + b * inner.stride(0) * x_size, inner.stride(0), length);
        fold_row(out, packed, length);
      }
    });
  };
  kept.walk(0, kept.count(), [&](const auto& o, int64_t n) {
    for (int64_t i = 0; i < n; ++i)
      reduce_one(p.out + (o[0] + i * kept.stride(0)) * out_size,
                 p.x + (o[1] + i * kept.stride(1)) * x_size);
  });
}

// Tiles of adjacent results together, adding whole rows of x to them.
class ColumnReduction {
 public:
  ColumnReduction(const Problem& p, int column)
      : p_(p), column_(column), rows_(p.only(true), {p.x_strides}), fold_(p.loops().columns) {}

  void run() const {
    int64_t out_size = p_.out_size(), x_size = p_.x_size();
    int64_t out_stride = p_.out_strides[column_], x_stride = p_.x_strides[column_];
    // Contiguous columns may be as wide as they are; the loop tiles them itself.
    int64_t width = out_stride == 1 && x_stride == 1 ? p_.shape[column_] : kTile;
    Nest<2> outer(p_.only(false, column_), {p_.out_strides, p_.x_strides});
    outer.walk(0, outer.count(), [&](const auto& o, int64_t n) {
      for (int64_t i = 0; i < n; ++i) {
        char* out = p_.out + (o[0] + i * outer.stride(0)) * out_size;
        const char* x = p_.x + (o[1] + i * outer.stride(1)) * x_size;
        for (int64_t c = 0; c < p_.shape[column_]; c += width)
          reduce_tile(out + c * out_stride * out_size, x + c * x_stride * x_size,
                      std::min(width, p_.shape[column_] - c));
      }
    });
  }

 private:
  void reduce_tile(char* out, const char* x, int64_t width) const {
    alignas(64) char buffer[kTile * kMaxItemsize];
    bool direct = p_.out_strides[column_] == 1;
    char* acc = direct ? out : buffer;
    fill_identity(p_.kind, p_.out_dtype, acc, width);
    rows_.walk(0, rows_.count(),
               [&](const auto& o, int64_t n) { fold_rows(acc, x + o[0] * p_.x_size(), n, width); });
    if (!direct) move_row(p_.out_size(), out, p_.out_strides[column_], acc, 1, width);
  }

  void fold_rows(char* acc, const char* x, int64_t n, int64_t width) const {
    int64_t x_size = p_.x_size(), x_stride = p_.x_strides[column_];
    if (x_stride == 1) return fold_(acc, x, n, rows_.stride(0), width);
    alignas(64) char packed[kTile * kMaxItemsize];
    for (int64_t r = 0; r < n; ++r) {
      move_row(x_size, packed, 1, x + r * rows_.stride(0) * x_size, x_stride, width);
      fold_(acc, packed, 1, 0, width);
    }
  }

  const Problem& p_;
  int column_;
  Nest<1> rows_;
  void (*fold_)(void*, const void*, int64_t, int64_t, int64_t);
};

void reduce_serially(const Problem& p) {
  constexpr int64_t kShortRow = 16;
  int row = p.innermost(true), column = p.innermost(false);
  bool by_rows =
      column < 0 || (row >= 0 && std::abs(p.x_strides[row]) < std::abs(p.x_strides[column]) &&
                     (p.shape[row] >= kShortRow || p.shape[column] < kShortRow));
  if (by_rows)
    reduce_by_rows(p);
  else
    ColumnReduction(p, column).run();
}

// Few results from many elements: partial results of slices of the longest reduced axis, then their
// reduction.
void reduce_in_slices(const Problem& p, const View& out) {
  constexpr int64_t kMaxSlices = 32;
  int axis = p.longest(true);
  int64_t results = element_count(out.shape), elements = element_count(p.shape);
  int64_t slices = std::min({kMaxSlices, p.shape[axis], elements / kGrain});
  int64_t step = (p.shape[axis] + slices - 1) / slices;
  slices = (p.shape[axis] + step - 1) / step;
  auto partial = std::make_unique<char[]>(size_t(slices * results * p.out_size()));
  Problem whole = p;
  int64_t stride = 1;
  for (size_t d = p.shape.size(); d-- > 0;) {
    if (p.reduced[d]) continue;
    whole.out_strides[d] = stride;
    stride *= p.shape[d];
  }
  parallel_for(slices, 1, [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; ++s) {
      Problem part = whole.slice(axis, s * step, std::min(p.shape[axis], (s + 1) * step));
      part.out = partial.get() + s * results * p.out_size();
      reduce_serially(part);
    }
  });
  const Reduce kind = p.kind >= Reduce::SumOfSquares ? Reduce::Sum : p.kind;
  Problem last{kind,     p.out_dtype, p.out_dtype, partial.get(), p.out,
               {slices}, {results},   {0},         {true}};
  for (size_t d = 0; d < p.shape.size(); ++d) {
    if (p.reduced[d]) continue;
    last.shape.push_back(p.shape[d]);
    last.x_strides.push_back(whole.out_strides[d]);
    last.out_strides.push_back(p.out_strides[d]);
    last.reduced.push_back(false);
  }
  reduce_serially(last);
}

// The number of elements if they lie one after another, else -1.
int64_t packed_length(const View& x) {
  int64_t length = 1;
  for (size_t d = x.shape.size(); d-- > 0; length *= x.shape[d])
    if (x.shape[d] != 1 && x.strides[d] != length) return -1;
  return length;
}

}  // namespace

void reduce(Reduce kind, const View& out, const View& x) {
  if (on_device(out)) return run_on_device(&DeviceKernels::reduce, out.device, kind, out, x);
  const int64_t length = packed_length(x);
  if (length >= 0 && length < 2 * kGrain && element_count(out.shape) == 1) {
    fill_identity(kind, out.dtype, out.data, 1);
    return loops().reduce[int(kind)][int(x.dtype)].row(out.data, x.data, length);
  }
  Problem p = make_problem(kind, out, x);
  int64_t elements = element_count(p.shape), results = element_count(out.shape);
  if (results == 0) return;
  if (elements < 2 * kGrain) return reduce_serially(p);
  int kept = p.longest(false), reduced = p.longest(true);
  if (kept >= 0 && p.shape[kept] >= 16) {
    int64_t grain = std::max<int64_t>(1, kGrain / (elements / p.shape[kept]));
    parallel_for(p.shape[kept], grain,
                 [&](int64_t begin, int64_t end) { reduce_serially(p.slice(kept, begin, end)); });
  } else if (reduced >= 0 && p.shape[reduced] >= 16) {
    reduce_in_slices(p, out);
  } else {
    reduce_serially(p);
  }
}

namespace {

// Sums that are out of range are taken again, scaled.
template <class T>
void roots_of_squares(const View& out, const View& x) {
  using Scales = NormScales<T>;
  using Flag = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;  // as wide, for vectors
  reduce(Reduce::SumOfSquares, out, x);
  T* sums = static_cast<T*>(out.data);
  const int64_t results = element_count(out.shape);
  Flag tiny = 0, huge = 0;
  for (int64_t i = 0; i < results; ++i) {
    tiny |= Scales::is_tiny(sums[i]);
    huge |= Scales::is_huge(sums[i]);
  }
  if (!tiny && !huge) return unary(fn_id<Sqrt>(), out, out);
  const auto again = [&](bool wanted, Reduce kind) {
    auto scaled = std::unique_ptr<T[]>(wanted ? new T[size_t(results)] : nullptr);
    if (wanted) reduce(kind, {scaled.get(), out.dtype, out.shape, out.strides}, x);
    return scaled;
  };
  const auto up = again(tiny, Reduce::SumOfTinySquares);
  const auto down = again(huge, Reduce::SumOfHugeSquares);
  for (int64_t i = 0; i < results; ++i)
    sums[i] = norm_of_sums(sums[i], tiny ? up[size_t(i)] : T(0), huge ? down[size_t(i)] : T(0));
}

// Complex numbers as pairs of real ones, along a last axis.
void norm_of_parts(const View& out, const View& x) {
  Dims shape(x.shape), strides(x.strides), kept(out.shape), steps(out.strides);
  for (int64_t& stride : strides) stride *= 2;
  shape.push_back(2);
  strides.push_back(1);
  kept.push_back(1);
  steps.push_back(1);
  norm({out.data, out.dtype, kept, steps, out.device},
       {x.data, real_of(x.dtype), shape, strides, x.device});
}

}  // namespace

void norm(const View& out, const View& x) {
  if (is_complex(x.dtype)) return norm_of_parts(out, x);
  if (on_device(out)) return reduce(Reduce::Norm, out, x);
  if (x.dtype == DType::Float32) return roots_of_squares<float>(out, x);
  roots_of_squares<double>(out, x);
}

}  // namespace pyautograd::kernels
