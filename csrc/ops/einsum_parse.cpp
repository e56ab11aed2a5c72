#include <algorithm>
#include <map>
#include <vector>

#include "ops/einsum.h"

// NumPy's subscripts notation.
namespace pyautograd::ops {

namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string without_spaces(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == ' ') continue;
    if (!is_letter(c) && c != ',' && c != '.' && c != '-' && c != '>')
      value_error("[einsum] invalid character '", c, "' in subscripts '", text, "'");
    out += c;
  }
  return out;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// The letters of one term before and after its ellipsis.
struct Term {
  std::string_view before, after;
  bool ellipsis = false;

  explicit Term(std::string_view text) {
    const size_t dots = text.find('.');
    before = text.substr(0, dots);
    if (dots != std::string_view::npos) {
      ellipsis = text.substr(dots, 3) == "...";
      after = text.substr(std::min(text.size(), dots + 3));
    }
    const bool stray = dots != std::string_view::npos && !ellipsis;
    if (stray || !std::all_of(before.begin(), before.end(), is_letter) ||
        !std::all_of(after.begin(), after.end(), is_letter)) {
      value_error("[einsum] '", text, "' is not letters with at most one ellipsis '...'");
    }
  }

  int64_t letters() const { return static_cast<int64_t>(before.size() + after.size()); }

  Labels labels(int64_t ellipsis_ndim) const {
    Labels out;
    for (char c : before) out.push_back(c);
    for (int64_t i = ellipsis_ndim; i-- > 0;) out.push_back(kEllipsis + static_cast<int>(i));
    for (char c : after) out.push_back(c);
    return out;
  }
};

Labels input_labels(std::string_view text, const Tensor& x, size_t position) {
  const Term term(text);
  const int64_t rest = x.ndim() - term.letters();
  if (rest < 0 || (rest > 0 && !term.ellipsis)) {
    value_error("[einsum] '", text, "' does not fit operand ", position, " of shape ",
                shape_string(x.shape()), rest > 0 ? ": add '...' for the other axes" : "");
  }
  return term.labels(rest);
}

// What appears once, in alphabetical order, behind the axes of the ellipses.
Labels implicit_output(const std::map<int, int>& uses, int ellipsis_ndim) {
  Labels out = Term("...").labels(ellipsis_ndim);
  for (const auto& [label, count] : uses)
    if (count == 1 && label < kEllipsis) out.push_back(label);
  return out;
}

Labels explicit_output(std::string_view text, const std::map<int, int>& uses, int ellipsis_ndim) {
  const Term term(text);
  if (ellipsis_ndim > 0 && !term.ellipsis) {
    value_error("[einsum] the output '", text, "' needs '...' for the axes of the ellipses");
  }
  Labels out = term.labels(ellipsis_ndim);
  for (size_t i = 0; i < out.size(); ++i) {
    if (!uses.contains(out[i]))
      value_error("[einsum] output label ", label_name(out[i]), " appears in no input");
    if (std::find(out.begin(), out.begin() + i, out[i]) != out.begin() + i)
      value_error("[einsum] label ", label_name(out[i]), " appears twice in the output");
  }
  return out;
}

}  // namespace

std::string label_name(int label) {
  if (label >= kEllipsis) return "'...'";
  return std::string("'") + static_cast<char>(label) + "'";
}

Subscripts parse_subscripts(std::string_view text, TensorSpan operands) {
  const std::string plain = without_spaces(text);
  const std::string_view all = plain;
  const size_t arrow = all.find("->");
  const std::vector<std::string_view> terms = split(all.substr(0, arrow), ',');
  if (terms.size() != operands.size()) {
    value_error("[einsum] subscripts '", text, "' are for ", terms.size(), " operands, got ",
                operands.size());
  }
  Subscripts out;
  std::map<int, int> uses;
  int ellipsis_ndim = 0;
  for (size_t i = 0; i < terms.size(); ++i) {
    out.inputs.push_back(input_labels(terms[i], operands[i], i));
    for (int label : out.inputs.back()) {
      ++uses[label];
      ellipsis_ndim = std::max(ellipsis_ndim, label - kEllipsis + 1);
    }
  }
  out.output = arrow == std::string_view::npos
                   ? implicit_output(uses, ellipsis_ndim)
                   : explicit_output(all.substr(arrow + 2), uses, ellipsis_ndim);
  return out;
}

}  // namespace pyautograd::ops
