#include <gtest/gtest.h>

#include "core/array.h"
#include "core/dtype.h"
#include "core/error.h"

namespace pyautograd {
namespace {

std::vector<DType> all_dtypes() {
  std::vector<DType> out;
  for (int i = 0; i < kDTypeCount; ++i) out.push_back(static_cast<DType>(i));
  return out;
}

TEST(DType, VisitGivesTheTypeThatStoresIt) {
  for (DType dtype : all_dtypes()) {
    visit_stored_dtype(dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      EXPECT_EQ(dtype_of<T>, dtype);
      EXPECT_EQ(static_cast<int64_t>(sizeof(T)), itemsize(dtype)) << name_of(dtype);
    });
  }
}

TEST(DType, EveryDTypeIsOfOneKind) {
  for (DType d : all_dtypes())
    EXPECT_EQ(is_bool(d) + is_integer(d) + is_floating(d) + is_complex(d), 1);
}

TEST(DType, PromotionIsCommutativeAndIdempotent) {
  for (DType a : all_dtypes()) {
    EXPECT_EQ(promote(a, a), a);
    for (DType b : all_dtypes()) {
      EXPECT_EQ(promote(a, b), promote(b, a));
      EXPECT_EQ(promote(promote(a, b), b), promote(a, b)) << name_of(a) << ' ' << name_of(b);
    }
  }
}

TEST(DType, PromotionFollowsNumPyWhereTheStandardIsSilent) {
  EXPECT_EQ(promote(DType::Int64, DType::UInt64), DType::Float64);
  EXPECT_EQ(promote(DType::Int8, DType::UInt8), DType::Int16);
  EXPECT_EQ(promote(DType::Int64, DType::Float32), DType::Float64);
  EXPECT_EQ(promote(DType::Int16, DType::Float32), DType::Float32);
  EXPECT_EQ(promote(DType::Bool, DType::Float32), DType::Float32);
}

TEST(DType, ComplexNumbersPromoteByTheirParts) {
  EXPECT_EQ(promote(DType::Complex64, DType::Float64), DType::Complex128);
  EXPECT_EQ(promote(DType::Complex64, DType::Float32), DType::Complex64);
  EXPECT_EQ(promote(DType::Int64, DType::Complex64), DType::Complex128);
  EXPECT_EQ(promote(DType::Int16, DType::Complex64), DType::Complex64);
  for (DType d : all_dtypes()) {
    EXPECT_FALSE(is_complex(real_of(d)));
    EXPECT_EQ(promote(d, DType::Complex64), complex_of(promote(real_of(d), DType::Float32)));
  }
}

TEST(Shapes, ContiguousStrides) {
  EXPECT_EQ(contiguous_strides(Dims{2, 3, 4}), (Dims{12, 4, 1}));
  EXPECT_EQ(contiguous_strides(Dims{}), Dims{});
  EXPECT_EQ(count_elements(Dims{}), 1);
  EXPECT_EQ(count_elements(Dims{3, 0}), 0);
}

TEST(Shapes, PrintAsPythonTuples) {
  EXPECT_EQ(shape_string(Dims{}), "()");
  EXPECT_EQ(shape_string(Dims{3}), "(3,)");
  EXPECT_EQ(shape_string(Dims{3, 4}), "(3, 4)");
}

Error::Kind kind_of(const Dims& shape) {
  try {
    checked_bytes(shape, DType::Float64);
  } catch (const Error& error) {
    return error.kind();
  }
  ADD_FAILURE() << "no error for " << shape_string(shape);
  return Error::Kind::Runtime;
}

TEST(Shapes, ImpossibleSizesAreErrors) {
  EXPECT_EQ(kind_of({-1}), Error::Kind::Value);
  EXPECT_EQ(kind_of({int64_t{1} << 40, int64_t{1} << 40}), Error::Kind::Memory);
  EXPECT_EQ(kind_of({0, int64_t{1} << 62}), Error::Kind::Memory);  // as in NumPy, strides must fit
  EXPECT_EQ(checked_bytes(Dims{0, int64_t{1} << 40}, DType::Float64), 0u);
}

TEST(Arrays, ViewsShareTheStorage) {
  Ref<Array> a = Array::empty({2, 3}, DType::Float32);
  EXPECT_TRUE(a->contiguous());
  Ref<Array> t = a->with_layout({3, 2}, {1, 3}, 0);
  EXPECT_FALSE(t->contiguous());
  EXPECT_EQ(t->storage, a->storage);
  Ref<Array> last = a->with_layout({3}, {1}, 3);
  EXPECT_EQ(last->data<float>(), a->data<float>() + 3);
}

TEST(Arrays, StridesOfSizeOneAxesDoNotMatter) {
  Ref<Array> a = Array::empty({4}, DType::Float64);
  EXPECT_TRUE(a->with_layout({4, 1}, {1, 99}, 0)->contiguous());
  EXPECT_TRUE(a->with_layout({4, 0}, {-7, 3}, 0)->contiguous());
}

}  // namespace
}  // namespace pyautograd
