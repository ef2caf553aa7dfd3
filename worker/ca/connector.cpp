#include "worker/ca/connector.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "common/log.h"

namespace e2k::worker::ca {
namespace {

using Lock = std::lock_guard<SpinLock>;
using search::kNoServer;
using search::Persistence;
using search::Server;
using search::ServerNumber;
using search::Servers;
using search::Standing;

// A refusal so soon after libca's complaint of a type is one for that type.
constexpr int64_t kBadTypeNs = 5 * kNsPerSecond;

}  // namespace

Connector::Connector(Delivery& delivery, ChannelTable& table, Subscriber& subscriber,
                     search::Responder& responder, ConnectFailures& failures)
    : delivery_(delivery),
      table_(table),
      subscriber_(subscriber),
      responder_(responder),
      failures_(failures),
      scouts_(failures) {}

Connector::~Connector() = default;

Result<void> Connector::open(const search::SearchEnvironment& environment, MonotonicNs now) {
  auto client = search::SearchClient::open(table_, environment, now);
  if (!client) return tl::unexpected(client.error());
  search_ = std::move(*client);
  account_.emplace(delivery_, table_, *search_);
  doubles_.emplace(table_, *search_, *account_);
  return {};
}

Channel* Connector::current(const Due& due) const {
  Channel* channel = table_.at(due.number);
  return channel && channel->incarnation == due.incarnation && !channel->doomed ? channel : nullptr;
}

MonotonicNs& Connector::went_on(ServerNumber server) {
  if (server >= went_on_.size()) went_on_.resize(size_t{server} + 1, MonotonicNs{INT64_MIN / 2});
  return went_on_[server];
}

// The names of a server go on together once in kGoOnNs, and once after each change of its standing.
bool Connector::may_go_on(ServerNumber server, MonotonicNs now) {
  const MonotonicNs last = went_on(server);
  return now.value - last.value > kGoOnNs || last < servers().at(server).since;
}

void Connector::introduce(const Channel& channel, const Entry& entry) {
  account_->introduce(channel, entry);
  const ServerNumber other = doubles_->other_of(channel);
  if (other == kNoServer) return;
  const Lock lock(delivery_.lock);
  delivery_.intake.set_also_host(*entry.handle, account_->name_of(other));
}

// --- what is asked of libca and the search

void Connector::step_on(Channel& channel, WayEvent event, ServerNumber server, MonotonicNs now) {
  const WayStep s = step(channel.phase, event);
  if (channel.phase == Phase::connecting) --connecting_;
  if (s.next == Phase::connecting) ++connecting_;
  if (channel.phase == Phase::hung) --hung_;
  if (s.next == Phase::hung) ++hung_;
  channel.phase = s.next;
  if (s.actions == 0) return;
  const uint32_t number = channel.number;
  if (s.actions & kClear) forget_chid(channel);
  if (s.actions & kStopSearch) search_->remove(number, now);
  if (s.actions & kLeave) servers().leave(number);
  if (s.actions & kPark) {
    channel.server = server;
    servers().park(number, server, now);
  }
  if (s.actions & kFail) fail_scout(channel, now);
  if (s.actions & kCreate) create(channel, server, now);
  if (s.actions & kSearch) search_->add(number, Persistence::until_answered, now);
  if (s.actions & kSearchBriefly) search_->add(number, Persistence::few_tries, now);
  if (s.actions & kSearchLater) {
    const int level = search::SearchClient::kRefusedLevel + channel.refusals;
    note_refusal(channel, now);
    account_->refused_answer();
    search_->add(number, Persistence::until_answered, now, static_cast<uint8_t>(level));
  }
  if (s.actions & (kPark | kCreate | kSearchLater)) account_->tell(channel);
}

void Connector::create(Channel& channel, ServerNumber server, MonotonicNs now) {
  {
    const Lock lock(delivery_.lock);
    ++channel.incarnation;
  }
  channel.server = server;
  channel.circuit = static_cast<uint8_t>(servers().at(server).circuit + (channel.refusals > 0 ? kAlone : 0));
  channel.introduced = false;
  scouts_.forget(channel);
  if (doubles_->other_of(channel) == server) doubles_->end(channel);
  const int status =
      ca_create_channel(channel.name_, e2k_on_connection, &channel, channel.circuit, &channel.id);
  flush_needed_ = true;
  look_later(channel, MonotonicNs{now.value + kConnectNs});
  look_due_ = std::min(look_due_, MonotonicNs{now.value + kLookNs});
  if (status == ECA_NORMAL) {
    ca_replace_access_rights_event(channel.id, e2k_on_access_rights);
    return;
  }
  // It stays unknown to libca; look_at_late() finds it so, and it is searched for again.
  log::error("channel.refused channel={} reason={}", log::quoted(channel.name()),
             log::quoted(ca_message(status)));
  channel.id = nullptr;
}

// Clears the channel in libca. No callback of this chid runs any more afterwards.
void Connector::forget_chid(Channel& channel) {
  {
    const Lock lock(delivery_.lock);
    channel.condemned = true;
  }
  if (channel.id) ca_clear_channel(std::exchange(channel.id, nullptr));
  flush_needed_ = true;
  const Lock lock(delivery_.lock);
  for (Subscription* s = channel.subscriptions; s; s = s->next) s->id = nullptr;  // they went with it
  channel.connected = channel.denied = channel.muted = channel.condemned = false;
  if (!delivery_.stopped) delivery_.crossings.channel_silent(channel);
  channel.subscribed_type = kNoType;
}

void Connector::wanted(Channel& channel, bool is_new, MonotonicNs now) {
  if (is_new)
    search_->add(channel.number, Persistence::until_answered, now);
  else if (channel.phase != Phase::searching || search_->was_asked(channel.number))
    step_on(channel, WayEvent::wanted, kNoServer, now);
}

bool Connector::is_unasked(const Channel& channel) const {
  return channel.phase == Phase::searching && channel.name_bytes <= search::kMaxSearchableNameBytes &&
         !search_->was_asked(channel.number);
}

void Connector::look_later(const Channel& channel, MonotonicNs at) {
  late_.emplace(at, Due{channel.number, channel.incarnation, at});
}

void Connector::revived(const Channel& channel, MonotonicNs now) {
  if (channel.phase == Phase::connecting) look_later(channel, MonotonicNs{now.value + kConnectNs});
}

void Connector::release(Channel& channel, MonotonicNs now) {
  search_->remove(channel.number, now);
  servers().leave(channel.number);
  doubles_->end(channel);
  scouts_.forget(channel);
  if (channel.phase == Phase::hung) --hung_;
  if (channel.phase == Phase::connected) servers().cleared(channel.server, now);
  if (channel.phase == Phase::connecting) {
    --connecting_;
    if (servers().at(channel.server).scout == channel.number) servers().scout_left(channel.server, now);
  }
  if (channel.id) forget_chid(channel);
}

// --- notices and answers

void Connector::take(const Notice& notice, MonotonicNs now) {
  Channel* channel = table_.at(notice.channel);
  if (!channel || channel->incarnation != notice.incarnation || channel->doomed) return;
  bool connected;
  {
    const Lock lock(delivery_.lock);
    connected = channel->connected;
  }
  switch (notice.what) {
    case Notice::What::up:
      if (connected) on_up(*channel, now);
      break;
    case Notice::What::down:
      if (!connected && channel->phase == Phase::connected) on_down(*channel, now);
      break;
    case Notice::What::meeting:
    case Notice::What::crossed:
      break;  // the Keeper's
    case Notice::What::readable:
    case Notice::What::unfit:
    case Notice::What::excess:
    case Notice::What::malformed:
      subscriber_.take(*channel, notice.what, now);
      break;
  }
}

void Connector::on_up(Channel& channel, MonotonicNs now) {
  const ServerNumber server = channel.server;
  const bool counts = channel.phase != Phase::connected;
  step_on(channel, WayEvent::up, server, now);
  channel.refusals = 0;
  channel.bad_type = false;
  scouts_.forget(channel);
  if (counts) {
    if (servers().connected(server, now)) {
      account_->opened(server);
      if (lines_.admit(now)) log::info("server.up server={}", account_->name_of(server));
      go_on(server, now);
    } else if (may_go_on(server, now) && !servers().at(server).names.empty()) {
      go_on(server, now);  // one that it had let go of is back: the others may be
    }
  }
  if (connecting_ > kBurst || !held_.empty())
    held_.push_back({channel.number, channel.incarnation, MonotonicNs{now.value + kHoldNs}});
  else
    subscriber_.on_up(channel, now);
}

// The first of those that wait with their subscriptions waits for the connections, but no longer than this.
MonotonicNs Connector::held_until() const {
  if (held_.empty()) return MonotonicNs{INT64_MAX};
  return connecting_ > kBurst ? held_.front().at : MonotonicNs{INT64_MIN};
}

void Connector::subscribe_held(MonotonicNs now) {
  if (now < std::max(held_until(), subscribes_at_)) return;
  subscribes_at_ = MonotonicNs{now.value + kSubscribeEveryNs};
  for (size_t n = 0; n < kSubscribesAtOnce && now >= held_until(); ++n) {
    Channel* channel = current(held_.front());
    held_.pop_front();
    if (channel && channel->phase == Phase::connected) subscriber_.on_up(*channel, now);
  }
}

void Connector::on_down(Channel& channel, MonotonicNs now) {
  const ServerNumber server = channel.server;
  const bool stands = has_circuit(channel.id);
  const Standing before = servers().at(server).standing;
  servers().lost(server, stands, now);
  step_on(channel, stands ? WayEvent::down_hung : WayEvent::down_gone, server, now);
  const Standing after = servers().at(server).standing;
  if (before == after) return;
  look_due_ = std::min(look_due_, MonotonicNs{now.value + kLookNs});
  search_->server_lost(server);
  if (lines_.admit(now))
    log::warn("server.{} server={}", after == Standing::hung ? "hangs" : "gone", account_->name_of(server));
}

void Connector::on_answer(const search::Answer& answer, MonotonicNs now) {
  Channel* channel = table_.at(answer.id);
  if (!channel || channel->doomed) return;
  const bool same = channel->server == answer.server;
  Server const& server = servers().at(answer.server);
  const auto verdict = [&] {
    return servers().answered(answer.server, answer.id, answer.minor_version, now);
  };
  switch (channel->phase) {
    case Phase::searching:
    case Phase::waiting:
      on_answer_for_free(*channel, answer, now);
      break;
    case Phase::hung:
      // On the same server a new circuit only, once it is known to be one; or where its own broke unnoticed.
      if (same && server.standing == Standing::up && channel->circuit % kAlone == server.circuit) {
        if (has_circuit(channel->id)) break;
        step_on(*channel, WayEvent::circuit_gone, answer.server, now);
      }
      if (verdict() != Servers::Verdict::wait) step_on(*channel, WayEvent::answered, answer.server, now);
      break;
    case Phase::connecting:
    case Phase::connected:
      if (!same) on_other_answer(*channel, answer.server, now);
      break;
  }
}

// Of a name that libca does not know.
void Connector::on_answer_for_free(Channel& channel, const search::Answer& answer, MonotonicNs now) {
  const ServerNumber before = servers().parked_at(channel.number);
  const bool moves = before != kNoServer && before != answer.server;
  // Two servers answer at once, and the first has its scout on the way.
  if (moves && servers().at(before).standing == Standing::trying && servers().at(before).refusals == 0)
    return on_other_answer(channel, answer.server, now);
  const bool refusing = servers().at(answer.server).standing == Standing::refusing;
  const auto verdict = servers().answered(answer.server, answer.id, answer.minor_version, now);
  if (verdict == Servers::Verdict::wait && refusing) account_->refused_answer();
  step_on(channel, verdict == Servers::Verdict::wait ? WayEvent::answered_wait : WayEvent::answered,
          answer.server, now);
  // Without a complaint of libca the last scout may have been refused by name: others go along.
  if (verdict == Servers::Verdict::scout && servers().at(answer.server).refusals > 0 &&
      !account_->complained(answer.server))
    admit_company(answer.server);
  // Another server has it: it may have the others as well.
  if (moves && may_go_on(before, now)) search_for_names_of(before, now);
}

// With the second scout, and with every eighth; others each time.
void Connector::admit_company(ServerNumber server) {
  const Server& s = servers().at(server);
  if (s.refusals != 1 && s.refusals % 8 != 0) return;
  for (size_t n = 0; n < std::min(kCompany, s.names.size()); ++n)
    admitted_.push_back(s.names[(s.refusals / 8 * kCompany + n) % s.names.size()]);
}

void Connector::admit(ServerNumber server) {
  const std::vector<search::NameId>& names = servers().at(server).names;
  admitted_.insert(admitted_.end(), names.begin(), names.end());
}

// A second server answers for a name that has its server.
void Connector::on_other_answer(Channel& channel, ServerNumber other, MonotonicNs now) {
  const ServerNumber server = channel.server;
  const Standing standing = servers().at(server).standing;
  const bool stuck =
      channel.phase == Phase::connecting && standing != Standing::up && standing != Standing::trying;
  if (stuck) {
    const bool was_scout = servers().at(server).scout == channel.number;
    const auto verdict = servers().answered(other, channel.number, servers().at(other).minor_version, now);
    if (verdict == Servers::Verdict::wait) return;
    step_on(channel, WayEvent::answered_elsewhere, other, now);
    if (was_scout) servers().scout_left(server, now);
    if (may_go_on(server, now)) search_for_names_of(server, now);
    return;
  }
  if (doubles_->note(channel, other, now) && lines_.admit(now))
    log::warn("channel.duplicated channel={} server={} also_at={}", log::quoted(channel.name()),
              account_->name_of(server), account_->name_of(other));
}

// --- servers that prove themselves, or do not

void Connector::fail_scout(Channel& channel, MonotonicNs now) {
  const ServerNumber number = channel.server;
  const Server& server = servers().at(number);
  const bool is_scout = server.scout == channel.number &&
                        (server.standing == Standing::trying || server.standing == Standing::silent);
  if (!is_scout) return;
  const bool complained = scouts_.complained(channel);
  account_->failed(number, complained);
  if (!complained) note_refusal(channel, now);
  scouts_.forget(channel);
  servers().scout_failed(number, now);
  if (server.refusals > 1) return;
  account_->tell_waiting(number);
  if (lines_.admit(now))
    log::warn("server.refuses server={} channels={} reason={}", account_->name_of(number),
              server.names.size(),
              log::quoted(complained ? scouts_.complaint() : "it closes the circuit, or refuses the name"));
}

void Connector::note_refusal(Channel& channel, MonotonicNs now) {
  if (channel.refusals < 16) ++channel.refusals;
  channel.bad_type = now.value - bad_type_at_.value < kBadTypeNs;
}

// The names that wait for the server go on: it is asked for them on its circuit, and lets go of those that it
// does not have any more.
void Connector::go_on(ServerNumber server, MonotonicNs now) {
  went_on(server) = now;
  admit(server);
}

// They may have moved.
void Connector::search_for_names_of(ServerNumber server, MonotonicNs now) {
  went_on(server) = now;
  for (const search::NameId id : std::vector<search::NameId>(servers().at(server).names))
    if (Channel* channel = table_.at(id); channel && !channel->doomed && !search_->searching(id))
      step_on(*channel, WayEvent::ask_again, server, now);
}

void Connector::create_admitted(MonotonicNs now) {
  for (size_t n = 0; n < kCreatesATurn && !admitted_.empty(); ++n) {
    Channel* channel = table_.at(admitted_.front());
    admitted_.pop_front();
    if (!channel || channel->doomed) continue;
    const ServerNumber server = servers().parked_at(channel->number);
    if (server == kNoServer) continue;
    const Standing standing = servers().at(server).standing;
    if (standing != Standing::up && standing != Standing::trying) continue;
    search_->remove(channel->number, now);
    step_on(*channel, WayEvent::admitted, server, now);
  }
}

void Connector::look_at_scout(ServerNumber number, MonotonicNs now) {
  const Server& server = servers().at(number);
  Channel* channel = table_.at(server.scout);
  if (!channel || channel->phase != Phase::connecting || channel->server != number)
    return servers().scout_left(number, now);
  const bool is_lost = !channel->id;
  if (is_lost || scouts_.has_failed(*channel, now)) step_on(*channel, WayEvent::circuit_gone, number, now);
}

void Connector::look_at_hung(ServerNumber number, MonotonicNs now) {
  const std::vector<search::NameId>& names = servers().at(number).names;
  const auto hangs = [&](search::NameId id) {
    const Channel* channel = table_.at(id);
    return channel && channel->phase == Phase::hung && channel->server == number;
  };
  const auto sample = std::find_if(names.begin(), names.end(), hangs);
  if (sample != names.end() && has_circuit(table_.at(*sample)->id)) return;
  for (const search::NameId id : std::vector<search::NameId>(names))
    if (hangs(id) && !has_circuit(table_.at(id)->id))
      step_on(*table_.at(id), WayEvent::circuit_gone, number, now);
  servers().broke(number, now);
  account_->tell_waiting(number);
}

void Connector::look_at_circuits(MonotonicNs now) {
  if (now < look_due_) return;
  bool again = false;
  const bool look_at_all_hung = hung_ > 0 && now.value - hung_looked_at_.value >= kLookAtHungNs;
  if (look_at_all_hung) hung_looked_at_ = now;
  for (ServerNumber number = 0; number < servers().size(); ++number) {
    const Standing standing = servers().at(number).standing;
    if (standing == Standing::trying || standing == Standing::silent) {
      look_at_scout(number, now);
      again = true;
    }
    // A circuit that hangs can break whatever its server has become meanwhile.
    if (look_at_all_hung && !servers().at(number).names.empty()) look_at_hung(number, now);
  }
  again = again || hung_ > 0;
  look_due_ = MonotonicNs{again ? now.value + kLookNs : INT64_MAX};
}

// Channels that should have been connected by now, scouts left out.
void Connector::look_at_late(MonotonicNs now) {
  while (!late_.empty() && late_.begin()->first <= now) {
    const Due due = late_.begin()->second;
    late_.erase(late_.begin());
    Channel* channel = current(due);
    if (!channel || channel->phase != Phase::connecting) continue;
    const Server& server = servers().at(channel->server);
    const bool waits = channel->id && (!channel->introduced || has_circuit(channel->id));
    if (waits || server.scout == channel->number) {
      // From now on others may answer for it: it is among the names that its server is probed for with.
      servers().park(channel->number, channel->server, now);
      account_->tell(*channel);
      look_later(*channel, MonotonicNs{now.value + 2 * kConnectNs});
      continue;
    }
    const bool refused = !channel->id || server.connected > 0;
    step_on(*channel, refused ? WayEvent::let_go : WayEvent::circuit_gone, channel->server, now);
  }
}

// Numbers of servers that nobody needs any more are given out again.
void Connector::sweep_servers() {
  if (servers().live() < sweep_at_) return;
  std::vector<bool> used(servers().size());
  for (uint32_t number = 0; number < table_.numbers(); ++number)
    if (const Channel* channel = table_.at(number); channel && channel->server != kNoServer)
      used[channel->server] = true;
  doubles_->mark(used);
  servers().sweep(used, [&](ServerNumber server) {
    account_->forget(server);
    went_on(server) = MonotonicNs{INT64_MIN / 2};
  });
  sweep_at_ = std::max<size_t>(kSweepAt, 2 * servers().live());
}

// --- the loop's

void Connector::turn(MonotonicNs now) {
  if (const uint64_t bad_types = failures_.bad_types();
      std::exchange(bad_types_seen_, bad_types) != bad_types)
    bad_type_at_ = now;
  responder_.turn([&](std::string_view name) -> std::optional<search::Responder::Answer> {
    Channel* channel = table_.find(name);
    if (!channel || !channel->id || channel->phase != Phase::connecting) return std::nullopt;
    const Server& server = servers().at(channel->server);
    if (!std::exchange(channel->introduced, true) && server.scout == channel->number)
      scouts_.introduced(*channel, now);
    return search::Responder::Answer{server.address, server.minor_version};
  });
  results_.clear();
  search_->turn(now, results_);
  for (const search::Answer& answer : results_.found) on_answer(answer, now);
  for (const search::Answer& answer : results_.also) on_answer(answer, now);
  create_admitted(now);
  subscribe_held(now);
  look_at_circuits(now);
  look_at_late(now);
  doubles_->check(now);
  sweep_servers();
  if (now >= account_->facts_due()) account_->tell_facts(doubles_->entries(), now);
}

MonotonicNs Connector::next_turn(MonotonicNs now) const {
  if (!admitted_.empty()) return now;
  MonotonicNs next = std::min(search_->next_turn(now), look_due_);
  if (!late_.empty()) next = std::min(next, late_.begin()->first);
  next = std::min(next, std::max(held_until(), subscribes_at_));
  return std::min(next, doubles_->next_turn());
}

void Connector::poll_on(std::vector<pollfd>& fds) const {
  fds.push_back({responder_.fd(), POLLIN, 0});
  search_->poll_on(fds);
}

}  // namespace e2k::worker::ca
