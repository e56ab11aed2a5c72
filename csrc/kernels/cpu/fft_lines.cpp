#include "kernels/cpu/fft_lines.h"

#include <algorithm>
#include <utility>

#include "kernels/cpu/move.h"
#include "kernels/parallel.h"

namespace pyautograd::kernels {

namespace {

void run_pass(const FftPass<float>& pass) { loops().fft_float(pass); }
void run_pass(const FftPass<double>& pass) { loops().fft_double(pass); }

template <class T>
T* moved(T* part, int64_t by) {
  return part == nullptr ? nullptr : part + by;
}

// rows[i, lane] = line[lane][i * step], of both parts at once: memory is visited once.
template <class T>
void load_lines(T* re, T* im, const FftSource<T> (&lines)[kFftLanes<T>], int64_t length) {
  constexpr int64_t kLanes = kFftLanes<T>;
  const int64_t step = lines[0].step;
  if (lines[0].re != nullptr && lines[0].im != nullptr) {
    for (int64_t i = 0; i < length; ++i)
      for (int64_t lane = 0; lane < kLanes; ++lane) {
        re[i * kLanes + lane] = lines[lane].re[i * step];
        im[i * kLanes + lane] = lines[lane].im[i * step];
      }
    return;
  }
  const bool is_real = lines[0].re != nullptr;
  for (int64_t i = 0; i < length; ++i)
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      re[i * kLanes + lane] = is_real ? lines[lane].re[i * step] : 0;
      im[i * kLanes + lane] = is_real ? 0 : lines[lane].im[i * step];
    }
}

// The same where neighbouring lines lie `kApart` numbers from each other.
template <int kApart, class T>
void load_neighbours(T* re, T* im, const FftSource<T>& first, int64_t length) {
  constexpr int64_t kLanes = kFftLanes<T>;
  for (int64_t i = 0; i < length; ++i) {
    const T *from_re = first.re + i * first.step, *from_im = first.im + i * first.step;
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      re[i * kLanes + lane] = from_re[lane * kApart];
      im[i * kLanes + lane] = from_im[lane * kApart];
    }
  }
}

template <class T>
void store_lines(const FftTarget<T>* lines, const T* re, const T* im, int64_t length,
                 int64_t count) {
  constexpr int64_t kLanes = kFftLanes<T>;
  const int64_t step = lines[0].step;
  const T scale = lines[0].scale;
  const bool both = lines[0].re != nullptr && lines[0].im != nullptr;
  for (int64_t i = 0; i < length; ++i)
    for (int64_t lane = 0; lane < count; ++lane) {
      if (both || lines[0].re != nullptr) lines[lane].re[i * step] = scale * re[i * kLanes + lane];
      if (both || lines[0].im != nullptr) lines[lane].im[i * step] = scale * im[i * kLanes + lane];
    }
}

}  // namespace

template <class T>
FftBlock<T>::FftBlock(const FftPasses<T>& passes)
    : passes_(passes), memory_(4 * passes.length * kLanes) {
  const int64_t part = passes.length * kLanes;
  x_re_ = memory_.get();
  x_im_ = x_re_ + part;
  y_re_ = x_im_ + part;
  y_im_ = y_re_ + part;
}

template <class T>
void FftBlock<T>::load(const FftSource<T>* lines, int64_t count) {
  FftSource<T> all[kLanes];
  for (int64_t lane = 0; lane < kLanes; ++lane)
    all[lane] = lines[lane < count ? lane : 0];  // whatever: it is not stored
  load_lines<T>(x_re_, x_im_, all, passes_.length);
}

template <class T>
void FftBlock<T>::load(const FftSource<T>& first, int64_t apart, int64_t count) {
  if (count == kLanes && first.re != nullptr && first.im != nullptr) {
    if (apart == 1) return load_neighbours<1>(x_re_, x_im_, first, passes_.length);
    if (apart == 2) return load_neighbours<2>(x_re_, x_im_, first, passes_.length);
  }
  FftSource<T> lines[kLanes];
  for (int64_t lane = 0; lane < count; ++lane)
    lines[lane] = {moved(first.re, lane * apart), moved(first.im, lane * apart), first.step};
  load(lines, count);
}

template <class T>
void FftBlock<T>::run() {
  int64_t row = kLanes;
  for (const auto& pass : passes_.passes) {
    run_pass(FftPass<T>{pass.radix, pass.span, row, x_re_, x_im_, y_re_, y_im_,
                        pass.twiddles.data(), pass.roots.data()});
    std::swap(x_re_, y_re_);
    std::swap(x_im_, y_im_);
    row *= pass.radix;
  }
}

template <class T>
void FftBlock<T>::store(const FftTarget<T>* lines, int64_t count) const {
  store_lines(lines, x_re_, x_im_, passes_.length, count);
}

template <class T>
void FftBlock<T>::store(const FftTarget<T>& first, int64_t apart, int64_t count) const {
  FftTarget<T> lines[kLanes];
  for (int64_t lane = 0; lane < count; ++lane) {
    lines[lane] = {moved(first.re, lane * apart), moved(first.im, lane * apart), first.step,
                   first.scale};
  }
  store(lines, count);
}

