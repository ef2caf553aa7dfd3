#include "supervisor/control/control_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <climits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/log.h"
#include "supervisor/control/listening_socket.h"
#include "supervisor/control/process_figures.h"
#include "supervisor/control/session.h"

namespace e2k::supervisor {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// Accepts for one listening descriptor, which it borrows. accept4 rather than Asio's acceptor: that one would
// leave the connection open across the launch of a worker.
// shared_ptr: its own asynchronous waits and its sessions' ends refer to it.
class Listener : public std::enable_shared_from_this<Listener> {
public:
  Listener(asio::io_context& loop, int fd, Surface surface, std::shared_ptr<SessionShared> shared)
      : loop_(loop), descriptor_(loop, fd), retry_(loop), surface_(surface), shared_(std::move(shared)) {}
  ~Listener() { descriptor_.release(); }

  void accept_next() {
    descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                           [self = shared_from_this()](const error_code& error) {
                             if (!error && !self->stopped_) self->accept_waiting();
                           });
  }

  void stop() {
    stopped_ = true;
    error_code ignored;
    retry_.cancel(ignored);
    descriptor_.release();  // its owner closes it next
    // Closing may end sessions, which changes the list.
    for (const auto& weak : SessionList(sessions_))
      if (const auto session = weak.lock()) session->close();
    budget_->builds->clear();
  }

  void feed() {
    if (budget_->followers == 0) return;
    Feed feed(surface_, *shared_->model);
    // One may end meanwhile, which changes the list.
    for (const auto& weak : SessionList(sessions_))
      if (const auto session = weak.lock()) session->feed(feed);
  }

  size_t connections() const { return sessions_.size(); }

private:
  // At most this many before the loop's other work has its turn.
  static constexpr int kAcceptsATurn = 32;

