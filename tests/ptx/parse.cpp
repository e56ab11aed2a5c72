// Reads modules and the bodies of functions.

#include <algorithm>
#include <cstring>

#include "fault.h"
#include "memory.h"
#include "opcodes.h"
#include "program.h"
#include "text.h"

namespace ptx {

namespace {

uint32_t align(uint32_t offset, uint32_t to) { return (offset + to - 1) / to * to; }

}  // namespace

Module::Module(std::string_view text) : text_(text) { index(); }

uint64_t Module::variable(const std::string& name) const {
  const auto found = variables_.find(name);
  return found == variables_.end() ? 0 : found->second;
}

// Where the functions are, and the variables.
void Module::index() {
  Reader reader(text_);
  while (!reader.done()) {
    const size_t begin = reader.position();
    std::string_view word = reader.word();
    if (word == ".version" || word == ".target" || word == ".address_size") {
      while (reader.take(',') || !reader.word().empty())
        if (reader.peek() == '.') break;
      continue;
    }
    while (word == ".visible" || word == ".weak" || word == ".extern") word = reader.word();
    if (word != ".entry" && word != ".func") {
      reader.until(';');
      declare(reader.between(begin, reader.position()));
      continue;
    }
    if (word == ".func" && reader.take('(')) reader.until(')');
    const std::string name(reader.word());
    while (!reader.done() && reader.peek() != '{' && reader.peek() != ';') {
      if (reader.take('(')) {
        reader.until(')');
      } else if (reader.word().empty()) {
        reader.take(reader.peek());
      }
    }
    if (reader.take(';')) continue;  // a prototype
    reader.braces();
    texts_[name] = reader.between(begin, reader.position());
  }
}

void Module::declare(std::string_view statement) {
  Reader reader(statement);
  const Declaration found = parse_declaration(reader);
  const std::string name(found.name);
  if (found.space == ".shared") {
    shared_[name] = {found.bytes, found.alignment};
    return;
  }
  if (found.space != ".global" && found.space != ".const")
    fault("PTX: unknown declaration: ", statement.substr(0, 80));
  Arena& variables = arena(kVariables);
  void* data = variables.take(std::max<uint32_t>(found.bytes, 1));
  if (!data) fault("no memory left for variables of modules");
  const auto address = reinterpret_cast<uint64_t>(data);
  variables_[name] = address;
  std::byte* bytes = variables.backing(address);
  std::memset(bytes, 0, found.bytes);
  if (!reader.take('=')) return;
  const uint32_t size = bytes_of_type(found.type);
  const bool list = reader.take('{');
  do {
    const uint64_t value = parse_number(reader.word());
    std::memcpy(bytes, &value, size);
    bytes += size;
  } while (list && reader.take(','));
}

class FunctionParser {
 public:
  FunctionParser(Module& module, Function& function) : module_(module), function_(function) {}
  void parse(std::string_view text);

 private:
  struct Name {
    Operand operand;
    bool shared = false;
  };
  using Scope = std::unordered_map<std::string_view, Name>;

  void heading(Reader& reader);
  std::vector<Parameter> parameters(Reader& reader, bool in_frame);
  void body(Reader& reader);
  void directive(Reader& reader);
  void instruction(Reader& reader);
  void call(Reader& reader, Instruction& out);
  void operands(Reader& reader, Instruction& out);
  Operand operand(Reader& reader, Instruction& out);
  Operand resolve(std::string_view word);
  uint32_t in_frame(const Declaration& found);
  uint32_t in_shared(std::string_view name, const Module::Shared& variable);
  std::vector<uint32_t> offsets(Reader& reader);

