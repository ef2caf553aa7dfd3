// Pure. Bytes that grow and are never cleared to zero: an encoder reserves the most that it may write, writes
// through the pointer, and commits what it wrote.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace e2k::worker {

class Buffer {
public:
  // Room for `bytes` more behind size(); valid until the next call.
  char* reserve(size_t bytes) {
    if (capacity_ - size_ < bytes) grow(bytes);
    return data_.get() + size_;
  }
  void commit(size_t bytes) { size_ += bytes; }
  void commit_to(const char* end) { size_ = static_cast<size_t>(end - data_.get()); }
  void append(std::string_view text) {
    std::memcpy(reserve(text.size()), text.data(), text.size());
    size_ += text.size();
  }
  void truncate(size_t size) { size_ = size; }
  void clear() { size_ = 0; }
  const char* data() const { return data_.get(); }
  size_t size() const { return size_; }
  std::string_view view() const { return {data_.get(), size_}; }

private:
  void grow(size_t bytes) {
    size_t wanted = size_ + bytes;
    size_t larger = capacity_ * 2 > wanted ? capacity_ * 2 : wanted;
    if (larger < 1024) larger = 1024;
    std::unique_ptr<char[]> moved(new char[larger]);
    if (size_ != 0) std::memcpy(moved.get(), data_.get(), size_);
    data_ = std::move(moved);
    capacity_ = larger;
  }

  std::unique_ptr<char[]> data_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace e2k::worker