  void accept_waiting() {
    for (int i = 0; i < kAcceptsATurn; ++i) {
      UniqueFd fd(::accept4(descriptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (fd) {
        take(std::move(fd));
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        // The descriptor stays readable: waiting for it at once would spin.
        log::warn("control.accept_failed error={}",
                  log::quoted(error_code(errno, boost::system::system_category()).message()));
        return accept_later();
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        break;
      }
    }
    accept_next();
  }

  void accept_later() {
    retry_.expires_after(std::chrono::milliseconds(200));
    retry_.async_wait([self = shared_from_this()](const error_code& error) {
      if (!error && !self->stopped_) self->accept_next();
    });
  }

  void take(UniqueFd fd) {
    if (sessions_.size() >= kMaxConnections) close_longest_idle();
    if (sessions_.size() >= kMaxConnections + kClosing) return;  // all are busy: this one is closed
    int domain = 0;
    socklen_t bytes = sizeof domain;
    ::getsockopt(fd.get(), SOL_SOCKET, SO_DOMAIN, &domain, &bytes);
    Session::Socket socket(loop_);
    error_code error;
    socket.assign(asio::generic::stream_protocol(domain, 0), fd.get(), error);
    if (error) return;
    (void)fd.release();
    socket.non_blocking(true, error);
    const auto session = std::make_shared<Session>(std::move(socket), surface_, shared_, budget_);
    const auto place = sessions_.insert(sessions_.end(), session);
    session->start([self = shared_from_this(), place] { self->sessions_.erase(place); });
  }

  void close_longest_idle() {
    std::shared_ptr<Session> oldest;
    for (const auto& weak : sessions_)
      if (const auto session = weak.lock(); session && session->is_idle())
        if (!oldest || session->idle_since() < oldest->idle_since()) oldest = session;
    if (oldest) oldest->close();
  }

  // Sessions that were told to close leave the list a turn of the loop later.
  static constexpr size_t kClosing = kAcceptsATurn;

  asio::io_context& loop_;
  asio::posix::stream_descriptor descriptor_;
  asio::steady_timer retry_;
  const Surface surface_;
  const std::shared_ptr<SessionShared> shared_;
  const std::shared_ptr<Budget> budget_ = std::make_shared<Budget>(shared_->slices);
  SessionList sessions_;
  bool stopped_ = false;
};

// "" where it has none.
std::string machine_name() {
  char name[HOST_NAME_MAX + 1] = "";
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

std::vector<std::string> accepted_hosts(const std::string& address, const std::string& machine) {
  std::vector<std::string> hosts = {"localhost", "127.0.0.1", "::1"};
  hosts.push_back(host_without_port(address));
  if (!machine.empty()) {
    hosts.push_back(host_without_port(machine));
    hosts.push_back(hosts.back().substr(0, hosts.back().find('.')));
  }
  return hosts;
}

}  // namespace

struct ControlServer::Impl {
  // A path that is to lead to us, whoever removes what lies there.
  struct Place {
    const char* key;
    std::string path;
    mode_t mode;
    Surface surface;
    std::optional<UnixListener> socket;
    std::shared_ptr<Listener> listener;
    std::string complaint;  // why it can't be made again; told once
  };
  static constexpr std::chrono::seconds kLook{2};

  explicit Impl(asio::io_context& event_loop) : loop(event_loop), look(event_loop) {
    shared->slices = std::make_shared<SliceQueue>(loop);
  }

  asio::io_context& loop;
  asio::steady_timer look;
  std::shared_ptr<bool> lives = std::make_shared<bool>(true);
  std::shared_ptr<SessionShared> shared = std::make_shared<SessionShared>();
  std::vector<Place> places;
  std::vector<UniqueFd> ports;
  std::vector<std::shared_ptr<Listener>> listeners;
  uint16_t http_port = 0, metrics_port = 0;

  Result<void> open_unix(const char* key, const std::string& path, mode_t mode, Surface surface) {
    places.push_back({key, path, mode, surface, std::nullopt, nullptr, ""});
    return open(places.back());
  }

  Result<void> open(Place& place) {
    auto socket = UnixListener::open(place.key, place.path, place.mode);
    if (!socket) return tl::unexpected(socket.error());
    place.socket.emplace(std::move(*socket));
    place.listener = std::make_shared<Listener>(loop, place.socket->fd(), place.surface, shared);
    return {};
  }

  void look_later() {
    look.expires_after(kLook);
    look.async_wait([this, alive = lives](const error_code& error) {
      if (error || !*alive) return;
      for (Place& place : places) look_at(place);
      look_later();
    });
  }

  void look_at(Place& place) {
    if (place.socket && place.socket->is_there()) return;
    // Before another one is made: it may get the number of the one that was removed.
    if (place.listener) place.listener->stop();
    place.listener.reset();
    place.socket.reset();
    if (const auto opened = open(place); !opened) {
      if (place.complaint != opened.error().message)
        log::error("control.socket_lost error={}", log::quoted(opened.error().message));
      place.complaint = opened.error().message;
      return;
    }
    place.complaint.clear();
    place.listener->accept_next();
    log::warn("control.socket_made_again path={} message=\"somebody had removed it\"",
              log::quoted(place.path));
  }

  Result<void> open_tcp(const char* key, const std::string& address, Surface surface, uint16_t& port) {
    if (address.empty()) return {};
    auto socket = listen_tcp(key, address);
    if (!socket) return tl::unexpected(socket.error());
    ports.push_back(std::move(*socket));
    port = port_of(ports.back().get());
    listeners.push_back(std::make_shared<Listener>(loop, ports.back().get(), surface, shared));
    return {};
  }
};

Result<std::unique_ptr<ControlServer>> ControlServer::start(asio::io_context& loop, const Config& config,
                                                            Model& model, size_t max_pending_bytes) {
  const auto& control = config.control;
  std::unique_ptr<ControlServer> server(new ControlServer);
  server->impl_ = std::make_unique<Impl>(loop);
  Impl& impl = *server->impl_;
  impl.shared->model = &model;
  impl.shared->max_pending_bytes = max_pending_bytes;
  const std::string machine = machine_name();
  impl.shared->rules = {
      control.http_changes,
      control.http_token.value,
      accepted_hosts(control.http, machine),
      own_process_figures,
      {control.connector_name, machine.empty() ? "localhost" : machine, connect_options(config)}};
  Result<void> opened = impl.open_unix("control.socket", control.socket, 0660, Surface::control_socket);
  if (opened)
    opened = impl.open_unix("control.status_socket", control.status_socket, 0666, Surface::status_socket);
  if (opened) opened = impl.open_tcp("control.http", control.http, Surface::http, impl.http_port);
  if (opened) opened = impl.open_tcp("control.metrics", control.metrics, Surface::metrics, impl.metrics_port);
  if (!opened) return tl::unexpected(opened.error());
  for (const auto& place : impl.places) place.listener->accept_next();
  for (const auto& listener : impl.listeners) listener->accept_next();
  impl.look_later();
  const auto or_none = [](const std::string& address) { return address.empty() ? "-" : address; };
  log::info("control.listening socket={} status_socket={} http={} metrics={}", log::quoted(control.socket),
            log::quoted(control.status_socket), or_none(control.http), or_none(control.metrics));
  return server;
}

ControlServer::~ControlServer() {
  stop();
}

void ControlServer::stop() {
  if (!impl_) return;
  impl_->shared->model = nullptr;
  *impl_->lives = false;
  impl_->look.cancel();
  for (const auto& place : impl_->places)
    if (place.listener) place.listener->stop();
  impl_->places.clear();
  for (const auto& listener : impl_->listeners) listener->stop();
  impl_->shared->slices->clear();
  impl_->listeners.clear();
  impl_->ports.clear();
}

void ControlServer::feed() {
  if (!impl_ || impl_->shared->model == nullptr) return;
  for (const auto& place : impl_->places)
    if (place.listener) place.listener->feed();
  for (const auto& listener : impl_->listeners) listener->feed();
}

uint16_t ControlServer::http_port() const {
  return impl_->http_port;
}

uint16_t ControlServer::metrics_port() const {
  return impl_->metrics_port;
}

size_t ControlServer::connections() const {
  size_t connections = 0;
  for (const auto& place : impl_->places)
    if (place.listener) connections += place.listener->connections();
  for (const auto& listener : impl_->listeners) connections += listener->connections();
  return connections;
}

}  // namespace e2k::supervisor