template <class T>
void FftLines<T>::line(const FftSource<T>& source, const FftTarget<T>& target) const {
  if (plan_.chirp) return chirp_line(source, target);
  if (plan_.split) return split_line(source, target);
  lines(&source, &target, 1);
}

template <class T>
void FftLines<T>::lines(const FftSource<T>* sources, const FftTarget<T>* targets,
                        int64_t count) const {
  const bool few = plan_.split && 2 * count < kFftLanes<T>;
  if (!plan_.whole || few) {
    for (int64_t i = 0; i < count; ++i) line(sources[i], targets[i]);
    return;
  }
  FftBlock<T> block(*plan_.whole);
  block.load(sources, count);
  block.run();
  block.store(targets, count);
}

// With j = j1 columns + j2 and k = k1 + k2 rows: the columns are transformed over j1, element
// (k1, j2) is multiplied with exp(-2πi k1 j2 / n), and the rows are transformed over j2.
template <class T>
void FftLines<T>::split_line(const FftSource<T>& source, const FftTarget<T>& target) const {
  constexpr int64_t kLanes = kFftLanes<T>;
  const auto& split = *plan_.split;
  const int64_t rows = split.along_columns.length, columns = split.along_rows.length;
  const Scratch<T> memory(2 * plan_.length);
  T *const re = memory.get(), *const im = re + plan_.length;

  const int64_t column_blocks = (columns + kLanes - 1) / kLanes;
  parallel_for(column_blocks, kGrain / (kLanes * rows), [&](int64_t begin, int64_t end) {
    FftBlock<T> block(split.along_columns);
    for (int64_t b = begin; b < end; ++b) {
      const int64_t j = b * kLanes, count = std::min(kLanes, columns - j);
      block.load({moved(source.re, j * source.step), moved(source.im, j * source.step),
                  columns * source.step},
                 source.step, count);
      block.run();
      for (int64_t k = 0; k < rows; ++k) {
        const std::complex<T> w = split.coarse[size_t(b * rows + k)];
        const T *x_re = block.re() + k * kLanes, *x_im = block.im() + k * kLanes;
        const T *f_re = &split.fine_re[size_t(k * kLanes)],
                *f_im = &split.fine_im[size_t(k * kLanes)];
        T y_re[kLanes], y_im[kLanes];
        for (int64_t l = 0; l < kLanes; ++l) {
          const T c = f_re[l] * w.real() - f_im[l] * w.imag();
          const T s = f_re[l] * w.imag() + f_im[l] * w.real();
          y_re[l] = x_re[l] * c - x_im[l] * s;
          y_im[l] = x_re[l] * s + x_im[l] * c;
        }
        std::copy_n(y_re, count, re + k * columns + j);
        std::copy_n(y_im, count, im + k * columns + j);
      }
    }
  });

  const int64_t row_blocks = (rows + kLanes - 1) / kLanes;
  parallel_for(row_blocks, kGrain / (kLanes * columns), [&](int64_t begin, int64_t end) {
    FftBlock<T> block(split.along_rows);
    for (int64_t b = begin; b < end; ++b) {
      const int64_t k = b * kLanes, count = std::min(kLanes, rows - k);
      block.load({re + k * columns, im + k * columns, 1}, columns, count);
      block.run();
      block.store({moved(target.re, k * target.step), moved(target.im, k * target.step),
                   rows * target.step, target.scale},
                  target.step, count);
    }
  });
}

// out = x * y, element by element.
template <class T>
void multiply(T* out_re, T* out_im, const T* x_re, const T* x_im, const T* y_re, const T* y_im,
              int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const T re = x_re[i] * y_re[i] - x_im[i] * y_im[i];
    out_im[i] = x_re[i] * y_im[i] + x_im[i] * y_re[i];
    out_re[i] = re;
  }
}

// Bluestein: jk = (j² + k² - (k - j)²) / 2, so the transform is a convolution with a chirp.
template <class T>
void FftLines<T>::chirp_line(const FftSource<T>& source, const FftTarget<T>& target) const {
  const auto& [convolution, chirp_re, chirp_im, spectrum_re, spectrum_im] = *plan_.chirp;
  const int64_t n = plan_.length, m = convolution->length;
  const Scratch<T> memory(2 * m);
  T *const re = memory.get(), *const im = re + m;
  for (int64_t j = 0; j < n; ++j) {
    re[j] = source.re == nullptr ? 0 : source.re[j * source.step];
    im[j] = source.im == nullptr ? 0 : source.im[j * source.step];
  }
  multiply(re, im, re, im, chirp_re.data(), chirp_im.data(), n);
  std::fill_n(re + n, m - n, T(0));
  std::fill_n(im + n, m - n, T(0));
  const FftLines inner(*convolution);
  inner.line({re, im, 1}, {re, im, 1, 1});
  multiply(re, im, re, im, spectrum_re.data(), spectrum_im.data(), m);
  inner.line({im, re, 1}, {im, re, 1, target.scale});
  multiply(re, im, re, im, chirp_re.data(), chirp_im.data(), n);
  for (int64_t k = 0; k < n; ++k) {
    if (target.re != nullptr) target.re[k * target.step] = re[k];
    if (target.im != nullptr) target.im[k * target.step] = im[k];
  }
}

template class FftBlock<float>;
template class FftBlock<double>;
template class FftLines<float>;
template class FftLines<double>;

}  // namespace pyautograd::kernels
