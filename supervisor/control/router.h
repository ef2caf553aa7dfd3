// Pure. What a request asks for: method and target in, a Route or a Refusal out.
//
// Paths are split at '/' before they are percent-decoded, so that a channel's name may hold a '/' (%2F).
// Trailing slashes are ignored, HEAD is GET, an absolute target (http://host/path) is its path. In a query a
// '+' is a '+': names of channels hold pluses, never blanks. An unknown or malformed parameter is refused,
// rather than ignored: `sate=DENIED` must not list everything.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "supervisor/control/model.h"

namespace e2k::supervisor {

enum class Verb {
  status,
  workers,
  worker,
  restart_worker,
  restart_workers,
  channels,
  channel,
  retry,
  pause,
  resume,
  scale,
  topics,
  log_level,
  reload,
  hosts,
  rejected,
  metrics,
  health_live,
  health_ready,
  events,  // what changes, for as long as somebody reads
  page,    // a file of the web page
  access,  // whether who asks may change anything
  // Kafka Connect's, of the one connector that there is: all from here on (is_of_connect)
  connectors,
  connector,
  connector_config,
  connector_status,
  connector_tasks,
  connector_task_status,
  connector_topics,
  connector_plugins,
  pause_connector,
  resume_connector,
  restart_connector,
  restart_task
};

struct Route {
  Verb verb = Verb::status;
  Slot slot;                             // worker, restart_worker, connector_task_status, restart_task
  std::string channel;                   // channel, retry: decoded
  std::string file;                      // page
  std::optional<std::string> topic;      // retry
  std::string level;                     // log_level
  std::optional<Slot> one_worker;        // log_level
  bool with_status = false;              // events: the status, too, again and again
  bool rolling = false;                  // restart_workers
  int workers = 0;                       // scale; 0: not given
  bool only_failed = false;              // restart_workers, restart_connector
  EntryQuery query;                      // channels
  TopicQuery topics;                     // topics
  std::optional<std::string> connector;  // of Connect's: decoded; none where the path names none
  bool include_tasks = false;            // restart_connector
  bool expand_status = false, expand_info = false;  // connectors
};
// Whether the verb changes anything; such verbs need the right to.
bool is_change(Verb verb);

struct Refusal {
  int code = 400;
  std::string message;
  std::string allow;  // 405: the methods that the path knows
};

inline constexpr size_t kDefaultPageItems = 1000, kMaxPageItems = 10'000;

tl::expected<Route, Refusal> route(std::string_view method, std::string_view target);

// The host that an absolute target names; "" for the usual form.
std::string_view authority_of(std::string_view target);

// Cursors of /channels travel as hexadecimal digits: they are raw bytes to the model.
std::string encode_cursor(std::string_view cursor);
std::optional<std::string> decode_cursor(std::string_view text);

}  // namespace e2k::supervisor
