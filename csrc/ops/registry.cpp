#include "ops/registry.h"

#include <algorithm>
#include <cstdlib>

#include "ops/examples.h"
#include "ops/in_single.h"
#include "ops/ops.h"

namespace pyautograd {

namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

Dims parse_tuple(std::string_view text) {
  Dims out;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '-' || (text[i] >= '0' && text[i] <= '9')) {
      char* end = nullptr;
      out.push_back(std::strtoll(text.data() + i, &end, 10));
      i = static_cast<size_t>(end - text.data());
    } else {
      ++i;
    }
  }
  return out;
}

Arg parse_default(std::string_view text, ArgKind kind) {
  if (text == "None") return {};
  switch (kind) {
    case ArgKind::Bool:
      return text == "True";
    case ArgKind::AxisPairs:
    case ArgKind::Int:
      return int64_t{std::strtoll(text.data(), nullptr, 10)};
    case ArgKind::Float:
      return std::strtod(text.data(), nullptr);
    case ArgKind::Dims:
    case ArgKind::Axes:
      return parse_tuple(text);
    case ArgKind::Tensor:
      return ops::scalar(std::strtod(text.data(), nullptr), DType::Int64);
    case ArgKind::NumberOrName:
      if (text.front() != '\'') return std::strtod(text.data(), nullptr);
      [[fallthrough]];
    case ArgKind::String:
      return std::string(text.substr(1, text.size() - 2));
    default:
      runtime_error("a default of ", text, " is not supported in an op signature");
  }
}

std::vector<Param> parse_signature(std::string_view signature, std::span<const ParamType> types) {
  std::vector<Param> params;
  params.reserve(types.size());
  bool keyword_only = false;
  while (!signature.empty()) {
    size_t comma = 0;
    for (int depth = 0; comma < signature.size() && (depth > 0 || signature[comma] != ','); ++comma)
      depth += (signature[comma] == '(') - (signature[comma] == ')');
    std::string_view part = trim(signature.substr(0, comma));
    signature.remove_prefix(std::min(signature.size(), comma + 1));
    if (part == "/") {
      for (Param& param : params) param.positional_only = true;
    } else if (part == "*") {
      keyword_only = true;
    } else {
      if (params.size() == types.size())
        runtime_error("op signature names too many parameters: ", part);
      const ParamType& type = types[params.size()];
      Param& param = params.emplace_back();
      const size_t equals = part.find('=');
      param.name = std::string(part.substr(0, equals));
      param.kind = type.kind;
      param.optional = type.optional;
      param.keyword_only = keyword_only;
      if (equals != std::string_view::npos) {
        param.required = false;
        param.default_text = std::string(part.substr(equals + 1));
        param.default_value = parse_default(param.default_text, param.kind);
      }
    }
  }
  if (params.size() != types.size()) runtime_error("op signature names too few parameters");
  return params;
}

}  // namespace

OpInfo& Registry::add(std::string_view name, std::string_view signature,
                      std::span<const ParamType> types, std::string_view doc) {
  OpInfo& info = ops_.emplace_back();
  info.name = name;
  info.doc = with_example(name, doc);
  info.params = parse_signature(signature, types);
  return info;
}

// Most of what a module holds is several ops in a row.
void Registry::compute_in_single() {
  static constexpr std::string_view kOthers[] = {"deg2rad", "linspace", "rad2deg"};
  for (OpInfo& op : ops_) {
    const bool listed =
        std::find(std::begin(kOthers), std::end(kOthers), op.name) != std::end(kOthers);
    if (op.name.find('.') == std::string::npos && !listed) continue;
    op.function = new ops::PlainCall{op.invoke, op.function};
    op.invoke = ops::invoke_in_single;
    op.unary = nullptr;
    op.binary = nullptr;
  }
}

const Registry& registry() {
  static const Registry* instance = [] {
    auto* all = new Registry;
    register_creation(*all);
    register_elementwise(*all);
    register_complex(*all);
    register_elementwise_compositions(*all);
    register_where(*all);
    register_reduce(*all);
    register_shape(*all);
    register_index(*all);
    register_matmul(*all);
    register_linalg(*all);
    register_random(*all);
    register_sort(*all);
    register_special(*all);
    register_fft(*all);
    all->compute_in_single();
    return all;
  }();
  return *instance;
}

}  // namespace pyautograd
