#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "autograd/tensor.h"

namespace pyautograd {

struct GradSlot;

// Called with a final cotangent; returns its replacement or an absent tensor to leave it.
class TensorHook : public RefCounted {
 public:
  virtual Tensor call(const Tensor& cotangent) = 0;
};

// Called around a node's vjp. Before: inputs are empty, outputs may be replaced. After: inputs may
// be replaced.
class NodeHook : public RefCounted {
 public:
  virtual void call(Tensors& input_cotangents, Tensors& output_cotangents) = 0;
};

// Called with a leaf's node after its gradient was accumulated.
class LeafHook : public RefCounted {
 public:
  virtual void call() = 0;
};

// Hooks live on the node, so they outlast the handle they were registered through. One thread may
// register while another sweeps: hold the mutex to change a list, and sweep over a copy.
struct NodeExtras {
  struct OnTensor {
    uint32_t output;
    uint64_t id;
    Ref<TensorHook> hook;
  };
  struct OnNode {
    uint64_t id;
    Ref<NodeHook> hook;
  };
  struct OnLeaf {
    uint64_t id;
    Ref<LeafHook> hook;
  };
  struct Retained {
    uint32_t output;
    std::weak_ptr<GradSlot> slot;
  };
  std::vector<OnTensor> tensor_hooks;
  std::vector<OnNode> before;
  std::vector<OnNode> after;
  std::vector<OnLeaf> after_accumulation;
  std::vector<Retained> retained;
  std::string trace;
  mutable std::mutex mutex;

  template <class Entries>
  Entries copy_of(const Entries& entries) const {
    std::lock_guard lock(mutex);
    return entries;
  }
  void remove(uint64_t id);
  static uint64_t next_id() noexcept;
};

}  // namespace pyautograd
