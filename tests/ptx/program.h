#pragma once

// PTX as the machine runs it: instructions whose operands are resolved.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ptx {

struct Thread;
struct Warp;
struct Instruction;

using Step = void (*)(Thread&, const Instruction&);
// What lanes of a warp do together, once all of them have arrived.
using Meeting = void (*)(Warp&, uint32_t lanes);

// Addresses of the small spaces in the generic one. Those of the global space are the host's.
enum Window : uint64_t {
  kSharedWindow = uint64_t{1} << 56,
  kLocalWindow = uint64_t{2} << 56,
  kParamWindow = uint64_t{3} << 56,
};

struct Operand {
  enum class Kind : uint8_t { Register, Constant, Frame, Special, Function } kind;
  int32_t index = 0;   // of a register, 0 for those that nobody reads, or a special one
  uint64_t value = 0;  // a constant, or a place relative to the function's frame
};

struct Instruction {
  static constexpr size_t kMost = 10;
  Step step = nullptr;
  Meeting meeting = nullptr;
  int32_t guard = -1;  // the predicate without which it is passed over
  bool guard_negated = false;
  uint8_t count = 0;
  std::array<uint8_t, kMost> groups{};  // how many operands stood in each pair of braces
  std::array<Operand, kMost> operands{};
  int64_t offset = 0;  // of an address
  uint32_t target = 0;
  int32_t call = -1;  // in Function::calls
  std::string_view text;
};

struct Function;

struct Call {
  const Function* callee = nullptr;
  std::vector<uint32_t> arguments, results;  // in the caller's frame
};

struct Parameter {
  std::string name;
  uint32_t offset = 0, bytes = 0;
};

struct SharedVariable {
  uint32_t offset = 0, bytes = 0;
};

struct Function {
  std::string name;
  bool entry = false;
  std::vector<Parameter> parameters, results;
  std::vector<Instruction> code;
  std::vector<Call> calls;
  std::vector<std::vector<uint32_t>> branch_tables;
  std::vector<SharedVariable> shared;
  uint32_t registers = 1;
  uint32_t frame_bytes = 0;
  uint32_t parameter_bytes = 0;  // of an entry
  uint32_t shared_bytes = 0;
};

// One PTX text. Functions are decoded when they are first asked for.
class Module {
 public:
  explicit Module(std::string_view text);
  const Function& function(const std::string& name);
  // The address of a variable in the global or the constant space, or 0.
  uint64_t variable(const std::string& name) const;

  struct Shared {
    uint32_t bytes, alignment;
  };

 private:
  friend class FunctionParser;
  void index();
  void declare(std::string_view statement);

  std::string_view text_;
  std::unordered_map<std::string, std::string_view> texts_;  // of functions
  std::unordered_map<std::string, uint64_t> variables_;
  std::unordered_map<std::string, Shared> shared_;
  std::unordered_map<std::string, std::unique_ptr<Function>> functions_;
};

}  // namespace ptx
