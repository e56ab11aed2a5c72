#include <cstring>

#include "kernels/cpu/loop_table.h"
#include "kernels/cpu/small_formulas.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

namespace {

struct Frame {
  char* first;
  double* at(uint32_t place) const { return reinterpret_cast<double*>(first + place); }
};

template <class F>
constexpr bool kIsUnary = contains<F, SmallUnary>;

template <class F>
inline const uint32_t* numbers(Frame frame, const uint32_t* code, uint32_t count) {
  do {
    double& out = *frame.at(code[0]);
    if constexpr (kIsUnary<F>)
      out = F()(*frame.at(code[1]));
    else
      out = F()(*frame.at(code[1]), *frame.at(code[2]));
    code += kIsUnary<F> ? 2 : 3;
  } while (--count > 0);
  return code;
}

// All is read before anything is written, so the compiler need not ask whether places overlap.
template <class F, bool kXNumber, bool kYNumber>
inline void block(double* out, const double* x, const double* y) {
  double made[kSmallBlock];
  for (int i = 0; i < kSmallBlock; ++i) {
    if constexpr (kIsUnary<F>)
      made[i] = F()(x[i]);
    else
      made[i] = F()(x[kXNumber ? 0 : i], y[kYNumber ? 0 : i]);
  }
  std::memcpy(out, made, sizeof made);
}

template <class F, bool kXNumber, bool kYNumber>
inline const uint32_t* rows(Frame frame, const uint32_t* code, uint32_t count, int64_t width) {
  constexpr int kOperands = kIsUnary<F> ? 1 : 2;
  do {
    double* out = frame.at(code[0]);
    const double *x = frame.at(code[1]), *y = frame.at(code[kOperands]);
    for (int64_t i = 0; i < width; i += kSmallBlock)
      block<F, kXNumber, kYNumber>(out + i, kXNumber ? x : x + i, kYNumber ? y : y + i);
    code += 1 + kOperands;
  } while (--count > 0);
  return code;
}

template <class F>
constexpr uint32_t kKind(NumberPlace number) {
  return small_kind(index_of<F>(SmallFormulas{}), number);
}

template <class... F>
inline const uint32_t* group_of_numbers(List<F...>, uint32_t kind, Frame frame,
                                        const uint32_t* code, uint32_t count) {
  (void)(... ||
         (kind == kKind<F>(NumberPlace::None) && (code = numbers<F>(frame, code, count), true)));
  return code;
}

template <class... F>
inline const uint32_t* group_of_rows(List<F...>, uint32_t kind, Frame frame, const uint32_t* code,
                                     uint32_t count, int64_t width) {
  (void)(... || (kind == kKind<F>(NumberPlace::None) &&
                 (code = rows<F, false, false>(frame, code, count, width), true)));
  (void)(... || (kind == kKind<F>(NumberPlace::First) && !kIsUnary<F> &&
                 (code = rows<F, true, false>(frame, code, count, width), true)));
  (void)(... || (kind == kKind<F>(NumberPlace::Second) && !kIsUnary<F> &&
                 (code = rows<F, false, true>(frame, code, count, width), true)));
  return code;
}

const uint32_t* run_small(char* first, const uint32_t* code, const uint32_t* end, int64_t width) {
  const Frame frame{first};
  if (width == 1) {
    while (code != end && code[0] < kFormulaKinds)
      code = group_of_numbers(SmallFormulas{}, code[0], frame, code + 2, code[1]);
  } else {
    while (code != end && code[0] < kFormulaKinds)
      code = group_of_rows(SmallFormulas{}, code[0], frame, code + 2, code[1], width);
  }
  return code;
}

}  // namespace

void install_small(LoopTable& table) { table.run_small = run_small; }

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
