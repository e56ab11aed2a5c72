#include <gtest/gtest.h>

#include <random>

#include "core/array.h"
#include "core/backend.h"
#include "kernels/kernels.h"
#include "kernels/sort.h"

// The CUDA kernels against those of the host, on a device that this host emulates: what is tested
// is which elements they read and write.
namespace pyautograd::kernels {
namespace {

Device emulated() {
  set_backend_library(PYAUTOGRAD_EMULATED_LIBRARY);
  return parse_device("cuda:0");
}

// Small whole numbers: every order of a sum gives the same bits.
Ref<Array> random_array(const Dims& shape, DType dtype, std::mt19937& random) {
  const Ref<Array> numbers = Array::empty(shape, DType::Int32);
  std::uniform_int_distribution<int32_t> digits(-4, 4);
  for (int64_t i = 0; i < numbers->size(); ++i) numbers->data<int32_t>()[i] = digits(random);
  const Ref<Array> out = Array::empty(shape, dtype);
  copy(out->view(), numbers->view());
  return out;
}

Ref<Array> moved(const Array& x, Device device) {
  const Ref<Array> out = Array::empty(x.shape, x.dtype, device);
  copy(out->device_view(), x.device_view());
  return out;
}

void expect_same(const Array& wanted, const Array& there) {
  const DType dtype = is_half(wanted.dtype) ? DType::Float32 : wanted.dtype;
  const Ref<Array> back = Array::empty(wanted.shape, dtype),
                   plain = Array::empty(back->shape, dtype);
  copy(back->view(), moved(there, {})->view());
  copy(plain->view(), moved(wanted, {})->view());
  EXPECT_TRUE(all_equal(plain->view(), back->view())) << shape_string(wanted.shape);
}

// One way of reading the same memory, the same for both devices.
struct Layout {
  Dims shape, strides;
  int64_t offset = 0;
  Ref<Array> of(const Array& x) const { return x.with_layout(shape, strides, offset); }
};

// Axes permuted, some reversed, taken in steps or repeated.
Layout random_layout(const Dims& shape, std::mt19937& random) {
  Layout out;
  const Dims strides = contiguous_strides(shape);
  std::vector<size_t> order(shape.size());
  for (size_t d = 0; d < order.size(); ++d) order[d] = d;
  std::shuffle(order.begin(), order.end(), random);
  for (size_t d : order) {
    int64_t size = shape[d], stride = strides[d];
    switch (random() % 5) {
      case 0:
        out.offset += (size - 1) * stride;
        stride = -stride;
        break;
      case 1:
        size = (size + 1) / 2;
        stride *= 2;
        break;
      case 2:
        stride = 0;
        break;
      default:
        break;
    }
    out.shape.push_back(size);
    out.strides.push_back(stride);
  }
  return out;
}

Dims random_shape(std::mt19937& random) {
  Dims shape;
  for (size_t rank = random() % 6; shape.size() < rank;)
    shape.push_back(1 + static_cast<int64_t>(random() % 7));
  return shape;
}

class CudaKernels : public testing::Test {
 protected:
  const Device device = emulated();
  std::mt19937 random{7};
};

TEST_F(CudaKernels, CopiesAndConversionsOfEveryLayout) {
  for (int i = 0; i < 200; ++i) {
    const auto from = static_cast<DType>(random() % kDTypeCount);
    const auto to = static_cast<DType>(random() % kDTypeCount);
    const Ref<Array> x = random_array(random_shape(random), from, random);
    const Layout layout = random_layout(x->shape, random);
    const Ref<Array> view = layout.of(*x), view_there = layout.of(*moved(*x, device));
    const Ref<Array> wanted = Array::empty(layout.shape, to);
    copy(wanted->view(), view->view());
    const Ref<Array> on_device = Array::empty(layout.shape, to, device);
    copy(on_device->device_view(), view_there->device_view());
    expect_same(*wanted, *on_device);
    // Between the host and the device, too.
    const Ref<Array> back = Array::empty(layout.shape, to);
    copy(back->view(), view_there->device_view());
    expect_same(*wanted, *back);
    copy(on_device->device_view(), view->view());
    expect_same(*wanted, *on_device);
  }
}

TEST_F(CudaKernels, ElementwiseOfEveryLayout) {
  for (int i = 0; i < 200; ++i) {
    const DType dtype = std::array{DType::Float32, DType::Float64, DType::Int8}[random() % 3];
    const Dims shape = random_shape(random);
    const Ref<Array> x = random_array(shape, dtype, random), y = random_array(shape, dtype, random);
    Layout a = random_layout(shape, random), b = a;
    for (int64_t& stride : b.strides) {
      if (random() % 3 == 0) stride = 0;
    }
    // A repeated axis of the other operand must not make a reversed one reach below its memory.
    b.offset = 0;
    for (size_t d = 0; d < b.shape.size(); ++d)
      if (b.strides[d] < 0) b.offset -= (b.shape[d] - 1) * b.strides[d];
    const Ref<Array> wanted = Array::empty(a.shape, dtype);
    binary(fn_id<Subtract>(), wanted->view(), a.of(*x)->view(), b.of(*y)->view());
    const Ref<Array> x_there = moved(*x, device), y_there = moved(*y, device);
    const Ref<Array> found = Array::empty(a.shape, dtype, device);
    binary(fn_id<Subtract>(), found->device_view(), a.of(*x_there)->device_view(),
           b.of(*y_there)->device_view());
    expect_same(*wanted, *found);
    unary(fn_id<Negative>(), wanted->view(), a.of(*x)->view());
    unary(fn_id<Negative>(), found->device_view(), a.of(*x_there)->device_view());
    expect_same(*wanted, *found);
  }
}

TEST_F(CudaKernels, EveryTailAndAlignment) {
  for (int64_t n = 0; n < 70; ++n) {
    for (int64_t offset = 0; offset < 3; ++offset) {
      const Ref<Array> x = random_array({n + offset}, DType::Float32, random);
      const Ref<Array> there = moved(*x, device);
      const Ref<Array> wanted = Array::empty({n}, DType::Float32);
      const Ref<Array> found = Array::empty({n}, DType::Float32, device);
      unary(fn_id<Square>(), wanted->view(), x->with_layout({n}, {1}, offset)->view());
      unary(fn_id<Square>(), found->device_view(),
            there->with_layout({n}, {1}, offset)->device_view());
      expect_same(*wanted, *found);
    }
  }
}

TEST_F(CudaKernels, NumbersOfTheHostGoAlong) {
  const Ref<Array> x = random_array({5, 3}, DType::Float64, random), there = moved(*x, device);
  const Ref<Array> two = random_array({}, DType::Float64, random);
  const Dims none(2, 0);
  const View number{two->data(), DType::Float64, x->shape, none};
  const Ref<Array> wanted = Array::empty({5, 3}, DType::Float64);
  const Ref<Array> found = Array::empty({5, 3}, DType::Float64, device);
  binary(fn_id<Subtract>(), wanted->view(), number, x->view());
  binary(fn_id<Subtract>(), found->device_view(), number, there->device_view());
  expect_same(*wanted, *found);
}

void compare_reductions(const Dims& shape, const Layout& layout, Device device,
                        std::mt19937& random) {
  const Ref<Array> x = random_array(shape, DType::Float64, random), there = moved(*x, device);
  Dims kept = layout.shape;
  for (int64_t& size : kept) {
    if (random() % 2) size = 1;
  }
  for (Reduce kind : {Reduce::Sum, Reduce::Max, Reduce::Min}) {
    const Ref<Array> wanted = Array::empty(kept, DType::Float64);
    const Ref<Array> found = Array::empty(kept, DType::Float64, device);
    reduce(kind, wanted->view(), layout.of(*x)->view());
    reduce(kind, found->device_view(), layout.of(*there)->device_view());
    expect_same(*wanted, *found);
  }
}

TEST_F(CudaKernels, ReductionsOfEveryLayout) {
  for (int i = 0; i < 100; ++i) {
    const Dims shape = random_shape(random);
    compare_reductions(shape, random_layout(shape, random), device, random);
  }
}

TEST_F(CudaKernels, LongReductionsAreCutIntoSlices) {
  for (const Dims& shape : {Dims{300000}, Dims{3, 90001}, Dims{90001, 3}, Dims{130, 7, 130}}) {
    const Layout plain{shape, contiguous_strides(shape)};
    for (int i = 0; i < 4; ++i) compare_reductions(shape, plain, device, random);
  }
}

TEST_F(CudaKernels, LinesOfEveryAxis) {
  for (int i = 0; i < 60; ++i) {
    Dims shape = random_shape(random);
    shape.push_back(1 + static_cast<int64_t>(random() % 600));
    const Layout layout = random_layout(shape, random);
    const Ref<Array> x = random_array(shape, DType::Float64, random), there = moved(*x, device);
    const int axis = static_cast<int>(random() % shape.size());
    Dims kept = layout.shape;
    kept[static_cast<size_t>(axis)] = 1;
    const Ref<Array> place = Array::empty(kept, DType::Int64);
    const Ref<Array> place_there = Array::empty(kept, DType::Int64, device);
    arg_reduce(true, place->view(), layout.of(*x)->view(), axis);
    arg_reduce(true, place_there->device_view(), layout.of(*there)->device_view(), axis);
    expect_same(*place, *place_there);
    const Ref<Array> sums = Array::empty(layout.shape, DType::Float64);
    const Ref<Array> sums_there = Array::empty(layout.shape, DType::Float64, device);
    scan(Scan::Sum, sums->view(), layout.of(*x)->view(), axis, i % 2);
    scan(Scan::Sum, sums_there->device_view(), layout.of(*there)->device_view(), axis, i % 2);
    expect_same(*sums, *sums_there);
  }
}

TEST_F(CudaKernels, LongScansAreCutIntoParts) {
  for (const Dims& shape : {Dims{20000}, Dims{3, 5000}, Dims{300, 2}, Dims{257}}) {
    const Ref<Array> x = random_array(shape, DType::Float64, random), there = moved(*x, device);
    for (int axis = 0; axis < static_cast<int>(shape.size()); ++axis) {
      for (Scan kind : {Scan::Sum, Scan::Max}) {
        for (bool reverse : {false, true}) {
          const Ref<Array> wanted = Array::empty(shape, DType::Float64);
          const Ref<Array> found = Array::empty(shape, DType::Float64, device);
          scan(kind, wanted->view(), x->view(), axis, reverse);
          scan(kind, found->device_view(), there->device_view(), axis, reverse);
          expect_same(*wanted, *found);
        }
      }
    }
  }
}

TEST_F(CudaKernels, GathersAndScattersOfEveryLayout) {
  for (int i = 0; i < 100; ++i) {
    Dims shape = random_shape(random);
    shape.push_back(1 + static_cast<int64_t>(random() % 7));
    const Layout layout = random_layout(shape, random);
    const DType dtype = static_cast<DType>(random() % kDTypeCount);
    const Ref<Array> x = random_array(shape, dtype, random), there = moved(*x, device);
    const size_t indexed = 1 + random() % layout.shape.size();
    Dims positions = random_shape(random);
    while (positions.size() > 2) positions.pop_back();
    std::vector<Ref<Array>> arrays;
    std::vector<View> index, index_there;
    for (size_t k = 0; k < indexed; ++k) {
      const Ref<Array> numbers = Array::empty(positions, DType::Int64);
      for (int64_t j = 0; j < numbers->size(); ++j)
        numbers->data<int64_t>()[j] = static_cast<int64_t>(random() % layout.shape[k]);
      arrays.push_back(numbers);
      arrays.push_back(moved(*numbers, device));
      index.push_back(numbers->view());
      index_there.push_back(arrays.back()->device_view());
    }
    Dims lined = positions;
    for (size_t d = indexed; d < layout.shape.size(); ++d) lined.push_back(layout.shape[d]);
    const Ref<Array> wanted = Array::empty(lined, dtype),
                     found = Array::empty(lined, dtype, device);
    gather(wanted->view(), layout.of(*x)->view(), index);
    gather(found->device_view(), layout.of(*there)->device_view(), index_there);
    expect_same(*wanted, *found);
    for (bool add : {false, true}) {
      if (add && is_half(dtype)) continue;  // in float32
      const Ref<Array> target = random_array(layout.shape, dtype, random);
      const Ref<Array> target_there = moved(*target, device);
      scatter(target->view(), wanted->view(), index, add);
      scatter(target_there->device_view(), found->device_view(), index_there, add);
      expect_same(*target, *target_there);
    }
  }
}

TEST_F(CudaKernels, SortsOfEveryLayoutAndLength) {
  for (int64_t n : {1, 2, 31, 32, 33, 64, 65, 100, 1000, 4097}) {
    const Dims shape{3, n, 2};
    const Ref<Array> x = random_array(shape, DType::Int16, random), there = moved(*x, device);
    for (int axis : {0, 1, 2}) {
      const Ref<Array> wanted = Array::empty(shape, DType::Int64);
      const Ref<Array> found = Array::empty(shape, DType::Int64, device);
      argsort(wanted->view(), x->view(), axis, n % 2);
      argsort(found->device_view(), there->device_view(), axis, n % 2);
      expect_same(*wanted, *found);
    }
  }
}

TEST_F(CudaKernels, TheHostCannotReadADevice) {
  const Ref<Array> there = Array::empty({3}, DType::Float64, device);
  EXPECT_THROW(there->data(), NotOnHost);
  EXPECT_THROW(there->view(), NotOnHost);
}

TEST_F(CudaKernels, ExhaustedMemoryIsNamedAndComesBack) {
  const DeviceMemory before = backend().memory(0);
  std::vector<Ref<Array>> held;
  try {
    while (held.size() < 1000) held.push_back(Array::empty({1 << 17}, DType::Float64, device));
    ADD_FAILURE() << "more than there is";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::Memory);
    EXPECT_NE(std::string(error.what()).find("1048576 bytes on cuda:0"), std::string::npos);
  }
  held.clear();
  EXPECT_EQ(backend().memory(0).live, before.live);
  EXPECT_GT(backend().release_cached(0), 0u);
  EXPECT_EQ(backend().memory(0).cached, 0);
  // Freed blocks of another size make room.
  held.push_back(Array::empty({1 << 22}, DType::Float64, device));
}

}  // namespace
}  // namespace pyautograd::kernels
