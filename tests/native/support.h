#pragma once

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <vector>

#include "autograd/engine.h"
#include "core/counters.h"
#include "ops/ops.h"

// What the tests of the engine write their programs with.
namespace pyautograd::testing {

// Found by lookup in the enclosing scopes, not by argument: Tensor lies outside ops.
using ops::operator+, ops::operator-, ops::operator*, ops::operator/;

inline Tensor vector(const std::vector<double>& numbers) {
  Ref<Array> out = Array::empty({static_cast<int64_t>(numbers.size())}, DType::Float64);
  std::copy(numbers.begin(), numbers.end(), out->data<double>());
  return Tensor(std::move(out));
}

inline Tensor number(double value) { return ops::scalar(value, DType::Float64); }

// The numbers of a float64 array, in row-major order; of what a transform wraps, those inside.
inline std::vector<double> values(const Tensor& x) {
  const Array& inside = innermost_array(x);
  const Tensor flat = ops::copy(ops::reshape(
      Tensor(inside.with_layout(inside.shape, inside.strides, inside.offset)), {inside.size()}));
  const double* data = flat.array().data<double>();
  return {data, data + flat.size()};
}
inline double value(const Tensor& x) { return values(x).at(0); }

using Function = std::function<Tensor(const Tensor&)>;

// d f / d x, differentiable where somebody can ask.
inline Tensor gradient(const Function& f, const Tensor& x) {
  const RecordingScope recorded = RecordingScope::at_innermost();
  const Tensor input = make_vjp_input(x);
  const Tensor y = f(input);
  const std::array<Edge, 1> target{edge_of(input)};
  const Tensors result = run_backward(
      {.outputs = Borrowed<1>(y), .targets = target, .differentiable = Differentiable::Auto});
  close_vjp_input(input);
  return result[0] ? result[0] : ops::zeros_like(x);
}

inline Tensor forward(const Function& f, const Tensor& x, const Tensor& v) {
  const LevelScope scope(Level::Kind::Jvp);
  const Tensor y = f(make_dual(scope.level(), x, v));
  if (y.level() != scope.level().get()) return ops::zeros_like(y);
  return as_dual(y).tangent ? as_dual(y).tangent : ops::zeros_like(as_dual(y).primal);
}

inline Tensor batched(const Function& f, const Tensor& x) {
  const LevelScope scope(Level::Kind::Vmap, x.shape()[0]);
  const Tensor y = f(make_batched(scope.level(), x, 0));
  return ops::mapped_or_broadcast(as_batched(y).value, as_batched(y).dim, scope.level()->size);
}

// Every live object is gone by the end of the test.
class Engine : public ::testing::Test {
 protected:
  static std::array<int64_t, kLiveCount> counts() {
    std::array<int64_t, kLiveCount> out;
    for (size_t i = 0; i < kLiveCount; ++i) out[i] = live(static_cast<Live>(i));
    return out;
  }
  // Constants that a rule keeps for ever are made before anything is counted.
  void SetUp() override { before_ = counts(); }
  void TearDown() override { EXPECT_EQ(counts(), before_); }

 private:
  std::array<int64_t, kLiveCount> before_{};
};

inline Error::Kind kind_of_error(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.kind();
  }
  ADD_FAILURE() << "nothing was raised";
  return Error::Kind::NotImplemented;
}

inline std::string message_of_error(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was raised";
}

}  // namespace pyautograd::testing
