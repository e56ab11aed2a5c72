#include "machine.h"

#include <algorithm>
#include <atomic>

#include "fault.h"

namespace ptx {

namespace {

constexpr uint64_t kSlice = 1 << 18;  // instructions before another thread has its turn
constexpr int kMostIdle = 256;        // rounds in which no thread comes to an end of any kind

std::string short_name(const std::string& name) { return name.substr(0, 200); }

}  // namespace

void run(const Launch& launch) {
  static std::atomic<uint32_t> launches{0};
  uint64_t random = launch.seed | 1;
  Block block(launch, ++launches, random);
  Dimensions place;
  const uint64_t blocks = launch.grid.count();
  // Rows of blocks from a place in the middle on: no block may wait for one before it.
  const uint64_t first = launch.seed % blocks;
  for (uint64_t i = 0; i < blocks; ++i) {
    const uint64_t number = (first + i) % blocks;
    place.x = static_cast<uint32_t>(number % launch.grid.x);
    place.y = static_cast<uint32_t>(number / launch.grid.x % launch.grid.y);
    place.z = static_cast<uint32_t>(number / launch.grid.x / launch.grid.y);
    block.run(place);
  }
}

Block::Block(const Launch& launch, uint32_t launch_number, uint64_t& random)
    : launch(launch),
      launch_number_(launch_number),
      random_(random),
      per_block_(static_cast<uint32_t>(launch.block.count())) {
  threads.resize(per_block_);
  warp_epochs_.resize((per_block_ + 31) / 32);
  shared_.resize(launch.kernel->shared_bytes + launch.dynamic_shared);
  shared_shadow_.resize(shared_.size());
}

Block::~Block() = default;

uint64_t Block::draw() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return random_;
}

void Block::run(Dimensions where) {
  place = where;
  block_number_ = (where.z * launch.grid.y + where.y) * launch.grid.x + where.x;
  first_thread_ = block_number_ * per_block_;
  ++epoch_;
  std::fill(shared_.begin(), shared_.end(), std::byte{0xA5});
  std::vector<uint32_t> ready(per_block_);
  for (uint32_t i = 0; i < per_block_; ++i) {
    Thread& t = threads[i] = {};
    t.index = ready[i] = i;
    t.id = {i % launch.block.x, i / launch.block.x % launch.block.y,
            i / launch.block.x / launch.block.y};
    t.block = this;
  }
  for (int idle = 0; !ready.empty();) {
    order(ready);
    bool any = false, live = false, idles = true;
    for (const uint32_t i : ready) {
      slice(threads[i]);
      idles &= threads[i].state == State::Ready;
    }
    idle = idles ? idle + 1 : 0;
    if (idle > kMostIdle) fault(who(ready[0]), " of ", short_name(launch.kernel->name), " hangs");
    for (uint32_t warp = 0; warp < warp_epochs_.size(); ++warp) any |= meet(warp);
    ready.clear();
    if (!any) pass_barrier();
    for (const Thread& t : threads) {
      if (t.state == State::Ready) ready.push_back(t.index);
      live |= t.state != State::Done;
    }
    if (ready.empty() && live) stuck();
  }
}

// Upwards, downwards, or in any order of warps and of lanes.
void Block::order(std::vector<uint32_t>& ready) {
  const uint64_t choice = draw() % 4;
  if (choice == 0) return;
  if (choice == 1) return std::reverse(ready.begin(), ready.end());
  for (size_t i = ready.size(); i > 1; --i) std::swap(ready[i - 1], ready[draw() % i]);
}

void grow(Context& context, uint32_t bytes) {
  if (context.local.size() < bytes) context.local.resize(bytes, std::byte{0xA5});
}

void Block::start(Thread& t) {
  if (idle_contexts_.empty()) {
    contexts_.push_back(std::make_unique<Context>());
    idle_contexts_.push_back(contexts_.back().get());
  }
  t.context = idle_contexts_.back();
  idle_contexts_.pop_back();
  const Function& kernel = *launch.kernel;
  Context& context = *t.context;
  if (context.registers.size() < kernel.registers)
    context.registers.resize(kernel.registers, 0xA5A5A5A5A5A5A5A5);
  grow(context, kernel.frame_bytes);
  t.function = &kernel;
  t.r = context.registers.data();
  t.pc = kernel.code.data();
  t.at_register = kernel.registers;
  t.at_local = kernel.frame_bytes;
}

void Block::finish(Thread& t) {
  t.context->frames.clear();
  idle_contexts_.push_back(t.context);
  t.context = nullptr;
}

void Block::slice(Thread& t) {
  if (!t.context) start(t);
  const Instruction* last = t.pc;
  try {
    for (uint64_t count = 0; t.state == State::Ready && count < kSlice; ++count) {
      const Instruction& instruction = *t.pc++;
      if (instruction.guard >= 0 && (t.r[instruction.guard] != 0) == instruction.guard_negated)
        continue;
      last = &instruction;
      instruction.step(t, instruction);
    }
  } catch (const Fault& found) {
    fault(found.what(), " in ", who(t.index), " of ", short_name(launch.kernel->name),
          " at: ", last->text);
  }
  if (t.state == State::Done) finish(t);
}

