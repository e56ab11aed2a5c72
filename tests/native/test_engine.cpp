#include <sys/resource.h>

#include <thread>

#include "support.h"

namespace pyautograd {
namespace {

using namespace testing;

Tensors backward(const Tensor& y, std::initializer_list<Tensor> targets, bool create_graph = false,
                 bool retain_graph = false) {
  std::vector<Edge> edges;
  for (const Tensor& x : targets) edges.push_back(edge_of(x));
  return run_backward({.outputs = Borrowed<1>(y),
                       .targets = edges,
                       .retain_graph = retain_graph || create_graph,
                       .differentiable = create_graph ? Differentiable::Yes : Differentiable::No});
}

void accumulate(const Tensor& y, bool create_graph = false) {
  run_backward({.outputs = Borrowed<1>(y),
                .retain_graph = create_graph,
                .differentiable = create_graph ? Differentiable::Yes : Differentiable::No});
}

TEST_F(Engine, TheClassicExample) {
  const Leaf x = make_leaf(vector({3, 1})), y = make_leaf(vector({1, 2}));
  const Tensor w = ops::square(ops::sum(x.tensor * y.tensor));
  accumulate(w, true);
  EXPECT_EQ(values(x.grad->value), (std::vector<double>{10, 20}));
  EXPECT_EQ(values(y.grad->value), (std::vector<double>{30, 10}));
  const Tensors second = backward(ops::select(x.grad->value, 0, 0), {x.tensor, y.tensor});
  EXPECT_EQ(values(second[0]), (std::vector<double>{2, 4}));
  EXPECT_EQ(values(second[1]), (std::vector<double>{16, 2}));
}

TEST_F(Engine, GradientsAddUpOverSweepsAndPaths) {
  const Leaf x = make_leaf(number(3));
  const Tensor shared = x.tensor * x.tensor;
  accumulate(shared + shared * x.tensor);  // x^2 + x^3
  EXPECT_DOUBLE_EQ(value(x.grad->value), 6 + 27);
  accumulate(ops::exp(x.tensor * 0.0));
  EXPECT_DOUBLE_EQ(value(x.grad->value), 33);
}

TEST_F(Engine, TargetsMayLieInTheMiddleAndMayBeUnreachable) {
  const Leaf x = make_leaf(number(3)), unused = make_leaf(number(1));
  const Tensor middle = x.tensor * x.tensor;
  const Tensor y = middle * middle;
  const Tensors found = backward(y, {middle, x.tensor, unused.tensor});
  EXPECT_DOUBLE_EQ(value(found[0]), 18);
  EXPECT_DOUBLE_EQ(value(found[1]), 108);
  EXPECT_FALSE(found[2]);
  EXPECT_FALSE(x.grad->value) << "a sweep for targets must not touch .grad";
}

TEST_F(Engine, ATargetMayBeAnOutput) {
  const Leaf x = make_leaf(number(3));
  const Tensor y = x.tensor * 2.0;
  EXPECT_DOUBLE_EQ(value(backward(y, {y})[0]), 1);
}

TEST_F(Engine, TheSecondSweepOverAFreedGraphIsAnError) {
  const Leaf x = make_leaf(number(3));
  const Tensor y = ops::square(x.tensor);
  backward(y, {x.tensor}, false, true);
  backward(y, {x.tensor});
  EXPECT_EQ(kind_of_error([&] { backward(y, {x.tensor}); }), Error::Kind::Runtime);
  EXPECT_NE(message_of_error([&] { backward(y, {x.tensor}); }).find("retain_graph"),
            std::string::npos);
}

TEST_F(Engine, CotangentsHaveTheOutputsShape) {
  const Leaf x = make_leaf(vector({1, 2}));
  const Tensor y = x.tensor * 2.0;
  EXPECT_EQ(kind_of_error([&] { accumulate(y); }), Error::Kind::Runtime);
  const Tensor wrong = vector({1, 2, 3});
  const auto call = [&] {
    run_backward({.outputs = Borrowed<1>(y), .cotangents = Borrowed<1>(wrong)});
  };
  EXPECT_EQ(kind_of_error(call), Error::Kind::Value);
}

TEST_F(Engine, ACotangentTakesTheDTypeOfItsEdge) {
  const Leaf x = make_leaf(ops::astype(vector({1, 2}), DType::Float32));
  accumulate(ops::sum(x.tensor * vector({3, 4})));
  EXPECT_EQ(x.grad->value.dtype(), DType::Float32);
}

TEST_F(Engine, SavedValuesAreCheckedAgainstWrites) {
  const Leaf x = make_leaf(vector({1, 2}));
  const Tensor factor = vector({3, 4});
  const Tensor y = ops::sum(x.tensor * factor);
  ops::copy_inplace(factor, vector({1, 1}));
  const std::string message = message_of_error([&] { accumulate(y); });
  EXPECT_NE(message.find("[multiply]"), std::string::npos) << message;
  EXPECT_NE(message.find("version 0"), std::string::npos) << message;
  EXPECT_NE(message.find("version 1"), std::string::npos) << message;
}

TEST_F(Engine, WritesToWhatNobodySavedAreHarmless) {
  const Leaf x = make_leaf(vector({1, 2}));
  const Tensor added = vector({3, 4});
  const Tensor y = ops::sum(x.tensor + added);
  ops::copy_inplace(added, vector({1, 1}));
  accumulate(y);
  EXPECT_EQ(values(x.grad->value), (std::vector<double>{1, 1}));
}

TEST_F(Engine, AGradientIsNotTheMemoryOfACotangent) {
  const Leaf x = make_leaf(vector({1, 2}));
  const Tensor y = x.tensor + 0.0;
  const Tensor cotangent = vector({5, 6});
  run_backward({.outputs = Borrowed<1>(y), .cotangents = Borrowed<1>(cotangent)});
  ops::copy_inplace(x.grad->value, vector({1, 1}));
  EXPECT_EQ(values(cotangent), (std::vector<double>{5, 6}));
}

TEST_F(Engine, AGradientThatHoldsItsLeafIsFreed) {
  for (int i = 0; i < 3; ++i) {
    const Leaf x = make_leaf(vector({1, 2}));
    accumulate(ops::sum(ops::exp(x.tensor) * x.tensor), true);
    accumulate(ops::sum(x.grad->value), true);
  }
}

TEST_F(Engine, AnErrorInTheMiddleLeavesNothingBehind) {
  struct Fails : Primitive {
    std::string_view name() const override { return "fails"; }
    Specs infer(TensorSpan x) const override { return {x[0].spec()}; }
    Tensors eval(TensorSpan x, const Specs&) const override { return {x[0].untracked()}; }
    Tensors vjp(const VjpArgs&) const override { throw std::runtime_error("no"); }
  };
  const Leaf x = make_leaf(vector({1, 2}));
  const Tensor y = ops::sum(ops::exp(apply1(make_ref<Fails>(), ops::exp(x.tensor))));
  EXPECT_THROW(accumulate(y), std::runtime_error);
  EXPECT_FALSE(x.grad->value);
}

TEST_F(Engine, AnInterruptStopsTheSweep) {
  const Leaf x = make_leaf(number(1));
  Tensor y = x.tensor;
  for (int i = 0; i < 100'000; ++i) y = y * 1.0;
  set_interrupt_check([] { throw std::runtime_error("stop"); });
  EXPECT_THROW(accumulate(y), std::runtime_error);
  set_interrupt_check(nullptr);
  EXPECT_FALSE(x.grad->value);
}

class CountingHook final : public TensorHook {
 public:
  explicit CountingHook(int* calls, double factor) : calls_(calls), factor_(factor) {}
  Tensor call(const Tensor& cotangent) override {
    ++*calls_;
    return factor_ == 1 ? Tensor() : cotangent * factor_;
  }

 private:
  int* calls_;
  double factor_;
};

TEST_F(Engine, TensorHooksSeeTheFinalCotangentInOrderAndOutliveTheHandle) {
  const Leaf x = make_leaf(number(3));
  int first = 0, second = 0;
  Tensor y;
  {
    const Tensor middle = x.tensor * x.tensor;
    y = middle + middle;
    middle.node()->extras().tensor_hooks.push_back({0, 1, make_ref<CountingHook>(&first, 1)});
    middle.node()->extras().tensor_hooks.push_back({0, 2, make_ref<CountingHook>(&second, 10)});
  }
  accumulate(y);
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1);
  EXPECT_DOUBLE_EQ(value(x.grad->value), 2 * 6 * 10);
}

TEST_F(Engine, ARemovedHookIsNotCalled) {
  const Leaf x = make_leaf(number(3));
  int calls = 0;
  const Tensor y = x.tensor * x.tensor;
  const uint64_t id = NodeExtras::next_id();
  y.node()->extras().tensor_hooks.push_back({0, id, make_ref<CountingHook>(&calls, 1)});
  y.node()->extras().remove(id);
  accumulate(y);
  EXPECT_EQ(calls, 0);
}

TEST_F(Engine, AHookThatChangesTheShapeIsAnError) {
  struct Wrong : TensorHook {
    Tensor call(const Tensor&) override { return vector({1, 2}); }
  };
  const Leaf x = make_leaf(number(3));
  const Tensor y = x.tensor * x.tensor;
  y.node()->extras().tensor_hooks.push_back({0, 1, make_ref<Wrong>()});
  EXPECT_EQ(kind_of_error([&] { accumulate(y); }), Error::Kind::Value);
}

TEST_F(Engine, TwoThreadsMaySweepOneGraph) {
  const Leaf x = make_leaf(vector({1, 2, 3}));
  Tensor y = x.tensor;
  for (int i = 0; i < 200; ++i) y = y * 1.01 + ops::exp(y * -1.0);
  const Tensor loss = ops::sum(y);
  const std::vector<double> expected = values(backward(loss, {x.tensor}, false, true)[0]);
  std::vector<std::thread> threads;
  std::array<std::vector<double>, 4> results;
  for (auto& result : results) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) result = values(backward(loss, {x.tensor}, i % 2 == 0, true)[0]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& result : results) EXPECT_EQ(result, expected);
}

TEST_F(Engine, AMillionNodesNeedNoStack) {
  rlimit limit{};
  getrlimit(RLIMIT_STACK, &limit);
  ASSERT_LE(limit.rlim_cur, size_t{16} << 20) << "a recursion could hide in so large a stack";
  const Leaf x = make_leaf(number(1));
  Tensor y = x.tensor;
  for (int i = 0; i < 1'000'000; ++i) y = ops::negative(y);
  const Tensor first = backward(y, {x.tensor}, true)[0];
  EXPECT_EQ(value(first), 1);
}

TEST_F(Engine, ADeepSecondDerivative) {
  const Leaf x = make_leaf(number(0.5));
  Tensor y = x.tensor;
  for (int i = 0; i < 100'000; ++i) y = i % 2 ? ops::reciprocal(y) : y * 1.0;
  const Tensor first = backward(y, {x.tensor}, true)[0];
  const Tensor second = backward(first, {x.tensor})[0];
  EXPECT_TRUE(second);
}

}  // namespace
}  // namespace pyautograd
