#include <pybind11/numpy.h>

#include <algorithm>
#include <complex>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <variant>

#include "autograd/algebra.h"
#include "autograd/rematerialise.h"
#include "autograd/sparsity.h"
#include "kernels/parallel.h"
#include "python/autograd_bind.h"
#include "python/caster.h"
#include "python/gil.h"
#include "sparse/colouring.h"
#include "sparse/elimination.h"
#include "sparse/recovery.h"

// What pyautograd/sparse/ needs: patterns, colourings, recovery, elimination. Index arrays are
// NumPy's.
namespace py = pybind11;

namespace pyautograd::python {

namespace {

// Numbers that a thread moves at a time
constexpr int64_t kGrain = 1 << 15;

using Int32s = py::array_t<int32_t, py::array::c_style | py::array::forcecast>;

// The same memory as a NumPy array that nobody may write to.
Int32s to_array(CachedVector<int32_t>&& values) {
  auto owned = std::make_unique<CachedVector<int32_t>>(std::move(values));
  CachedVector<int32_t>* memory = owned.get();
  const py::capsule owner(owned.release(),
                          [](void* gone) { delete static_cast<CachedVector<int32_t>*>(gone); });
  Int32s out(static_cast<py::ssize_t>(memory->size()), memory->data(), owner);
  py::detail::array_proxy(out.ptr())->flags &= ~py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
  return out;
}

// A pattern that is known to be well formed, whatever Python handed over: colouring and recovery
// rely on it.
class CheckedPattern {
 public:
  CheckedPattern(CachedVector<int32_t>&& starts, CachedVector<int32_t>&& indices, int64_t columns)
      : starts(to_array(std::move(starts))),
        indices(to_array(std::move(indices))),
        columns(columns) {}
  explicit CheckedPattern(sparse::OwnRows&& made)
      : CheckedPattern(std::move(made.starts), std::move(made.indices), made.columns) {}
  // What others made is copied, since they may write to it.
  static CheckedPattern checked(const Int32s& starts, const Int32s& indices, int64_t columns) {
    CheckedPattern made({starts.data(), starts.data() + starts.size()},
                        {indices.data(), indices.data() + indices.size()}, columns);
    if (starts.size() == 0 || !is_sound(made.rows()))
      value_error("[sparse] the pattern's rows are not sorted, or out of bounds");
    return made;
  }

  sparse::Rows rows() const {
    return {starts.size() - 1,
            columns,
            {starts.data(), static_cast<size_t>(starts.size())},
            {indices.data(), static_cast<size_t>(indices.size())}};
  }
  bool is_symmetric() const {
    if (!symmetric_) symmetric_ = rows().count == columns && sparse::is_symmetric(rows());
    return *symmetric_;
  }
  CheckedPattern symmetrised() const {
    if (is_symmetric()) return *this;
    if (rows().count != columns) value_error("[sparse] the pattern is not square");
    CheckedPattern made(sparse::symmetrised(rows()));
    made.symmetric_ = true;
    return made;
  }

  const Int32s starts, indices;
  const int64_t columns;