// Lanes that wait for each other go on together once all of them are there or have ended.
bool Block::meet(uint32_t number) {
  const uint32_t first = number * 32, end = std::min(first + 32, per_block_);
  Warp warp{*this, number};
  bool any = false;
  for (uint32_t i = first; i < end; ++i) {
    if (threads[i].state != State::AtWarp) continue;
    const uint32_t wanted = threads[i].lanes;
    const Instruction& at = *threads[i].waits_at;
    uint32_t there = 0, missing = 0;
    for (uint32_t lane = 0; lane < 32; ++lane) {
      if (!(wanted >> lane & 1) || first + lane >= end) continue;
      const Thread& other = threads[first + lane];
      if (other.state == State::Done) continue;
      const bool here = other.state == State::AtWarp && other.lanes == wanted &&
                        other.waits_at->meeting == at.meeting;
      (here ? there : missing) |= 1u << lane;
    }
    if (missing) continue;
    at.meeting(warp, there);
    for (uint32_t lane = 0; lane < 32; ++lane)
      if (there >> lane & 1) warp.lane(lane).state = State::Ready;
    any = true;
  }
  return any;
}

bool Block::pass_barrier() {
  const Instruction* at = nullptr;
  uint32_t waiting = 0, live = 0;
  for (const Thread& t : threads) {
    if (t.state == State::Done) continue;
    ++live;
    if (t.state != State::AtBarrier) continue;
    ++waiting;
    if (at && at != t.waits_at)
      fault("threads of one block wait at different barriers in ", short_name(launch.kernel->name),
            ": ", who(t.index), " at: ", t.waits_at->text);
    at = t.waits_at;
  }
  if (waiting == 0 || waiting < live) return false;
  Warp all{*this, 0};
  if (at->meeting) at->meeting(all, 0);
  for (Thread& t : threads)
    if (t.state == State::AtBarrier) t.state = State::Ready;
  ++epoch_;
  return true;
}

void Block::stuck() {
  for (const Thread& t : threads) {
    if (t.state == State::AtBarrier || t.state == State::AtWarp)
      fault("threads wait for ever in ", short_name(launch.kernel->name), ": ", who(t.index),
            " at: ", t.waits_at->text);
  }
  fault("threads wait for ever in ", short_name(launch.kernel->name));
}

std::string Block::who(uint32_t thread) const {
  return "thread " + std::to_string(thread) + " of block " + std::to_string(block_number_);
}

Access Block::access(const Thread& t, Strength strength) const {
  return {launch_number_, first_thread_ + t.index, epoch_, warp_epochs_[t.warp()], strength};
}

std::byte* Block::shared(Thread& t, uint32_t offset, uint32_t bytes, const std::byte* written,
                         Strength strength) {
  const Kind kind = written ? Kind::Write : Kind::Read;
  const Function& kernel = *launch.kernel;
  bool inside = offset >= kernel.shared_bytes && offset + bytes <= shared_.size();
  for (const SharedVariable& variable : kernel.shared)
    inside |= offset >= variable.offset && offset + bytes <= variable.offset + variable.bytes;
  if (!inside) fault("outside of shared memory: ", bytes, " bytes at ", offset);
  Access now = access(t, strength);
  now.thread = t.index;  // blocks follow each other: the epoch tells them apart
  for (uint32_t i = 0; i < bytes; ++i) {
    const bool same = written && written[i] == shared_[offset + i];
    if (const Access* rival = touch(shared_shadow_[offset + i], now, per_block_, kind, same))
      fault("a race for shared memory at ", offset + i, " with thread ", rival->thread);
  }
  return shared_.data() + offset;
}

std::byte* Block::global(Thread& t, uint64_t address, uint32_t bytes, const std::byte* written,
                         Strength strength) {
  const Kind kind = written ? Kind::Write : Kind::Read;
  if (address < last_extent_.begin || address + bytes > last_extent_.end) {
    const Extents& extents = *launch.extents;
    const auto after =
        std::upper_bound(extents.begin(), extents.end(), address,
                         [](uint64_t at, const Extent& extent) { return at < extent.begin; });
    if (after == extents.begin() || address + bytes > std::prev(after)->end) {
      if (after == extents.begin()) fault("outside of all memory: ", bytes, " bytes at ", address);
      const Extent& former = *std::prev(after);
      fault("outside of all memory: ", kind == Kind::Write ? "writes " : "reads ", bytes,
            " bytes, ", static_cast<int64_t>(address - former.end), " after the end of ",
            former.end - former.begin, " bytes");
    }
    last_extent_ = *std::prev(after);
  }
  Arena* arena = arena_of(address);
  if (!arena) fault("not the memory of a device");
  const Access now = access(t, strength);
  Shadow* shadow = arena->shadow(address);
  std::byte* const backing = arena->backing(address);
  for (uint32_t i = 0; i < bytes; ++i) {
    const bool same = written && written[i] == backing[i];
    const Access* rival = touch(shadow[i], now, per_block_, kind, same);
    if (!rival || (fenced_ && rival->thread / per_block_ != block_number_)) continue;
    fault("a race for memory with thread ", rival->thread % per_block_, " of block ",
          rival->thread / per_block_);
  }
  return backing;
}

}  // namespace ptx
