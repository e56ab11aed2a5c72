#include "autograd/drawn_streams.h"

#include <algorithm>
#include <atomic>

#include "autograd/capture.h"

namespace pyautograd {

namespace {

std::atomic<uint64_t> calls{0};
constinit thread_local DrawnStreams* noted = nullptr;

}  // namespace

DrawnStreams::DrawnStreams(std::function<Tensor()> words)
    : words_(std::move(words)), serial_(++calls) {}

DrawnStreams* DrawnStreams::current() noexcept {
  Capture* const capture = Capture::current();
  return capture ? &capture->drawn() : noted;
}

void DrawnStreams::note_in(DrawnStreams* streams) noexcept { noted = streams; }

DrawnStreams::Drawn* DrawnStreams::of(const Ref<RandomSource>& source) {
  if (source->capture == serial_) return nullptr;
  const auto known = std::find_if(drawn_.begin(), drawn_.end(),
                                  [&](const Drawn& drawn) { return drawn.source == source; });
  if (known != drawn_.end()) return &*known;
  const uint64_t block = source->place().block;
  return &drawn_.emplace_back(source, block, block, words_());
}

void DrawnStreams::forget_words() noexcept {
  words_ = nullptr;
  for (Drawn& drawn : drawn_) drawn.words = Tensor();
}

std::vector<DrawnStreams::Place> DrawnStreams::take() const {
  std::vector<Place> places;
  for (const Drawn& drawn : drawn_) places.push_back(drawn.source->take(drawn.next - drawn.begin));
  return places;
}

void DrawnStreams::give_back(std::span<const Place> places) const {
  for (size_t i = places.size(); i-- > 0;)
    drawn_[i].source->give_back(places[i], drawn_[i].next - drawn_[i].begin);
}

}  // namespace pyautograd
