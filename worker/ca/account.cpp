#include "worker/ca/account.h"

#include <mutex>

namespace e2k::worker::ca {
namespace {

using Lock = std::lock_guard<SpinLock>;
using search::kNoServer;
using search::Server;
using search::ServerNumber;
using search::Standing;
constexpr int64_t kSkewWindowNs = 5 * kNsPerSecond;

}  // namespace

Account::Tally& Account::tally(ServerNumber server) {
  if (server >= tallies_.size()) tallies_.resize(size_t{server} + 1);
  return tallies_[server];
}

void Account::opened(ServerNumber server) {
  ++opened_;
  ++tally(server).opened;
}

void Account::failed(ServerNumber server, bool complained) {
  ++failed_;
  ++tally(server).failed;
  tally(server).complained = complained;
}

void Account::forget(ServerNumber server) {
  tally(server) = Tally{};
  delivery_.intake.forget_host(name_of(server));
}

std::string Account::name_of(ServerNumber server) const {
  return server == kNoServer ? std::string{} : search::to_string(search_.servers().at(server).address);
}

ledger::Step Account::step_of(const Channel& channel) const {
  using ledger::Step;
  switch (channel.phase) {
    case Phase::searching:
      if (channel.refusals > 0) return channel.bad_type ? Step::type_unknown : Step::name_refused;
      if (channel.name_bytes > search::kMaxSearchableNameBytes) return Step::unsearchable;
      return search_.was_asked(channel.number) ? Step::searching : Step::none;
    case Phase::waiting:
    case Phase::connecting: {
      const Server& server = search_.servers().at(channel.server);
      switch (server.standing) {
        case Standing::untried:
        case Standing::trying:
        case Standing::silent:
        case Standing::refusing:
          if (server.dumb) return Step::circuit_silent;
          if (server.refusals == 0) return Step::answered;
          if (complained(channel.server)) return Step::circuit_refused;
          if (channel.refusals == 0) return Step::answered;
          return channel.bad_type ? Step::type_unknown : Step::name_refused;
        case Standing::up:
          return channel.phase == Phase::connecting ? Step::answered : Step::circuit_lost;
        case Standing::gone:
        case Standing::hung:
          return Step::circuit_lost;
      }
      return Step::answered;
    }
    case Phase::connected:
      return Step::subscribing;
    case Phase::hung:
      return Step::circuit_hung;
  }
  return Step::none;
}

// Of a channel that is not connected: of others libca's callbacks tell.
void Account::tell(const Channel& channel) {
  const std::string host = name_of(channel.server);
  const ledger::Step step = step_of(channel);
  const Lock lock(delivery_.lock);
  if (channel.connected) return;
  for_each_entry(channel, [&](Entry& e) {
    delivery_.intake.set_host(*e.handle, host);
    delivery_.intake.set_step(*e.handle, step);
  });
}

void Account::tell_waiting(ServerNumber server) {
  for (const search::NameId id : search_.servers().at(server).names)
    if (const Channel* channel = table_.at(id)) tell(*channel);
}

void Account::introduce(const Channel& channel, const Entry& entry) {
  const ledger::Step step = step_of(channel);
  const Lock lock(delivery_.lock);
  if (channel.server != kNoServer) delivery_.intake.set_host(*entry.handle, name_of(channel.server));
  if (!channel.connected) delivery_.intake.set_step(*entry.handle, step);
}

void Account::tell_also_host(const Channel& channel, const std::string& host) {
  const Lock lock(delivery_.lock);
  for_each_entry(channel, [&](Entry& e) { delivery_.intake.set_also_host(*e.handle, host); });
}

namespace {

ledger::HostState host_state_of(const Server& server) {
  using ledger::HostState;
  switch (server.standing) {
    case Standing::untried:
      return HostState::none;
    case Standing::trying:
    case Standing::silent:
      if (server.dumb) return HostState::silent;
      return server.refusals > 0 ? HostState::refusing : HostState::trying;
    case Standing::up:
      return HostState::up;
    case Standing::refusing:
      return HostState::refusing;
    case Standing::gone:
      return server.names.empty() ? HostState::none : HostState::gone;
    case Standing::hung:
      return HostState::hung;
  }
  return HostState::none;
}

}  // namespace

void Account::tell_facts(uint32_t doubled_entries, MonotonicNs now) {
  if (now < facts_due_) return;
  facts_due_ = MonotonicNs{now.value + kNsPerSecond};
  for (ServerNumber number = 0; number < search_.servers().size(); ++number) {
    const Server& server = search_.servers().at(number);
    Tally& t = tally(number);
    const bool waits = server.standing == Standing::trying || server.standing == Standing::silent;
    const auto waiting = static_cast<uint32_t>(server.names.size() + (waits ? 1 : 0));
    const ServerFacts facts{host_state_of(server), waiting, t.opened, t.failed};
    if (facts == t.told) continue;
    if (t.told.state != facts.state) tell_waiting(number);
    t.told = facts;
    delivery_.intake.set_server(name_of(number), facts);
  }
  delivery_.intake.set_search(
      {search_.frames_sent(), search_.answers(), refused_answers_, opened_, failed_, doubled_entries});
  if (now < skew_due_) return;
  skew_due_ = MonotonicNs{now.value + kSkewWindowNs};
  delivery_.intake.turn_skew_window();
}

}  // namespace e2k::worker::ca
