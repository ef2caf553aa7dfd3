// The part of the Service that answers the control surface: what the board shows, and the changes it takes.
#include "common/log.h"
#include "supervisor/service.h"

namespace e2k::supervisor {

StatusView Service::status() const {
  return board_->status();
}

std::vector<WorkerView> Service::workers() const {
  return board_->workers();
}

std::vector<WorkerView> Service::gone_slots() const {
  return board_->gone_slots();
}

EntryPage Service::entries(const EntryQuery& query) const {
  return board_->entries(query);
}

std::vector<EntryView> Service::entries_of(std::string_view channel) const {
  return board_->entries_of(channel);
}

std::vector<std::string> Service::topics(size_t limit) const {
  return board_->topics(limit);
}

TopicPage Service::topic_page(const TopicQuery& query) const {
  return board_->topic_page(query);
}

std::vector<HostView> Service::hosts() const {
  return board_->hosts();
}

std::vector<Rejection> Service::rejections() const {
  const auto& remembered = commands_.rejections();
  return {remembered.begin(), remembered.end()};
}

bool Service::restart_worker(Slot slot, const Caller&) {
  if (slot.value >= config_.workers.count) return false;
  fleet_->restart(slot);
  return true;
}

void Service::restart_workers(bool rolling, bool only_failed, const Caller&) {
  fleet_->restart_all(rolling, only_failed);
}

size_t Service::retry(std::string_view channel, std::optional<std::string_view> topic, const Caller&) {
  size_t renewed = 0;
  harvest_reports();  // what was told of the channel already is not told again
  Shares::Orders orders;
  for (const EntryRef& entry : commands_.of_channel(channel)) {
    if (topic && entry.topic != *topic) continue;
    ++renewed;
    shares_.renew(entry.id, commands_, orders);
  }
  apply_orders(std::move(orders));
  return renewed;
}

Result<void> Service::set_paused(bool paused, const Caller&) {
  if (auto kept = directory_.keep_paused(paused); !kept) return kept;
  fleet_->set_paused(paused);
  board_->set_paused(paused);
  log::info("service.{}", paused ? "paused" : "resumed");
  return {};
}

}  // namespace e2k::supervisor
