#include "core/storage.h"

#include <algorithm>

#include "core/allocator.h"
#include "core/backend.h"

namespace pyautograd {

namespace {

constexpr size_t kInlineBytes = 512;
constexpr size_t padded(size_t bytes) { return (bytes + 15) / 16 * 16; }

}  // namespace

Storage::Storage(void* data, size_t bytes, Device device) noexcept
    : data_(data), bytes_(bytes), device_(device) {
  count(Live::Storages, 1);
}

Storage::~Storage() {
  if (Lineage* lineage = this->lineage()) lineage->forget(*this);
  count(Live::Storages, -1);
  if (release_) {
    (*release_)();
    return;
  }
  if (present()) release_memory();
}

void Storage::release_memory() noexcept {
  if (device_.kind != Device::Kind::CPU) {
    const auto free = exposed_ ? &Backend::free_shared : &Backend::free;
    return (backend().*free)(device_.index, data_, std::max<size_t>(bytes_, 1));
  }
  count_bytes(-static_cast<int64_t>(bytes_));
  if (!is_inline()) free_data(data_, bytes_);
}

bool Storage::droppable(size_t bytes) noexcept { return bytes > kInlineBytes; }

void Storage::drop_data() noexcept {
  count_bytes(-static_cast<int64_t>(bytes_));
  free_data(data_.exchange(nullptr, std::memory_order_acq_rel), bytes_);
}

void Storage::adopt_data(Storage& other) noexcept {
  data_.store(other.data_.exchange(nullptr, std::memory_order_acq_rel), std::memory_order_release);
}

void* Storage::restored() const {
  if (Lineage* lineage = this->lineage()) lineage->restore(const_cast<Storage&>(*this));
  return data_.load(std::memory_order_acquire);
}

// The backend counts what it gives.
Ref<Storage> Storage::allocate_elsewhere(size_t bytes, Device device) {
  void* block = pool_allocate(sizeof(Storage));
  try {
    void* data = backend().allocate(device.index, std::max<size_t>(bytes, 1));
    return Ref<Storage>(new (block) Storage(data, bytes, device));
  } catch (...) {
    pool_free(block, sizeof(Storage));
    throw;
  }
}

Ref<Storage> Storage::allocate(size_t bytes, Device device) {
  if (device.kind != Device::Kind::CPU) [[unlikely]]
    return allocate_elsewhere(bytes, device);
  if (bytes <= kInlineBytes) {
    check_data_limit(bytes);
    void* block = pool_allocate(sizeof(Storage) + padded(bytes));
    count_bytes(static_cast<int64_t>(bytes));
    return Ref<Storage>(new (block) Storage(static_cast<Storage*>(block) + 1, bytes, device));
  }
  return allocate_apart(bytes);
}

Ref<Storage> Storage::allocate_apart(size_t bytes) {
  check_data_limit(bytes);
  void* data = allocate_data(bytes);
  try {
    void* block = pool_allocate(sizeof(Storage));
    count_bytes(static_cast<int64_t>(bytes));
    return Ref<Storage>(new (block) Storage(data, bytes, Device()));
  } catch (...) {
    free_data(data, bytes);
    throw;
  }
}

Ref<Storage> Storage::absent(size_t bytes, Lineage& lineage) {
  Ref<Storage> storage(new (pool_allocate(sizeof(Storage))) Storage(nullptr, bytes, Device()));
  storage->set_lineage(&lineage);
  return storage;
}

Ref<Storage> Storage::wrap(void* data, size_t bytes, Device device, bool writable,
                           std::function<void()> release) {
  auto owner = std::make_unique<std::function<void()>>(std::move(release));
  Ref<Storage> storage(new (pool_allocate(sizeof(Storage))) Storage(data, bytes, device));
  storage->release_ = std::move(owner);
  storage->writable_ = writable;
  storage->exposed_ = writable;
  return storage;
}

void Storage::destroy() noexcept {
  const size_t size = sizeof(Storage) + (is_inline() ? padded(bytes_) : 0);
  this->~Storage();
  pool_free(this, size);
}

}  // namespace pyautograd