  Module& module_;
  Function& function_;
  std::vector<Scope> scopes_{1};
  std::unordered_map<std::string_view, uint32_t> labels_;
  std::unordered_map<std::string_view, uint32_t> tables_;
  struct Jump {
    size_t instruction;
    std::string_view label;
  };
  std::vector<Jump> jumps_;
  std::vector<std::pair<size_t, std::vector<std::string_view>>> table_labels_;
};

const Function& Module::function(const std::string& name) {
  std::unique_ptr<Function>& known = functions_[name];
  if (known) return *known;
  const auto text = texts_.find(name);
  if (text == texts_.end()) fault("PTX: no function ", name);
  known = std::make_unique<Function>();  // before its body, which may call it
  known->name = name;
  FunctionParser(*this, *known).parse(text->second);
  return *known;
}

void FunctionParser::parse(std::string_view text) {
  Reader reader(text);
  heading(reader);
  Reader inside(reader.braces());
  body(inside);
  Instruction end;
  decode("ret", end);
  end.text = "ret; // the end";
  function_.code.push_back(end);
  for (const Jump& jump : jumps_) {
    const auto found = labels_.find(jump.label);
    if (found == labels_.end()) fault("PTX: no label ", jump.label);
    function_.code[jump.instruction].target = found->second;
  }
  for (const auto& [table, labels] : table_labels_)
    for (const std::string_view label : labels)
      function_.branch_tables[table].push_back(labels_.at(label));
  function_.frame_bytes = align(function_.frame_bytes, 16);
}

void FunctionParser::heading(Reader& reader) {
  std::string_view word = reader.word();
  while (word != ".entry" && word != ".func") word = reader.word();
  function_.entry = word == ".entry";
  if (!function_.entry && reader.peek() == '(') function_.results = parameters(reader, true);
  reader.word();
  if (reader.peek() == '(') function_.parameters = parameters(reader, !function_.entry);
  // .maxntid and its like, which ptxas reads
  while (reader.peek() != '{')
    if (reader.word().empty()) reader.take(reader.peek());
}

std::vector<Parameter> FunctionParser::parameters(Reader& reader, bool framed) {
  std::vector<Parameter> out;
  reader.expect('(');
  while (!reader.take(')')) {
    const Declaration found = parse_declaration(reader);
    Parameter parameter{std::string(found.name), 0, found.bytes};
    Operand place;
    if (framed) {
      parameter.offset = in_frame(found);
      place = {Operand::Kind::Frame, 0, parameter.offset};
    } else {
      parameter.offset = align(function_.parameter_bytes, found.alignment);
      function_.parameter_bytes = parameter.offset + found.bytes;
      place = {Operand::Kind::Constant, 0, kParamWindow + parameter.offset};
    }
    scopes_.back()[found.name] = {place};
    out.push_back(parameter);
    reader.take(',');
  }
  return out;
}

uint32_t FunctionParser::in_frame(const Declaration& found) {
  const uint32_t offset = align(function_.frame_bytes, std::max(found.alignment, 8u));
  function_.frame_bytes = offset + found.bytes;
  return offset;
}

// Variables lie apart, so that who leaves one is seen.
uint32_t FunctionParser::in_shared(std::string_view name, const Module::Shared& variable) {
  constexpr uint32_t kGap = 64;
  if (!function_.entry) fault("PTX: a variable in shared memory of a function that is no kernel");
  const uint32_t offset = align(function_.shared_bytes, std::max(variable.alignment, 16u));
  function_.shared.push_back({offset, variable.bytes});
  function_.shared_bytes = offset + variable.bytes + kGap;
  scopes_.front()[name] = {{Operand::Kind::Constant, 0, offset}, true};
  return offset;
}

void FunctionParser::body(Reader& reader) {
  while (!reader.done()) {
    if (reader.take('{')) {
      scopes_.emplace_back();
    } else if (reader.take('}')) {
      scopes_.pop_back();
    } else if (reader.peek() == '.') {
      directive(reader);
    } else {
      instruction(reader);
    }
  }
}

void FunctionParser::directive(Reader& reader) {
  Reader ahead = reader;
  const std::string_view first = ahead.word();
  if (first == ".pragma" || first == ".loc") {
    reader.until(first == ".loc" ? '\n' : ';');
    return;
  }
  const Declaration found = parse_declaration(reader);
  const bool registers = found.space == ".reg";
  std::string_view name = found.name;
  uint32_t count = found.numbered;
  for (;;) {
    if (registers && count > 0) {
      // The text lives as long as the process: the names of numbered registers are looked up by
      // their stem.
      scopes_.back()[name] = {
          {Operand::Kind::Register, static_cast<int32_t>(function_.registers), count}};
      function_.registers += count;
    } else if (registers) {
      scopes_.back()[name] = {
          {Operand::Kind::Register, static_cast<int32_t>(function_.registers++), 0}};
    } else if (found.space == ".shared") {
      in_shared(name, {found.bytes, found.alignment});
    } else if (found.space == ".param" || found.space == ".local") {
      scopes_.back()[name] = {{Operand::Kind::Frame, 0, in_frame(found)}};
    } else {
      fault("PTX: unknown declaration ", found.space);
    }
    if (!reader.take(',')) break;
    name = reader.word();
    count = 0;
    if (reader.take('<')) {
      count = static_cast<uint32_t>(parse_number(reader.word()));
      reader.expect('>');
    }
  }
  reader.expect(';');
}

void FunctionParser::instruction(Reader& reader) {
  const size_t begin = reader.position();
  Instruction out;
  if (reader.take('@')) {
    out.guard_negated = reader.take('!');
    out.guard = resolve(reader.word()).index;
  }
  const std::string_view word = reader.word();
  if (word.empty()) fault("PTX: cannot read: ", reader.rest().substr(0, 60));
  if (word.back() == ':') {
    const std::string_view label = word.substr(0, word.size() - 1);
    if (reader.peek() == '.' && reader.rest().starts_with(".branchtargets")) {
      reader.word();
      Reader list(reader.until(';'));
      tables_[label] = static_cast<uint32_t>(function_.branch_tables.size());
      table_labels_.emplace_back(function_.branch_tables.size(), std::vector<std::string_view>{});
      function_.branch_tables.emplace_back();
      do table_labels_.back().second.push_back(list.word());
      while (list.take(','));
      return;
    }
    labels_[label] = static_cast<uint32_t>(function_.code.size());
    return;
  }
  if (word == "bra" || word.starts_with("bra.")) {
    jumps_.push_back({function_.code.size(), reader.word()});
  } else if (word.starts_with("brx.idx")) {
    out.operands[out.count++] = resolve(reader.word());
    reader.expect(',');
    out.target = tables_.at(reader.word());
  } else if (word == "call" || word.starts_with("call.")) {
    call(reader, out);
  } else {
    operands(reader, out);
  }
  out.text = reader.between(begin, reader.position());
  reader.expect(';');
  try {
    decode(word, out);
  } catch (const Fault& unknown) {
    fault(unknown.what(), ": ", out.text);
  }
  function_.code.push_back(out);
}

std::vector<uint32_t> FunctionParser::offsets(Reader& reader) {
  std::vector<uint32_t> out;
  reader.expect('(');
  while (!reader.take(')')) {
    const Operand place = resolve(reader.word());
    if (place.kind != Operand::Kind::Frame) fault("PTX: an argument that is no .param");
    out.push_back(static_cast<uint32_t>(place.value));
    reader.take(',');
  }
  return out;
}

void FunctionParser::call(Reader& reader, Instruction& out) {
  Call call;
  if (reader.peek() == '(') {
    call.results = offsets(reader);
    reader.expect(',');
  }
  const std::string callee(reader.word());
  if (callee.starts_with('%')) fault("PTX: calls of unknown functions are not run");
  if (reader.take(',')) call.arguments = offsets(reader);
  call.callee = &module_.function(callee);
  out.call = static_cast<int32_t>(function_.calls.size());
  function_.calls.push_back(std::move(call));
}

void FunctionParser::operands(Reader& reader, Instruction& out) {
  const auto add = [&](const Operand& operand, size_t group) {
    if (out.count >= Instruction::kMost) fault("PTX: too many operands");
    ++out.groups[group];
    out.operands[out.count++] = operand;
  };
  for (size_t group = 0; reader.peek() != ';'; ++group) {
    if (reader.take('{')) {
      do add(operand(reader, out), group);
      while (reader.take(','));
      reader.expect('}');
    } else {
      add(operand(reader, out), group);
      if (reader.take('|')) add(operand(reader, out), group);
    }
    if (!reader.take(',')) break;
  }
}

Operand FunctionParser::operand(Reader& reader, Instruction& out) {
  if (!reader.take('[')) {
    if (reader.take('!')) fault("PTX: a negated operand is not read");
    return resolve(reader.word());
  }
  const Operand base = resolve(reader.word());
  if (reader.take('+')) {
    out.offset = static_cast<int64_t>(parse_number(reader.word()));
  } else if (reader.peek() == '-') {
    out.offset = static_cast<int64_t>(parse_number(reader.word()));
  }
  reader.expect(']');
  return base;
}

Operand FunctionParser::resolve(std::string_view word) {
  if (word.empty()) fault("PTX: no operand");
  if (word == "_") return {Operand::Kind::Register, 0, 0};
  const char first = word.front();
  if (first == '-' || (first >= '0' && first <= '9'))
    return {Operand::Kind::Constant, 0, parse_number(word)};
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    if (const auto found = scope->find(word); found != scope->end()) {
      Operand out = found->second.operand;
      if (out.kind == Operand::Kind::Register) out.value = 0;
      return out;
    }
    // %r12 of %r<20>
    const size_t stem = word.find_last_not_of("0123456789") + 1;
    if (stem == word.size()) continue;
    if (const auto found = scope->find(word.substr(0, stem)); found != scope->end()) {
      const Operand& known = found->second.operand;
      const uint64_t number = parse_number(word.substr(stem));
      if (known.kind == Operand::Kind::Register && number < known.value)
        return {known.kind, known.index + static_cast<int32_t>(number), 0};
    }
  }
  if (const int special = special_register(word); special >= 0)
    return {Operand::Kind::Special, special, 0};
  const std::string name(word);
  if (const auto found = module_.shared_.find(name); found != module_.shared_.end())
    return {Operand::Kind::Constant, 0, in_shared(found->first, found->second)};
  if (const uint64_t address = module_.variable(name)) return {Operand::Kind::Constant, 0, address};
  fault("PTX: unknown name ", word);
}

}  // namespace ptx
