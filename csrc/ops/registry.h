#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "autograd/tensor.h"

namespace pyautograd {

// None, one axis or several.
using Axes = std::optional<Dims>;

// Which axes of two operands belong together: the last `count` of the first and the first `count`
// of the second, or the listed ones pair by pair. Its Arg is an int64_t (the count) or Dims (both
// lists, equally long, one after the other).
struct AxisPairs {
  std::optional<int64_t> count;
  Dims first, second;
};

// A norm's order, or a flag that LAPACK spells as a letter and SciPy as a number.
using NumberOrName = std::variant<std::monostate, double, std::string>;

// One argument of an op, between a caller that knows no C++ types (Python) and the op.
using Arg = std::variant<std::monostate, Tensor, Tensors, bool, int64_t, double, Dims, DType,
                         std::string, Device>;

enum class ArgKind : uint8_t {
  Tensor,
  TensorList,
  Bool,
  Int,
  Float,
  Dims,
  Axes,
  AxisPairs,
  DType,
  Device,
  String,
  NumberOrName
};

// What a call gives to Python: a tensor, or a list or tuple of them.
enum class Returns : uint8_t { Tensor, List, Tuple };

struct Param {
  std::string name;
  ArgKind kind;
  bool optional = false;         // None is allowed
  bool positional_only = false;  // before "/"
  bool keyword_only = false;     // after "*"
  bool required = true;
  std::string default_text;  // as written in the signature
  Arg default_value;
};

// What a C++ type tells of a parameter.
struct ParamType {
  ArgKind kind;
  bool optional;
};

struct OpInfo {
  std::string name;  // "sum", or with the module that it is found in: "linalg.solve"
  std::string doc;   // reStructuredText body: shapes, dtypes, derivative at ties and edges, example
  std::vector<Param> params;
  Returns returns = Returns::Tensor;
  // The named tuple of the op's module that holds its outputs, "EighResult"; a call with a single
  // output returns that alone. Empty: as `returns` says.
  std::string result_type;
  // The op that a call with a single argument means: nonzero, for where.
  std::string alone;
  Tensors (*invoke)(void* function, std::span<const Arg> args) = nullptr;
  void* function = nullptr;
  // Set when the op is exactly that, so that a caller can skip `invoke`.
  Tensor (*unary)(const Tensor&) = nullptr;
  Tensor (*binary)(const Tensor&, const Tensor&) = nullptr;
};

class Registry {
 public:
  // `signature` is Python's: "x, /, *, axis=None, keepdims=False". The kinds come from the
  // function's type; several results make a list unless `returns` says otherwise.
  template <class Result, class... Params>
  void add(std::string_view name, Result (*function)(Params...), std::string_view signature,
           std::string_view doc, Returns returns = Returns::List);
  // For the op added last.
  void result_type(std::string name) { ops_.back().result_type = std::move(name); }
  void alone(std::string name) { ops_.back().alone = std::move(name); }
  // What is called with float16 and bfloat16 in float32 as a whole: see ops/in_single.h.
  void compute_in_single();
  const std::vector<OpInfo>& ops() const noexcept { return ops_; }

 private:
  // Every add() ends here: what is not a function's type is compiled once.
  OpInfo& add(std::string_view name, std::string_view signature, std::span<const ParamType> types,
              std::string_view doc);

