// The part of the Service that answers the control surface: what the board shows, and the changes it takes.
#include <algorithm>
#include <iterator>
#include <utility>

#include "common/log.h"
#include "supervisor/service.h"
#include "supervisor/status/spool_texts.h"

namespace e2k::supervisor {
namespace {

std::string entries_text(uint64_t entries) {
  return entries == 1 ? "1 entry" : std::to_string(entries) + " entries";
}

}  // namespace

StatusView Service::status() const {
  StatusView view = board_->status();
  if (reload_ != nullptr) view.reload = reload_->view();
  return view;
}

std::vector<WorkerView> Service::workers() const {
  return board_->workers();
}

std::vector<WorkerView> Service::gone_slots() const {
  return board_->gone_slots();
}

InSlices<EntryPage> Service::entries_in_slices(EntryQuery query) const {
  return board_->entries_in_slices(std::move(query));
}

std::vector<EntryView> Service::entries_of(std::string_view channel) const {
  return board_->entries_of(channel);
}

InSlices<std::vector<std::string>> Service::topics_in_slices(size_t limit) const {
  return board_->topics_in_slices(limit);
}

InSlices<TopicPage> Service::topic_page_in_slices(TopicQuery query) const {
  return board_->topic_page_in_slices(std::move(query));
}

std::vector<HostView> Service::hosts() const {
  return channel_round_.with_lost(board_->hosts());
}

std::vector<Transition> Service::standing() {
  note_changes();
  std::vector<Transition> all = transitions_.standing();
  const auto& entries = board_->entries_by_state();
  for (size_t i = 0; i < entries.size(); ++i)
    if (const auto state = static_cast<ShownState>(i); entries[i] > 0 && state != ShownState::connected)
      all.push_back({"channels", "", to_string(state), entries_text(entries[i])});
  return all;
}

void Service::note_changes() {
  Looked now;
  now.service = picture_of_service(board_->state());
  now.reasons = picture_of(reasons_.list());
  now.workers = picture_of(board_->worker_states());
  now.hosts = picture_of(hosts());
  for (const auto& [topic, why] : spools_.blocked_topics())
    now.topics["topic " + topic] = {"blocked", std::string("it ") + cause_of(why)};
  const RealNs time = real_now();
  for (const Transition& one : transitions_.take(std::move(now))) event_log_.add(one, time);
  for (const Transition& one : entry_transitions()) event_log_.add(one, time);
}

std::vector<Transition> Service::entry_transitions() {
  std::vector<Transition> all;
  for (const EntryChanges::Group& group : board_->take_entry_changes()) {
    const std::string before = group.before ? to_string(*group.before) : "";
    std::vector<Transition> each;
    std::string names;
    for (size_t i = 0; i < group.some.size(); ++i) {
      const auto entry = board_->entry(group.some[i]);
      if (!entry) continue;
      if (i < EntryChanges::kNames) names += (names.empty() ? ": " : ", ") + entry->channel;
      each.push_back({"channel " + entry->channel + " for " + entry->topic, before, to_string(group.now),
                      entry->reason});
    }
    if (group.entries > EntryChanges::kTold)
      each = {{"channels", before, to_string(group.now), entries_text(group.entries) + names + ", …"}};
    std::ranges::move(each, std::back_inserter(all));
  }
  return all;
}

std::vector<Rejection> Service::rejections() const {
  const auto& remembered = commands_.rejections();
  return {remembered.begin(), remembered.end()};
}

bool Service::restart_worker(Slot slot, const Caller&) {
  const bool is_there = replace(slot);
  end_loans();
  return is_there;
}

void Service::restart_workers(bool rolling, bool only_failed, const Caller&) {
  std::vector<Slot> chosen;
  for (const auto& view : fleet_->slots()) {
    const SlotPhase phase = view.state->phase;
    if (!only_failed || phase == SlotPhase::failed || phase == SlotPhase::backoff)
      chosen.push_back(view.slot);
  }
  if (rolling && !only_failed) roll_all();
  for (const Slot slot : chosen) {
    if (rolling)
      rolling_.add(slot);
    else
      fleet_->restart(slot);
  }
  roll_on();
  end_loans();
}

size_t Service::retry(std::string_view channel, std::optional<std::string_view> topic, const Caller&) {
  if (quarantine_.find(channel) != nullptr) {
    const size_t entries = commands_.of_channel(channel).size();
    take_back(channel, "epics2kafkactl retry");
    if (entries != 0) return entries;
  }
  size_t renewed = 0;
  Shares::Orders orders;
  for (const EntryRef& entry : commands_.of_channel(channel)) {
    if (topic && entry.topic != *topic) continue;
    ++renewed;
    snapshot_due_ |= harvest_->of_entry(entry.id);  // what was told already is not told again
    shares_.renew(entry.id, commands_, orders);
  }
  apply_orders(std::move(orders));
  return renewed;
}

bool Service::set_log_level(const std::string& level, std::optional<Slot> worker, const Caller&) {
  if (worker && !fleet_->has(*worker)) return false;
  fleet_->set_log_level(level, worker);
  if (!worker) (void)log::set_level(level);
  return true;
}

Result<uint64_t> Service::reload(const Caller&) {
  if (reload_ == nullptr || stopping_) return fail("the service is about to stop");
  auto number = reload_->begin([this](bool good) { on_judged(good); });
  if (!number) return number;
  log::info("reload.begun number={} config={}", *number, log::quoted(config_.path));
  notify_.reloading();
  return number;
}

void Service::on_judged(bool good) {
  if (stopping_) return;
  if (good) {
    const Error why = reload_->execute();
    log::error("reload.failed error={} message=\"nothing has changed\"", log::quoted(why.message));
  }
  notify_.reload_ended();
  tell_service_manager();
}

Result<void> Service::set_paused(bool paused, const Caller&) {
  if (auto kept = directory_.keep_paused(paused); !kept) return kept;
  fleet_->set_paused(paused);
  board_->set_paused(paused);
  log::info("service.{}", paused ? "paused" : "resumed");
  return {};
}

}  // namespace e2k::supervisor
