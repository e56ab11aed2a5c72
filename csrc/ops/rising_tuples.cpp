#include "ops/rising_tuples.h"

#include <algorithm>
#include <vector>

#include "ops/index.h"
#include "ops/linalg.h"
#include "ops/ops.h"

namespace pyautograd::ops {

namespace {

size_t at(int64_t place) { return static_cast<size_t>(place); }

// Entry i of row j is the binomial coefficient of i + j over j + 1. The sum of the entries i_j of
// rows j is the number of a rising tuple in the order where the first place changes fastest.
using Row = SmallVector<int64_t, 64>;
std::vector<Row> binomials(int64_t n, size_t rows) {
  std::vector<Row> out(rows, Row(at(n) + 1, 0));
  for (size_t j = 0; j < rows; ++j) {
    for (size_t i = 1; i < out[j].size(); ++i)
      out[j][i] = out[j][i - 1] + (j > 0 ? out[j - 1][i] : 1);
  }
  return out;
}

}  // namespace

RisingTuples::RisingTuples(int64_t n, size_t k, Device device) {
  const std::vector<Row> table = binomials(n, k + 1);
  const int64_t count = table[k][at(n)];
  std::vector<Ref<Array>> rising;
  for (size_t j = 0; j <= k; ++j) rising.push_back(Array::empty({count}, DType::Int64));
  SmallVector<int64_t, 4> tuple(k + 1, 0);
  for (int64_t number = 0; number < count; ++number) {
    for (size_t j = 0; j <= k; ++j) rising[j]->data<int64_t>()[number] = tuple[j];
    size_t j = 0;
    while (j < k && tuple[j] == tuple[j + 1]) tuple[j++] = 0;
    ++tuple[j];
  }
  for (Ref<Array>& places : rising) places_.push_back(to_device(Tensor(std::move(places)), device));

  // All but the last place are sorted once for all that the last may be.
  Ref<Array> numbers = Array::empty(Dims(k + 1, n), DType::Int64);
  int64_t* out = numbers->data<int64_t>();
  int64_t* const end = out + numbers->size();
  for (SmallVector<int64_t, 4> digits(k, 0); out != end;) {
    SmallVector<int64_t, 4> sorted = digits;
    std::sort(sorted.begin(), sorted.end());
    int64_t others = 0;
    for (size_t j = 0; j < k; ++j) others += table[j + 1][at(sorted[j])];
    size_t below = 0;
    for (int64_t last = 0; last < n; ++last) {
      for (; below < k && sorted[below] < last; ++below)
        others += table[below][at(sorted[below])] - table[below + 1][at(sorted[below])];
      *out++ = others + table[below][at(last)];
    }
    for (size_t j = k; j-- > 0 && ++digits[j] == n;) digits[j] = 0;
  }
  numbers_ = to_device(Tensor(std::move(numbers)), device);
}

Tensor RisingTuples::for_all(const Tensor& values) const { return take(values, numbers_, -1); }

Tensor RisingTuples::over_orders(const Tensor& x) const {
  const Dims lead = linalg::lead(x, numbers_.ndim());
  const Tensor start =
      zeros(linalg::with_core(lead, {places_[0].shape()[0]}), x.dtype(), x.device());
  return setitem(start, Index{Ellipsis{}, numbers_}, x, true);
}

}  // namespace pyautograd::ops
