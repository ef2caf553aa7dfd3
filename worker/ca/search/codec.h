// Pure. Channel Access search messages: frames of search requests, and what servers answer, over UDP and TCP;
// and the other way round, libca's own searches and our answers to them (responder.h).
//
// A request frame is one datagram: a version header that carries the frame's sequence number, then search
// requests (16 bytes and the name, NUL-terminated, padded to 8) until the next one does not fit in
// kFrameBytes. Name servers over TCP get the same bytes in their stream. All numbers are big-endian.
//
// Decoding trusts nothing: every size is checked, whatever is not a search reply is stepped over, and of a
// malformed datagram the replies before the fault stand. Source of the formats: caProto.h of EPICS Base.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace e2k::worker::search {

inline constexpr size_t kFrameBytes = 1024;  // as libca's: every server since 3.12 takes it
inline constexpr size_t kHeaderBytes = 16;
// A longer name fits in no frame; libca's own search would stand still on it for ever.
inline constexpr size_t kMaxSearchableNameBytes = kFrameBytes - 2 * kHeaderBytes - 1;

// Where a server listens; ip in host order.
struct ServerAddress {
  uint32_t ip = 0;
  uint16_t port = 0;
  friend auto operator<=>(const ServerAddress&, const ServerAddress&) = default;
};
std::string to_string(ServerAddress address);  // "10.1.2.3:5064"

// Bytes that the request for a name takes in a frame.
constexpr size_t request_bytes(size_t name_bytes) {
  return kHeaderBytes + (name_bytes + 1 + 7) / 8 * 8;
}

class FrameBuilder {
public:
  explicit FrameBuilder(uint32_t sequence);
  // `id` comes back in the reply. False: no room left, nothing was added.
  bool add(uint32_t id, std::string_view name);
  bool empty() const { return size_ == kHeaderBytes; }
  std::span<const std::byte> bytes() const { return {bytes_.data(), size_}; }

private:
  std::array<std::byte, kFrameBytes> bytes_;
  size_t size_ = 0;
};

struct SearchReply {
  uint32_t id = 0;
  ServerAddress server;
  uint16_t minor = 0;  // CA's version at the server
  friend bool operator==(const SearchReply&, const SearchReply&) = default;
};

// A server's beacon as the repeater passes it on: `number` counts up from 0 while the server lives.
struct Beacon {
  ServerAddress server;
  uint32_t number = 0;
  uint16_t minor = 0;
  friend bool operator==(const Beacon&, const Beacon&) = default;
};

struct Received {
  std::vector<SearchReply> replies;
  std::vector<Beacon> beacons;
  void clear() {
    replies.clear();
    beacons.clear();
  }
};

// Appends what the datagram from `from` says. False: malformed from some point on. Servers older than CA 4.5
// do not name their port: default_port. Those older than CA 4.2 (1995) are passed over.
bool decode_datagram(std::span<const std::byte> datagram, ServerAddress from, uint16_t default_port,
                     Received& out);

// A client's frame.
struct SearchRequest {
  uint32_t id = 0;
  std::string_view name;  // into the datagram
};
struct SearchRequests {
  uint32_t sequence = 0;
  bool has_sequence = false;
  std::vector<SearchRequest> names;
};
// Replaces `out`. False: malformed from some point on.
bool decode_requests(std::span<const std::byte> datagram, SearchRequests& out);

// The answer to a client's frame: one datagram.
class ReplyBuilder {
public:
  explicit ReplyBuilder(const SearchRequests& to);
  // False: no room left, nothing was added.
  bool add(uint32_t id, ServerAddress server, uint16_t minor);
  bool empty() const { return size_ == kHeaderBytes; }
  std::span<const std::byte> bytes() const { return {bytes_.data(), size_}; }

private:
  std::array<std::byte, kFrameBytes> bytes_;
  size_t size_ = 0;
};

// The first bytes of a circuit to a name server: version, user, host.
std::string circuit_greeting(std::string_view user, std::string_view host);
// What asks a repeater to pass beacons on.
std::array<std::byte, kHeaderBytes> repeater_registration();

// Cuts a name server's stream into messages. Memory is bounded by one header: payloads are stepped over.
class StreamDecoder {
public:
  explicit StreamDecoder(ServerAddress peer) : peer_(peer) {}
  // False: the stream makes no sense (a payload over kMaxPayloadBytes); give the circuit up.
  bool feed(std::span<const std::byte> bytes, Received& out);

private:
  static constexpr size_t kMaxPayloadBytes = 1u << 20;
  ServerAddress peer_;
  std::array<std::byte, kHeaderBytes + 8> header_{};
  size_t header_size_ = 0;
  size_t skip_ = 0;
};

}  // namespace e2k::worker::search
