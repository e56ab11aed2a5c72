#pragma once

#include <functional>
#include <span>
#include <vector>

#include "autograd/random_source.h"
#include "autograd/tensor.h"

namespace pyautograd {

// The streams from outside that a call draws from while it is captured. Each of its runs begins
// where it finds them and moves them on by as much as the call did.
class DrawnStreams {
 public:
  using Place = RandomSource::Place;
  struct Drawn {
    Ref<RandomSource> source;
    uint64_t begin, next;  // blocks; where the source itself is meanwhile does not count
    Tensor words;          // in each run, those of the place that it finds
  };

  // `words` makes what stands for the words of a place.
  explicit DrawnStreams(std::function<Tensor()> words);
  // Of the call that this thread captures, for the host or for a device; or null.
  static DrawnStreams* current() noexcept;
  // Has those be noted there while a device captures; null: nowhere.
  static void note_in(DrawnStreams* streams) noexcept;

  // Of no other call in this process.
  uint64_t serial() const noexcept { return serial_; }
  // Null for what the call itself made, which is the same in each run.
  Drawn* of(const Ref<RandomSource>& source);
  const std::vector<Drawn>& all() const noexcept { return drawn_; }
  // The words are no longer needed, nor is what makes them: the call is written down.
  void forget_words() noexcept;

  // For one run, whose places these are.
  std::vector<Place> take() const;
  // The run came to nothing, and something else draws what it would have drawn.
  void give_back(std::span<const Place> places) const;

 private:
  std::function<Tensor()> words_;
  uint64_t serial_;
  std::vector<Drawn> drawn_;
};

}  // namespace pyautograd
