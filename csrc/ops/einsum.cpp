#include "ops/einsum.h"

#include <algorithm>
#include <map>

#include "ops/matmul.h"

// einsum as diagonals, sums, transposes and matrix products of two operands at a time.
namespace pyautograd::ops {

namespace {

using Sizes = std::map<int, int64_t>;

struct Operand {
  Tensor x;
  Labels labels;

  size_t axis(int label) const {
    return std::find(labels.begin(), labels.end(), label) - labels.begin();
  }
};
using Operands = SmallVector<Operand, 2>;

Sizes label_sizes(const Operands& operands) {
  Sizes sizes;
  for (const Operand& operand : operands) {
    for (size_t i = 0; i < operand.labels.size(); ++i) {
      const int64_t n = operand.x.shape()[i];
      int64_t& known = sizes.try_emplace(operand.labels[i], n).first->second;
      if (known == 1) known = n;
      if (n != 1 && n != known) {
        value_error("[einsum] label ", label_name(operand.labels[i]), " has sizes ", known, " and ",
                    n);
      }
    }
  }
  return sizes;
}

// Labels that one operand has twice become one, its diagonal.
void take_diagonals(Operand& operand) {
  Labels& labels = operand.labels;
  for (size_t i = 0; i < labels.size();) {
    const size_t j = std::find(labels.begin() + i + 1, labels.end(), labels[i]) - labels.begin();
    if (j == labels.size()) {
      ++i;
      continue;
    }
    const Dims& shape = operand.x.shape();
    if (shape[i] != shape[j]) {
      value_error("[einsum] label ", label_name(labels[i]), " has sizes ", shape[i], " and ",
                  shape[j], " in one operand");
    }
    const int label = labels[i];
    operand.x = diagonal(operand.x, 0, i, j);
    labels.erase(j);
    labels.erase(i);
    labels.push_back(label);
  }
}

// An axis of size one that broadcasts says nothing about its label.
void drop_broadcast(Operand& operand, const Sizes& sizes) {
  Dims dropped;
  for (size_t i = operand.labels.size(); i-- > 0;) {
    if (operand.x.shape()[i] == sizes.at(operand.labels[i])) continue;
    dropped.push_back(static_cast<int64_t>(i));
    operand.labels.erase(i);
  }
  if (!dropped.empty()) operand.x = squeeze(operand.x, dropped);
}

// Whether the output or an operand other than i and j needs the label.
bool is_needed(int label, const Operands& operands, const Labels& output, size_t i, size_t j) {
  if (has(output, label)) return true;
  for (size_t k = 0; k < operands.size(); ++k)
    if (k != i && k != j && has(operands[k].labels, label)) return true;
  return false;
}

void sum_unneeded(Operands& operands, const Labels& output, size_t i) {
  Operand& operand = operands[i];
  Dims summed;
  for (size_t axis = operand.labels.size(); axis-- > 0;) {
    if (is_needed(operand.labels[axis], operands, output, i, i)) continue;
    summed.push_back(static_cast<int64_t>(axis));
    operand.labels.erase(axis);
  }
  if (!summed.empty()) operand.x = sum(operand.x, summed, operand.x.dtype());
}

Labels operator+(Labels a, const Labels& b) {
  for (int label : b) a.push_back(label);
  return a;
}

Tensor ordered(const Operand& operand, const Labels& order) {
  Dims axes;
  for (int label : order) axes.push_back(static_cast<int64_t>(operand.axis(label)));
  return permuted(operand.x, axes);
}

Dims sizes_of(const Labels& labels, const Sizes& sizes) {
  Dims out;
  for (int label : labels) out.push_back(sizes.at(label));
  return out;
}

// The labels of two operands by the part they play in their product.
struct Roles {
  Labels batch, summed, left, right;

