// The part of the Service that sets channels aside which end workers: it brings what dead workers leave to
// those who judge it, and carries out what they decide.
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "common/log.h"
#include "proto/held_channels.h"
#include "supervisor/fleet/slot_life.h"
#include "supervisor/service.h"
#include "supervisor/status/at_work.h"

namespace e2k::supervisor {
namespace {

using boost::system::error_code;
using std::chrono::milliseconds;

constexpr const char* kFile = "quarantine";
constexpr milliseconds kSearchPoll{100};

}  // namespace

void Service::restore_quarantine() {
  const auto bytes = directory_.kept(kFile);
  if (!bytes) return;
  auto read = Quarantine::decode(*bytes);
  if (!read) {
    directory_.discard(kFile);
    log::error(
        "quarantine.unreadable error={} remedy=\"it was moved to {}/{}.bad; channels that end workers are "
        "found anew\"",
        log::quoted(read.error().message), directory_.path(), kFile);
    return;
  }
  quarantine_ = std::move(*read);
  Shares::Orders none;
  for (const auto& [name, channel] : quarantine_.all()) shares_.bar(name, Bar::quarantined, none);
  hold();
  tell(ReasonCode::channel_quarantined, quarantine_.problem());
  if (!quarantine_.empty()) log::info("quarantine.restored channels={}", quarantine_.size());
}

std::vector<Suspicion> Service::suspicions_of(const Obituary& worker) const {
  std::vector<Suspicion> suspicions;
  const RealNs now = real_now();
  for (const AtWork& one : worker.at_work) {
    const auto id = shares_.book().entry_at({worker.slot, one.entry});
    const auto entry = id ? commands_.find(*id) : std::nullopt;
    if (!entry) continue;
    suspicions.push_back({std::string(entry->channel),
                          {worker.slot, worker.generation, worker.signal.value_or(SIGKILL), now,
                           name_of(one.thread), one.log, one.position}});
  }
  return suspicions;
}

void Service::look_for_the_guilty(const Obituary& worker) {
  // What a drainer reads is of no entry of its own.
  if (!Blame::counts(worker) || stopping_ || is_drainer(worker.slot)) return;
  const MonotonicNs now = monotonic_now();
  const auto suspicions = suspicions_of(worker);
  if (!suspicions.empty()) {
    for (Quarantined& channel : blame_.on_death(suspicions, now, real_now())) set_aside(std::move(channel));
    return;
  }
  Bisection& search = searches_[worker.slot];
  const bool began = !search.is_searching();
  const auto orders = search.on_crash(now, [&] {
    std::vector<std::string> channels;
    shares_.each_channel(worker.slot, [&](EntryId id) {
      if (const auto entry = commands_.find(id)) channels.emplace_back(entry->channel);
    });
    return channels;
  });
  if (began && search.is_searching())
    log::warn(
        "quarantine.search_begins worker={} channels={} message=\"it crashes, and nothing says over what\"",
        worker.slot.value, search.suspects());
  const Evidence last{worker.slot, worker.generation, worker.signal.value_or(SIGKILL), real_now(), "", 0, 0};
  obey(worker.slot, orders, last);
  if (search.is_searching() || orders.guilty) {
    // Back-off would make the search last for minutes.
    boost::asio::post(loop_, [this, slot = worker.slot] {
      if (!stopping_ && fleet_->has(slot) && fleet_->slot(slot).state->phase == SlotPhase::backoff)
        fleet_->restart(slot);
    });
  }
}

void Service::obey(Slot slot, const Bisection::Orders& orders, const Evidence& last) {
  Shares::Orders items;
  std::vector<EntryId> touched;
  const auto bar = [&](const std::string& name, Bar how) {
    if (quarantine_.find(name) != nullptr) return;
    shares_.bar(name, how, items);
    for (const EntryRef& entry : commands_.of_channel(name)) touched.push_back(entry.id);
  };
  for (const std::string& name : orders.withhold) bar(name, Bar::withheld);
  for (const std::string& name : orders.serve) bar(name, Bar::none);
  hold();
  apply_orders(std::move(items));
  if (orders.guilty) {
    bar(*orders.guilty, Bar::none);
    set_aside({*orders.guilty, real_now(), {last}});
  }
  if (orders.ended) log::info("quarantine.search_ended worker={} message=\"nothing was found\"", slot.value);
  shares_.touch(touched);
  if (!orders.serve.empty()) reconcile();
  for (const EntryId id : touched) board_->changed(id);
  Bisection& search = searches_[slot];
  crash_loops_.note_search(slot, search.is_searching()
                                     ? fmt::format("the channel is searched for among {}", search.suspects())
                                     : "");
  tend_searches();
}

void Service::tend_searches() {
  bool any = false;
  for (const auto& [slot, search] : searches_) any |= search.is_searching();
  if (!any || stopping_) return;
  search_timer_.expires_after(kSearchPoll);
  search_timer_.async_wait([this](const error_code& error) {
    if (error || stopping_) return;
    for (auto& [slot, search] : searches_) {
      if (!search.is_searching()) continue;
      if (!fleet_->has(slot)) {
        obey(slot, search.give_up(), {});
        continue;
      }
      const Fleet::SlotView view = fleet_->slot(slot);
      const bool serves =
          view.state->phase == SlotPhase::running && view.unapplied_items == 0 && !shares_.is_telling(slot);
      const auto orders = view.state->phase == SlotPhase::failed || view.state->phase == SlotPhase::stopped
                              ? search.give_up()
                              : search.on_time(monotonic_now(), serves);
      if (!orders.serve.empty() || orders.ended) obey(slot, orders, {});
    }
    tend_searches();
  });
}

void Service::set_aside(Quarantined channel) {
  log::error("channel.quarantined channel={} evidence={}", log::quoted(channel.channel),
             log::quoted(text_of(channel)));
  Shares::Orders orders;
  shares_.bar(channel.channel, Bar::quarantined, orders);
  const std::string name = channel.channel;
  channel.command_offset = newest_command(name);
  quarantine_.add(std::move(channel));
  quarantine_changed();
  apply_orders(std::move(orders));
  for (const EntryRef& entry : commands_.of_channel(name)) board_->changed(entry.id);
}

int64_t Service::newest_command(std::string_view channel) const {
  int64_t newest = -1;
  for (const EntryRef& entry : commands_.of_channel(channel)) newest = std::max(newest, entry.offset);
  return newest;
}

// A command that came while nobody was there ends a quarantine like any other.
void Service::take_back_commanded_anew() {
  std::vector<std::string> anew;
  for (const auto& [name, channel] : quarantine_.all())
    if (channel.command_offset >= 0 && newest_command(name) > channel.command_offset) anew.push_back(name);
  for (const std::string& name : anew) take_back(name, "it was commanded anew");
}

bool Service::take_back(std::string_view channel, const char* why) {
  const std::string name(channel);
  if (!quarantine_.remove(name)) return false;
  log::info("channel.released channel={} reason={}", log::quoted(name), log::quoted(why));
  blame_.forget(name);
  Shares::Orders none;
  shares_.bar(name, Bar::none, none);
  // Before it is assigned: what waits goes first.
  quarantine_changed();
  for (const EntryRef& entry : commands_.of_channel(name)) shares_.touch(entry.id);
  if (replay_.serving()) reconcile();
  return true;
}

// What was received of them before waits in the logs: it might be that which kills.
void Service::hold() {
  std::string held;
  for (const auto& [name, channel] : quarantine_.all()) add_held(held, name);
  for (const auto& [slot, search] : searches_)
    for (const std::string& name : search.withheld()) add_held(held, name);
  fleet_->set_held(held);
}

void Service::quarantine_changed() {
  note_kept(StateProblems::Thing::quarantine, directory_.keep(kFile, quarantine_.encode()));
  hold();
  tell(ReasonCode::channel_quarantined, quarantine_.problem());
}

}  // namespace e2k::supervisor
