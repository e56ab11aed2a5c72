// Random draws: the host's stream, word for word. Compiled without contraction of products and
// sums, so that base draws have the host's bits.

#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/tables.h"
#include "kernels/scalar/gamma_slope.h"
#include "kernels/scalar/random.h"

namespace pyautograd::kernels::cuda {

namespace {

struct Words {
  PYAUTOGRAD_HD uint64_t operator()(uint64_t word, int) const { return word; }
};
struct Uniform {
  PYAUTOGRAD_HD double operator()(uint64_t word, int) const { return uniform_double(word); }
};
struct UniformHalves {
  PYAUTOGRAD_HD float operator()(uint64_t word, int half) const {
    return uniform_float(static_cast<uint32_t>(half ? word >> 32 : word));
  }
};
struct Normal {
  PYAUTOGRAD_HD double operator()(uint64_t word, int) const { return normal_variate(word); }
};
struct Exponential {
  PYAUTOGRAD_HD double operator()(uint64_t word, int) const { return exponential_variate(word); }
};

struct WritePlace {
  uint64_t* out;
  RandomPlace place;
  PYAUTOGRAD_HD void operator()(int64_t i) const {
    out[i] = i < 2 ? place.key.words[i] : place.block;
  }
};

bool write_place(const View& out, const RandomPlace& place) {
  Queue(out.device).each(kPlaceWords, WritePlace{static_cast<uint64_t*>(out.data), place});
  return true;
}

// Where a draw starts: there, or so many blocks behind the place that a replay finds.
struct Start {
  RandomPlace from;
  const uint64_t* found;

  Start(const RandomPlace& from, const View& found)
      : from(from), found(static_cast<const uint64_t*>(found.data)) {}
  PYAUTOGRAD_HD RandomPlace place() const {
    return found ? RandomPlace{{{found[0], found[1]}}, found[2] + from.block} : from;
  }
};

// A thread for each block of four words, each of which makes some elements.
template <class F, class T, int per_word = 1>
struct DrawBlock {
  T* out;
  int64_t n;
  Start start;

  PYAUTOGRAD_HD void operator()(int64_t number) const {
    const auto [key, block] = start.place();
    const PhiloxBlock words = philox_block(key.words, block + static_cast<uint64_t>(number));
    for (int j = 0; j < 4 * per_word; ++j) {
      const int64_t i = number * (4 * per_word) + j;
      if (i < n) out[i] = static_cast<T>(F()(words.word[j / per_word], j % per_word));
    }
  }
};

template <class F, class T, int per_word = 1>
bool draw_blocks(const View& out, const Start& start) {
  constexpr int64_t kEach = 4 * per_word;
  const int64_t n = element_count(out.shape);
  Queue(out.device)
      .each((n + kEach - 1) / kEach,
            DrawBlock<F, T, per_word>{static_cast<T*>(out.data), n, start});
  return true;
}

template <class F>
bool draw_floats(const View& out, const Start& start) {
  return out.dtype == DType::Float32 ? draw_blocks<F, float>(out, start)
                                     : draw_blocks<F, double>(out, start);
}

bool base_draw(BaseDraw kind, const View& out, const RandomPlace& from, const View& found) {
  const Start start(from, found);
  switch (kind) {
    case BaseDraw::Words:
      return draw_blocks<Words, uint64_t>(out, start);
    case BaseDraw::Uniform:
      return out.dtype == DType::Float32 ? draw_blocks<UniformHalves, float, 2>(out, start)
                                         : draw_blocks<Uniform, double>(out, start);
    case BaseDraw::Normal:
      return draw_floats<Normal>(out, start);
    case BaseDraw::Exponential:
      return draw_floats<Exponential>(out, start);
  }
  return false;
}

// An element for every draw, or one for all; absent, the draws' own numbers.
template <class T>
struct Parameter {
  const T* data = nullptr;
  int64_t step = 0;

