#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <thread>
#include <vector>

#include "autograd/budget.h"
#include "autograd/costs.h"
#include "autograd/node.h"

// Values that are dropped and made again, with primitives of the test's own: nothing here depends
// on ops.
namespace pyautograd {
namespace {

constexpr int64_t kSize = 1000;
constexpr size_t kBytes = kSize * sizeof(double);

// The weighted sum of its inputs, plus one.
class Mix final : public Primitive {
 public:
  explicit Mix(int outputs = 1) : outputs_(outputs) {}
  std::string_view name() const override { return "mix"; }
  Specs infer(TensorSpan inputs) const override {
    Specs specs;
    for (int i = 0; i < outputs_; ++i) specs.push_back(inputs[0].spec());
    return specs;
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    ++runs;
    if (fails_after >= 0 && fails_after-- == 0) throw std::runtime_error("told to fail");
    Tensors out;
    for (size_t k = 0; k < specs.size(); ++k) {
      Ref<Array> made = Array::empty(specs[k].shape, specs[k].dtype);
      for (int64_t i = 0; i < made->size(); ++i) {
        double sum = 1.0 + static_cast<double>(k);
        for (size_t j = 0; j < inputs.size(); ++j)
          sum += std::sin(inputs[j].array().data<double>()[i]) / static_cast<double>(j + 2);
        made->data<double>()[i] = sum;
      }
      out.push_back(Tensor(std::move(made)));
    }
    return out;
  }
  Saves saves() const override { return {.inputs = Saves::kAll, .outputs = Saves::kAll}; }

  static inline thread_local int runs = 0, fails_after = -1;

