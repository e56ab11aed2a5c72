#include <mutex>
#include <set>

#include "autograd/algebra.h"
#include "autograd/primitive.h"

namespace pyautograd {

namespace {

void (*warning_sink)(Warning, const char*) = nullptr;

void warn_once(std::string_view name) {
  static std::mutex mutex;
  static auto* warned = new std::set<std::string, std::less<>>;
  {
    std::lock_guard lock(mutex);
    if (!warned->emplace(name).second) return;
  }
  warn(
      concat("[", name,
             "] has no batching rule; vmap runs it in a loop over the mapped dimension. With "
             "generate_vmap_rule = True in its class it runs once, if its methods use pyautograd's "
             "or NumPy's functions; or define vmap(info, in_dims, *args)"));
}

// With nothing to run, the outputs' shapes come from one run on zeros.
Tensors empty_outputs(const Primitive& primitive, TensorSpan values, std::span<const int> dims) {
  Tensors probe;
  for (size_t i = 0; i < values.size(); ++i) {
    Spec spec = values[i].spec();
    if (dims[i] != kNotMapped) spec.shape.erase(static_cast<size_t>(dims[i]));
    probe.push_back(algebra::zeros(spec));
  }
  Tensors outputs;
  for (Spec& spec : primitive.infer(probe)) {
    spec.shape.insert(0, 0);
    outputs.push_back(algebra::zeros(spec));
  }
  return outputs;
}

}  // namespace

BatchResult batch_by_loop(const Primitive& primitive, int64_t size, TensorSpan values,
                          std::span<const int> dims) {
  BatchResult result;
  const Ref<const Primitive> self(&primitive);
  SmallVector<Tensors, 2> columns;
  for (int64_t i = 0; i < size; ++i) {
    Tensors slices;
    for (size_t k = 0; k < values.size(); ++k)
      slices.push_back(dims[k] == kNotMapped ? values[k] : algebra::select(values[k], dims[k], i));
    Tensors outputs = apply(self, slices);
    columns.resize(outputs.size());
    for (size_t k = 0; k < outputs.size(); ++k) columns[k].push_back(std::move(outputs[k]));
  }
  if (size == 0) {
    result.outputs = empty_outputs(primitive, values, dims);
  } else {
    for (const Tensors& column : columns) result.outputs.push_back(algebra::stack(column, 0));
  }
  result.dims.resize(result.outputs.size(), 0);
  return result;
}

Tensors Primitive::vjp(const VjpArgs&) const {
  fail(Error::Kind::NotImplemented, "[", name(), "] has no reverse-mode derivative");
}

Tensors Primitive::jvp(TensorSpan, TensorSpan, TensorSpan) const {
  fail(Error::Kind::NotImplemented, "[", name(), "] has no forward-mode derivative");
}

std::optional<Tensors> Primitive::taylor(const TaylorArgs&) const { return {}; }

BatchResult Primitive::batch(int64_t size, TensorSpan values, std::span<const int> dims) const {
  warn_once(name());
  return batch_by_loop(*this, size, values, dims);
}

bool Primitive::find_loop(TensorSpan, kernels::ElementLoop&) const { return false; }

bool Primitive::find_kernel(TensorSpan, const Specs&, kernels::ArrayKernel&) const { return false; }
Ref<RefCounted> Primitive::context(TensorSpan, TensorSpan) const { return nullptr; }

void set_warning_sink(void (*sink)(Warning, const char*)) noexcept { warning_sink = sink; }

void warn(const std::string& message, Warning kind) {
  if (warning_sink) warning_sink(kind, message.c_str());
}

}  // namespace pyautograd
