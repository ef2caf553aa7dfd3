#include "worker/ca/search/search_client.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "common/log.h"

namespace e2k::worker::search {
namespace {

// At the start names wait so long for DNS and the name servers' circuits, so that none is asked for in vain.
constexpr int64_t kGraceNs = 500 * kNsPerMs;
constexpr int64_t kRegistrationIntervalNs = 15 * kNsPerSecond;
constexpr int kReceiveBufferBytes = 4 << 20;
constexpr int64_t kShortestTurnNs = kNsPerMs;

sockaddr_in socket_address(ServerAddress address) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_addr.s_addr = htonl(address.ip);
  out.sin_port = htons(address.port);
  return out;
}

PacingSettings pacing_settings(const SearchEnvironment& environment) {
  PacingSettings out;
  out.max_period_ns = environment.max_search_period_s * kNsPerSecond;
  return out;
}

std::string text_of(const Addresses& addresses) {
  std::string text;
  for (const auto* list : {&addresses.datagrams(), &addresses.name_servers()})
    for (const ServerAddress address : *list) text += (text.empty() ? "" : " ") + to_string(address);
  return text;
}

}  // namespace

Result<std::unique_ptr<SearchClient>> SearchClient::open(const NameSource& names,
                                                         const SearchEnvironment& environment,
                                                         MonotonicNs now) {
  UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return fail(std::string("no UDP socket for the channel search: ") + std::strerror(errno));
  const int yes = 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes);
  setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBufferBytes, sizeof kReceiveBufferBytes);
  if (const char* text = std::getenv("EPICS_CA_MCAST_TTL")) {
    const unsigned char ttl = static_cast<unsigned char>(std::clamp(std::atoi(text), 1, 255));
    setsockopt(socket.get(), IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof ttl);
  }
  const sockaddr_in any = socket_address({INADDR_ANY, 0});
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) < 0)
    return fail(std::string("no UDP port for the channel search: ") + std::strerror(errno));
  return std::unique_ptr<SearchClient>(new SearchClient(names, std::move(socket), environment, now));
}

SearchClient::SearchClient(const NameSource& names, UniqueFd socket, const SearchEnvironment& environment,
                           MonotonicNs now)
    : names_(names),
      socket_(std::move(socket)),
      addresses_(environment),
      pacing_(pacing_settings(environment)),
      servers_(environment.max_search_period_s * kNsPerSecond),
      beacons_(now),
      server_port_(environment.server_port),
      repeater_port_(environment.repeater_port),
      opened_(now) {
  take_addresses(now);
  began_ = true;
}

// The circuits of name servers that stay are kept.
void SearchClient::take_addresses(MonotonicNs now) {
  const bool changed = addresses_.update(now);
  if (report_.address_problem != addresses_.problem()) report_.address_problem = addresses_.problem();
  if (!changed) return;
  report_.addresses = text_of(addresses_);
  std::vector<NameServer> before = std::move(name_servers_);
  name_servers_.clear();
  for (const ServerAddress address : addresses_.name_servers()) {
    const auto kept = std::find_if(before.begin(), before.end(),
                                   [&](const NameServer& s) { return s.address() == address; });
    if (kept != before.end())
      name_servers_.push_back(std::move(*kept));
    else
      name_servers_.emplace_back(address);
  }
  const bool any = !addresses_.datagrams().empty() || !name_servers_.empty();
  if (!any && addresses_.complete())
    log::warn(
        "search.goes_nowhere remedy=\"set epics.addr_list, epics.auto_addr_list or epics.name_servers\"");
  if (any && began_) {
    log::info("search.addresses datagrams={} name_servers={}", addresses_.datagrams().size(),
              name_servers_.size());
    pacing_.step(ReachChanged{}, now, actions_);
    servers_.look_again(Servers::kBaseNs, now);
  }
}

void SearchClient::add(NameId id, Persistence persistence, MonotonicNs now, uint8_t level) {
  const size_t bytes = names_.name_of(id).size();
  if (bytes == 0 || bytes > kMaxSearchableNameBytes) return;
  pacing_.step(AddName{id, static_cast<uint16_t>(bytes), persistence, level}, now, actions_);
}

void SearchClient::check(NameId id, MonotonicNs now) {
  if (checks_.empty()) checks_due_ = MonotonicNs{now.value + kCheckDelayNs};
  checks_.push_back(id);
}

void SearchClient::remove(NameId id, MonotonicNs now) {
  pacing_.step(RemoveName{id}, now, actions_);
}

void SearchClient::server_lost(ServerNumber number) {
  beacons_.forget(servers_.at(number).address);
  addresses_.resolve_again();
}

bool SearchClient::holding(MonotonicNs now) const {
  if (now.value - opened_.value > kGraceNs) return false;
  if (!addresses_.complete()) return true;
  return std::any_of(name_servers_.begin(), name_servers_.end(), [](const NameServer& s) { return !s.up(); });
}

void SearchClient::turn(MonotonicNs now, SearchResults& out) {
  take_addresses(now);
  receive(out, now);
  register_with_repeater(now);
  if (holding(now)) return;
  actions_.retry_frames = 0;
  pacing_.step(TimePassed{retries_.available(now)}, now, actions_);
  for (const SearchFrame& frame : actions_.send) send_names(frame.sequence, frame.names);
  retries_.spend(actions_.retry_frames, now);
  actions_.send.clear();
  send_retries(now);
}

