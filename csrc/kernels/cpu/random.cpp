#include "kernels/random.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "kernels/cpu/loop_table.h"
#include "kernels/cpu/move.h"
#include "kernels/device_input.h"
#include "kernels/iterate.h"
#include "kernels/parallel.h"
#include "kernels/scalar/gamma_slope.h"
#include "kernels/scalar/random.h"

namespace pyautograd::kernels {

namespace {

int64_t blocks_of(int64_t words) { return words / 4 + (words % 4 != 0); }

int64_t per_word(BaseDraw kind, DType dtype) {
  return kind == BaseDraw::Uniform && dtype == DType::Float32 ? 2 : 1;
}

// A parameter: an element for every draw, or one for all.
template <class T>
class Parameter {
 public:
  explicit Parameter(const View& view)
      : data_(static_cast<const T*>(view.data)), step_(element_count(view.shape) == 1 ? 0 : 1) {}
  T operator[](int64_t i) const { return data_[i * step_]; }
  const T* at(int64_t i) const { return data_ + i * step_; }
  int64_t step() const { return step_; }

 private:
  const T* data_;
  int64_t step_;
};

// Where in the stream an element's words are.
class Place {
 public:
  explicit Place(const View& index)
      : counts_(index.data == nullptr), index_(static_cast<const int64_t*>(index.data)) {
    if (!counts_ && element_count(index.shape) == 1) step_ = 0;
  }
  uint64_t operator[](int64_t i) const { return uint64_t(counts_ ? i : index_[i * step_]); }
  bool counts() const { return counts_; }

 private:
  bool counts_;
  const int64_t* index_;
  int64_t step_ = 1;
};

constexpr int64_t kWords = 512;

// The words of whole blocks.
void fill_words(uint64_t* out, const RandomKey& key, uint64_t block, int64_t n) {
  loops().base_draw[int(BaseDraw::Words)][int(DType::UInt64)](out, key.words, block, n);
}

// variate(substream, i) for every element, each with a block of its own.
template <class Out, class Variate>
void draw_each(const View& out, const RandomKey& key, uint64_t block, const View& index,
               const Variate& variate) {
  constexpr int64_t kEach = kWords / 4;
  Out* o = static_cast<Out*>(out.data);
  const Place place(index);
  parallel_for(element_count(out.shape), kGrain / 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end && !place.counts(); ++i)
      o[i] = Out(variate(Substream{key.words, block + place[i]}, i));
    for (int64_t past; begin < end && place.counts(); begin = past) {
      past = std::min(end, begin + kEach);
      uint64_t words[kWords];
      fill_words(words, key, block + uint64_t(begin), 4 * (past - begin));
      for (int64_t i = begin; i < past; ++i)
        o[i] = Out(variate(Substream{key.words, block + uint64_t(i), words + 4 * (i - begin)}, i));
    }
  });
}

void draw_log_gamma(const View& out, const RandomKey& key, uint64_t block, const View& index,
                    const Parameter<double>& shape) {
  if (!Place(index).counts())
    return draw_each<double>(out, key, block, index, [&](const Substream& draw, int64_t i) {
      return log_gamma_variate(draw, shape[i]);
    });
  auto* o = static_cast<double*>(out.data);
  parallel_for(element_count(out.shape), kGrain / 64, [&](int64_t begin, int64_t end) {
    loops().log_gamma(o + begin, shape.at(begin), shape.step(), key.words, block + uint64_t(begin),
                      end - begin);
  });
}

void draw_integers(const View& out, const RandomKey& key, uint64_t block, const View& index,
                   const Parameter<int64_t>& low, const Parameter<int64_t>& high) {
  auto* o = static_cast<int64_t*>(out.data);
  const Place place(index);
  const auto draw_one = [&](int64_t i, uint64_t number, int lane, uint64_t word) {
    const uint64_t count = uint64_t(high[i]) - uint64_t(low[i]) + 1;
    o[i] = int64_t(uint64_t(low[i]) +
                   bounded(Substream{key.words, block + number}, lane, word, count));
  };
  const int64_t n = element_count(out.shape);
  if (place.counts()) {
    return parallel_for(blocks_of(n), kGrain / 32, [&](int64_t first, int64_t last) {
      const int64_t end = std::min(n, 4 * last);
      for (int64_t begin = 4 * first; begin < end; begin += kWords) {
        uint64_t words[kWords];
        const int64_t length = std::min(kWords, end - begin);
        fill_words(words, key, block + uint64_t(begin / 4), length);
        for (int64_t i = 0; i < length; ++i)
          draw_one(begin + i, uint64_t(begin + i) / 4, int(i % 4), words[i]);
      }
    });
  }
  parallel_for(n, kGrain / 8, [&](int64_t begin, int64_t end) {
    PhiloxBlock words{};
    uint64_t held = ~uint64_t{0};  // the block in `words`
    for (int64_t i = begin; i < end; ++i) {
      const uint64_t number = place[i] / 4;
      const int lane = int(place[i] % 4);
      if (number != std::exchange(held, number)) words = philox_block(key.words, block + number);
      draw_one(i, number, lane, words.word[lane]);
    }
  });
}

}  // namespace

