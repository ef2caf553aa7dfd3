#include "tests/bench/ca/wire.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/bench/ca/clients.h"
#include "tests/support/ca/soft_ioc.h"

namespace e2k::bench {
namespace {

constexpr uint16_t kVersion = 0, kSearch = 6, kBeacon = 13, kMinorVersion = 13;
constexpr size_t kHeader = 16;

void require(bool ok, const char* what) {
  if (ok) return;
  std::perror(what);
  std::abort();
}

sockaddr_in loopback(uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  a.sin_port = htons(port);
  return a;
}

int bound(int type, uint16_t port) {
  const int fd = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
  const sockaddr_in a = loopback(port);
  require(bind(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0, "a port is taken");
  return fd;
}

uint16_t get16(const char* at) {
  uint16_t out;
  std::memcpy(&out, at, sizeof out);
  return ntohs(out);
}

void append16(std::string& out, uint16_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value & 0xff);
}
void append_header(std::string& out, uint16_t command, uint16_t payload, uint16_t type, uint16_t count) {
  for (const uint16_t value : {command, payload, type, count}) append16(out, value);
}
void append32(std::string& out, uint32_t value) {
  append16(out, static_cast<uint16_t>(value >> 16));
  append16(out, static_cast<uint16_t>(value & 0xffff));
}

}  // namespace

SearchPort::SearchPort(std::string_view answered) : answered_(answered), port_(test::free_port()) {
  socket_.reset(bound(SOCK_DGRAM, port_));
  const int bytes = 8 << 20;
  setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  const timeval timeout{0, 50'000};
  setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  thread_ = std::thread([this] { run(); });
}

SearchPort::~SearchPort() {
  stop_ = true;
  thread_.join();
}

void SearchPort::run() {
  std::vector<char> buffer(65536);
  while (!stop_) {
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t n =
        recvfrom(socket_.get(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (n > static_cast<ssize_t>(kHeader)) take(buffer.data(), static_cast<size_t>(n), &from, size);
  }
}

void SearchPort::take(const char* bytes, size_t size, const void* sender, uint32_t sender_size) {
  std::string reply;
  size_t asked = 0;
  bool dead = false;
  for (size_t at = 0; at + kHeader <= size;) {
    const char* message = bytes + at;
    const size_t end = at + kHeader + get16(message + 2);
    if (end > size) break;
    at = end;
    if (get16(message) == kVersion) {  // goes back as it came: the client knows its frame by it
      append_header(reply, kVersion, 0, get16(message + 4), kMinorVersion);
      reply.append(message + 8, 8);
    }
    if (get16(message) != kSearch) continue;
    ++asked;
    const std::string_view name(message + kHeader, get16(message + 2));
    dead |= name.starts_with(kDeadPrefix);
    if (answered_.empty() || !name.starts_with(answered_)) continue;
    append_header(reply, kSearch, 8, port_, 0);
    append32(reply, 0xffffffff);
    reply.append(message + 12, 4);
    append16(reply, kMinorVersion);
    reply.append(6, '\0');
  }
  if (asked == 0) return;
  ++frames;
  names += asked;
  if (dead) ++with_dead;
  if (reply.size() > kHeader)
    sendto(socket_.get(), reply.data(), reply.size(), 0, static_cast<const sockaddr*>(sender), sender_size);
}

DeafPort::DeafPort(uint16_t port, Manner manner) : socket_(bound(SOCK_STREAM, port)) {
  if (manner == Manner::refuses) return;
  require(listen(socket_.get(), 0) == 0, "listen");  // has room for one
  in_the_queue_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in a = loopback(port);
  require(connect(in_the_queue_.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0, "connect");
}

Attempts::Attempts(uint16_t port)
    : socket_(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP)) {
  if (!socket_) return;
  // Takes SYN without ACK to the port. Offsets count from a loopback packet's IP header of 20 bytes.
  std::array<sock_filter, 7> steps{{
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 33),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 3),
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 22),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0xffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  }};
  const sock_fprog program{steps.size(), steps.data()};
  setsockopt(socket_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
  const int bytes = 8 << 20;
  setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
}

size_t Attempts::count() {
  char packet[64];
  while (socket_ && recv(socket_.get(), packet, sizeof packet, 0) > 22) seen_.insert(get16(packet + 20));
  return seen_.size();
}

BeaconSender::BeaconSender(uint16_t repeater_port, BeaconPlan plan)
    : plan_(std::move(plan)), repeater_port_(repeater_port), thread_([this] { run(); }) {}

BeaconSender::~BeaconSender() {
  stop_ = true;
  thread_.join();
}

void BeaconSender::run() {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sockaddr_in to = loopback(repeater_port_);
  const auto begin = Clock::now();
  const size_t servers = plan_.servers.size();
  for (uint64_t sent = 0; !stop_; ++sent) {
    const auto turn = static_cast<uint32_t>(sent / servers);
    const worker::search::ServerAddress server = plan_.servers[sent % servers];
    std::string beacon;
    append_header(beacon, kBeacon, 0, kMinorVersion, server.port);
    append32(beacon, plan_.jumping_back ? 0x7fffffff - 1000 * turn : turn);
    append32(beacon, server.ip);
    sendto(socket.get(), beacon.data(), beacon.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    const std::chrono::duration<double> due(double(sent + 1) / plan_.per_second);
    std::this_thread::sleep_until(begin + std::chrono::duration_cast<Clock::duration>(due));
  }
}

}  // namespace e2k::bench
