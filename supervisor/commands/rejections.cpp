#include "supervisor/commands/rejections.h"

#include <algorithm>
#include <utility>

#include "supervisor/commands/key_table.h"

namespace e2k::supervisor {
namespace {

constexpr size_t kKeyBytes = 200;

}  // namespace

void Rejections::add(const RecordPlace& place, std::optional<std::string_view> key, std::string reason,
                     std::optional<uint64_t> missed_entry) {
  ++total_;
  Rejection made{place.partition, place.offset, place.timestamp_ms,
                 std::string(key.value_or("").substr(0, kKeyBytes)), std::move(reason)};
  made.entry_hash = missed_entry;
  if (key) {
    made.key_hash = hash_text(*key);
    if (!keys_.insert(*made.key_hash).second)
      erase(std::ranges::find(standing_, made.key_hash, &Rejection::key_hash));
    keys_.insert(*made.key_hash);
  }
  if (missed_entry) ++missing_;
  standing_.push_back(std::move(made));
  if (standing_.size() > kRememberedRejections) erase(standing_.begin());
}

void Rejections::repaired(const RecordPlace& place, std::string_view key) {
  if (keys_.empty()) return;
  const std::optional<uint64_t> hash = hash_text(key);
  if (!keys_.contains(*hash)) return;
  const auto found = std::ranges::find(standing_, hash, &Rejection::key_hash);
  if (found->partition == place.partition && found->offset > place.offset) return;
  erase(found);
}

void Rejections::entry_is_gone(uint64_t entry_hash) {
  while (missing_ != 0) {
    const auto found =
        std::ranges::find(standing_, std::optional<uint64_t>(entry_hash), &Rejection::entry_hash);
    if (found == standing_.end()) return;
    erase(found);
  }
}

void Rejections::forget() {
  standing_.clear();
  keys_.clear();
  missing_ = 0;
}

void Rejections::erase(std::deque<Rejection>::iterator at) {
  if (at->key_hash) keys_.erase(*at->key_hash);
  if (at->entry_hash) --missing_;
  standing_.erase(at);
}

}  // namespace e2k::supervisor
