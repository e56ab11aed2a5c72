#include "autograd/node.h"
#include "autograd/saved_hooks.h"
#include "support.h"

namespace pyautograd {
namespace {

using namespace testing;
using SavedHooks = Engine;

// Keeps a copy of every array, and counts.
class Copies final : public SavedTensorHooks {
 public:
  class Copy final : public PackedArray {
   public:
    Copy(const Array& array, Tensor copy) : PackedArray(array), copy_(std::move(copy)) {}

   protected:
    Tensor restore(const Primitive&) const override { return copy_; }

   private:
    const Tensor copy_;
  };

  Ref<PackedArray> pack(const Ref<Array>& array, bool computed) override {
    if (computed_only && !computed) return nullptr;
    ++packed;
    return make_ref<Copy>(*array, replacement ? replacement : ops::copy(Tensor(array)));
  }

  bool computed_only = false;
  Tensor replacement;
  int packed = 0;
};

struct Entered {
  explicit Entered(const Ref<Copies>& hooks) : hooks(hooks) { enter_saved_tensor_hooks(hooks); }
  ~Entered() { leave_saved_tensor_hooks(hooks.get()); }
  const Ref<Copies> hooks;
};

Tensor f(const Tensor& x) { return ops::sum(ops::exp(x) * ops::exp(x * x)); }

TEST_F(SavedHooks, EveryTransformHasTheSameDerivatives) {
  const auto hooks = make_ref<Copies>();
  const Tensor x = vector({0.1, 0.5, -0.7}), v = vector({1, -1, 2});
  const auto slope = [](const Tensor& t) { return gradient(f, t); };
  const std::vector<Function> programs{
      slope,
      [&](const Tensor& t) { return forward(slope, t, v); },
      [&](const Tensor& t) {
        return gradient([&](const Tensor& s) { return ops::sum(slope(s) * slope(s)); }, t);
      },
      [&](const Tensor& t) { return batched(slope, ops::reshape(t, {3, 1})); },
      [&](const Tensor& t) {
        return gradient([&](const Tensor& s) { return ops::sum(batched(slope, s)); }, t);
      },
  };
  for (const Function& program : programs) {
    const std::vector<double> plain = values(program(x));
    const int before = hooks->packed;
    const Entered entered(hooks);
    EXPECT_EQ(values(program(x)), plain);
    EXPECT_GT(hooks->packed, before);
  }
}

TEST_F(SavedHooks, PartsOfATowerArePackedAndTheTowerStays) {
  const auto hooks = make_ref<Copies>();
  const LevelScope outer(Level::Kind::Vmap, 2), inner(Level::Kind::Jvp);
  const Tensor primal = make_batched(outer.level(), vector({1, 2}), 0);
  const Tensor x = make_dual(inner.level(), primal, number(3));
  SavedTensor saved(x, true);
  saved.pack(*hooks, false);
  EXPECT_EQ(hooks->packed, 2);
  EXPECT_TRUE(saved.packed());
  int arrays = 0;
  saved.each_packed([&](const PackedArray&) { ++arrays; });
  EXPECT_EQ(arrays, 2);
}

TEST_F(SavedHooks, LeavesAndConstantsAreNotComputed) {
  const auto hooks = make_ref<Copies>();
  hooks->computed_only = true;
  const Tensor data = vector({1, 2});
  const Entered entered(hooks);
  const Leaf leaf = make_leaf(vector({3, 4}));
  const Tensor product = leaf.tensor * data;
  EXPECT_EQ(hooks->packed, 0);
  const Tensor twice = product * data;
  EXPECT_EQ(hooks->packed, 0);
  const Tensor both = product * leaf.tensor;
  EXPECT_EQ(hooks->packed, 1);
}

TEST_F(SavedHooks, AnotherShapeIsAnError) {
  const auto hooks = make_ref<Copies>();
  const Leaf leaf = make_leaf(vector({1, 2, 3}));
  Tensor y;
  {
    const Entered entered(hooks);
    hooks->replacement = vector({1, 2});
    y = ops::sum(ops::exp(leaf.tensor));
    hooks->replacement = {};
  }
  const auto backward = [&] { run_backward({.outputs = Borrowed<1>(y)}); };
  EXPECT_EQ(kind_of_error(backward), Error::Kind::Value);
  EXPECT_FALSE(leaf.grad->value);
}

TEST_F(SavedHooks, NothingIsPackedOrRecordedWhileAHookRuns) {
  const auto hooks = make_ref<Copies>();
  const Entered entered(hooks);
  const Leaf leaf = make_leaf(vector({1, 2}));
  {
    const HookScope scope;
    EXPECT_EQ(saved_tensor_hooks(), nullptr);
    EXPECT_FALSE(ops::exp(leaf.tensor).tracked());
  }
  EXPECT_EQ(saved_tensor_hooks(), hooks.get());
  EXPECT_EQ(hooks->packed, 0);
}

}  // namespace
}  // namespace pyautograd