 private:
  static bool is_sound(const sparse::Rows& rows) {
    if (rows.starts[0] != 0 || rows.starts.back() != rows.entries()) return false;
    for (int64_t i = 0; i < rows.count; ++i) {
      const int32_t begin = rows.starts[i], end = rows.starts[i + 1];
      if (begin > end || end > rows.entries()) return false;
      for (int32_t k = begin; k < end; ++k) {
        const int32_t j = rows.indices[k];
        if (j < 0 || j >= rows.columns || (k > begin && rows.indices[k - 1] >= j)) return false;
      }
    }
    return true;
  }
  mutable std::optional<bool> symmetric_;  // once it is known
};

sparse::Order to_order(std::string_view name) {
  if (name == "natural") return sparse::Order::Natural;
  if (name == "largest_first") return sparse::Order::LargestFirst;
  if (name == "smallest_last") return sparse::Order::SmallestLast;
  if (name == "incidence_degree") return sparse::Order::IncidenceDegree;
  value_error("[sparse] unknown order '", name,
              "': expected natural, largest_first, smallest_last or incidence_degree");
}

py::object bind_jacobian_pattern(const py::object& outputs, const py::object& inputs,
                                 std::optional<int64_t> most) {
  const Tensors ys = to_tensors(outputs, "[sparse] outputs:");
  SmallVector<Edge, 4> targets;
  for (const Tensor& x : to_tensors(inputs, "[sparse] inputs:")) {
    if (!x || !x.tracked() || !x.is_array())
      runtime_error("[sparse] the inputs must be recorded outside of jvp and vmap");
    targets.push_back(edge_of(x));
  }
  for (const Tensor& y : ys) {
    if (!y || !y.is_array())
      runtime_error("[sparse] the outputs must be recorded outside of jvp and vmap");
  }
  std::optional<Pattern> found;
  {
    const WithoutGil unlocked;
    found = jacobian_pattern(ys, targets, most.value_or(std::numeric_limits<int64_t>::max()));
  }
  if (!found) return py::none();
  return py::make_tuple(
      CheckedPattern(std::move(found->starts), std::move(found->indices), found->columns),
      found->dense_ops);
}

int64_t size_of(const std::vector<int64_t>& ends, size_t i) {
  return ends[i] - (i ? ends[i - 1] : 0);
}

// Blocks of a dense matrix, row by row, from its entries by rows: leaves of a tree end at
// `row_ends` and `column_ends`.
class Blocks {
 public:
  Blocks(const std::vector<int64_t>& row_ends, const std::vector<int64_t>& column_ends,
         const Specs& specs)
      : row_ends_(row_ends), column_ends_(column_ends) {
    for (const Spec& spec : specs) {
      blocks_.push_back(Array::empty(spec.shape, spec.dtype));
      std::memset(blocks_.back()->data<char>(), 0, checked_bytes(spec.shape, spec.dtype));
    }
  }

  template <class T>
  void scatter(const sparse::Rows& rows, const T* values) {
    const size_t across = column_ends_.size();
    for (size_t i = 0; i < row_ends_.size(); ++i) {
      const int64_t top = i ? row_ends_[i - 1] : 0;
      for (int64_t row = top; row < row_ends_[i]; ++row) {
        size_t j = 0;
        for (int64_t k = rows.starts[row]; k < rows.starts[row + 1]; ++k) {
          const int64_t column = rows.indices[k];
          while (column >= column_ends_[j]) ++j;
          const int64_t width = size_of(column_ends_, j);
          const int64_t at = (row - top) * width + column - (j ? column_ends_[j - 1] : 0);
          blocks_[i * across + j]->data<T>()[at] = values[k];
        }
      }
    }
  }

  Tensors taken() {
    Tensors out;
    for (Ref<Array>& block : blocks_) out.push_back(Tensor(std::move(block)));
    return out;
  }

 private:
  const std::vector<int64_t>&row_ends_, &column_ends_;
  std::vector<Ref<Array>> blocks_;
};

bool ascends_to(const std::vector<int64_t>& ends, int64_t last) {
  return !ends.empty() && ends.front() >= 0 && ends.back() == last &&
         std::is_sorted(ends.begin(), ends.end());
}

// Calls f with a number as wide as the dtype's: for what only moves numbers.
template <class F>
void by_width(DType dtype, F&& f) {
  switch (itemsize(dtype)) {
    case 1:
      return f(uint8_t{});
    case 2:
      return f(uint16_t{});
    case 4:
      return f(uint32_t{});
    case 8:
      return f(uint64_t{});
    default:
      type_error("[sparse] values have dtype ", name_of(dtype));
  }
}

Tensor contiguous(const Tensor& x) { return x.array().contiguous() ? x : algebra::copy(x); }

// Entries of a matrix, in blocks of it.
class Scattered final : public Primitive {
 public:
  Scattered(const CheckedPattern& pattern, std::vector<int64_t> row_ends,
            std::vector<int64_t> column_ends)
      : pattern_(new CheckedPattern(pattern), released),
        rows_(pattern.rows()),
        row_ends_(std::move(row_ends)),
        column_ends_(std::move(column_ends)) {
    if (!ascends_to(row_ends_, rows_.count) || !ascends_to(column_ends_, rows_.columns))
      value_error("[sparse] the blocks do not cover the matrix");
  }
  std::string_view name() const override { return "sparse.scatter_entries"; }
  bool takes_halves(TensorSpan) const override { return true; }
  Specs infer(TensorSpan x) const override {
    if (x[0].size() != rows_.entries()) {
      value_error("[sparse] values of shape ", shape_string(x[0].shape()), " for ", rows_.entries(),
                  " entries");
    }
    Specs specs;
    for (size_t i = 0; i < row_ends_.size(); ++i) {
      for (size_t j = 0; j < column_ends_.size(); ++j)
        specs.push_back({{size_of(row_ends_, i), size_of(column_ends_, j)}, x[0].dtype(), {}});
    }
    return specs;
  }
  Tensors eval(TensorSpan x, const Specs& specs) const override {
    const Tensor flat = contiguous(x[0]);
    Blocks blocks(row_ends_, column_ends_, specs);
    by_width(flat.dtype(),
             [&](auto number) { blocks.scatter(rows_, flat.array().data<decltype(number)>()); });
    return blocks.taken();
  }