// Probes and checks fill frames together.
void SearchClient::send_retries(MonotonicNs now) {
  const int64_t frames = retries_.available(now);
  if (frames <= 0) return;
  size_t room = static_cast<size_t>(frames) * Servers::kNamesAFrame;
  servers_.turn(now, room, probes_);
  room -= std::min(room, probes_.size());
  if (now >= checks_due_ || checks_.size() >= Servers::kNamesAFrame)
    for (; room > 0 && !checks_.empty(); --room, checks_.pop_front()) probes_.push_back(checks_.front());
  if (!probes_.empty()) retries_.spend(send_names(0, probes_), now);
  probes_.clear();
}

void SearchClient::receive(SearchResults& out, MonotonicNs now) {
  std::array<std::byte, 65536> buffer;
  for (int taken = 0; taken < kMaxDatagramsATurn; ++taken) {
    sockaddr_in from{};
    socklen_t from_size = sizeof from;
    const ssize_t n = recvfrom(socket_.get(), buffer.data(), buffer.size(), 0,
                               reinterpret_cast<sockaddr*>(&from), &from_size);
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) continue;  // ECONNREFUSED and the like: what an earlier frame met
    decode_datagram({buffer.data(), static_cast<size_t>(n)},
                    {ntohl(from.sin_addr.s_addr), ntohs(from.sin_port)}, server_port_, received_);
    take(out, now);
  }
  for (NameServer& server : name_servers_) {
    if (server.turn(now, received_)) pacing_.step(ServerAppeared{}, now, actions_);
    take(out, now);
  }
}

void SearchClient::take(SearchResults& out, MonotonicNs now) {
  for (const SearchReply& reply : received_.replies) {
    if (names_.name_of(reply.id).empty()) continue;
    if (servers_.size() >= kMaxServers && servers_.find(reply.server) == kNoServer) continue;
    ++answers_;
    actions_.found.clear();
    pacing_.step(NameAnswered{reply.id}, now, actions_);
    (actions_.found.empty() ? out.also : out.found)
        .push_back({reply.id, servers_.number_of(reply.server), reply.minor});
  }
  for (const Beacon& beacon : received_.beacons) take_beacon(beacon, now);
  received_.clear();
}

void SearchClient::take_beacon(const Beacon& beacon, MonotonicNs now) {
  const bool is_news = beacons_.take(beacon, now);
  report_.beacon_servers = static_cast<uint32_t>(beacons_.servers());
  if (report_.beacon_of.empty()) report_.beacon_of = to_string(beacon.server);
  if (!is_news) return;
  log::info("server.appeared server={}", to_string(beacon.server));
  if (const ServerNumber number = servers_.find(beacon.server); number != kNoServer)
    servers_.appeared(number, now);
  servers_.look_again(Servers::kBoostNs, now);
  pacing_.step(ServerAppeared{}, now, actions_);
}

int64_t SearchClient::send_names(uint32_t sequence, const std::vector<NameId>& names) {
  int64_t frames = 0;
  FrameBuilder frame(sequence);
  for (NameId id : names) {
    const std::string_view name = names_.name_of(id);
    if (name.empty() || frame.add(id, name)) continue;
    send_bytes(frame);
    ++frames;
    frame = FrameBuilder(sequence);
    frame.add(id, name);
  }
  if (frame.empty()) return frames;
  send_bytes(frame);
  return frames + 1;
}

void SearchClient::send_bytes(const FrameBuilder& frame) {
  const auto bytes = frame.bytes();
  for (ServerAddress address : addresses_.datagrams()) {
    const sockaddr_in to = socket_address(address);
    sendto(socket_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  for (NameServer& server : name_servers_) server.send(bytes);
  ++frames_sent_;
}

void SearchClient::register_with_repeater(MonotonicNs now) {
  if (now < next_registration_) return;
  next_registration_ = MonotonicNs{now.value + kRegistrationIntervalNs};
  const auto bytes = repeater_registration();
  const sockaddr_in to = socket_address({INADDR_LOOPBACK, repeater_port_});
  sendto(socket_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

void SearchClient::poll_on(std::vector<pollfd>& fds) const {
  fds.push_back({socket_.get(), POLLIN, 0});
  if (addresses_.fd() >= 0) fds.push_back({addresses_.fd(), POLLIN, 0});
  for (const NameServer& server : name_servers_)
    if (const auto fd = server.poll_on()) fds.push_back(*fd);
}

MonotonicNs SearchClient::next_turn(MonotonicNs now) const {
  MonotonicNs next{now.value + kNsPerSecond / 2};
  if (holding(now)) return MonotonicNs{now.value + 10 * kNsPerMs};
  if (const auto at = pacing_.next_turn(now)) next = std::min(next, *at);
  if (const auto at = servers_.next_turn()) next = std::min(next, *at);
  if (!checks_.empty()) next = std::min(next, checks_due_);
  // What may not go out yet, for the ceiling's sake, looks as if it were due.
  return std::max(next, MonotonicNs{now.value + kShortestTurnNs});
}

}  // namespace e2k::worker::search
