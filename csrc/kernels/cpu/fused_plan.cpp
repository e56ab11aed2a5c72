#include "kernels/fused_plan.h"

#include <algorithm>
#include <map>

#include "kernels/cpu/scratch.h"

namespace pyautograd::kernels {

namespace {

constexpr uint32_t kNone = ~uint32_t{0};
// Pieces of memory of a program: scratch, then what the run is given.
constexpr uint32_t kScratch = 0, kGiven = 1;
// A step looks for its part among the last of them, each a bit of a word.
constexpr size_t kLatest = 64;

}  // namespace

// The steps in parts, and where their results lie.
class FusedPlan::Cut {
 public:
  Cut(std::span<const PlannedStep> steps, size_t given)
      : steps_(steps), given_(static_cast<uint32_t>(given)), places_(steps.size()) {
    find_needed();
    find_numbers();
    for (uint32_t i = 0; i < steps_.size(); ++i) {
      if (places_[i].needed) place(i);
    }
    done_.resize(parts_.size());
    for (uint32_t p = 0; p < parts_.size(); ++p) put_in_order(p);
    assign_memory();
  }

  std::vector<Program> programs() {
    std::vector<Program> programs;
    for (uint32_t p : order_) {
      const PlannedStep& first = steps_[parts_[p].steps[0]];
      const int64_t count = count_of(parts_[p].steps[0]);
      if (first.kernel)
        programs.emplace_back(kernel_call(first, *places_[parts_[p].steps[0]].memory));
      else if (count <= SmallProgram::kMostElements)
        programs.emplace_back(program(p, SmallProgram(count)));
      else
        programs.emplace_back(program(p, FusedProgram(count)));
    }
    return programs;
  }
  int64_t scratch_bytes() const { return scratch_bytes_; }

 private:
  struct Part {
    std::vector<uint32_t> steps;
    uint64_t waits_for = 0;  // of the latest parts, directly or not
  };
  struct Place {
    bool needed = false;
    bool number = false;  // one for all elements
    uint32_t part = kNone;
    uint32_t last_reader = kNone;  // another part
    std::optional<FusedProgram::Memory> memory = {};
    FusedProgram::Operand made = 0;
  };

  void find_needed() {
    for (size_t i = steps_.size(); i-- > 0;) {
      places_[i].needed |= steps_[i].result != PlannedStep::kNoResult;
      if (!places_[i].needed) continue;
      for (const PlannedOperand& operand : steps_[i].operands) {
        if (operand.made) places_[operand.index].needed = true;
      }
    }
  }

  // What is made of numbers alone is a number, if all that read it can take one.
  void find_numbers() {
    for (uint32_t i = 0; i < steps_.size(); ++i) {
      const PlannedStep& step = steps_[i];
      for (size_t k = 0; k < step.operands.size(); ++k) {
        const PlannedOperand& x = step.operands[k];
        const bool takes = !step.kernel && step.loop.takes_number(k);
        if (x.made && (x.kind != PlannedOperand::Kind::Elements || !takes))
          places_[x.index].number = false;
      }
      places_[i].number =
          step.loop.binary && step.count > SmallProgram::kMostElements &&
          step.result == PlannedStep::kNoResult &&
          std::all_of(step.operands.begin(), step.operands.end(), [](const PlannedOperand& x) {
            return x.kind == PlannedOperand::Kind::Number;
          });
    }
  }

  int64_t count_of(uint32_t i) const { return places_[i].number ? 1 : steps_[i].count; }
  PlannedOperand::Kind kind_of(const PlannedOperand& x) const {
    return x.made && places_[x.index].number ? PlannedOperand::Kind::Number : x.kind;
  }

  static uint64_t bit(uint32_t part) { return uint64_t{1} << part % kLatest; }
  bool is_latest(uint32_t part) const { return part + kLatest >= parts_.size(); }

  void place(uint32_t i) {
    const uint32_t part = places_[i].part = find_part(i);
    if (part == parts_.size()) add_part();
    uint64_t before = 0;
    for (const PlannedOperand& operand : steps_[i].operands) {
      if (!operand.made) continue;
      const uint32_t source = places_[operand.index].part;
      if (source == part) continue;
      before |= parts_[source].waits_for | (is_latest(source) ? bit(source) : 0);
    }
    parts_[part].steps.push_back(i);
    parts_[part].waits_for |= before;
    for (uint32_t other : waiting_) {
      if (parts_[other].waits_for & bit(part)) parts_[other].waits_for |= before;
    }
  }

  // Takes the bit of the one that is among the latest no more.
  void add_part() {
    const auto added = static_cast<uint32_t>(parts_.size());
    parts_.emplace_back();
    std::erase_if(waiting_, [&](uint32_t other) {
      const uint64_t rest = parts_[other].waits_for &= ~bit(added);
      return rest == 0 && !is_latest(other);
    });
    waiting_.push_back(added);
  }

  // The last one that need not wait for itself then.
  uint32_t find_part(uint32_t i) const {
    const PlannedStep& step = steps_[i];
    const size_t first = parts_.size() > kLatest ? parts_.size() - kLatest : 0;
    for (auto p = static_cast<uint32_t>(parts_.size()); p-- > first && !step.kernel;) {
      const uint32_t other = parts_[p].steps[0];
      if (steps_[other].kernel || count_of(other) != count_of(i)) continue;
      const bool fits = std::all_of(
          step.operands.begin(), step.operands.end(), [&](const PlannedOperand& operand) {
            if (!operand.made) return true;
            const uint32_t source = places_[operand.index].part;
            return source == p ? kind_of(operand) == PlannedOperand::Kind::Elements
                               : !(parts_[source].waits_for & bit(p));
          });
      if (fits) return p;
    }
    return static_cast<uint32_t>(parts_.size());
  }

