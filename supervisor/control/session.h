// Shell. One connection of the control surface: reads requests, writes answers, keeps alive.
//
// shared_ptr: a session lives as long as one of its asynchronous operations does. What sessions share
// outlives the server in the same way; once the server has stopped, `model` is null and nothing is answered
// any more. A reader that takes nothing for kProgressLimit, or that has not taken a whole answer after
// kAnswerLimit, is cut off. While answers of max_pending_bytes, or kMaxInSlices that
// are put together in slices, are under way, new requests get 503. Who goes is not worked for.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>

#include "supervisor/control/build_line.h"
#include "supervisor/control/responder.h"
#include "supervisor/control/slice_queue.h"

namespace e2k::supervisor {

inline constexpr size_t kMaxConnections = 256;  // a listener
inline constexpr uint32_t kMaxHeaderBytes = 16 * 1024;
inline constexpr uint64_t kMaxBodyBytes = 64 * 1024;
inline constexpr std::chrono::seconds kIdleLimit{60}, kRequestLimit{15}, kProgressLimit{15},
    kAnswerLimit{300};
// Who follows (GET /events) has no time limit but kProgressLimit; so many may, of a listener's connections.
inline constexpr size_t kMaxFollowers = 64;
inline constexpr int kTurnsOfAStatus = 2, kTurnsOfSilence = 10;

class Session;

struct SessionShared {
  Model* model = nullptr;
  size_t max_pending_bytes = 0;  // a listener
  ResponderRules rules;
  std::shared_ptr<SliceQueue> slices;
};

// What is under way to the readers of one listener. It outlives their sessions.
struct Budget {
  explicit Budget(std::shared_ptr<SliceQueue> slices)
      : builds(std::make_shared<BuildLine>(std::move(slices))) {}
  size_t pending_bytes = 0;
  size_t followers = 0;
  const std::shared_ptr<BuildLine> builds;
};

// What those who follow are fed at a moment. The status is put together when the first of them wants it.
class Feed {
public:
  Feed(Surface surface, const Model& model) : surface_(surface), model_(model) {}
  const std::string& status();

private:
  const Surface surface_;
  const Model& model_;
  std::string status_;
};

// Of a session whose reader follows.
struct Following {
  Follow place;
  std::string text;  // that is being written
  bool is_writing = false;
  int turns = 0, silent_turns = 0;
};

// The sessions of one listener, the longest idle first.
using SessionList = std::list<std::weak_ptr<Session>>;

class Session : public std::enable_shared_from_this<Session> {
public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  Session(Socket socket, Surface surface, std::shared_ptr<SessionShared> shared,
          std::shared_ptr<Budget> budget);
  ~Session();
  void start(std::function<void()> ended);
  void close();
  // Once a second: what is new, to one who follows.
  void feed(Feed& feed);
  bool is_idle() const { return idle_; }
  std::chrono::steady_clock::time_point idle_since() const { return idle_since_; }

private:
  using Response = boost::beast::http::response<boost::beast::http::string_body>;

  void wait_for_request();
  void read_request();
  void on_request(const boost::system::error_code& error);
  void answer(Answer answer, unsigned version, bool keep_alive, bool head);
  bool is_read() const;
  bool has_no_budget() const;
  void answer_in_slices(Answer answer, unsigned version, bool keep_alive, bool head);
  void write_some();
  void on_written();
  void follow(Answer answer);
  void close_when_the_reader_does();
  void send_news();
  void write_events(std::string text, bool is_last);
  void limit(std::chrono::seconds time);
  Answer answer_to(const boost::beast::http::request<boost::beast::http::string_body>& request);

  Socket socket_;
  const Surface surface_;
  const std::shared_ptr<SessionShared> shared_;
  const std::shared_ptr<Budget> budget_;
  boost::asio::steady_timer timer_;
  boost::beast::flat_buffer buffer_{kMaxHeaderBytes + kMaxBodyBytes};
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  std::optional<Response> response_;
  std::optional<boost::beast::http::response_serializer<boost::beast::http::string_body>> serializer_;
  std::chrono::steady_clock::time_point answer_by_, idle_since_;
  std::function<void()> ended_;
  Caller caller_;
  bool from_loopback_ = false, keep_alive_ = false, idle_ = true;
  std::optional<Following> following_;
  bool is_exempt_ = false;  // the request is
  size_t pending_ = 0;      // bytes of the answer that count
};

}  // namespace e2k::supervisor
