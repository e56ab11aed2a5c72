#include "core/fingerprint.h"

#include <algorithm>
#include <cstring>

namespace pyautograd {

namespace {

constexpr int64_t kAllOf = 1024;  // words or elements in a row: up to here every one counts
constexpr int64_t kPlaces = 64;
constexpr int64_t kAtPlace = 8;  // words, a line of the cache

// A sum of products of the halves of words, each mixed with a key of its place (NH: J. Black et
// al., UMAC, CRYPTO 1999).
uint64_t hashed(const std::byte* at, int64_t words, uint64_t key) noexcept {
  uint64_t sum = 0;
  for (int64_t i = 0; i < words; ++i, key += 0x9E3779B97F4A7C15u) {
    uint64_t word;
    std::memcpy(&word, at + i * 8, 8);
    word ^= key;
    sum += (word & 0xFFFFFFFFu) * (word >> 32);
  }
  return sum;
}

uint64_t hashed_element(const std::byte* at, int64_t bytes, uint64_t key) noexcept {
  std::byte words[16] = {};
  std::memcpy(words, at, static_cast<size_t>(std::min<int64_t>(bytes, 16)));
  return hashed(words, 2, key);
}

uint64_t hashed_row(const std::byte* at, int64_t bytes) noexcept {
  const int64_t words = bytes / 8;
  if (words <= kAllOf)
    return hashed(at, words, 0x9E3779B97F4A7C15u) +
           hashed_element(at + words * 8, bytes % 8, 0x9FB21C651E98DF25u);
  uint64_t sum = 0;
  for (int64_t i = 0; i < kPlaces; ++i) {
    const int64_t place = (words - kAtPlace) * i / (kPlaces - 1);
    sum += hashed(at + place * 8, kAtPlace, static_cast<uint64_t>(i + 1) * 0x9FB21C651E98DF25u);
  }
  return sum;
}

// Offset of an element counted row by row.
int64_t offset_of(const Array& x, int64_t element) noexcept {
  if (x.shape.size() == 1) return element * x.strides[0];
  int64_t offset = 0;
  for (size_t d = x.shape.size(); d-- > 0; element /= x.shape[d])
    offset += element % x.shape[d] * x.strides[d];
  return offset;
}

}  // namespace

uint32_t fingerprint(const Array& x) noexcept {
  const int64_t count = x.size(), item = itemsize(x.dtype);
  if (count == 0 || x.device != Device() || !x.storage->present()) return 0;
  const auto* first = static_cast<const std::byte*>(x.storage->data()) + x.offset * item;
  int64_t before = 0, after = 0;
  for (size_t d = 0; d < x.shape.size(); ++d) {
    const int64_t reach = (x.shape[d] - 1) * x.strides[d];
    (reach < 0 ? before : after) += reach;
  }
  uint64_t sum = 0;
  if (after - before == count - 1) {  // without gaps, in whatever order
    sum = hashed_row(first + before * item, count * item);
  } else {
    const int64_t most = x.shape.size() == 1 ? kAllOf : kPlaces;
    const int64_t places = count <= most ? count : kPlaces;
    for (int64_t i = 0; i < places; ++i) {
      const int64_t element = places == count ? i : (count - 1) * i / (places - 1);
      sum += hashed_element(first + offset_of(x, element) * item, item,
                            static_cast<uint64_t>(i + 1) * 0x9FB21C651E98DF25u);
    }
  }
  return static_cast<uint32_t>(sum ^ sum >> 32);
}

}  // namespace pyautograd
