#include "worker/ca/search/codec.h"

#include <cstring>

namespace e2k::worker::search {
namespace {

constexpr uint16_t kMinorVersion = 13;
constexpr uint16_t kVersion = 0, kSearch = 6, kBeacon = 13, kClientName = 20, kHostName = 21,
                   kRepeaterRegister = 24;
constexpr uint16_t kSequenceIsValid = 1;  // in the version header's data type
constexpr uint16_t kDoNotReply = 5;       // in a search's data type: silence where the name is unknown
constexpr uint32_t kSenderAddress = 0xffffffff;
constexpr uint16_t kLargePayload = 0xffff;

struct Header {
  uint16_t command, payload_bytes, data_type, count;
  uint32_t cid, available;
};

void put16(std::byte* at, uint16_t value) {
  at[0] = static_cast<std::byte>(value >> 8);
  at[1] = static_cast<std::byte>(value & 0xff);
}
void put32(std::byte* at, uint32_t value) {
  put16(at, static_cast<uint16_t>(value >> 16));
  put16(at + 2, static_cast<uint16_t>(value & 0xffff));
}
uint16_t get16(const std::byte* at) {
  return static_cast<uint16_t>(std::to_integer<unsigned>(at[0]) << 8 | std::to_integer<unsigned>(at[1]));
}
uint32_t get32(const std::byte* at) {
  return uint32_t{get16(at)} << 16 | get16(at + 2);
}

void put_header(std::byte* at, const Header& h) {
  put16(at, h.command);
  put16(at + 2, h.payload_bytes);
  put16(at + 4, h.data_type);
  put16(at + 6, h.count);
  put32(at + 8, h.cid);
  put32(at + 12, h.available);
}
Header get_header(const std::byte* at) {
  return {get16(at), get16(at + 2), get16(at + 4), get16(at + 6), get32(at + 8), get32(at + 12)};
}

// The reply's data type is abused for the port and its cid for the address, depending on the server's age.
ServerAddress server_of(const Header& h, uint16_t minor, ServerAddress from, uint16_t default_port) {
  if (minor < 5) return {from.ip, default_port};
  if (minor < 8 || h.cid == kSenderAddress) return {from.ip, h.data_type};
  return {h.cid, h.data_type};
}

// Of no use before the server's version is known to have it.
constexpr uint16_t kFirstServed = 2;

void append_message(std::string& out, uint16_t command, uint16_t count, std::string_view text) {
  const size_t payload = text.empty() ? 0 : (text.size() + 1 + 7) / 8 * 8;
  std::array<std::byte, kHeaderBytes> header;
  put_header(header.data(), {command, static_cast<uint16_t>(payload), 0, count, 0, 0});
  out.append(reinterpret_cast<const char*>(header.data()), header.size());
  out.append(text);
  out.append(payload - text.size(), '\0');
}

}  // namespace

std::string to_string(ServerAddress address) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) {
    out += std::to_string(address.ip >> shift & 0xff);
    out += shift ? '.' : ':';
  }
  return out + std::to_string(address.port);
}

FrameBuilder::FrameBuilder(uint32_t sequence) {
  put_header(bytes_.data(), {kVersion, 0, kSequenceIsValid, kMinorVersion, sequence, 0});
  size_ = kHeaderBytes;
}

bool FrameBuilder::add(uint32_t id, std::string_view name) {
  const size_t bytes = request_bytes(name.size());
  if (bytes > kFrameBytes - size_) return false;
  std::byte* at = bytes_.data() + size_;
  const auto payload = static_cast<uint16_t>(bytes - kHeaderBytes);
  put_header(at, {kSearch, payload, kDoNotReply, kMinorVersion, id, id});
  std::memset(at + kHeaderBytes, 0, payload);
  std::memcpy(at + kHeaderBytes, name.data(), name.size());
  size_ += bytes;
  return true;
}

