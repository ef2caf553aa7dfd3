#include "supervisor/control/session.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <utility>

#include "supervisor/control/documents.h"
#include "supervisor/control/event_log.h"

namespace e2k::supervisor {
namespace {

namespace http = boost::beast::http;
using boost::system::error_code;

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

Caller unix_caller(int fd) {
  Caller caller;
  ucred peer{};
  socklen_t bytes = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) == 0) {
    caller.uid = peer.uid;
    caller.pid = peer.pid;
  }
  return caller;
}

Caller tcp_caller(int fd, bool& from_loopback) {
  Caller caller;
  sockaddr_storage peer{};
  socklen_t bytes = sizeof peer;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &bytes) != 0) return caller;
  char text[INET6_ADDRSTRLEN] = "";
  if (peer.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer);
    from_loopback = ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    caller.address = std::string(text) + ":" + std::to_string(ntohs(v4.sin_port));
  } else if (peer.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(peer);
    const uint8_t* bytes6 = v6.sin6_addr.s6_addr;
    from_loopback =
        IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) || (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) && bytes6[12] == 127);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    caller.address = "[" + std::string(text) + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  return caller;
}

// Whose answers are few and small, and asked for by what restarts and alarms.
bool watches_the_service(std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  return path == "/metrics" || path == "/metrics/" || path.starts_with("/health/");
}

Answer too_many_answers() {
  return {
      503, "application/json", error_document(503, "too many answers are under way; ask again later"), {}};
}

Answer bad_request(const error_code& error) {
  int code = 400;
  std::string message = "not an HTTP request: " + error.message();
  if (error == http::error::header_limit) {
    code = 431;
    message = "the request's header is over " + std::to_string(kMaxHeaderBytes) + " bytes";
  } else if (error == http::error::body_limit || error == http::error::buffer_overflow) {
    code = 413;
    message =
        "the request's body is over " + std::to_string(kMaxBodyBytes) + " bytes; no request here needs one";
  }
  return {code, "application/json", error_document(code, message), {}};
}

}  // namespace

Session::Session(Socket socket, Surface surface, std::shared_ptr<SessionShared> shared,
                 std::shared_ptr<Budget> budget)
    : socket_(std::move(socket)),
      surface_(surface),
      shared_(std::move(shared)),
      budget_(std::move(budget)),
      timer_(socket_.get_executor()),
      idle_since_(std::chrono::steady_clock::now()) {
  const bool is_unix = surface_ == Surface::control_socket || surface_ == Surface::status_socket;
  const int fd = socket_.native_handle();
  caller_ = is_unix ? unix_caller(fd) : tcp_caller(fd, from_loopback_);
}

Session::~Session() {
  budget_->pending_bytes -= pending_;
  if (following_) --budget_->followers;
  if (ended_) ended_();
}

void Session::start(std::function<void()> ended) {
  ended_ = std::move(ended);
  wait_for_request();
}

void Session::close() {
  idle_ = false;  // no longer one that may give way
  error_code ignored;
  timer_.cancel(ignored);
  socket_.shutdown(Socket::shutdown_both, ignored);
  socket_.close(ignored);
}

// Closing the socket ends whatever operation is under way.
void Session::limit(std::chrono::seconds time) {
  timer_.expires_after(time);
  timer_.async_wait([weak = weak_from_this()](const error_code& error) {
    if (error) return;
    if (const auto self = weak.lock()) self->close();
  });
}

void Session::wait_for_request() {
  idle_ = true;
  idle_since_ = std::chrono::steady_clock::now();
  if (buffer_.size() > 0) return read_request();  // the next request came with the last one
  limit(kIdleLimit);
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const error_code& error) {
    if (!error) self->read_request();
  });
}

void Session::read_request() {
  idle_ = false;
  parser_.emplace();
  parser_->header_limit(kMaxHeaderBytes);
  parser_->body_limit(kMaxBodyBytes);
  limit(kRequestLimit);
  http::async_read(socket_, buffer_, *parser_,
                   [self = shared_from_this()](const error_code& error, size_t) { self->on_request(error); });
}

void Session::on_request(const error_code& error) {
  if (shared_->model == nullptr || !socket_.is_open()) return close();
  if (error) {
    if (error.category() != http::make_error_code(http::error::bad_method).category() ||
        error == http::error::end_of_stream || error == http::error::partial_message)
      return close();
    return answer(bad_request(error), 11, false, false);
  }
  const auto& request = parser_->get();
  Answer found = answer_to(request);
  const bool head = request.method() == http::verb::head;
  if (found.body_in_slices)
    return answer_in_slices(std::move(found), request.version(), request.keep_alive(), head);
  answer(std::move(found), request.version(), request.keep_alive(), head);
}

// The same for all who ask: a slice of one of their answers a turn.
void Session::answer_in_slices(Answer found, unsigned version, bool keep_alive, bool head) {
  limit(kAnswerLimit);
  BuildLine::Build build;
  build.is_wanted = [self = shared_from_this()] { return self->is_read(); };
  build.work = [self = shared_from_this(), found = std::move(found), version, keep_alive, head,
                has_begun = false]() mutable {
    if (self->shared_->model == nullptr || !self->is_read()) {
      self->close();
      return true;
    }
    // What others have not taken has grown while this one stood in line.
    if (!std::exchange(has_begun, true) && self->has_no_budget()) {
      self->answer(too_many_answers(), version, keep_alive, head);
      return true;
    }
    auto body = found.body_in_slices();
    if (!body) return false;
    found.body = std::move(*body);
    self->answer(std::move(found), version, keep_alive, head);
    return true;
  };
  budget_->builds->add(std::move(build));
}

