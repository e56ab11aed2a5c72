#include "autograd/op_log.h"

#include <chrono>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "autograd/engine.h"

namespace pyautograd {

std::atomic<bool> logging_ops{false};

namespace {

using Clock = std::chrono::steady_clock;

struct Keeper {
  std::mutex mutex;
  bool running = false;
  Clock::time_point start;
  OpLog log;
  std::unordered_map<std::string, uint32_t> indices;

  uint32_t index_of(const Primitive& primitive) {
    const auto [found, fresh] =
        indices.try_emplace(std::string(primitive.name()), static_cast<uint32_t>(log.names.size()));
    if (fresh) log.names.push_back(found->first);
    return found->second;
  }
};

Keeper& keeper() {
  static auto* keeper = new Keeper;  // outlives every thread
  return *keeper;
}

}  // namespace

void log_op(const Primitive& primitive) {
  Keeper& keeper = pyautograd::keeper();
  std::lock_guard lock(keeper.mutex);
  if (!keeper.running) return;
  const Node* whole = node_in_backward();
  const uint32_t part = whole ? 1 + keeper.index_of(*whole->primitive) : 0;
  const auto elapsed = std::chrono::nanoseconds(Clock::now() - keeper.start).count();
  keeper.log.events.push_back({keeper.index_of(primitive), part, elapsed, live(Live::Bytes)});
}

bool start_op_log() {
  Keeper& keeper = pyautograd::keeper();
  std::lock_guard lock(keeper.mutex);
  if (std::exchange(keeper.running, true)) return false;
  keeper.start = Clock::now();
  logging_ops = true;
  return true;
}

OpLog stop_op_log() {
  Keeper& keeper = pyautograd::keeper();
  std::lock_guard lock(keeper.mutex);
  logging_ops = keeper.running = false;
  keeper.indices.clear();
  return std::exchange(keeper.log, {});
}

}  // namespace pyautograd
