// Pure. The launch contract: all that a worker is told when it is started, before it can greet.
//
// The supervisor writes it as MessagePack into a sealed memfd that the child inherits, so that secrets stand
// neither in arguments nor in the environment. argv is `epics2kafka-worker --launch-fd N --slot S --instance
// NAME`; the last two are for people reading ps. A program started without the descriptor explains itself and
// exits 64.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/config/config.h"
#include "common/ids.h"
#include "common/result.h"

namespace e2k {

// Counted up with every change of the layout; a worker of another version exits with kExitProtocol.
//   1  first
//   2  what became of stamps, and names: max_past_s, stamp_header, connection_events,
//      name_encoding
//   3  the spool's durability, pause, books that begin anew, slots whose logs are drained besides;
//      `producer` names the files of a login
//   4  channels whose events are held
inline constexpr uint32_t kLaunchVersion = 4;

// A slot that no worker serves any more: its logs, in the same spool, are drained with its own books.
struct Estate {
  Slot slot;
  std::string ledger_path;
  friend bool operator==(const Estate&, const Estate&) = default;
};

struct LaunchContract {
  Slot slot;
  Generation generation;
  std::string token;     // 32 random hex digits: greeted back, proves that this is the child that was started
  std::string endpoint;  // ZeroMQ endpoint of the supervisor's ROUTER, ipc://…
  int32_t supervisor_pid = 0;
  std::string instance;
  std::string log_level;

  std::string ledger_path;      // created by the worker (proto/ledger.h)
  std::string spool_path;       // this generation's log directory, made by the worker
  int64_t spool_max_bytes = 0;  // this worker's share of spool.max_total_bytes
  int64_t spool_keep_free_bytes = 0;
  int64_t max_event_bytes = 0;
  WhenFull when_full = WhenFull::drop_oldest;
  int64_t spool_sync_interval_ms = 1000;  // 0: as the kernel writes back
  // The slot's indices begin anew: the lines of its books go into their opening balance. Only while none of
  // its logs is left.
  bool fresh_books = false;
  std::vector<Estate> estates;
  bool paused = false;
  // Channels that are set aside: what is in the logs of them waits. See proto/held_channels.h.
  std::string held_channels;

  // [kafka] and [kafka.producer] merged, `client.id` suffixed; owned properties are added by the worker.
  // "file:sasl.password" = "/path": where it came from, to be read again (common/kafka/login.h).
  std::map<std::string, std::string> producer;
  // EPICS_CA_*: put into the environment before the first CA call.
  std::map<std::string, std::string> epics;

  TimestampSource timestamp = TimestampSource::ioc;
  int64_t max_future_s = 600;
  int64_t max_past_s = 0;
  int64_t min_interval_ms = 0;
  int64_t never_connected_after_s = 5;
  std::string topic_prefix;
  bool stamp_header = false;  // kStampHeader is among output.headers
  // A channel's return after a loss is an error record "Connected", and error records are stamped no earlier
  // than the value before them.
  bool connection_events = false;
  // How a channel's name, which is UTF-8 everywhere else, is given to Channel Access (latin1_or_utf8).
  NameEncoding name_encoding = NameEncoding::utf8;

  std::string value_converter;
  std::string value_schema;
  std::map<std::string, std::string> value_options;
  std::string key_converter;
  std::map<std::string, std::string> key_options;

  int64_t lease_s = 60;
  int64_t drain_timeout_ms = 10'000;
};

std::string encode(const LaunchContract& contract);
Result<LaunchContract> decode_launch(std::string_view bytes);

// A worker's exit codes; the supervisor decides by them whether to start the slot again.
enum class WorkerExit : int {
  done = 0,           // drained and asked to stop
  not_launched = 64,  // started by hand
  protocol = 76,      // launch contract or control messages of another version: do not restart
  bad_settings =
      78,  // librdkafka, the converter or the directories refuse what they are given: do not restart
  lease_lapsed = 79,  // the supervisor was gone for longer than the lease
  try_again = 75,     // a resource was missing (disk full, no memory)
};

}  // namespace e2k
