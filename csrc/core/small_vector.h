#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace pyautograd {

// A vector whose first N elements live inside the object: shapes and argument lists of ordinary ops
// never touch the heap.
template <class T, size_t N>
class SmallVector {
 public:
  using value_type = T;
  using iterator = T*;
  using const_iterator = const T*;

  SmallVector() noexcept {}
  // The filling constructors delegate: once the delegate is done, the destructor cleans up after a
  // throw.
  explicit SmallVector(size_t count) : SmallVector() {
    reserve(count);
    for (T* place = data(); size_ < count; ++size_) new (place + size_) T();
  }
  SmallVector(size_t count, const T& value) : SmallVector() { resize(count, value); }
  SmallVector(std::initializer_list<T> values) : SmallVector(values.begin(), values.end()) {}
  template <class Iterator>
    requires(!std::is_integral_v<Iterator>)
  SmallVector(Iterator first, Iterator last) : SmallVector() {
    for (; first != last; ++first) push_back(*first);
  }
  explicit SmallVector(std::span<const T> values) : SmallVector(values.begin(), values.end()) {}
  // One element, moved: a braced list can only copy.
  static SmallVector of(T value) {
    SmallVector out;
    out.emplace_back(std::move(value));
    return out;
  }
  // For results that are written in full: elements of trivial types start without a value.
  static SmallVector uninitialized(size_t count)
    requires(std::is_trivially_copyable_v<T>)
  {
    SmallVector out;
    out.reserve(count);
    out.size_ = static_cast<uint32_t>(count);
    return out;
  }
  SmallVector(const SmallVector& other) : SmallVector() {
    if constexpr (kTrivial) {
      if (other.is_inline()) {
        copy_inline(other);
        return;
      }
      reserve(other.size_);
      std::memcpy(static_cast<void*>(data()), other.data(), other.size_ * sizeof(T));
      size_ = other.size_;
    } else {
      reserve(other.size_);
      for (const T& value : other) push_back(value);
    }
  }
  SmallVector(SmallVector&& other) noexcept { take(other); }
  SmallVector& operator=(const SmallVector& other) {
    if (this == &other) return *this;
    if constexpr (kTrivial) {
      if (is_inline() && other.is_inline()) {
        copy_inline(other);
        return *this;
      }
    }
    return *this = SmallVector(other);
  }
  SmallVector& operator=(SmallVector&& other) noexcept {
    if (this != &other) {
      release();
      take(other);
    }
    return *this;
  }
  ~SmallVector() {
    destroy_elements();
    if (!is_inline()) ::operator delete(heap_);
  }

  T* data() noexcept { return is_inline() ? inline_data() : heap_; }
  const T* data() const noexcept { return is_inline() ? inline_data() : heap_; }
  size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  T& operator[](size_t i) noexcept { return data()[i]; }
  const T& operator[](size_t i) const noexcept { return data()[i]; }
  T& front() noexcept { return data()[0]; }
  const T& front() const noexcept { return data()[0]; }
  T& back() noexcept { return data()[size_ - 1]; }
  const T& back() const noexcept { return data()[size_ - 1]; }
  T* begin() noexcept { return data(); }
  T* end() noexcept { return data() + size_; }
  const T* begin() const noexcept { return data(); }
  const T* end() const noexcept { return data() + size_; }

  void reserve(size_t capacity) {
    if (capacity > capacity_) grow(capacity);
  }
  void push_back(const T& value) { emplace_back(value); }
  void push_back(T&& value) { emplace_back(std::move(value)); }
  template <class... Args>
  T& emplace_back(Args&&... args) {
    if (size_ == capacity_) {
      T value(std::forward<Args>(args)...);
      grow(size_t{size_} + std::max(size_, kInline));
      new (data() + size_) T(std::move(value));
    } else {
      new (data() + size_) T(std::forward<Args>(args)...);
    }
    return data()[size_++];  // counted once it is whole
  }
  void pop_back() noexcept { data()[--size_].~T(); }
  void resize(size_t count, const T& value = T()) {
    reserve(count);
    while (size_ < count) emplace_back(value);
    while (size_ > count) pop_back();
  }
  void insert(size_t position, T value) {
    emplace_back(std::move(value));
    for (size_t i = size_ - 1; i > position; --i) std::swap(data()[i], data()[i - 1]);
  }
  void erase(size_t position) noexcept {
    for (size_t i = position; i + 1 < size_; ++i) data()[i] = std::move(data()[i + 1]);
    pop_back();
  }
  void clear() noexcept {
    destroy_elements();
    size_ = 0;
  }

  operator std::span<const T>() const noexcept { return {data(), size_}; }
  friend bool operator==(const SmallVector& a, const SmallVector& b) {
    if (a.size_ != b.size_) return false;
    const T *x = a.data(), *y = b.data();
    for (size_t i = 0; i < a.size_; ++i)
      if (!(x[i] == y[i])) return false;
    return true;
  }

 private:
  static constexpr uint32_t kInline = N > 0 ? N : 1;
  static constexpr bool kTrivial = std::is_trivially_copyable_v<T> && kInline * sizeof(T) <= 64;

  // All of the buffer, used or not: a copy of constant size is a few moves.
  void copy_inline(const SmallVector& other) noexcept {
    std::memcpy(inline_, other.inline_, sizeof(inline_));
    size_ = other.size_;
  }

  bool is_inline() const noexcept { return capacity_ == kInline; }
  T* inline_data() noexcept { return std::launder(reinterpret_cast<T*>(inline_)); }
  const T* inline_data() const noexcept {
    return std::launder(reinterpret_cast<const T*>(inline_));
  }
  void grow(size_t capacity) {
    T* fresh = static_cast<T*>(::operator new(capacity * sizeof(T)));
    T* old = data();
    for (size_t i = 0; i < size_; ++i) {
      new (fresh + i) T(std::move(old[i]));
      old[i].~T();
    }
    if (!is_inline()) ::operator delete(heap_);
    heap_ = fresh;
    capacity_ = static_cast<uint32_t>(capacity);
  }
  void destroy_elements() noexcept {
    if constexpr (!std::is_trivially_destructible_v<T>)
      for (T *first = data(), *last = first + size_; last != first;) (--last)->~T();
  }
  void release() noexcept {
    clear();
    if (!is_inline()) ::operator delete(heap_);
    capacity_ = kInline;
  }
  void take(SmallVector& other) noexcept {
    if (other.is_inline()) {
      capacity_ = kInline;
      if constexpr (kTrivial) {
        copy_inline(other);
        other.size_ = 0;
        return;
      }
      T* source = other.inline_data();
      for (size_t i = 0; i < other.size_; ++i) {
        new (inline_data() + i) T(std::move(source[i]));
        source[i].~T();
      }
    } else {
      heap_ = other.heap_;
      capacity_ = other.capacity_;
      other.capacity_ = kInline;
    }
    size_ = other.size_;
    other.size_ = 0;
  }

  uint32_t size_ = 0;
  uint32_t capacity_ = kInline;
  union {
    T* heap_;
    alignas(T) std::byte inline_[kInline * sizeof(T)];
  };
};

// Shapes, strides and axes.
using Dims = SmallVector<int64_t, 4>;

}  // namespace pyautograd
