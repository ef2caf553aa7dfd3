#include "supervisor/fleet/link.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <zmq.hpp>

#include "common/log.h"
#include "supervisor/fleet/log_budget.h"

namespace e2k::supervisor {
namespace {

constexpr std::chrono::seconds kLook{1};
constexpr int64_t kLongTurnNs = kNsPerMs;
constexpr size_t kMaxPathBytes = sizeof(sockaddr_un::sun_path) - 1;

struct Peer {
  Slot slot;
  Generation generation;
};

std::string identity_of(Slot slot, Generation generation) {
  return std::to_string(slot.value) + "." + std::to_string(generation.value);
}

std::optional<Peer> peer_named(std::string_view identity) {
  Peer peer;
  const char* end = identity.data() + identity.size();
  const auto slot = std::from_chars(identity.data(), end, peer.slot.value);
  if (slot.ec != std::errc() || slot.ptr == end || *slot.ptr != '.') return std::nullopt;
  const auto generation = std::from_chars(slot.ptr + 1, end, peer.generation.value);
  if (generation.ec != std::errc() || generation.ptr != end) return std::nullopt;
  return peer;
}

class RouterLink final : public Link {
public:
  RouterLink(boost::asio::io_context& loop, const std::string& path, Handler handler)
      : loop_(loop),
        handler_(std::move(handler)),
        path_(path),
        endpoint_("ipc://" + path),
        socket_(context_, zmq::socket_type::router),
        readable_(loop),
        look_(loop) {
    socket_.set(zmq::sockopt::router_mandatory, true);
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::maxmsgsize, static_cast<int64_t>(kMaxControlMessageBytes));
    bind();
    readable_.assign(fcntl(socket_.get(zmq::sockopt::fd), F_DUPFD_CLOEXEC, 0));
    wait();
    drain_soon();
    look_later();
  }
  ~RouterLink() override {
    *alive_ = false;
    socket_.close();
    ::unlink(path_.c_str());
  }

  const std::string& endpoint() const override { return endpoint_; }

  bool send(Slot slot, Generation generation, std::string_view bytes) override {
    bool sent = false;
    try {
      const std::string identity = identity_of(slot, generation);
      sent = socket_.send(zmq::buffer(identity), zmq::send_flags::sndmore | zmq::send_flags::dontwait) &&
             socket_.send(zmq::buffer(bytes), zmq::send_flags::dontwait);
    } catch (const zmq::error_t&) {
      // EHOSTUNREACH: the peer is gone, its pidfd tells the rest.
    }
    drain_soon();
    return sent;
  }

private:
  void bind() {
    socket_.bind(endpoint_);
    // The token is what proves a worker; this keeps other users from even trying.
    chmod(path_.c_str(), 0600);
  }

  void look_later() {
    look_.expires_after(kLook);
    look_.async_wait([this, alive = alive_](const boost::system::error_code& ec) {
      if (ec || !*alive) return;
      look();
      look_later();
    });
  }

  // Workers that are connected stay so; only new ones need the path. ZeroMQ removes the path of what it no
  // longer listens on when it pleases: it gets until the next look for that.
  void look() {
    struct stat there {};
    if (::lstat(path_.c_str(), &there) == 0 || errno != ENOENT) return;
    try {
      if (std::exchange(is_bound_, false)) return socket_.unbind(endpoint_);
      std::error_code ignored;  // binding says it, too
      std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), ignored);
      bind();
      is_bound_ = true;
      complaint_.clear();
      log::warn("link.socket_made_again path={} message=\"somebody had removed it\"", log::quoted(path_));
    } catch (const zmq::error_t& e) {
      if (std::exchange(complaint_, e.what()) != e.what())
        log::error("link.socket_lost path={} error={}", log::quoted(path_), log::quoted(e.what()));
    }
  }

  void wait() {
    readable_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                         [this, alive = alive_](const boost::system::error_code& ec) {
                           if (ec || !*alive) return;
                           drain();
                           if (*alive) wait();
                         });
  }

  // A send may have taken the wake-up that a message gave.
  void drain_soon() {
    if (drain_posted_) return;
    drain_posted_ = true;
    boost::asio::post(loop_, [this, alive = alive_] {
      if (!*alive) return;
      drain_posted_ = false;
      drain();
    });
  }

  // What a message leads to may take some milliseconds: then the next has a turn of its own.
  void drain() {
    const std::shared_ptr<bool> alive = alive_;
    const MonotonicNs began = monotonic_now();
    for (int i = 0; i < kMostAtOnce && monotonic_now().value - began.value < kLongTurnNs; ++i) {
      if (!take_one()) return;
      if (!*alive) return;  // a handler destroyed us
    }
    drain_soon();
  }

  // false: nothing is there.
  bool take_one() {
    zmq::message_t identity, body, more;
    try {
      if (!socket_.recv(identity, zmq::recv_flags::dontwait)) return false;
      size_t frames = 1;
      for (bool goes_on = identity.more(); goes_on; ++frames) {
        zmq::message_t& into = frames == 1 ? body : more;
        (void)socket_.recv(into, zmq::recv_flags::dontwait);
        goes_on = into.more();
      }
      const auto peer = peer_named(identity.to_string_view());
      if (!peer) return complain(identity, "its identity is not of the form slot.generation");
      if (frames != 2) return complain(identity, "a message has one frame");
      auto message = decode_worker_message(body.to_string_view());
      if (!message) return complain(identity, message.error().message);
      handler_(peer->slot, peer->generation, *message);
    } catch (const zmq::error_t& e) {
      if (e.num() == EINTR) return true;
      log::error("link.not_received error={}", log::quoted(e.what()));
      return false;
    }
    return true;
  }

  bool complain(const zmq::message_t& identity, std::string_view what) {
    if (const auto left_out = complaints_.take(monotonic_now())) {
      log::warn("link.message_dropped from={} reason={} left_out={}", log::quoted(identity.to_string_view()),
                log::quoted(what), *left_out);
    }
    return true;
  }

  boost::asio::io_context& loop_;
  Handler handler_;
  std::string path_, endpoint_;
  zmq::context_t context_{1};
  zmq::socket_t socket_;
  boost::asio::posix::stream_descriptor readable_;
  boost::asio::steady_timer look_;
  bool is_bound_ = true;
  std::string complaint_;  // why it can't be made again; told once
  LogBudget complaints_{10, 60'000};
  bool drain_posted_ = false;
  // Shared with the handlers in the loop's queue, which may run after us.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

Result<std::unique_ptr<Link>> Link::make(boost::asio::io_context& loop, const std::string& path,
                                         Handler handler) {
  if (path.size() > kMaxPathBytes) {
    return fail("the workers' socket " + path + " has a path of " + std::to_string(path.size()) +
                " bytes, a Unix socket takes " + std::to_string(kMaxPathBytes) +
                ": choose a shorter runtime directory ($RUNTIME_DIRECTORY or $XDG_RUNTIME_DIR)");
  }
  try {
    return std::make_unique<RouterLink>(loop, path, std::move(handler));
  } catch (const std::exception& e) {
    return fail("the workers' socket " + path + " can't be made: " + e.what());
  }
}

}  // namespace e2k::supervisor
