// The sort of many items, by CUB, whose headers come with the compiler: one instance for all.

#include <cub/device/device_radix_sort.cuh>

#include "kernels/cuda/pair_sort.h"

namespace pyautograd::kernels::cuda {

Pairs radix_sort(Queue& queue, Pairs items, Pairs spare, int64_t count, int bits) {
  cub::DoubleBuffer<int64_t> keys(items.keys, spare.keys), places(items.places, spare.places);
  size_t bytes = 0;
  const auto run = [&](void* memory) {
    check_cuda(cub::DeviceRadixSort::SortPairs(memory, bytes, keys, places, count, 0, bits,
                                               queue.stream()),
               "radix sort");
  };
  run(nullptr);  // says how much memory it needs
  const Scratch memory(queue.device(), bytes);
  run(memory.as<void>());
  return {keys.Current(), places.Current()};
}

}  // namespace pyautograd::kernels::cuda
