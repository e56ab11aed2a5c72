#include "autograd/jet.h"
#include "support.h"

namespace pyautograd {
namespace {

using namespace testing;
using Levels = Engine;

Tensor cube(const Tensor& x) { return x * x * x; }
Tensor total(const Tensor& x) { return ops::sum(x); }

TEST_F(Levels, IdsCountUpAndAreNeverReused) {
  uint64_t last = 0;
  for (int i = 0; i < 3; ++i) {
    const LevelScope outer(Level::Kind::Jvp);
    const LevelScope inner(Level::Kind::Vmap, 2);
    EXPECT_GT(outer.level()->id, last);
    EXPECT_GT(inner.level()->id, outer.level()->id);
    last = inner.level()->id;
    EXPECT_EQ(innermost_level(), inner.level().get());
  }
  EXPECT_EQ(innermost_level(), nullptr);
}

TEST_F(Levels, AnExceptionUnwindsThem) {
  Ref<Level> kept;
  try {
    const LevelScope scope(Level::Kind::Jvp);
    kept = scope.level();
    throw 1;
  } catch (int) {
  }
  EXPECT_FALSE(kept->alive());
  EXPECT_EQ(innermost_level(), nullptr);
}

TEST_F(Levels, ResultsLieAtTheHighestLevelOfTheInputs) {
  const LevelScope outer(Level::Kind::Jvp);
  const Tensor x = make_dual(outer.level(), number(2), number(1));
  const LevelScope inner(Level::Kind::Vmap, 2);
  const Tensor b = make_batched(inner.level(), vector({3, 4}), 0);
  EXPECT_EQ((x * b).level(), inner.level().get());
  EXPECT_EQ((x * x).level(), outer.level().get());
  EXPECT_EQ((number(1) + number(2)).level(), nullptr);
  const Tensor product = as_batched(x * b).value;
  EXPECT_EQ(product.level(), outer.level().get());
  EXPECT_EQ(values(as_dual(product).tangent), (std::vector<double>{3, 4}));
}

TEST_F(Levels, AZeroTangentStaysAbsent) {
  const LevelScope scope(Level::Kind::Jvp);
  const Tensor x = make_dual(scope.level(), number(2), Tensor());
  EXPECT_FALSE(as_dual(ops::exp(x) * x).tangent);
}

TEST_F(Levels, NestedForwardModeDoesNotConfusePerturbations) {
  // d/dx (x * d/dy (x + y)) = 1, not 2.
  const Tensor one = number(1);
  const auto inner = [&](const Tensor& x) {
    return x * forward([&](const Tensor& y) { return x + y; }, number(1), one);
  };
  EXPECT_EQ(value(forward(inner, number(3), one)), 1);
}

TEST_F(Levels, EveryChainOfModesGivesTheThirdDerivative) {
  const Tensor one = number(1);
  using Transform = std::function<Function(Function)>;
  const Transform pushed = [&](Function f) {
    return [f, &one](const Tensor& x) { return forward(f, x, one); };
  };
  const Transform pulled = [](Function f) {
    return [f](const Tensor& x) { return gradient(f, x); };
  };
  const Function fourth = [](const Tensor& x) { return ops::square(ops::square(x)); };
  for (int mix = 0; mix < 8; ++mix) {
    Function f = fourth;
    for (int bit = 0; bit < 3; ++bit) f = (mix >> bit & 1 ? pulled : pushed)(f);
    EXPECT_DOUBLE_EQ(value(f(number(2))), 48) << mix;
  }
}

TEST_F(Levels, GradientsInsideVmapReachASharedParameter) {
  const Tensor data = vector({1, 2, 3});
  const auto per_sample = [&](const Tensor& w) {
    return ops::sum(batched([&](const Tensor& x) { return gradient(cube, w * x); }, data));
  };
  // The sum of 3 (w x)^2 over the data, and its derivative by w.
  EXPECT_DOUBLE_EQ(value(per_sample(number(2))), 3 * 4 * 14);
  EXPECT_DOUBLE_EQ(value(gradient(per_sample, number(2))), 6 * 2 * 14);
}

TEST_F(Levels, LeavesOfAnInnerTransformAreNotMixedWithOuterOnes) {
  const auto f = [](const Tensor& x) {
    return gradient([&](const Tensor& y) { return x * x * y; }, number(5)) * x;
  };
  EXPECT_DOUBLE_EQ(value(gradient(f, number(2))), 12);  // x^3
}

TEST_F(Levels, VmapTakesLogicalShapes) {
  const Tensor x = ops::reshape(ops::arange(0, 6, 1, DType::Float64), {2, 3});
  const Tensor row_sums = batched(total, x);
  EXPECT_EQ(values(row_sums), (std::vector<double>{3, 12}));
  const auto outer_sum = [](const Tensor& row) { return row + ops::reshape(row, {3, 1}); };
  EXPECT_EQ(batched(outer_sum, x).shape(), (Dims{2, 3, 3}));
}

TEST_F(Levels, JetsCarryTaylorCoefficients) {
  const LevelScope scope(Level::Kind::Taylor, 3);
  const Tensor x = make_jet(scope.level(), number(0), {number(1)});
  const Tensor y = ops::exp(x) * x;
  std::vector<double> found;
  for (size_t k = 0; k <= 3; ++k) found.push_back(value(coefficient_of(scope.level().get(), y, k)));
  EXPECT_EQ(found, (std::vector<double>{0, 1, 1, 0.5}));
  EXPECT_FALSE(coefficient_of(scope.level().get(), ops::exp(number(1)), 1));
}

TEST_F(Levels, AnEscapedTensorIsRefusedByName) {
  Tensor escaped;
  {
    const LevelScope scope(Level::Kind::Vmap, 2);
    escaped = make_batched(scope.level(), vector({1, 2}), 0);
  }
  EXPECT_EQ(kind_of_error([&] { ops::exp(escaped); }), Error::Kind::Escaped);
  EXPECT_NE(message_of_error([&] { ops::exp(escaped); }).find("[exp]"), std::string::npos);
  EXPECT_NE(message_of_error([&] { ops::exp(escaped); }).find("vmap"), std::string::npos);
}

TEST_F(Levels, NoGradSwitchesOffThisLevelAndThoseBelow) {
  const Leaf leaf = make_leaf(number(2));
  const LevelScope scope(Level::Kind::Jvp);
  {
    const RecordingScope off = RecordingScope::none();
    EXPECT_FALSE((leaf.tensor * leaf.tensor).tracked());
    EXPECT_DOUBLE_EQ(value(gradient(cube, number(2))), 12);
    const RecordingScope on = RecordingScope::all();
    EXPECT_TRUE((leaf.tensor * leaf.tensor).tracked());
  }
  EXPECT_TRUE((leaf.tensor * leaf.tensor).tracked());
}

TEST_F(Levels, NoGradInsideAGradStopsItsDerivative) {
  const auto half_constant = [](const Tensor& x) {
    Tensor constant;
    {
      const RecordingScope off = RecordingScope::none();
      constant = x * x;
    }
    return constant * x;
  };
  EXPECT_DOUBLE_EQ(value(gradient(half_constant, number(3))), 9);
}

}  // namespace
}  // namespace pyautograd
