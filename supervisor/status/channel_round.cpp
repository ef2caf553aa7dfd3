#include "supervisor/status/channel_round.h"

#include <algorithm>
#include <utility>

namespace e2k::supervisor {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// No server has answered for the name, or one did that has not this name.
bool is_unanswered(ledger::Step step) {
  using ledger::Step;
  return step != Step::answered && step != Step::circuit_refused && step != Step::circuit_silent;
}

void add(std::vector<UnfoundChannel>& names, std::string_view channel) {
  if (names.size() < ChannelRound::kNames &&
      std::ranges::find(names, channel, &UnfoundChannel::name) == names.end())
    names.push_back({std::string(channel)});
}

}  // namespace

// One that is gone for a worker and serves another has those channels no more.
void ChannelRound::note_hosts(const std::vector<HostView>& hosts, RealNs now) {
  lost_hosts_.note(hosts, now);
  using ledger::HostState;
  in_trouble_.clear();
  for (const HostView& host : hosts)
    if (host.state != HostState::none && host.state != HostState::up && !is_up_elsewhere(host))
      in_trouble_.insert(host.host);
}

bool ChannelRound::waits_for_server(uint32_t id, std::string_view channel, const ledger::LedgerReader& reader,
                                    const ledger::Entry& line) {
  const uint16_t host = line.ca.host.load(kRelaxed);
  if (host == 0) return lost_hosts_.waits(id, channel);
  if (!in_trouble_.contains(reader.host_name(host))) return false;
  lost_hosts_.waits_by_ledger(id, channel);
  return true;
}

void ChannelRound::see(uint32_t id, std::string_view channel, const ledger::LedgerReader& reader,
                       const ledger::Entry& line) {
  const uint16_t host = line.ca.host.load(kRelaxed);
  const ledger::EntryState state = line.ca.state.load(kRelaxed);
  const bool had_it = state != ledger::EntryState::never_connected && state != ledger::EntryState::pending;
  if (host != 0 && had_it) lost_hosts_.connected(id, channel, reader.host_name(host));
  switch (state) {
    case ledger::EntryState::unused:
    case ledger::EntryState::pending:
      see_pending(id, channel);
      break;
    case ledger::EntryState::never_connected:
      if (!is_unanswered(line.ca.step.load(kRelaxed))) break;
      ++running_.never_connected;
      add(running_.never_connected_names, channel);
      break;
    case ledger::EntryState::disconnected:
      if (waits_for_server(id, channel, reader, line)) break;
      ++running_.lost;
      add(running_.lost_names, channel);
      break;
    case ledger::EntryState::connected:
    case ledger::EntryState::denied:
    case ledger::EntryState::no_data:
      meant_.see(channel);
      break;
  }
  const uint16_t also = line.ca.also_host.load(kRelaxed);
  if (also != 0 && running_.duplicates.size() < kNames)
    running_.duplicates.push_back({std::string(channel), reader.host_name(host), reader.host_name(also)});
}

void ChannelRound::end_round() {
  std::vector<std::string> names;
  for (const UnfoundChannel& one : running_.never_connected_names) names.push_back(one.name);
  meant_.look_for(names);
  lost_hosts_.end_round();
  known_ = std::exchange(running_, {});
  for (UnfoundChannel& one : known_.never_connected_names) one.meant = meant_.meant_by(one.name);
}

}  // namespace e2k::supervisor