  void put_in_order(uint32_t p) {
    if (done_[p]) return;
    done_[p] = true;
    for (uint32_t i : parts_[p].steps) {
      for (const PlannedOperand& operand : steps_[i].operands) {
        if (operand.made) put_in_order(places_[operand.index].part);
      }
    }
    order_.push_back(p);
  }

  // What other parts read lies in memory, which is free again after the last of them.
  void assign_memory() {
    for (uint32_t p : order_) {
      for (uint32_t i : parts_[p].steps) {
        for (const PlannedOperand& operand : steps_[i].operands) {
          if (operand.made && places_[operand.index].part != p)
            places_[operand.index].last_reader = p;
        }
      }
    }
    std::map<int64_t, std::vector<int64_t>> free;  // by size
    std::vector<std::vector<uint32_t>> ending(parts_.size());
    for (uint32_t p : order_) {
      for (uint32_t i : parts_[p].steps) {
        Place& place = places_[i];
        if (steps_[i].result != PlannedStep::kNoResult) {
          place.memory = FusedProgram::Memory{kGiven + given_ + steps_[i].result};
        } else if (place.last_reader != kNone) {
          std::vector<int64_t>& places = free[bytes(i)];
          if (places.empty())
            places.push_back(std::exchange(scratch_bytes_, scratch_bytes_ + bytes(i)));
          place.memory = FusedProgram::Memory{kScratch, places.back()};
          places.pop_back();
          ending[place.last_reader].push_back(i);
        }
      }
      for (uint32_t i : ending[p]) free[bytes(i)].push_back(places_[i].memory->offset);
    }
  }

  // In whole lines.
  int64_t bytes(uint32_t step) const {
    constexpr int64_t kLine = 64;
    return (count_of(step) * steps_[step].itemsize + kLine - 1) / kLine * kLine;
  }

  template <class P>
  P program(uint32_t p, P program) {
    for (uint32_t i : parts_[p].steps) {
      const PlannedStep& step = steps_[i];
      Place& place = places_[i];
      const FusedProgram::Operand first = operand_in(program, step.operands[0], p);
      if (step.loop.splice) {
        place.made =
            program.splice(*step.loop.splice, first, layout_of(step.operands[1]), place.memory);
        continue;
      }
      SmallVector<FusedProgram::Operand, 3> operands{first};
      for (size_t k = 1; k < step.operands.size(); ++k)
        operands.push_back(operand_in(program, step.operands[k], p));
      place.made = program.step(step.loop, operands, step.itemsize, place.memory);
    }
    program.finish();
    return program;
  }

  KernelCall kernel_call(const PlannedStep& step, FusedProgram::Memory out) const {
    KernelCall call{*step.kernel, out, {}};
    for (const PlannedOperand& operand : step.operands) call.inputs.push_back(memory_of(operand));
    return call;
  }

  FusedProgram::Memory memory_of(const PlannedOperand& operand) const {
    if (!operand.made) return {kGiven + operand.index, operand.offset};
    const FusedProgram::Memory& memory = *places_[operand.index].memory;
    return {memory.piece, memory.offset + operand.offset};
  }

  FusedProgram::Layout layout_of(const PlannedOperand& operand) const {
    return {memory_of(operand), operand.itemsize, operand.shape, operand.strides};
  }

  template <class P>
  FusedProgram::Operand operand_in(P& program, const PlannedOperand& operand, uint32_t part) const {
    switch (kind_of(operand)) {
      case PlannedOperand::Kind::Number:
        return program.number(memory_of(operand), operand.itemsize);
      case PlannedOperand::Kind::Layout:
        return program.memory(layout_of(operand));
      case PlannedOperand::Kind::Elements:
        break;
    }
    if (operand.made && places_[operand.index].part == part) return places_[operand.index].made;
    return program.memory(memory_of(operand), operand.itemsize);
  }

  const std::span<const PlannedStep> steps_;
  const uint32_t given_;
  std::vector<Place> places_;
  std::vector<Part> parts_;
  std::vector<uint32_t> waiting_;  // parts that may wait for one of the latest, and these
  std::vector<uint32_t> order_;    // of parts
  std::vector<bool> done_;
  int64_t scratch_bytes_ = 0;
};

void FusedPlan::KernelCall::run(std::span<char* const> pieces) const {
  const auto at = [&](FusedProgram::Memory place) { return pieces[place.piece] + place.offset; };
  SmallVector<void*, 4> memory;
  for (FusedProgram::Memory place : inputs) memory.push_back(at(place));
  kernel.run(at(out), memory);
}

FusedPlan::FusedPlan(std::span<const PlannedStep> steps, size_t given) {
  Cut cut(steps, given);
  programs_ = cut.programs();
  scratch_bytes_ = cut.scratch_bytes();
}

void FusedPlan::run(std::span<char* const> given_and_results) const {
  const Scratch<char, 4096> scratch(scratch_bytes_);
  SmallVector<char*, 16> pieces{scratch.get()};
  for (char* piece : given_and_results) pieces.push_back(piece);
  for (const Program& program : programs_)
    std::visit([&](const auto& each) { each.run(pieces); }, program);
}

}  // namespace pyautograd::kernels
