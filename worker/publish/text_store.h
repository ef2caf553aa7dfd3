// Pure. Texts that are kept for good, packed into blocks.
//
// An allocation of its own for each would cost a short text more than itself, and one that is made between a
// producer's passing messages holds the whole page when those are gone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace e2k::worker {

class TextStore {
public:
  // What it returns stays where it is as long as the store, and is never nullptr.
  char* keep(std::string_view text) {
    if (blocks_.empty() || room_ < text.size()) add_block(text.size());
    char* const place = free_;
    free_ += text.size();
    room_ -= text.size();
    return copy(text, place);
  }
  // In the place of `kept_bytes` at `kept`, where it fits or nothing was kept behind them.
  char* replace(char* kept, size_t kept_bytes, std::string_view text) {
    if (text.size() <= kept_bytes) return copy(text, kept);
    if (kept + kept_bytes == free_) {
      free_ = kept;
      room_ += kept_bytes;
    }
    return keep(text);
  }

private:
  static constexpr size_t kBlockBytes = 32 << 10;

  static char* copy(std::string_view text, char* to) {
    if (!text.empty()) std::memcpy(to, text.data(), text.size());
    return to;
  }
  void add_block(size_t least) {
    room_ = std::max(least, kBlockBytes);
    blocks_.emplace_back(new char[room_]);
    free_ = blocks_.back().get();
  }

  std::vector<std::unique_ptr<char[]>> blocks_;
  char* free_ = nullptr;
  size_t room_ = 0;
};

}  // namespace e2k::worker