 private:
  // NumPy's arrays, wherever the last reference goes.
  static void released(const CheckedPattern* pattern) {
    const WithGil locked;
    delete pattern;
  }
  const std::shared_ptr<const CheckedPattern> pattern_;
  const sparse::Rows rows_;
  const std::vector<int64_t> row_ends_, column_ends_;
};

py::object bind_scatter_entries(const CheckedPattern& pattern, const Tensor& values,
                                std::vector<int64_t> row_ends, std::vector<int64_t> column_ends) {
  if (!values || !values.is_array()) value_error("[sparse] values must be an array of numbers");
  return to_list(apply(make_ref<Scattered>(pattern, std::move(row_ends), std::move(column_ends)),
                       Borrowed<1>(values)));
}

// Rows `first` to `last` of 0 and 1, as seeds of products: row c has ones where the colour is c.
Tensor bind_seeds(const Int32s& colours, int32_t first, int32_t last, const py::object& dtype) {
  const int64_t n = colours.size(), count = std::max(int64_t{last} - first, int64_t{0});
  const DType wanted = to_dtype(dtype.ptr());
  const DType made = wanted == DType::Float64 ? DType::Float64 : DType::Float32;
  Ref<Array> out = Array::empty({count, n}, made);
  const auto fill = [&](auto* rows) {
    using T = std::remove_pointer_t<decltype(rows)>;
    const int32_t* colour = colours.data();
    kernels::parallel_for(count * n, kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin / std::max<int64_t>(n, 1); begin < end; ++row) {
        const int64_t stop = std::min(end, (row + 1) * n);
        for (; begin < stop; ++begin) rows[begin] = T(colour[begin - row * n] == first + row);
      }
    });
  };
  if (made == DType::Float64) {
    fill(out->data<double>());
  } else {
    fill(out->data<float>());
  }
  return algebra::expand_to(Tensor(out), {out->shape, wanted, {}});
}

// How the entries of a matrix follow from compressed products.
struct Recovery {
  std::variant<sparse::Places, sparse::Substitution> steps;
  int64_t entries = 0;
  // How many elements each of the products has: first those of the row colours.
  int64_t pulled = 0, pulled_length = 0, pushed = 0, pushed_length = 0;

  int64_t count() const { return pulled + pushed; }
  int64_t length_of(int64_t row) const { return row < pulled ? pulled_length : pushed_length; }
};

template <class T>
using RowPointers = std::vector<const T*>;

void read_off(const sparse::Places& places, const Array& out, auto&& rows_as) {
  by_width(out.dtype, [&](auto number) {
    using T = decltype(number);
    T* to = out.data<T>();
    const RowPointers<T> rows = rows_as(number);
    kernels::parallel_for(out.size(), kGrain, [&](int64_t begin, int64_t end) {
      places.read(rows.data(), begin, end, to);
    });
  });
}

void substitute(const sparse::Substitution& steps, const Array& out, auto&& rows_as) {
  if (out.dtype == DType::Float64) {
    steps.solve(rows_as(double{}).data(), out.data<double>());
  } else if (out.dtype == DType::Float32) {
    steps.solve(rows_as(float{}).data(), out.data<float>());
  } else {
    type_error("[sparse] acyclic colourings need float32 or float64, got ", name_of(out.dtype),
               ": use a star colouring");
  }
}

