#include "supervisor/left_lines.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "proto/names_reader.h"

namespace e2k::supervisor {

void LeftLines::add_to(LineNews& news, Slot slot, const ledger::LedgerReader& lines,
                       const std::vector<bool>& served, const std::string& book) {
  std::vector<uint32_t> left;
  for (uint32_t i = 0; const ledger::Entry* line = lines.entry(EntryIndex{i}); ++i) {
    if (i < served.size() && served[i]) continue;
    if (line->publisher.blocked.load(std::memory_order_relaxed) == ledger::Blocked::no) continue;
    if (ledger::counts_of(*line).waiting != 0) left.push_back(i);
  }
  if (left.empty()) return;
  look_up(left, slot, book);
  const auto& topics = topics_[slot].by_index;
  for (const uint32_t index : left) {
    const auto topic = topics.find(index);
    if (topic == topics.end() || topic->second.empty()) continue;
    const ledger::Entry& line = *lines.entry(EntryIndex{index});
    BlockedTopic& blocked = news.blocked[topic->second];
    if (blocked.why == ledger::Blocked::no)
      blocked.why = line.publisher.blocked.load(std::memory_order_relaxed);
    ++blocked.entries;
    blocked.waiting += ledger::counts_of(line).waiting;
  }
}

void LeftLines::look_up(const std::vector<uint32_t>& indices, Slot slot, const std::string& book) {
  struct stat info {};
  if (::stat(book.c_str(), &info) != 0) return;
  Topics& topics = topics_[slot];
  if (std::exchange(topics.file, info.st_ino) != info.st_ino) topics.by_index.clear();
  const bool known = std::all_of(indices.begin(), indices.end(),
                                 [&](uint32_t index) { return topics.by_index.contains(index); });
  if (known) return;
  (void)names::read_book(book, slot, [&](EntryIndex index, const names::Name& name) {
    if (std::binary_search(indices.begin(), indices.end(), index.value))
      topics.by_index[index.value] = std::string(name.topic);
  });
  // What no book tells of is not looked up each time.
  for (const uint32_t index : indices) topics.by_index.try_emplace(index);
}

}  // namespace e2k::supervisor
