// Scans: at each place of a line, the fold of what comes up to it.

#include "kernels/cuda/fold.h"
#include "kernels/cuda/lines.h"
#include "kernels/cuda/tables.h"

namespace pyautograd::kernels::cuda {

namespace {

// Neighbours that a thread of a group takes.
constexpr int kRun = 4;

// Part p of line n is item n * parts + p. A group takes kRun elements of each thread at once; where
// lines lie side by side a thread takes a whole part. Position k counts in the direction of the
// scan.
template <class F, class T>
struct ScanParts {
  using Value = T;
  Line<T, T> line;
  Divisor parts;
  int64_t length;  // of a part
  bool packed, reverse;
  T* totals;        // of the parts, where no more is wanted
  const T* before;  // the folds of the parts up to each; null where a line is one part

  PYAUTOGRAD_HD Value combine(const T& a, const T& b) const { return Formula<F, T>()(a, b); }
  PYAUTOGRAD_HD int64_t place(int64_t k) const { return reverse ? line.length - 1 - k : k; }
  // Where a thread's elements begin and end.
  struct Range {
    int64_t number, part, begin, end;
  };
  PYAUTOGRAD_HD Range range(int64_t item, int thread, int threads) const {
    const int64_t number = parts.quotient(item), part = item - number * parts.number();
    const int64_t run = threads == 1 ? length : kRun, begin = part * length + thread * run;
    return {number, part, begin, begin + run < line.length ? begin + run : line.length};
  }
  // The elements of a group's thread, and something behind them.
  PYAUTOGRAD_HD Pack<T, kRun> load(const Range& of) const {
    const T* x = line.source(of.number);
    Pack<T, kRun> run{};
    if (packed && of.end - of.begin == kRun) {
      run = *reinterpret_cast<const Pack<T, kRun>*>(x + of.begin);
    } else {
      for (int k = 0; k < kRun; ++k)
        if (of.begin + k < of.end) run.item[k] = x[place(of.begin + k) * line.x_step];
    }
    return run;
  }

  PYAUTOGRAD_HD T part(int64_t item, int thread, int threads) const {
    const Range of = range(item, thread, threads);
    if (threads > 1) {
      const Pack<T, kRun> run = load(of);
      T total = run.item[0];
      for (int k = 1; k < kRun; ++k)
        if (of.begin + k < of.end) total = combine(total, run.item[k]);
      return total;
    }
    const T* x = line.source(of.number);
    T total = x[place(of.begin) * line.x_step];
    if (totals)
      for (int64_t k = of.begin + 1; k < of.end; ++k)
        total = combine(total, x[place(k) * line.x_step]);
    return total;
  }
  PYAUTOGRAD_HD void finish(int64_t item, int thread, int threads, const T* group_before,
                            const T& through) const {
    const Range of = range(item, thread, threads);
    if (of.begin >= of.end) return;
    if (totals) {
      if (of.end == line.length || thread == threads - 1) totals[item] = through;
      return;
    }
    const bool carried = before && of.part > 0;
    T carry{};
    if (carried) carry = before[item - 1];
    if (group_before) carry = carried ? combine(carry, *group_before) : *group_before;
    write(of, threads, carried || group_before, carry);
  }
  PYAUTOGRAD_HD void write(const Range& of, int threads, bool carried, T total) const {
    T* out = line.target(of.number);
    if (threads > 1) {
      Pack<T, kRun> run = load(of);
      for (int k = 0; k < kRun; ++k) {
        total = k == 0 && !carried ? run.item[k] : combine(total, run.item[k]);
        run.item[k] = total;
      }
      if (packed && of.end - of.begin == kRun) {
        *reinterpret_cast<Pack<T, kRun>*>(out + of.begin) = run;
      } else {
        for (int k = 0; k < kRun; ++k)
          if (of.begin + k < of.end) out[place(of.begin + k) * line.out_step] = run.item[k];
      }
      return;
    }
    const T* x = line.source(of.number);
    for (int64_t k = of.begin; k < of.end; ++k) {
      const T value = x[place(k) * line.x_step];
      total = k == of.begin && !carried ? value : combine(total, value);
      out[place(k) * line.out_step] = total;
    }
  }
};

// Where a line is several parts, their totals are scanned first: elements are read twice and
// written once.
template <class F, class T>
void scan_lines(Queue& queue, const Line<T, T>& line, int64_t lines, bool side_by_side,
                bool reverse) {
  const bool alone = by_thread(side_by_side, lines * line.length);
  const int threads = alone ? 1 : threads_for(line.length, kRun);
  int64_t length = int64_t{kRun} * threads;
  if (alone) {
    const int64_t wanted = std::clamp<int64_t>(kEnough / lines, 1, line.length / kShort + 1);
    length = (line.length - 1) / wanted + 1;
  } else if (threads == 1) {
    length = line.length;
  }
  const int64_t parts = (line.length - 1) / length + 1;
  ScanParts<F, T> scan{line,    Divisor(parts), length, !reverse && lies_in_packs<kRun>(line),
                       reverse, nullptr,        nullptr};
  if (parts == 1) {
    queue.scans(lines, threads, scan);
    return;
  }
  const Scratch memory(queue.device(), static_cast<size_t>(lines * parts) * sizeof(T));
  T* totals = memory.as<T>();
  scan.totals = totals;
  queue.scans(lines * parts, threads, scan);
  const std::span<const int64_t> step(&parts, 1);
  const Places<2> starts(Nest<2>(std::span(&lines, 1), {step, step}));
  scan_lines<F>(queue, Line<T, T>(totals, totals, starts, parts), lines, false, false);
  scan.totals = nullptr;
  scan.before = totals;
  queue.scans(lines * parts, threads, scan);
}

template <class F>
bool run_scan(const View& out, const View& x, int axis, bool reverse) {
  const Lines lines(out, x, axis);
  if (lines.outer.rank() > kMaxRank) return false;
  if (element_count(x.shape) == 0) return true;
  return visit_dtype(x.dtype, [&]<class T>(TypeTag<T>) {
    if constexpr (accepts<F, T>()) {
      Queue queue(out.device);
      scan_lines<F>(queue, Line<T, T>(out, x, lines), lines.outer.count(), lines.side_by_side(),
                    reverse);
      return true;
    } else {
      return false;
    }
  });
}

bool scan(Scan kind, const View& out, const View& x, int axis, bool reverse) {
  switch (kind) {
    case Scan::Sum:
      return run_scan<Add>(out, x, axis, reverse);
    case Scan::Prod:
      return run_scan<Multiply>(out, x, axis, reverse);
    case Scan::Max:
      return run_scan<Maximum>(out, x, axis, reverse);
    case Scan::Min:
      return run_scan<Minimum>(out, x, axis, reverse);
    case Scan::LogSumExp:
      return run_scan<LogAddExp>(out, x, axis, reverse);
  }
  return false;
}

// out[i] = a[i] out[i - 1] + b[i], a thread for each line.
template <class T>
struct RecurrenceLine {
  T* out;
  const T *a, *b;
  Places<3> places;  // of out, a, b
  int64_t length, out_step, a_step, b_step;

