#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "core/allocator.h"
#include "core/array.h"

namespace pyautograd {
namespace {

struct Baseline {
  std::array<int64_t, kLiveCount> values;
  Baseline() {
    for (size_t i = 0; i < kLiveCount; ++i) values[i] = live(static_cast<Live>(i));
  }
  bool operator==(const Baseline&) const = default;
};

struct LimitOff {
  ~LimitOff() { set_data_limit(0); }
};

TEST(Allocator, FreedBlocksAreUsedAgain) {
  release_cached_data();
  void* first = allocate_data(100'000);
  free_data(first, 100'000);
  EXPECT_GE(cached_data_bytes(), 100'000u);
  void* second = allocate_data(100'000);
  EXPECT_EQ(first, second);
  free_data(second, 100'000);
  EXPECT_GE(release_cached_data(), 100'000u);
  EXPECT_EQ(cached_data_bytes(), 0u);
}

TEST(Allocator, EverySizeIsAlignedAndWritable) {
  for (size_t bytes : {size_t{1}, size_t{255}, size_t{257}, size_t{4097}, size_t{1} << 20,
                       (size_t{1} << 22) - 1, (size_t{1} << 22) + 1}) {
    void* data = allocate_data(bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % 64, 0u) << bytes;
    std::memset(data, 1, bytes);
    free_data(data, bytes);
  }
}

TEST(Allocator, TooMuchIsAMemoryErrorAndLeavesNothingBehind) {
  const Baseline before;
  try {
    Array::empty({int64_t{1} << 58}, DType::Float64);
    FAIL() << "2^61 bytes were allocated";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::Memory);
  }
  EXPECT_EQ(Baseline(), before);
}

TEST(Allocator, TheLimitHoldsForSmallAndLargeBlocks) {
  LimitOff restore;
  const Baseline before;
  std::vector<Ref<Array>> held;
  set_data_limit(static_cast<size_t>(live(Live::Bytes)) + 10'000);
  for (int64_t count : {int64_t{4}, int64_t{500}}) {
    EXPECT_THROW(
        {
          for (int i = 0; i < 10'000; ++i) held.push_back(Array::empty({count}, DType::Float64));
        },
        Error);
    EXPECT_LE(live(Live::Bytes), before.values[3] + 10'000);
    held.clear();
  }
  EXPECT_EQ(Baseline(), before);
  set_data_limit(0);
  EXPECT_TRUE(Array::empty({100'000}, DType::Float64));
}

TEST(Pool, ReturnsDistinctBlocksOfEverySize) {
  for (size_t bytes = 1; bytes <= 2048; bytes += 37) {
    std::array<void*, 64> blocks;
    for (size_t i = 0; i < blocks.size(); ++i) {
      blocks[i] = pool_allocate(bytes);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(blocks[i]) % 16, 0u);
      std::memset(blocks[i], static_cast<int>(i), bytes);
    }
    for (size_t i = 0; i < blocks.size(); ++i) {
      EXPECT_EQ(static_cast<unsigned char*>(blocks[i])[bytes - 1], i);
      pool_free(blocks[i], bytes);
    }
  }
}

TEST(Pool, BlocksMayBeFreedByAnotherThread) {
  std::vector<void*> blocks;
  std::thread([&] {
    for (int i = 0; i < 5000; ++i) blocks.push_back(pool_allocate(48));
  }).join();
  std::thread([&] {
    for (void* block : blocks) pool_free(block, 48);
  }).join();
}

TEST(Pool, FailsWhenToldTo) {
  const Baseline before;
  fail_allocation(2);
  Ref<Storage> first = Storage::allocate(8);
  EXPECT_THROW(Storage::allocate(100'000), std::bad_alloc);
  Ref<Storage> third = Storage::allocate(100'000);
  EXPECT_EQ(fail_allocation(3), 0u);
  EXPECT_THROW(Storage::allocate(100'000) && Storage::allocate(100'000), std::bad_alloc);
  fail_allocation(0);
  first = third = {};
  EXPECT_EQ(Baseline(), before);
}

// The main thread's destructors run after its thread-local free lists are gone; so may any
// thread's.
struct FreesLate {
  std::vector<std::pair<void*, size_t>> blocks;
  ~FreesLate() {
    for (size_t bytes : {17, 33, 100}) blocks.emplace_back(pool_allocate(bytes), bytes);
    for (auto [block, bytes] : blocks) pool_free(block, bytes);
  }
};

TEST(Pool, WorksWhileAThreadEnds) {
  std::thread([] {
    static thread_local FreesLate late;  // made before the free lists, so destroyed after them
    late.blocks.emplace_back(pool_allocate(24), 24);
  }).join();
  // What the thread gave back must be as large as its class says.
  for (size_t bytes : {32, 48, 112}) {
    std::vector<void*> taken;
    for (int i = 0; i < 5000; ++i) taken.push_back(std::memset(pool_allocate(bytes), 0, bytes));
    for (void* block : taken) pool_free(block, bytes);
  }
}

// Small buffers lie behind the header in one block; larger ones do not.
class StorageOfBytes : public testing::TestWithParam<size_t> {};
INSTANTIATE_TEST_SUITE_P(Sizes, StorageOfBytes, testing::Values(0, 1, 8, 511, 512, 513, 100'000));

TEST_P(StorageOfBytes, CountsItselfAndItsBytes) {
  const Baseline before;
  {
    Ref<Storage> storage = Storage::allocate(GetParam());
    std::memset(storage->data(), 7, GetParam());
    EXPECT_EQ(storage->bytes(), GetParam());
    EXPECT_TRUE(storage->writable());
    EXPECT_EQ(live(Live::Storages), before.values[2] + 1);
    EXPECT_EQ(live(Live::Bytes), before.values[3] + static_cast<int64_t>(GetParam()));
  }
  EXPECT_EQ(Baseline(), before);
}

TEST(Storage, VersionMovesWithEveryWrite) {
  Ref<Storage> storage = Storage::allocate(8);
  const uint32_t before = storage->version();
  storage->bump_version();
  storage->bump_version();
  EXPECT_EQ(storage->version(), before + 2);
}

TEST(Storage, ForeignMemoryIsReleasedOnceByTheLastView) {
  std::array<double, 4> data{1, 2, 3, 4};
  int released = 0;
  Ref<Storage> storage =
      Storage::wrap(data.data(), sizeof(data), {}, false, [&released] { ++released; });
  EXPECT_FALSE(storage->writable());
  auto array = make_ref<Array>(storage, Dims{4}, Dims{1}, 0, DType::Float64);
  Ref<Array> view = array->with_layout({2}, {2}, 1);
  EXPECT_EQ(view->data<double>()[2], 4);
  storage = {};
  array = {};
  EXPECT_EQ(released, 0);
  view = {};
  EXPECT_EQ(released, 1);
}

TEST(Counters, SurviveTheThreadThatCounted) {
  const Baseline before;
  Ref<Array> kept;
  std::thread([&] { kept = Array::empty({3}, DType::Float64); }).join();
  EXPECT_EQ(live(Live::Bodies), before.values[1] + 1);
  std::thread([&] { kept = {}; }).join();
  EXPECT_EQ(Baseline(), before);
}

TEST(Counters, AddUpOverThreads) {
  const Baseline before;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 1000; ++i) Array::empty({i % 200}, DType::Float32);
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(Baseline(), before);
}

TEST(Peak, IsTheMostThatLivedAtOnce) {
  reset_peak_bytes();
  const int64_t before = peak_bytes();
  EXPECT_EQ(before, live(Live::Bytes));
  for (int i = 0; i < 3; ++i) {
    Ref<Storage> one = Storage::allocate(10'000), two = Storage::allocate(9'000);
  }
  EXPECT_EQ(peak_bytes(), before + 19'000);
  reset_peak_bytes();
  EXPECT_EQ(peak_bytes(), before);
}

TEST(Peak, SmallBlocksCountInLots) {
  reset_peak_bytes();
  const int64_t before = peak_bytes();
  {
    std::vector<Ref<Storage>> held;
    for (int i = 0; i < 1000; ++i) held.push_back(Storage::allocate(100));
  }
  EXPECT_GE(peak_bytes(), before + 100'000 - 4096);
  EXPECT_LE(peak_bytes(), before + 100'000);
}

TEST(Peak, AddsUpOverThreads) {
  reset_peak_bytes();
  const int64_t before = peak_bytes();
  std::vector<Ref<Storage>> held(4);
  std::vector<std::thread> threads;
  for (Ref<Storage>& mine : held)
    threads.emplace_back([&mine] { mine = Storage::allocate(50'000); });
  for (std::thread& t : threads) t.join();
  held.clear();
  EXPECT_EQ(peak_bytes(), before + 200'000);
}

TEST(Peak, IsExactWhateverOtherThreadsHold) {
  std::vector<Ref<Storage>> held(3);
  std::vector<std::thread> threads;
  for (Ref<Storage>& theirs : held)
    threads.emplace_back([&theirs] { theirs = Storage::allocate(400); });
  for (std::thread& t : threads) t.join();
  Ref<Storage> small = Storage::allocate(100);
  reset_peak_bytes();
  const int64_t before = peak_bytes();
  Storage::allocate(50'000);
  EXPECT_EQ(peak_bytes(), before + 50'000);
}

TEST(Peak, ForeignMemoryIsNotOurs) {
  std::array<double, 1000> data{};
  const int64_t before = live(Live::Bytes);
  Ref<Storage> storage = Storage::wrap(data.data(), sizeof(data), {}, true, [] {});
  EXPECT_EQ(live(Live::Bytes), before);
}

TEST(Refs, TheLastOneDestroys) {
  const Baseline before;
  Ref<Array> a = Array::empty({1}, DType::Bool);
  Ref<Body> b = a;
  EXPECT_EQ(a->use_count(), 2u);
  Ref<Body> moved = std::move(b);
  EXPECT_FALSE(b);
  EXPECT_EQ(a->use_count(), 2u);
  moved = nullptr;
  EXPECT_EQ(a->use_count(), 1u);
  Ref<Array>& same = a;
  a = same;
  EXPECT_EQ(a->use_count(), 1u);
  a = {};
  EXPECT_EQ(Baseline(), before);
}

}  // namespace
}  // namespace pyautograd