int64_t base_draw_blocks(BaseDraw kind, DType dtype, int64_t n) {
  const int64_t each = per_word(kind, dtype);
  return blocks_of(n / each + (n % each != 0));
}

void write_place(const View& out, const RandomPlace& place) {
  if (on_device(out)) return run_on_device(&DeviceKernels::write_place, out.device, out, place);
  const uint64_t words[] = {place.key.words[0], place.key.words[1], place.block};
  static_assert(std::size(words) == kPlaceWords);
  std::memcpy(out.data, words, sizeof words);
}

void base_draw(BaseDraw kind, const View& out, const RandomPlace& from, const View& found) {
  if (on_device(out))
    return run_on_device(&DeviceKernels::base_draw, out.device, kind, out, from, found);
  const auto loop = loops().base_draw[int(kind)][int(out.dtype)];
  const int64_t n = element_count(out.shape), width = 4 * per_word(kind, out.dtype);
  parallel_for(n / width + (n % width != 0), kGrain / 16, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * width;
    loop(bytes_at(out.data, first * itemsize(out.dtype)), from.key.words,
         from.block + uint64_t(begin), std::min(n, end * width) - first);
  });
}

int64_t parameter_draw_blocks(ParameterDraw kind, int64_t n) {
  return kind == ParameterDraw::Integers ? blocks_of(n) : n;
}

void parameter_draw(ParameterDraw kind, const View& out, const RandomPlace& from, const View& found,
                    const View& index, std::span<const View> parameters) {
  if (on_device(out)) {
    SmallVector<DeviceInput, 2> there;
    SmallVector<View, 2> views;
    for (const View& x : parameters) there.push_back(DeviceInput(x, out.device));
    for (const DeviceInput& x : there) views.push_back(x.view());
    return run_on_device(&DeviceKernels::parameter_draw, out.device, kind, out, from, found, index,
                         std::span<const View>(views));
  }
  const auto& [key, block] = from;
  switch (kind) {
    case ParameterDraw::LogGamma:
      return draw_log_gamma(out, key, block, index, Parameter<double>(parameters[0]));
    case ParameterDraw::Poisson: {
      const Parameter<double> mean(parameters[0]);
      return draw_each<int64_t>(out, key, block, index, [&](const Substream& draw, int64_t i) {
        return poisson_variate(draw, mean[i]);
      });
    }
    case ParameterDraw::Binomial: {
      const Parameter<double> n(parameters[0]), p(parameters[1]);
      return draw_each<int64_t>(out, key, block, index, [&](const Substream& draw, int64_t i) {
        return binomial_variate(draw, n[i], p[i]);
      });
    }
    case ParameterDraw::Integers:
      return draw_integers(out, key, block, index, Parameter<int64_t>(parameters[0]),
                           Parameter<int64_t>(parameters[1]));
  }
}

// R. Durstenfeld, Algorithm 235: Random permutation, CACM 7, 1964.
void permutations(const View& out, const RandomPlace& from, int64_t first, int64_t last) {
  const auto& [key, block] = from;
  const int64_t rows = out.shape[0], n = out.shape[1];
  parallel_for(rows, std::max<int64_t>(1, kGrain / 8 / std::max<int64_t>(1, last - first)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t r = begin; r < end; ++r) {
                   int64_t* row = static_cast<int64_t*>(out.data) + r * n;
                   PhiloxBlock words{};
                   uint64_t held = ~uint64_t{0};
                   for (int64_t i = first; i < last; ++i) {
                     const uint64_t word = uint64_t(r * n + i), number = block + word / 4;
                     if (number != std::exchange(held, number))
                       words = philox_block(key.words, number);
                     const int lane = int(word % 4);
                     const uint64_t j = bounded(Substream{key.words, number}, lane,
                                                words.word[lane], uint64_t(i) + 1);
                     row[i] = row[j];
                     row[j] = i;
                   }
                 }
               });
}

void gamma_shape_slopes(const View& out, const View& a, const View& y, int order) {
  if (on_device(out)) {
    const DeviceInput shape(a, out.device), at(y, out.device);
    return run_on_device(&DeviceKernels::gamma_shape_slopes, out.device, out, shape.view(),
                         at.view(), order);
  }
  auto* o = static_cast<double*>(out.data);
  const Parameter<double> shape(a), at(y);
  parallel_for(element_count(out.shape), kGrain / 256, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) o[i] = gamma_shape_slope(shape[i], at[i], order);
  });
}

void log_gamma_slopes(const View& out, const View& a, int order) {
  if (on_device(out)) {
    const DeviceInput shape(a, out.device);
    return run_on_device(&DeviceKernels::log_gamma_slopes, out.device, out, shape.view(), order);
  }
  auto* o = static_cast<double*>(out.data);
  const Parameter<double> shape(a);
  parallel_for(element_count(out.shape), kGrain / 32, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) o[i] = log_gamma_slope(shape[i], order);
  });
}

}  // namespace pyautograd::kernels