  PYAUTOGRAD_HD void operator()(int64_t number) const {
    const auto at = places(number);
    T y{};
    for (int64_t i = 0; i < length; ++i) {
      const T term = b[at.of[2] + i * b_step];
      // The first factor has nothing to multiply, and may be infinite.
      y = i == 0 ? term
                 : Formula<Add, T>()(Formula<Multiply, T>()(a[at.of[1] + i * a_step], y), term);
      out[at.of[0] + i * out_step] = y;
    }
  }
};

// Where a line begins, and the step along it, backwards if `reverse`.
template <class T>
T* line_start(const View& x, size_t axis, bool reverse, int64_t& step) {
  T* data = static_cast<T*>(x.data);
  step = x.strides[axis];
  if (!reverse) return data;
  data += (x.shape[axis] - 1) * step;
  step = -step;
  return data;
}

bool recurrence(const View& out, const View& a, const View& b, int axis, bool reverse) {
  const Dims outer = Lines::across(out.shape, axis);
  const Nest<3> nest(outer, {out.strides, a.strides, b.strides});
  if (nest.rank() > kMaxRank) return false;
  if (element_count(out.shape) == 0) return true;
  const size_t along = static_cast<size_t>(axis);
  return visit_dtype(out.dtype, [&]<class T>(TypeTag<T>) {
    if constexpr (is_float<T> || is_complex_type<T>) {
      RecurrenceLine<T> line{nullptr, nullptr, nullptr, Places<3>(nest), out.shape[along], 0, 0, 0};
      line.out = line_start<T>(out, along, reverse, line.out_step);
      line.a = line_start<const T>(a, along, reverse, line.a_step);
      line.b = line_start<const T>(b, along, reverse, line.b_step);
      Queue(out.device).each(nest.count(), line);
      return true;
    } else {
      return false;
    }
  });
}

}  // namespace

void install_scan(DeviceKernels& table) {
  table.scan = &scan;
  table.recurrence = &recurrence;
}

}  // namespace pyautograd::kernels::cuda