// Rows of compressed products in blocks that follow each other; blocks of other dtypes are
// promoted.
class Recovered final : public Primitive {
 public:
  Recovered(std::shared_ptr<const Recovery> recovery, DType dtype)
      : recovery_(std::move(recovery)), dtype_(dtype) {}
  std::string_view name() const override { return "sparse.recover"; }
  bool takes_halves(TensorSpan) const override { return true; }
  Specs infer(TensorSpan blocks) const override {
    DType dtype = dtype_;
    int64_t rows = 0;
    for (const Tensor& block : blocks) {
      dtype = promote(dtype, block.dtype());
      for (int64_t i = 0; i < block.shape()[0]; ++i, ++rows) {
        if (rows == recovery_->count() || block.shape()[1] != recovery_->length_of(rows))
          refuse("of shape " + shape_string(block.shape()));
      }
    }
    if (rows != recovery_->count()) refuse("that are fewer");
    return {{{recovery_->entries}, dtype, {}}};
  }
  Tensors eval(TensorSpan given, const Specs& specs) const override {
    const DType dtype = specs[0].dtype;
    Tensors blocks;
    for (const Tensor& x : given) {
      blocks.push_back(
          contiguous(algebra::expand_to(x.untracked(), {x.shape(), dtype, x.device()})));
    }
    const Pins pins(blocks);
    const auto rows_as = [&]<class T>(T) {
      RowPointers<T> rows;
      for (const Tensor& block : blocks) {
        for (int64_t i = 0; i < block.shape()[0]; ++i)
          rows.push_back(block.array().data<T>() + i * block.shape()[1]);
      }
      return rows;
    };
    Ref<Array> out = Array::empty(specs[0].shape, dtype);
    std::visit(
        [&]<class Steps>(const Steps& steps) {
          if constexpr (std::is_same_v<Steps, sparse::Places>) {
            read_off(steps, *out, rows_as);
          } else {
            substitute(steps, *out, rows_as);
          }
        },
        recovery_->steps);
    return Tensors::of(Tensor(std::move(out)));
  }

 private:
  [[noreturn]] void refuse(const std::string& which) const {
    value_error("[sparse] compressed products ", which, " do not belong to ", recovery_->count(),
                " colours");
  }
  const std::shared_ptr<const Recovery> recovery_;
  const DType dtype_;
};

Tensor recovered(const std::shared_ptr<const Recovery>& recovery, const py::object& blocks,
                 const py::object& dtype) {
  const Tensors given = to_tensors(blocks, "[sparse] products:");
  for (const Tensor& block : given) {
    if (!block || !block.is_array() || block.ndim() != 2)
      value_error("[sparse] products must be matrices of numbers");
  }
  const auto primitive = make_ref<Recovered>(recovery, to_dtype(dtype.ptr()));
  const WithoutGil unlocked;
  return apply1(primitive, given);
}

// A Hessian's colouring and what takes its entries from compressed products.
class HessianRecovery {
 public:
  HessianRecovery(const CheckedPattern& pattern, bool star, std::string_view order)
      : recovery_(std::make_shared<Recovery>()) {
    if (!pattern.is_symmetric()) value_error("[sparse] the pattern is not symmetric");
    const sparse::Rows rows = pattern.rows();
    const sparse::Order by = to_order(order);
    sparse::Colouring made;
    {
      const WithoutGil unlocked;
      if (star) {
        made = sparse::colour_star(rows, by);
        recovery_->steps = sparse::recover_star(rows, made);
      } else {
        made = sparse::colour_acyclic(rows, by);
        recovery_->steps = sparse::recover_acyclic(rows, made);
      }
    }
    recovery_->entries = rows.entries();
    recovery_->pulled = count = made.count;
    recovery_->pulled_length = pattern.columns;
    colours = to_array(std::move(made.colours));
  }

  Tensor values(const py::object& blocks, const py::object& dtype) const {
    return recovered(recovery_, blocks, dtype);
  }

  Int32s colours;
  int32_t count = 0;

 private:
  const std::shared_ptr<Recovery> recovery_;
};

// The same of a Jacobian, with colours for rows and for columns.
class JacobianRecovery {
 public:
  JacobianRecovery(const CheckedPattern& pattern, std::string_view colouring,
                   std::string_view order)
      : recovery_(std::make_shared<Recovery>()) {
    const sparse::Rows rows = pattern.rows();
    const sparse::Order by = to_order(order);
    sparse::Bicolouring made;
    {
      const WithoutGil unlocked;
      made = coloured(rows, colouring, by);
      recovery_->steps = sparse::recover_jacobian(rows, made);
    }
    recovery_->entries = rows.entries();
    recovery_->pulled = row_count = made.rows.count;
    recovery_->pushed = column_count = made.columns.count;
    recovery_->pulled_length = rows.columns;
    recovery_->pushed_length = rows.count;
    row_colours = to_array(std::move(made.rows.colours));
    column_colours = to_array(std::move(made.columns.colours));
  }

  Tensor values(const py::object& blocks, const py::object& dtype) const {
    return recovered(recovery_, blocks, dtype);
  }

  Int32s row_colours, column_colours;
  int32_t row_count = 0, column_count = 0;

