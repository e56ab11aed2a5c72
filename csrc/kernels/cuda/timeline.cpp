#include "kernels/cuda/timeline.h"

#include <algorithm>
#include <utility>

namespace pyautograd::kernels::cuda {

uint64_t& Timeline::entry(Clocks& clocks, int stream) {
  const size_t place = static_cast<size_t>(stream);
  if (clocks.size() <= place) clocks.resize(place + 1);
  return clocks[place];
}

int Timeline::open(int priority, bool captures) {
  for (int s = 0; s < count(); ++s) {
    Stream& old = at(s);
    if (old.open || old.priority != priority || old.captures != captures) continue;
    old.open = true;
    return s;
  }
  auto stream = std::make_unique<Stream>();
  stream->priority = priority;
  stream->captures = captures;
  stream->handle = system_.make_stream(priority);
  stream->tail = system_.make_event(false);
  stream->mark = system_.make_event(false);
  streams_.push_back(std::move(stream));
  return count() - 1;
}

bool Timeline::is_open(int stream) const {
  return stream >= 0 && stream < count() && streams_[static_cast<size_t>(stream)]->open;
}

bool Timeline::ordered(int stream, Use use) {
  return use.stream == stream || entry(at(stream).seen, use.stream) >= use.tick ||
         at(use.stream).done >= use.tick;
}

void Timeline::order(int stream, Use use) {
  if (ordered(stream, use)) return;
  Stream& from = at(use.stream);
  system_.record(from.tail, from.handle);
  system_.follow(at(stream).handle, from.tail);
  join(stream, before_event(use.stream));
}

void Timeline::order_after_all(int stream) {
  for (int s = 0; s < count(); ++s) {
    if (!at(s).captured) order(stream, now(s));
  }
}

void Timeline::follow_default(int stream) {
  if (!others_) others_ = system_.make_event(false);
  system_.record(others_, system_.default_stream());
  system_.follow(at(stream).handle, others_);
}

bool Timeline::finished(Use use) {
  Stream& stream = at(use.stream);
  if (stream.done >= use.tick) return true;
  if (stream.marked == 0) {
    system_.record(stream.mark, stream.handle);
    stream.marked = stream.tick++;
  }
  if (!system_.reached(stream.mark)) return false;
  stream.done = std::max(stream.done, std::exchange(stream.marked, 0));
  return stream.done >= use.tick;
}

Clocks Timeline::before_event(int stream) {
  Stream& from = at(stream);
  Clocks clocks = from.seen;
  entry(clocks, stream) = from.tick++;
  return clocks;
}

void Timeline::join(int stream, const Clocks& clocks) {
  Clocks& seen = at(stream).seen;
  for (size_t s = 0; s < clocks.size(); ++s) {
    uint64_t& mine = entry(seen, static_cast<int>(s));
    mine = std::max(mine, clocks[s]);
  }
}

void Timeline::wait_for_all() {
  for (const auto& stream : streams_) {
    if (stream->captured) continue;
    system_.wait(stream->handle);
    stream->done = stream->tick++;
  }
}

}  // namespace pyautograd::kernels::cuda