  std::vector<OpInfo> ops_;
};

// Every op, in a fixed order. Built on first use by the register_* function of each family.
const Registry& registry();
void register_elementwise(Registry& registry);
void register_complex(Registry& registry);
void register_elementwise_compositions(Registry& registry);
void register_where(Registry& registry);
void register_creation(Registry& registry);
void register_shape(Registry& registry);
void register_index(Registry& registry);
void register_reduce(Registry& registry);
void register_matmul(Registry& registry);
void register_linalg(Registry& registry);
void register_random(Registry& registry);
void register_sort(Registry& registry);
void register_special(Registry& registry);
void register_fft(Registry& registry);

namespace detail {

template <class T>
struct ArgTraits;
template <ArgKind K, bool Optional = false>
struct Traits {
  static constexpr ParamType type{K, Optional};
};
template <>
struct ArgTraits<Tensor> : Traits<ArgKind::Tensor> {
  static const Tensor& get(const Arg& a) { return std::get<Tensor>(a); }
};
template <>
struct ArgTraits<std::optional<Tensor>> : Traits<ArgKind::Tensor, true> {
  static std::optional<Tensor> get(const Arg& a) {
    return a.index() == 0 ? std::nullopt : std::optional(std::get<Tensor>(a));
  }
};
template <>
struct ArgTraits<TensorSpan> : Traits<ArgKind::TensorList> {
  static TensorSpan get(const Arg& a) { return std::get<Tensors>(a); }
};
template <>
struct ArgTraits<bool> : Traits<ArgKind::Bool> {
  static bool get(const Arg& a) { return std::get<bool>(a); }
};
template <>
struct ArgTraits<std::optional<bool>> : Traits<ArgKind::Bool, true> {
  static std::optional<bool> get(const Arg& a) {
    return a.index() == 0 ? std::nullopt : std::optional(std::get<bool>(a));
  }
};
template <>
struct ArgTraits<int64_t> : Traits<ArgKind::Int> {
  static int64_t get(const Arg& a) { return std::get<int64_t>(a); }
};
template <>
struct ArgTraits<std::optional<int64_t>> : Traits<ArgKind::Int, true> {
  static std::optional<int64_t> get(const Arg& a) {
    return a.index() == 0 ? std::nullopt : std::optional(std::get<int64_t>(a));
  }
};
template <>
struct ArgTraits<double> : Traits<ArgKind::Float> {
  static double get(const Arg& a) { return std::get<double>(a); }
};
template <>
struct ArgTraits<std::optional<double>> : Traits<ArgKind::Float, true> {
  static std::optional<double> get(const Arg& a) {
    return a.index() == 0 ? std::nullopt : std::optional(std::get<double>(a));
  }
};
template <>
struct ArgTraits<NumberOrName> : Traits<ArgKind::NumberOrName, true> {
  static NumberOrName get(const Arg& a) {
    if (const double* number = std::get_if<double>(&a)) return *number;
    if (const std::string* name = std::get_if<std::string>(&a)) return *name;
    return {};
  }
};
template <>
struct ArgTraits<Dims> : Traits<ArgKind::Dims> {
  static const Dims& get(const Arg& a) { return std::get<Dims>(a); }
};
template <>
struct ArgTraits<Axes> : Traits<ArgKind::Axes, true> {
  static Axes get(const Arg& a) { return a.index() == 0 ? Axes() : Axes(std::get<Dims>(a)); }
};
template <>
struct ArgTraits<AxisPairs> : Traits<ArgKind::AxisPairs> {
  static AxisPairs get(const Arg& a) {
    if (const int64_t* count = std::get_if<int64_t>(&a)) return {*count, {}, {}};
    const Dims& both = std::get<Dims>(a);
    const int64_t* middle = both.begin() + both.size() / 2;
    return {{}, Dims(both.begin(), middle), Dims(middle, both.end())};
  }
};
template <>
struct ArgTraits<std::optional<DType>> : Traits<ArgKind::DType, true> {
  static std::optional<DType> get(const Arg& a) {
    return a.index() == 0 ? std::nullopt : std::optional(std::get<DType>(a));
  }
};
template <>
struct ArgTraits<DType> : Traits<ArgKind::DType> {
  static DType get(const Arg& a) { return std::get<DType>(a); }
};
template <>
struct ArgTraits<std::optional<Device>> : Traits<ArgKind::Device, true> {
  static std::optional<Device> get(const Arg& a) {
    return a.index() == 0 ? std::nullopt : std::optional(std::get<Device>(a));
  }
};
template <>
struct ArgTraits<std::string_view> : Traits<ArgKind::String> {
  static std::string_view get(const Arg& a) { return std::get<std::string>(a); }
};
template <>
struct ArgTraits<std::optional<std::string_view>> : Traits<ArgKind::String, true> {
  static std::optional<std::string_view> get(const Arg& a) {
    return a.index() == 0 ? std::nullopt
                          : std::optional<std::string_view>(std::get<std::string>(a));
  }
};
template <class P>
using ArgOf = ArgTraits<std::remove_cvref_t<P>>;

template <class Result, class... Params, size_t... I>
Tensors invoke(void* function, std::span<const Arg> args, std::index_sequence<I...>) {
  auto typed = reinterpret_cast<Result (*)(Params...)>(function);
  if constexpr (std::is_same_v<Result, Tensor>) {
    return Tensors::of(typed(ArgOf<Params>::get(args[I])...));
  } else {
    return typed(ArgOf<Params>::get(args[I])...);
  }
}

}  // namespace detail

template <class Result, class... Params>
void Registry::add(std::string_view name, Result (*function)(Params...), std::string_view signature,
                   std::string_view doc, Returns returns) {
  static constexpr std::array<ParamType, sizeof...(Params)> types{detail::ArgOf<Params>::type...};
  OpInfo& info = add(name, signature, types, doc);
  if constexpr (!std::is_same_v<Result, Tensor>) info.returns = returns;
  info.function = reinterpret_cast<void*>(function);
  info.invoke = [](void* f, std::span<const Arg> args) {
    return detail::invoke<Result, Params...>(f, args, std::index_sequence_for<Params...>());
  };
  if constexpr (std::is_same_v<Result (*)(Params...), Tensor (*)(const Tensor&)>)
    info.unary = function;
  if constexpr (std::is_same_v<Result (*)(Params...), Tensor (*)(const Tensor&, const Tensor&)>)
    info.binary = function;
}

}  // namespace pyautograd
