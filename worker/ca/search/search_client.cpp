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

// At the start names wait this long for the name servers' circuits, so that none is asked for in vain.
constexpr int64_t kNameServerGraceNs = 500 * kNsPerMs;
constexpr int64_t kRegistrationIntervalNs = 15 * kNsPerSecond;
// A server counts its beacons from 0, sent ever more slowly: the first ten take some 15 s.
constexpr uint32_t kYoungBeacon = 10;
constexpr size_t kMaxBeaconServers = 65536;
constexpr int kReceiveBufferBytes = 4 << 20;

sockaddr_in socket_address(ServerAddress address) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_addr.s_addr = htonl(address.ip);
  out.sin_port = htons(address.port);
  return out;
}

PacingSettings pacing_settings(const SearchAddresses& addresses) {
  PacingSettings out;
  out.max_period_ns = addresses.max_search_period_s * kNsPerSecond;
  return out;
}

}  // namespace

Result<std::unique_ptr<SearchClient>> SearchClient::open(const NameSource& names) {
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
  SearchAddresses addresses = search_addresses(socket.get());
  if (addresses.datagrams.empty() && addresses.name_servers.empty())
    log::warn(
        "search_goes_nowhere remedy=\"set epics.addr_list, epics.auto_addr_list or epics.name_servers\"");
  return std::unique_ptr<SearchClient>(
      new SearchClient(names, std::move(socket), std::move(addresses), monotonic_now()));
}

SearchClient::SearchClient(const NameSource& names, UniqueFd socket, SearchAddresses addresses,
                           MonotonicNs now)
    : names_(names),
      socket_(std::move(socket)),
      addresses_(std::move(addresses)),
      pacing_(pacing_settings(addresses_)),
      opened_(now) {
  for (ServerAddress address : addresses_.name_servers) name_servers_.emplace_back(address);
}

void SearchClient::add(NameId id, Persistence persistence, MonotonicNs now) {
  const size_t bytes = names_.name_of(id).size();
  if (bytes == 0 || bytes > kMaxSearchableNameBytes) return;
  pacing_.step(AddName{id, static_cast<uint16_t>(bytes), persistence}, now, actions_);
}

void SearchClient::remove(NameId id, MonotonicNs now) {
  pacing_.step(RemoveName{id}, now, actions_);
  lost_.regained(id);
}

bool SearchClient::holding_for_name_servers(MonotonicNs now) const {
  if (now.value - opened_.value > kNameServerGraceNs) return false;
  return std::any_of(name_servers_.begin(), name_servers_.end(), [](const NameServer& s) { return !s.up(); });
}

void SearchClient::turn(MonotonicNs now, SearchResults& out) {
  receive(out, now);
  register_with_repeater(now);
  if (holding_for_name_servers(now)) return;
  pacing_.step(TimePassed{}, now, actions_);
  for (const SearchFrame& frame : actions_.send) send_frame(frame.sequence, frame.names);
  actions_.send.clear();
  actions_.given_up.clear();  // they stay lost, and go on being probed

  probes_.clear();
  lost_.turn(now, probes_);
  if (!probes_.empty()) send_frame(0, probes_);
}

void SearchClient::receive(SearchResults& out, MonotonicNs now) {
  std::array<std::byte, 65536> buffer;
  while (true) {
    sockaddr_in from{};
    socklen_t from_size = sizeof from;
    const ssize_t n = recvfrom(socket_.get(), buffer.data(), buffer.size(), 0,
                               reinterpret_cast<sockaddr*>(&from), &from_size);
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) continue;  // ECONNREFUSED and the like: what an earlier frame met
    decode_datagram({buffer.data(), static_cast<size_t>(n)},
                    {ntohl(from.sin_addr.s_addr), ntohs(from.sin_port)}, addresses_.server_port, received_);
    take(out, now);
  }
  for (NameServer& server : name_servers_) {
    if (server.turn(now, received_)) pacing_.step(ServerAppeared{}, now, actions_);
    take(out, now);
  }
}

void SearchClient::take(SearchResults& out, MonotonicNs now) {
  for (const SearchReply& reply : received_.replies) {
    actions_.found.clear();
    pacing_.step(NameAnswered{reply.id}, now, actions_);
    if (!actions_.found.empty())
      out.found.push_back({reply.id, reply.server});
    else if (lost_.is_lost(reply.id))
      out.probed.push_back({reply.id, reply.server});
  }
  for (const Beacon& beacon : received_.beacons) take_beacon(beacon, now);
  received_.clear();
}

void SearchClient::take_beacon(const Beacon& beacon, MonotonicNs now) {
  if (beacons_.size() >= kMaxBeaconServers) beacons_.clear();
  const auto [known, is_new] = beacons_.try_emplace(beacon.server, beacon.number);
  const bool started = is_new ? beacon.number < kYoungBeacon : beacon.number < known->second;
  known->second = beacon.number;
  if (!started) return;
  log::info("server_appeared server={}", to_string(beacon.server));
  lost_.appeared(beacon.server, now);
  pacing_.step(ServerAppeared{}, now, actions_);
}

void SearchClient::send_frame(uint32_t sequence, const std::vector<NameId>& names) {
  FrameBuilder frame(sequence);
  for (NameId id : names) {
    const std::string_view name = names_.name_of(id);
    if (name.empty() || frame.add(id, name)) continue;
    send_bytes(frame);
    frame = FrameBuilder(sequence);
    frame.add(id, name);
  }
  if (!frame.empty()) send_bytes(frame);
}

void SearchClient::send_bytes(const FrameBuilder& frame) {
  const auto bytes = frame.bytes();
  for (ServerAddress address : addresses_.datagrams) {
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
  const sockaddr_in to = socket_address({INADDR_LOOPBACK, addresses_.repeater_port});
  sendto(socket_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

void SearchClient::poll_on(std::vector<pollfd>& fds) const {
  fds.push_back({socket_.get(), POLLIN, 0});
  for (const NameServer& server : name_servers_)
    if (const auto fd = server.poll_on()) fds.push_back(*fd);
}

MonotonicNs SearchClient::next_turn(MonotonicNs now) const {
  MonotonicNs next{now.value + kNsPerSecond / 2};
  if (holding_for_name_servers(now)) return MonotonicNs{now.value + 10 * kNsPerMs};
  if (const auto at = pacing_.next_turn()) next = std::min(next, *at);
  if (const auto at = lost_.next_turn()) next = std::min(next, *at);
  return next;
}

}  // namespace e2k::worker::search