 private:
  const int outputs_;
};

Tensors mix(TensorSpan inputs, int outputs = 1) {
  return pyautograd::apply(make_ref<Mix>(outputs), inputs);
}
Tensor mix(const Tensor& x) { return mix(TensorSpan(&x, 1))[0]; }
Tensor mix(const Tensor& x, const Tensor& y) {
  const std::array<Tensor, 2> both{x, y};
  return mix(both)[0];
}

Tensor start(double value = 0.5) {
  Ref<Array> array = Array::empty({kSize}, DType::Float64);
  for (int64_t i = 0; i < kSize; ++i)
    array->data<double>()[i] = value + 1e-3 * static_cast<double>(i);
  return Tensor(std::move(array));
}
Tensor leaf(double value = 0.5) { return make_leaf(start(value)).tensor; }

std::vector<double> numbers(const Tensor& x) {
  const double* data = x.array().data<double>();
  return {data, data + x.size()};
}
bool there(const Tensor& x) { return x.array().storage->present(); }
size_t bytes() { return static_cast<size_t>(live(Live::Bytes)); }

struct Limited {
  explicit Limited(size_t limit, bool always = false) : id(Keeper::mine().enter(limit, always)) {}
  ~Limited() { Keeper::mine().leave(id); }
  uint64_t id;
};
struct AllDropped : Limited {
  AllDropped() : Limited(size_t{1} << 62, true) {}
};
void drop_all() { Storage::allocate(1); }

struct Baseline {
  std::array<int64_t, kLiveCount> values;
  Baseline() {
    for (size_t i = 0; i < kLiveCount; ++i) values[i] = live(static_cast<Live>(i));
  }
  bool operator==(const Baseline&) const = default;
};

TEST(Rematerialise, DroppedValuesComeBack) {
  const Baseline before;
  {
    const AllDropped budget;
    const Tensor x = leaf();
    const Tensor y = mix(x), z = mix(y, x);
    const std::vector<double> wanted = numbers(z);
    drop_all();
    EXPECT_FALSE(there(y));
    EXPECT_FALSE(there(z));
    EXPECT_TRUE(there(x));
    EXPECT_EQ(numbers(z), wanted);
  }
  EXPECT_EQ(Baseline(), before);
  EXPECT_FALSE(may_rematerialise());
}

TEST(Rematerialise, EachValueIsMadeOncePerWant) {
  const AllDropped budget;
  Tensor x = leaf();
  for (int i = 0; i < 40; ++i) x = mix(mix(x), mix(mix(x), x));
  const std::vector<double> wanted = numbers(x);
  drop_all();
  Mix::runs = 0;
  EXPECT_EQ(numbers(x), wanted);
  EXPECT_EQ(Mix::runs, 160);
}

TEST(Rematerialise, ALongChainNeedsNoStack) {
  const Baseline before;
  constexpr int kLength = 100'000;
  {
    const AllDropped budget;
    Tensor x = start();
    for (int i = 0; i < kLength; ++i) x = mix(x);
    EXPECT_LT(bytes(), static_cast<size_t>(before.values[3]) + 20 * kBytes);
    drop_all();
    Mix::runs = 0;
    numbers(x);
    EXPECT_EQ(Mix::runs, kLength);
  }
  EXPECT_EQ(Baseline(), before);
}

TEST(Rematerialise, ALimitHolds) {
  const Tensor x = leaf();
  const Limited budget(bytes() + 12 * kBytes);
  std::vector<Tensor> kept{x};
  for (int i = 0; i < 100; ++i) {
    kept.push_back(mix(kept.back()));
    EXPECT_LE(bytes(), Keeper::mine().limit());
  }
  Mix::runs = 0;
  for (size_t i = kept.size(); i-- > 1;) {
    numbers(kept[i]);
    EXPECT_LE(bytes(), Keeper::mine().limit());
    kept.pop_back();
  }
  EXPECT_LT(Mix::runs, 400);
}

TEST(Rematerialise, WhatStaysIsNamed) {
  const Tensor x = leaf();
  const Limited budget(bytes() + 3 * kBytes);
  Tensors held;
  try {
    for (int i = 0; i < 5; ++i) {
      held.push_back(mix(x));
      held.back().array().storage->add_handle(1);
    }
    FAIL() << "five values fitted into three";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::Memory);
    const std::string message = error.what();
    const char* expected =
        "8000 bytes: float64 of shape (1000,), made by [mix] under the budget, held by";
    EXPECT_NE(message.find(expected), std::string::npos) << message;
  }
  EXPECT_EQ(held.size(), 3u);
}

TEST(Rematerialise, AllOutputsOfAnOpComeBackTogether) {
  const AllDropped budget;
  const Tensor x = leaf();
  const Tensors both = mix(TensorSpan(&x, 1), 2);
  const std::vector<double> first = numbers(both[0]), second = numbers(both[1]);
  drop_all();
  Mix::runs = 0;
  EXPECT_EQ(numbers(both[0]), first);
  EXPECT_TRUE(there(both[1]));
  EXPECT_EQ(numbers(both[1]), second);
  EXPECT_EQ(Mix::runs, 1);
}

TEST(Rematerialise, AWriteReachesNothingMadeBefore) {
  const AllDropped budget;
  const Tensor x = start(), y = mix(x), z = mix(y);
  x.array().storage->add_handle(1);
  const std::vector<double> wanted = numbers(z);
  drop_all();
  EXPECT_FALSE(there(y));
  x.array().storage->prepare_write();
  x.array().data<double>()[0] = 100;
  x.array().storage->bump_version();
  EXPECT_EQ(numbers(z), wanted);
  const Tensor w = mix(x);
  const std::vector<double> later = numbers(w);
  EXPECT_NE(later, numbers(y));
  x.array().storage->prepare_write();  // w is there, and has to stay
  x.array().data<double>()[0] = 200;
  x.array().storage->bump_version();
  drop_all();
  EXPECT_EQ(numbers(w), later);
}

TEST(Rematerialise, AFailureLeavesEverythingAsItWas) {
  const Baseline before;
  {
    const AllDropped budget;
    Tensor x = leaf();
    for (int i = 0; i < 30; ++i) x = mix(mix(x), x);
    const std::vector<double> wanted = numbers(x);
    for (int after = 0; after < 60; after += 7) {
      drop_all();
      Mix::fails_after = after;
      EXPECT_THROW(numbers(x), std::runtime_error);
      Mix::fails_after = -1;
    }
    drop_all();
    EXPECT_LT(bytes(), static_cast<size_t>(before.values[3]) + 4 * kBytes);  // nothing is pinned
    EXPECT_EQ(numbers(x), wanted);
  }
  EXPECT_EQ(Baseline(), before);
}

TEST(Rematerialise, ValuesOutliveTheBudget) {
  const Baseline before;
  {
    const Tensor x = leaf();
    Tensor y = x, z;
    {
      const AllDropped budget;
      for (int i = 0; i < 10; ++i) y = mix(y);
      drop_all();
      z = y;
    }
    EXPECT_FALSE(there(z));
    EXPECT_TRUE(may_rematerialise());
    numbers(z);
    EXPECT_FALSE(may_rematerialise());
  }
  EXPECT_EQ(Baseline(), before);
}

TEST(Rematerialise, ALoopForgetsItsPast) {
  const Tensor x = start(0.25);
  const Limited budget(bytes() + 50 * kBytes);
  Tensor y = start();
  int64_t most = 0;
  for (int i = 0; i < 60'000; ++i) {
    Tensor next = mix(y, x);
    next.array().storage->add_handle(1);
    if (i > 0) y.array().storage->add_handle(-1);
    y = next;
    most = std::max(most, live(Live::Storages));
  }
  EXPECT_LT(most, 20'000);
}

TEST(Rematerialise, AnotherThreadReadsAndKeeps) {
  const Baseline before;
  {
    const AllDropped budget;
    Tensor x = leaf();
    std::vector<Tensor> all;
    for (int i = 0; i < 50; ++i) all.push_back(x = mix(x));
    const Tensor last = x.untracked();
    const std::vector<double> wanted = numbers(last);
    drop_all();
    std::vector<std::thread> threads;
    std::array<int, 4> right{};
    for (size_t k = 0; k < right.size(); ++k) {
      threads.emplace_back([&, k] {
        for (int turn = 0; turn < 20; ++turn) {
          const Tensor seen = all[static_cast<size_t>(turn) * 2 + k % 2].untracked();
          claim(*seen.body());
          const std::vector<double> first = numbers(mix(seen)), second = numbers(mix(seen));
          right[k] += first == second;
        }
      });
    }
    for (int turn = 0; turn < 50; ++turn) {
      drop_all();
      EXPECT_EQ(numbers(last), wanted);
    }
    for (std::thread& thread : threads) thread.join();
    for (int count : right) EXPECT_EQ(count, 20);
  }
  EXPECT_EQ(Baseline(), before);
}

// Names of the registry, "linalg." in front: a factorization must not count as one pass.
TEST(Costs, AreOfTheOrderOfTheArithmetic) {
  const Tensor matrix(Array::empty({100, 100}, DType::Float64));
  const std::array<Tensor, 1> inputs{matrix};
  const Tensors outputs{matrix};
  const double pass = time_of("exp", inputs, outputs);
  EXPECT_EQ(time_of("linalg.vector_norm", inputs, outputs), pass);
  EXPECT_GT(time_of("matmul", inputs, outputs), 3 * pass);
  EXPECT_GT(time_of("linalg.cholesky", inputs, outputs), 2 * time_of("matmul", inputs, outputs));
  EXPECT_EQ(operations_of("exp", inputs, outputs), 1e4);
  EXPECT_EQ(operations_of("linalg.cholesky", inputs, outputs), 2e6);
}

}  // namespace
}  // namespace pyautograd