 private:
  static sparse::Bicolouring coloured(const sparse::Rows& rows, std::string_view colouring,
                                      sparse::Order by) {
    if (colouring == "bidirectional") return sparse::colour_both(rows, by);
    sparse::Bicolouring out;
    out.rows.colours.assign(rows.count, sparse::kNone);
    out.columns.colours.assign(rows.columns, sparse::kNone);
    if (colouring == "column") {
      out.columns = sparse::colour_columns(rows, by);
    } else {
      out.rows = sparse::colour_columns(sparse::transposed(rows), by);
    }
    return out;
  }

  const std::shared_ptr<Recovery> recovery_;
};

template <class T>
using Numbers = py::array_t<T, py::array::c_style | py::array::forcecast>;

template <class T>
Numbers<T> inverse_entries(const sparse::Elimination& elimination, const Numbers<T>& values,
                           const std::vector<Numbers<T>>& directions) {
  std::vector<const T*> along;
  for (const Numbers<T>& direction : directions) along.push_back(direction.data());
  const auto fits = [&](const Numbers<T>& x) { return x.size() == elimination.entries(); };
  if (!fits(values) || !std::all_of(directions.begin(), directions.end(), fits))
    value_error("[sparse] ", elimination.entries(), " entries need as many values");
  Numbers<T> out(elimination.entries());
  T* const to = out.mutable_data();
  const T* const from = values.data();
  const WithoutGil unlocked;
  elimination.inverse(from, std::span<const T* const>(along), to);
  return out;
}

void bind_elimination(py::module_& module) {
  py::class_<sparse::Elimination> elimination(module, "Elimination");
  elimination.attr("most_directions") = sparse::Elimination::kMostDirections;
  elimination
      .def(py::init([](int32_t n, const Int32s& rows, const Int32s& columns) {
             const std::span<const int32_t> i(rows.data(), static_cast<size_t>(rows.size()));
             const std::span<const int32_t> j(columns.data(), static_cast<size_t>(columns.size()));
             const WithoutGil unlocked;
             return std::make_unique<sparse::Elimination>(n, i, j);
           }),
           py::arg("n"), py::arg("rows"), py::arg("columns"))
      .def("inverse", &inverse_entries<double>, py::arg("values"), py::arg("directions"))
      .def("inverse_complex", &inverse_entries<std::complex<double>>, py::arg("values"),
           py::arg("directions"));
}

}  // namespace

void bind_sparse(py::module_& module) {
  py::class_<CheckedPattern>(module, "Pattern")
      .def(py::init(&CheckedPattern::checked), py::arg("starts"), py::arg("indices"),
           py::arg("columns"))
      .def_readonly("starts", &CheckedPattern::starts)
      .def_readonly("indices", &CheckedPattern::indices)
      .def("symmetrised", &CheckedPattern::symmetrised);
  module.def("jacobian_pattern", &bind_jacobian_pattern, py::arg("outputs"), py::arg("inputs"),
             py::kw_only(), py::arg("most") = py::none());
  module.def("scatter_entries", &bind_scatter_entries, py::arg("pattern"), py::arg("values"),
             py::arg("row_ends"), py::arg("column_ends"));
  module.def("seeds", &bind_seeds, py::arg("colours"), py::arg("first"), py::arg("last"),
             py::arg("dtype"));
  py::class_<HessianRecovery>(module, "HessianRecovery")
      .def(py::init<const CheckedPattern&, bool, std::string_view>(), py::arg("pattern"),
           py::kw_only(), py::arg("star"), py::arg("order"))
      .def_readonly("colours", &HessianRecovery::colours)
      .def_readonly("count", &HessianRecovery::count)
      .def("values", &HessianRecovery::values, py::arg("products"), py::arg("dtype"));
  py::class_<JacobianRecovery>(module, "JacobianRecovery")
      .def(py::init<const CheckedPattern&, std::string_view, std::string_view>(),
           py::arg("pattern"), py::kw_only(), py::arg("colouring"), py::arg("order"))
      .def_readonly("row_colours", &JacobianRecovery::row_colours)
      .def_readonly("row_count", &JacobianRecovery::row_count)
      .def_readonly("column_colours", &JacobianRecovery::column_colours)
      .def_readonly("column_count", &JacobianRecovery::column_count)
      .def("values", &JacobianRecovery::values, py::arg("products"), py::arg("dtype"));
  bind_elimination(module);
}

}  // namespace pyautograd::python
