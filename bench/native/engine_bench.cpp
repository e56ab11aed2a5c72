#include <benchmark/benchmark.h>

#include "autograd/engine.h"
#include "autograd/node.h"
#include "core/allocator.h"
#include "ops/ops.h"

namespace pyautograd {
namespace {

Tensor vector_of(int64_t n) { return ops::arange(0, static_cast<double>(n), 1, DType::Float64); }

void AllocateAndFree(benchmark::State& state) {
  const size_t bytes = static_cast<size_t>(state.range(0));
  for (auto _ : state) {
    void* data = allocate_data(bytes);
    benchmark::DoNotOptimize(data);
    free_data(data, bytes);
  }
}
BENCHMARK(AllocateAndFree)->RangeMultiplier(64)->Range(64, 64 << 20);

void Add(benchmark::State& state) {
  const Tensor x = vector_of(state.range(0)), y = vector_of(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(ops::add(x, y));
  state.SetBytesProcessed(state.iterations() * state.range(0) * 24);
}
BENCHMARK(Add)->RangeMultiplier(100)->Range(10, 10'000'000);

void AddRecorded(benchmark::State& state) {
  const Leaf x = make_leaf(vector_of(state.range(0)));
  const Tensor y = vector_of(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(ops::add(x.tensor, y));
}
BENCHMARK(AddRecorded)->Arg(10);

void AddUnderJvp(benchmark::State& state) {
  LevelScope scope(Level::Kind::Jvp);
  const Tensor x = make_dual(scope.level(), vector_of(10), vector_of(10));
  for (auto _ : state) benchmark::DoNotOptimize(ops::add(x, x));
}
BENCHMARK(AddUnderJvp);

void AddUnderVmap(benchmark::State& state) {
  LevelScope scope(Level::Kind::Vmap, 10);
  const Tensor x = make_batched(scope.level(), vector_of(10), 0);
  for (auto _ : state) benchmark::DoNotOptimize(ops::add(x, x));
}
BENCHMARK(AddUnderVmap);

// Forward and backward of a chain of multiplications; time per op is time / range.
void Chain(benchmark::State& state) {
  const Leaf x = make_leaf(vector_of(10));
  const Tensor factor = ops::full({10}, 0.999);
  const Edge target = edge_of(x.tensor);
  for (auto _ : state) {
    Tensor y = x.tensor;
    for (int64_t i = 0; i < state.range(0); ++i) y = ops::multiply(y, factor);
    const Tensor loss = ops::sum(y);
    const Tensor one;
    benchmark::DoNotOptimize(run_backward({.outputs = TensorSpan(&loss, 1),
                                           .cotangents = TensorSpan(&one, 1),
                                           .targets = {&target, 1}}));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(Chain)->Arg(200)->Arg(100'000)->Unit(benchmark::kMicrosecond);

void Matmul(benchmark::State& state) {
  const int64_t n = state.range(0);
  const Tensor a = ops::full({n, n}, 0.5), b = ops::full({n, n}, 0.25);
  for (auto _ : state) benchmark::DoNotOptimize(ops::matmul(a, b));
  state.counters["FLOP/s"] = benchmark::Counter(2.0 * static_cast<double>(n * n * n),
                                                benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(Matmul)->RangeMultiplier(8)->Range(8, 512);

}  // namespace
}  // namespace pyautograd