  Parameter() = default;
  explicit Parameter(const View& x)
      : data(static_cast<const T*>(x.data)), step(data && element_count(x.shape) > 1 ? 1 : 0) {}
  PYAUTOGRAD_HD T operator[](int64_t i) const { return data ? data[i * step] : static_cast<T>(i); }
};

template <ParameterDraw kind>
struct DrawOne {
  using Result = std::conditional_t<kind == ParameterDraw::LogGamma, double, int64_t>;
  using Given = std::conditional_t<kind == ParameterDraw::Integers, int64_t, double>;
  Result* out;
  Start start;
  Parameter<int64_t> index;
  Parameter<Given> a, b;

  PYAUTOGRAD_HD void operator()(int64_t i) const {
    const uint64_t place = static_cast<uint64_t>(index[i]);
    const auto [key, block] = start.place();
    if constexpr (kind == ParameterDraw::Integers) {
      const Substream draw{key.words, block + place / 4};
      const int lane = static_cast<int>(place % 4);
      const uint64_t low = static_cast<uint64_t>(a[i]),
                     count = static_cast<uint64_t>(b[i]) - low + 1;
      out[i] = static_cast<int64_t>(low + bounded(draw, lane, draw(0).word[lane], count));
    } else {
      const Substream draw{key.words, block + place};
      if constexpr (kind == ParameterDraw::LogGamma)
        out[i] = log_gamma_variate(draw, a[i]);
      else if constexpr (kind == ParameterDraw::Poisson)
        out[i] = static_cast<int64_t>(poisson_variate(draw, a[i]));
      else
        out[i] = static_cast<int64_t>(binomial_variate(draw, a[i], b[i]));
    }
  }
};

template <ParameterDraw kind>
bool draw_each(const View& out, const Start& start, const View& index,
               std::span<const View> parameters) {
  using Draw = DrawOne<kind>;
  using Given = Parameter<typename Draw::Given>;
  const Draw draw{static_cast<typename Draw::Result*>(out.data), start, Parameter<int64_t>(index),
                  Given(parameters[0]), parameters.size() > 1 ? Given(parameters[1]) : Given()};
  Queue(out.device).each(element_count(out.shape), draw);
  return true;
}

bool parameter_draw(ParameterDraw kind, const View& out, const RandomPlace& from, const View& found,
                    const View& index, std::span<const View> parameters) {
  const Start start(from, found);
  switch (kind) {
    case ParameterDraw::LogGamma:
      return draw_each<ParameterDraw::LogGamma>(out, start, index, parameters);
    case ParameterDraw::Poisson:
      return draw_each<ParameterDraw::Poisson>(out, start, index, parameters);
    case ParameterDraw::Binomial:
      return draw_each<ParameterDraw::Binomial>(out, start, index, parameters);
    case ParameterDraw::Integers:
      return draw_each<ParameterDraw::Integers>(out, start, index, parameters);
  }
  return false;
}

struct GammaShapeSlope {
  double* out;
  Parameter<double> a, y;
  int order;
  PYAUTOGRAD_HD void operator()(int64_t i) const { out[i] = gamma_shape_slope(a[i], y[i], order); }
};
struct LogGammaSlope {
  double* out;
  Parameter<double> a;
  int order;
  PYAUTOGRAD_HD void operator()(int64_t i) const { out[i] = log_gamma_slope(a[i], order); }
};

bool gamma_shape_slopes(const View& out, const View& a, const View& y, int order) {
  Queue(out.device)
      .each(element_count(out.shape),
            GammaShapeSlope{static_cast<double*>(out.data), Parameter<double>(a),
                            Parameter<double>(y), order});
  return true;
}
bool log_gamma_slopes(const View& out, const View& a, int order) {
  Queue(out.device)
      .each(element_count(out.shape),
            LogGammaSlope{static_cast<double*>(out.data), Parameter<double>(a), order});
  return true;
}

}  // namespace

void install_random(DeviceKernels& table) {
  table.write_place = &write_place;
  table.base_draw = &base_draw;
  table.parameter_draw = &parameter_draw;
  table.gamma_shape_slopes = &gamma_shape_slopes;
  table.log_gamma_slopes = &log_gamma_slopes;
}

}  // namespace pyautograd::kernels::cuda
