#include <pybind11/numpy.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "autograd/algebra.h"
#include "autograd/sparsity.h"
#include "python/autograd_bind.h"
#include "python/caster.h"
#include "sparse/colouring.h"

// What pyautograd/sparse/ needs: patterns, colourings, recovery. Index arrays are NumPy's.
namespace py = pybind11;

namespace pyautograd::python {

namespace {

using Int32s = py::array_t<int32_t, py::array::c_style | py::array::forcecast>;
using Int64s = py::array_t<int64_t, py::array::c_style | py::array::forcecast>;

template <class T>
py::array_t<T> to_array(const std::vector<T>& values) {
  return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

template <class T, class Array>
std::vector<T> to_vector(const Array& array) {
  return std::vector<T>(array.data(), array.data() + array.size());
}

// Checked, since whatever Python hands over must not crash: (starts, indices) of `columns` columns.
sparse::Rows to_rows(const Int64s& starts, const Int32s& indices, int64_t columns) {
  sparse::Rows rows{starts.size() - 1, columns, to_vector<int64_t>(starts),
                    to_vector<int32_t>(indices)};
  bool valid = rows.count >= 0 && rows.starts[0] == 0 && rows.starts.back() == rows.entries();
  for (int64_t i = 0; valid && i < rows.count; ++i) {
    valid = rows.starts[i] <= rows.starts[i + 1] && rows.starts[i + 1] <= rows.entries();
    for (int64_t k = rows.starts[i]; valid && k < rows.starts[i + 1]; ++k) {
      valid = rows.indices[k] < columns && rows.indices[k] >= 0 &&
              (k == rows.starts[i] || rows.indices[k - 1] < rows.indices[k]);
    }
  }
  if (!valid) value_error("[sparse] the pattern's rows are not sorted, or out of bounds");
  return rows;
}

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
    py::gil_scoped_release unlocked;
    found = jacobian_pattern(ys, targets, most.value_or(std::numeric_limits<int64_t>::max()));
  }
  if (!found) return py::none();
  return py::make_tuple(to_array(found->starts), to_array(found->indices), found->dense_ops);
}

py::tuple bind_colour_jacobian(const Int64s& starts, const Int32s& indices, int64_t columns,
                               std::string_view colouring, std::string_view order) {
  const sparse::Rows rows = to_rows(starts, indices, columns);
  const sparse::Order by = to_order(order);
  sparse::Bicolouring made;
  made.rows.colours.assign(rows.count, sparse::kNone);
  made.columns.colours.assign(rows.columns, sparse::kNone);
  std::vector<int64_t> sources;
  {
    py::gil_scoped_release unlocked;
    if (colouring == "column") {
      made.columns = sparse::colour_columns(rows, by);
    } else if (colouring == "row") {
      made.rows = sparse::colour_columns(sparse::transposed(rows), by);
    } else {
      made = sparse::colour_both(rows, by);
    }
    sources = sparse::recover_jacobian(rows, made);
  }
  return py::make_tuple(to_array(made.rows.colours), made.rows.count,
                        to_array(made.columns.colours), made.columns.count, to_array(sources));
}

py::tuple bind_symmetrised(const Int64s& starts, const Int32s& indices) {
  const sparse::Rows rows =
      sparse::symmetrised(to_rows(starts, indices, static_cast<int64_t>(starts.size()) - 1));
  return py::make_tuple(to_array(rows.starts), to_array(rows.indices));
}

// Blocks of a dense matrix, row by row, from its entries by rows: leaves of a tree end at
// `row_ends` and `column_ends`.
class Blocks {
 public:
  Blocks(std::vector<int64_t> row_ends, std::vector<int64_t> column_ends, DType dtype)
      : row_ends_(std::move(row_ends)), column_ends_(std::move(column_ends)) {
    for (size_t i = 0; i < row_ends_.size(); ++i) {
      for (size_t j = 0; j < column_ends_.size(); ++j) {
        blocks_.push_back(Array::empty({size_of(row_ends_, i), size_of(column_ends_, j)}, dtype));
        std::memset(blocks_.back()->data<char>(), 0,
                    static_cast<size_t>(blocks_.back()->size() * itemsize(dtype)));
      }
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
  static int64_t size_of(const std::vector<int64_t>& ends, size_t i) {
    return ends[i] - (i ? ends[i - 1] : 0);
  }
  std::vector<int64_t> row_ends_, column_ends_;
  std::vector<Ref<Array>> blocks_;
};

bool ascends_to(const std::vector<int64_t>& ends, int64_t last) {
  return !ends.empty() && ends.front() >= 0 && ends.back() == last &&
         std::is_sorted(ends.begin(), ends.end());
}

py::object bind_scatter_entries(const Int64s& starts, const Int32s& indices, const Tensor& values,
                                const std::vector<int64_t>& row_ends,
                                const std::vector<int64_t>& column_ends) {
  const int64_t columns = column_ends.empty() ? 0 : column_ends.back();
  const sparse::Rows rows = to_rows(starts, indices, columns);
  if (!ascends_to(row_ends, rows.count) || !ascends_to(column_ends, columns))
    value_error("[sparse] the blocks do not cover the matrix");
  if (!values.is_array() || values.size() != rows.entries()) {
    value_error("[sparse] values of shape ", shape_string(values.shape()), " for ", rows.entries(),
                " entries");
  }
  const Tensor flat = values.array().contiguous() ? values : algebra::copy(values);
  Blocks blocks(row_ends, column_ends, flat.dtype());
  if (flat.dtype() == DType::Float64) {
    blocks.scatter(rows, flat.array().data<double>());
  } else if (flat.dtype() == DType::Float32) {
    blocks.scatter(rows, flat.array().data<float>());
  } else {
    type_error("[sparse] values have dtype ", name_of(flat.dtype()));
  }
  return to_list(blocks.taken());
}

// A Hessian's colouring and what takes its entries from compressed products.
class HessianRecovery {
 public:
  HessianRecovery(const Int64s& starts, const Int32s& indices, bool star, std::string_view order)
      : entries_(indices.size()) {
    const sparse::Rows rows = to_rows(starts, indices, static_cast<int64_t>(starts.size()) - 1);
    const sparse::Order by = to_order(order);
    py::gil_scoped_release unlocked;
    colouring_ = star ? sparse::colour_star(rows, by) : sparse::colour_acyclic(rows, by);
    recovery_ =
        star ? sparse::recover_star(rows, colouring_) : sparse::recover_acyclic(rows, colouring_);
    if (star) read_in_place();
    needed_ = int64_t{colouring_.count} * rows.count;
  }
  const sparse::Colouring& colouring() const { return colouring_; }

  Tensor values(const Tensor& products) const {
    if (!products.is_array() || products.size() != needed_) {
      value_error("[sparse] compressed products of shape ", shape_string(products.shape()),
                  " do not have ", needed_, " elements");
    }
    const Tensor compressed = products.array().contiguous() ? products : algebra::copy(products);
    Ref<Array> out = Array::empty({entries_}, compressed.dtype());
    if (compressed.dtype() == DType::Float64) {
      recover(compressed.array().data<double>(), out->data<double>());
    } else if (compressed.dtype() == DType::Float32) {
      recover(compressed.array().data<float>(), out->data<float>());
    } else {
      type_error("[sparse] compressed products have dtype ", name_of(compressed.dtype()));
    }
    return Tensor(std::move(out));
  }

 private:
  template <class T>
  void recover(const T* from, T* to) const {
    for (size_t i = 0; i < read_.size(); ++i) to[i] = from[read_[i]];
    const sparse::Recovery& r = recovery_;
    std::vector<T> sums(r.sums, T{0});
    for (size_t i = 0; i < r.entries.size(); ++i) {
      T value = from[r.sources[i]];
      if (r.leaves[i] != sparse::kNone) {
        value -= sums[r.leaves[i]];
        sums[r.parents[i]] += value;
      }
      to[r.entries[i]] = to[r.mirrors[i]] = value;
    }
  }
  // Entries that are read off need no order: one pass over them as they lie.
  void read_in_place() {
    read_.resize(entries_);
    for (size_t i = 0; i < recovery_.entries.size(); ++i) {
      read_[recovery_.entries[i]] = read_[recovery_.mirrors[i]] = recovery_.sources[i];
    }
    recovery_ = {};
  }

  int64_t entries_;
  std::vector<int64_t> read_;  // star: where each entry stands
  sparse::Colouring colouring_;
  sparse::Recovery recovery_;  // acyclic
  int64_t needed_ = 0;
};

}  // namespace

void bind_sparse(py::module_& module) {
  module.def("jacobian_pattern", &bind_jacobian_pattern, py::arg("outputs"), py::arg("inputs"),
             py::kw_only(), py::arg("most") = py::none());
  module.def("colour_jacobian", &bind_colour_jacobian, py::arg("starts"), py::arg("indices"),
             py::arg("columns"), py::arg("colouring"), py::arg("order"));
  module.def("symmetrised", &bind_symmetrised, py::arg("starts"), py::arg("indices"));
  module.def("scatter_entries", &bind_scatter_entries, py::arg("starts"), py::arg("indices"),
             py::arg("values"), py::arg("row_ends"), py::arg("column_ends"));
  py::class_<HessianRecovery>(module, "HessianRecovery")
      .def(py::init<const Int64s&, const Int32s&, bool, std::string_view>(), py::arg("starts"),
           py::arg("indices"), py::kw_only(), py::arg("star"), py::arg("order"))
      .def_property_readonly(
          "colours", [](const HessianRecovery& self) { return to_array(self.colouring().colours); })
      .def_property_readonly("count",
                             [](const HessianRecovery& self) { return self.colouring().count; })
      .def("values", &HessianRecovery::values, py::arg("compressed"));
}

}  // namespace pyautograd::python