bool Session::has_no_budget() const {
  return budget_->pending_bytes > shared_->max_pending_bytes && !is_exempt_;
}

// Somebody waits for the answer still. Over TCP who has closed and who will only send no more look alike.
bool Session::is_read() const {
  if (!socket_.is_open()) return false;
  const bool is_tcp = surface_ == Surface::http || surface_ == Surface::metrics;
  pollfd state{const_cast<Socket&>(socket_).native_handle(), static_cast<short>(is_tcp ? POLLRDHUP : 0), 0};
  return ::poll(&state, 1, 0) <= 0;
}

Answer Session::answer_to(const http::request<http::string_body>& message) {
  is_exempt_ = watches_the_service(view(message.target()));
  if (has_no_budget()) return too_many_answers();
  Request request;
  request.method = view(message.method_string());
  request.target = view(message.target());
  request.host = view(message[http::field::host]);
  request.origin = view(message[http::field::origin]);
  request.has_origin = message.find(http::field::origin) != message.end();
  request.authorization = view(message[http::field::authorization]);
  request.last_event_id = view(message["Last-Event-ID"]);
  request.from_loopback = from_loopback_;
  request.caller = caller_;
  Answer answer = respond(surface_, request, shared_->rules, *shared_->model);
  if (answer.body_in_slices && !budget_->builds->has_room()) return too_many_answers();
  if (answer.follow && budget_->followers >= kMaxFollowers)
    return {503, "application/json", error_document(503, "too many follow already; ask again later"), {}};
  return answer;
}

void Session::answer(Answer answer, unsigned version, bool keep_alive, bool head) {
  parser_.reset();
  if (answer.follow && !head) return follow(std::move(answer));
  if (answer.follow) answer.body.clear();  // its length is not known
  keep_alive_ = keep_alive;
  Response& response = response_.emplace(static_cast<http::status>(answer.code), version);
  if (!answer.content_type.empty()) response.set(http::field::content_type, answer.content_type);
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  if (answer.content_type.starts_with("text/html")) response.set("Content-Security-Policy", kContentPolicy);
  if (!answer.allow.empty()) response.set(http::field::allow, answer.allow);
  if (answer.code == 401) response.set(http::field::www_authenticate, "Bearer");
  if (answer.code == 503) response.set(http::field::retry_after, "1");
  response.keep_alive(keep_alive);
  // HEAD: the length that GET would have. An answer that has no body by its code has no length either.
  if (answer.code != 204) response.content_length(answer.body.size());
  if (!head) response.body() = std::move(answer.body);
  pending_ = is_exempt_ ? 0 : response.body().size();
  budget_->pending_bytes += pending_;
  serializer_.emplace(response);
  answer_by_ = std::chrono::steady_clock::now() + kAnswerLimit;
  write_some();
}

void Session::write_some() {
  limit(kProgressLimit);
  http::async_write_some(socket_, *serializer_, [self = shared_from_this()](const error_code& error, size_t) {
    if (error || std::chrono::steady_clock::now() > self->answer_by_) return self->close();
    if (self->serializer_->is_done()) return self->on_written();
    self->write_some();
  });
}

void Session::on_written() {
  serializer_.reset();
  response_.reset();
  budget_->pending_bytes -= std::exchange(pending_, 0);
  if (!keep_alive_) return close();
  wait_for_request();
}

const std::string& Feed::status() {
  if (status_.empty()) status_ = status_event(status_of(surface_, model_));
  return status_;
}

// It ends with the connection.
void Session::follow(Answer answer) {
  ++budget_->followers;
  following_.emplace();
  following_->place = *answer.follow;
  close_when_the_reader_does();
  write_events(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
      "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n" +
          answer.body,
      false);
}

// Whatever else it sends is no request.
void Session::close_when_the_reader_does() {
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const error_code&) { self->close(); });
}

// Changes come before a status that shows them.
void Session::feed(Feed& feed) {
  if (!following_ || following_->is_writing || !socket_.is_open()) return;
  send_news();
  Following& f = *following_;
  ++f.turns;
  if (f.is_writing) return;
  if (f.place.with_status && f.turns >= kTurnsOfAStatus) {
    f.turns = 0;
    return write_events(feed.status(), false);
  }
  if (++f.silent_turns >= kTurnsOfSilence) write_events(std::string(kHeartbeat), false);
}

void Session::send_news() {
  if (shared_->model == nullptr || !socket_.is_open()) return;
  EventLog::Chunk chunk = shared_->model->event_log()->next(following_->place.seen);
  if (!chunk.text.empty()) write_events(std::move(chunk.text), chunk.is_end);
}

void Session::write_events(std::string text, bool is_last) {
  following_->text = std::move(text);
  following_->is_writing = true;
  following_->silent_turns = 0;
  limit(kProgressLimit);
  boost::asio::async_write(socket_, boost::asio::buffer(following_->text),
                           [self = shared_from_this(), is_last](const error_code& error, size_t) {
                             if (error || is_last) return self->close();
                             error_code ignored;
                             self->timer_.cancel(ignored);
                             self->following_->is_writing = false;
                             self->send_news();
                           });
}

}  // namespace e2k::supervisor
