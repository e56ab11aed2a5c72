#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace pyautograd {

class Node;

// An open-addressing hash map from nodes, made for one sweep over a graph.
template <class Value>
class NodeMap {
 public:
  size_t size() const noexcept { return size_; }
  Value* find(const Node* node) noexcept {
    return const_cast<Value*>(std::as_const(*this).find(node));
  }
  const Value* find(const Node* node) const noexcept {
    if (slots_.empty()) return nullptr;
    for (size_t i = home(node);; i = next(i)) {
      if (slots_[i].node == node) return &slots_[i].value;
      if (!slots_[i].node) return nullptr;
    }
  }
  // False, and no change, if the node is there already.
  bool insert(const Node* node, Value value) {
    if ((size_ + 1) * 2 > slots_.size()) grow();
    size_t i = home(node);
    for (; slots_[i].node; i = next(i)) {
      if (slots_[i].node == node) return false;
    }
    slots_[i] = {node, value};
    ++size_;
    return true;
  }
  void assign(const Node* node, Value value) {
    if (Value* found = find(node)) {
      *found = value;
    } else {
      insert(node, value);
    }
  }
  void erase(const Node* node) noexcept {
    size_t hole = home(node);
    while (slots_[hole].node != node) {
      if (!slots_[hole].node) return;
      hole = next(hole);
    }
    // Entries behind the hole move up unless that would put them before their home.
    for (size_t i = next(hole); slots_[i].node; i = next(i)) {
      const size_t wanted = home(slots_[i].node);
      if (((i - wanted) & mask()) >= ((i - hole) & mask())) {
        slots_[hole] = slots_[i];
        hole = i;
      }
    }
    slots_[hole].node = nullptr;
    --size_;
  }

 private:
  struct Slot {
    const Node* node = nullptr;
    Value value{};
  };
  size_t mask() const noexcept { return slots_.size() - 1; }
  size_t next(size_t i) const noexcept { return (i + 1) & mask(); }
  size_t home(const Node* node) const noexcept {
    const uint64_t mixed = (reinterpret_cast<uintptr_t>(node) >> 4) * 0x9E3779B97F4A7C15u;
    return (mixed >> 24) & mask();
  }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? 16 : slots_.size() * 2);
    old.swap(slots_);
    size_ = 0;
    for (const Slot& slot : old) {
      if (slot.node) insert(slot.node, slot.value);
    }
  }

  std::vector<Slot> slots_;
  size_t size_ = 0;
};

}  // namespace pyautograd