bool decode_datagram(std::span<const std::byte> datagram, ServerAddress from, uint16_t default_port,
                     Received& out) {
  while (!datagram.empty()) {
    if (datagram.size() < kHeaderBytes) return false;
    const Header h = get_header(datagram.data());
    const size_t bytes = kHeaderBytes + h.payload_bytes;
    if (bytes > datagram.size()) return false;
    if (h.command == kSearch) {
      const uint16_t minor = h.payload_bytes >= 2 ? get16(datagram.data() + kHeaderBytes) : uint16_t{0};
      if (minor >= kFirstServed)
        out.replies.push_back({h.available, server_of(h, minor, from, default_port), minor});
    } else if (h.command == kBeacon) {
      out.beacons.push_back({{h.available, h.count ? h.count : default_port}, h.cid, h.data_type});
    }
    datagram = datagram.subspan(bytes);
  }
  return true;
}

bool decode_requests(std::span<const std::byte> datagram, SearchRequests& out) {
  out.has_sequence = false;
  out.names.clear();
  while (!datagram.empty()) {
    if (datagram.size() < kHeaderBytes) return false;
    const Header h = get_header(datagram.data());
    const size_t bytes = kHeaderBytes + h.payload_bytes;
    if (bytes > datagram.size()) return false;
    if (h.command == kVersion && (h.data_type & kSequenceIsValid) != 0) {
      out.has_sequence = true;
      out.sequence = h.cid;
    } else if (h.command == kSearch) {
      const std::string_view text(reinterpret_cast<const char*>(datagram.data()) + kHeaderBytes,
                                  h.payload_bytes);
      out.names.push_back({h.available, text.substr(0, text.find('\0'))});
    }
    datagram = datagram.subspan(bytes);
  }
  return true;
}

ReplyBuilder::ReplyBuilder(const SearchRequests& to) {
  put_header(bytes_.data(),
             {kVersion, 0, to.has_sequence ? kSequenceIsValid : uint16_t{0}, kMinorVersion, to.sequence, 0});
  size_ = kHeaderBytes;
}

bool ReplyBuilder::add(uint32_t id, ServerAddress server, uint16_t minor) {
  constexpr uint16_t kPayload = 8;
  if (size_ + kHeaderBytes + kPayload > bytes_.size()) return false;
  std::byte* at = bytes_.data() + size_;
  put_header(at, {kSearch, kPayload, server.port, 0, server.ip, id});
  std::memset(at + kHeaderBytes, 0, kPayload);
  put16(at + kHeaderBytes, minor);
  size_ += kHeaderBytes + kPayload;
  return true;
}

std::string circuit_greeting(std::string_view user, std::string_view host) {
  std::string out;
  append_message(out, kVersion, kMinorVersion, "");
  append_message(out, kClientName, 0, user.substr(0, 255));
  append_message(out, kHostName, 0, host.substr(0, 255));
  return out;
}

std::array<std::byte, kHeaderBytes> repeater_registration() {
  std::array<std::byte, kHeaderBytes> out;
  put_header(out.data(), {kRepeaterRegister, 0, 0, 0, 0, 0x7f000001});
  return out;
}

bool StreamDecoder::feed(std::span<const std::byte> bytes, Received& out) {
  while (!bytes.empty()) {
    if (skip_ > 0) {
      const size_t step = std::min(skip_, bytes.size());
      skip_ -= step;
      bytes = bytes.subspan(step);
      continue;
    }
    header_[header_size_++] = bytes.front();
    bytes = bytes.subspan(1);
    if (header_size_ < kHeaderBytes) continue;
    const Header h = get_header(header_.data());
    const bool large = h.payload_bytes == kLargePayload;
    if (large && header_size_ < header_.size()) continue;
    skip_ = large ? get32(header_.data() + kHeaderBytes) : h.payload_bytes;
    header_size_ = 0;
    if (skip_ > kMaxPayloadBytes) return false;
    // Over TCP the peer's protocol version was agreed on before: always one that names its port.
    if (h.command == kSearch)
      out.replies.push_back({h.available, server_of(h, kMinorVersion, peer_, 0), kMinorVersion});
  }
  return true;
}

}  // namespace e2k::worker::search