  Roles(const Operands& operands, const Labels& output, size_t i, size_t j) {
    const Labels &a = operands[i].labels, &b = operands[j].labels;
    for (int label : a) {
      if (!has(b, label)) {
        left.push_back(label);
      } else {
        (is_needed(label, operands, output, i, j) ? batch : summed).push_back(label);
      }
    }
    for (int label : b)
      if (!has(a, label)) right.push_back(label);
  }
};

// With nothing to sum, a broadcast product.
Tensor multiply_pair(const Operand& a, const Operand& b, const Roles& roles, const Sizes& sizes) {
  Dims a_shape = sizes_of(roles.batch + roles.left, sizes);
  a_shape.resize(a_shape.size() + roles.right.size(), 1);
  Dims b_shape = sizes_of(roles.batch, sizes);
  b_shape.resize(b_shape.size() + roles.left.size(), 1);
  for (int64_t n : sizes_of(roles.right, sizes)) b_shape.push_back(n);
  return multiply(reshaped(ordered(a, roles.batch + roles.left), a_shape),
                  reshaped(ordered(b, roles.batch + roles.right), b_shape));
}

// Each group of labels flattened to one axis; no batch axis without batch labels.
Tensor multiply_matrices(const Operand& a, const Operand& b, const Roles& roles,
                         const Sizes& sizes) {
  auto flattened = [&](const Operand& operand, const Labels& rows, const Labels& columns) {
    Dims shape;
    if (!roles.batch.empty()) shape.push_back(count_elements(sizes_of(roles.batch, sizes)));
    shape.push_back(count_elements(sizes_of(rows, sizes)));
    shape.push_back(count_elements(sizes_of(columns, sizes)));
    return reshaped(ordered(operand, roles.batch + rows + columns), shape);
  };
  const Tensor product =
      matmul(flattened(a, roles.left, roles.summed), flattened(b, roles.summed, roles.right));
  return reshaped(product, sizes_of(roles.batch + roles.left + roles.right, sizes));
}

Operand contract(const Operands& operands, const Labels& output, const Sizes& sizes, size_t i,
                 size_t j) {
  const Roles roles(operands, output, i, j);
  const Operand &a = operands[i], &b = operands[j];
  return {roles.summed.empty() ? multiply_pair(a, b, roles, sizes)
                               : multiply_matrices(a, b, roles, sizes),
          roles.batch + roles.left + roles.right};
}

// The pair whose product takes the fewest multiplications; the first of equals.
std::pair<size_t, size_t> cheapest_pair(const Operands& operands, const Sizes& sizes) {
  std::pair<size_t, size_t> best{0, 1};
  double least = -1;
  for (size_t i = 0; i < operands.size(); ++i) {
    for (size_t j = i + 1; j < operands.size(); ++j) {
      double cost = 1;
      for (int label : operands[i].labels) cost *= static_cast<double>(sizes.at(label));
      for (int label : operands[j].labels)
        if (!has(operands[i].labels, label)) cost *= static_cast<double>(sizes.at(label));
      if (least < 0 || cost < least) {
        least = cost;
        best = {i, j};
      }
    }
  }
  return best;
}

}  // namespace

Tensor einsum(std::string_view subscripts, TensorSpan tensors) {
  if (tensors.empty()) value_error("[einsum] at least one operand is needed");
  const Subscripts parsed = parse_subscripts(subscripts, tensors);
  DType dtype = tensors[0].dtype();
  for (const Tensor& x : tensors) dtype = promote(dtype, x.dtype());
  Operands operands;
  for (size_t i = 0; i < tensors.size(); ++i) {
    operands.push_back({cast(tensors[i], dtype), parsed.inputs[i]});
    take_diagonals(operands[i]);
  }
  const Sizes sizes = label_sizes(operands);
  for (Operand& operand : operands) drop_broadcast(operand, sizes);
  for (size_t i = 0; i < operands.size(); ++i) sum_unneeded(operands, parsed.output, i);
  while (operands.size() > 1) {
    const auto [i, j] = cheapest_pair(operands, sizes);
    operands[i] = contract(operands, parsed.output, sizes, i, j);
    operands.erase(j);
  }
  const Tensor out = ordered(operands[0], parsed.output);
  // The result is a tensor of its own even if there was nothing to do.
  return out.body() == tensors[0].body() ? algebra::identity(out) : out;
}

void register_einsum(Registry& registry) {
  registry.add(
      "einsum", &einsum, "subscripts, operands, /",
      "Einstein's summation convention: products of the operands, summed over every label that the "
      "output lacks. NumPy's notation, with ellipses, repeated labels and an implicit output. "
      "Several operands are multiplied two at a time, the cheapest pair first.\n\n"
      ":param subscripts: str, as in 'ij,jk->ik'\n:param operands: tensors\n"
      ":returns: tensor of the promoted dtype");
}

}  // namespace pyautograd::ops
