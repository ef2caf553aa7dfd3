#include "supervisor/fleet/outbox.h"

#include <iterator>

namespace e2k::supervisor {
namespace {

// More than the item takes on the wire.
size_t wire_bytes(const AssignItem& item) {
  const auto* add = std::get_if<AddEntry>(&item);
  if (add == nullptr) return 32;
  return 48 + add->entry.topic.size() + add->entry.channel.size() + add->entry.key.size();
}

}  // namespace

void Outbox::reset(uint32_t version) {
  *this = Outbox();
  version_ = version;
}

void Outbox::add(std::vector<AssignItem> items) {
  assigned_items_ += items.size();
  unapplied_items_ += items.size();
  waiting_.insert(waiting_.end(), std::make_move_iterator(items.begin()),
                  std::make_move_iterator(items.end()));
}

void Outbox::cut() {
  while (sent_.size() < kWindow && !waiting_.empty()) {
    Assign assign;
    assign.number = ++last_number_;
    size_t bytes = 0;
    while (!waiting_.empty() && assign.items.size() < kMaxBatchItems) {
      bytes += wire_bytes(waiting_.front());
      if (bytes > kMaxBatchBytes && !assign.items.empty()) break;
      assign.items.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    const size_t items = assign.items.size();
    sent_.push_back({assign.number, items, encode(SupervisorMessage(std::move(assign)), version_)});
  }
}

bool Outbox::applied(uint64_t number, MonotonicNs now) {
  if (number >= next_to_send_) return false;
  while (!sent_.empty() && sent_.front().number <= number) {
    unapplied_items_ -= sent_.front().items;
    sent_.pop_front();
    last_progress_ = now;
  }
  return true;
}

std::vector<std::string> Outbox::due(MonotonicNs now) {
  const bool was_empty = sent_.empty();
  cut();
  if (was_empty) last_progress_ = now;
  const bool repeat = now.value - last_progress_.value >= kRepeatMs * kNsPerMs;
  if (repeat) last_progress_ = now;
  std::vector<std::string> out;
  for (const Batch& batch : sent_) {
    if (repeat || batch.number >= next_to_send_) out.push_back(batch.bytes);
  }
  next_to_send_ = last_number_ + 1;
  return out;
}

}  // namespace e2k::supervisor
