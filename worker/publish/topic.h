// Shell. An output topic as the publisher sees it, and what an entry's index stands for.
//
// A topic belongs to one slot's feed: the same name in another slot's logs is another Topic, because order is
// a matter of one slot. What it can't take now is its *backlog*, in this order: its own log of set-aside
// records, then what was left behind in the slot's logs from `left_from` on. While there is a backlog, what
// is read of the topic joins it.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/kafka/conf.h"
#include "proto/spool_format.h"
#include "worker/publish/gathering.h"
#include "worker/publish/topic_flow.h"
#include "worker/spool/aside_log.h"
#include "worker/spool/settler.h"

namespace e2k::worker {

// A place in the ordered logs of a slot.
struct LogPlace {
  uint32_t log = 0;  // in the feed's order
  spool::Position position;
  friend auto operator<=>(const LogPlace&, const LogPlace&) = default;
};

struct Topic {
  std::string name;       // with the prefix, as Kafka knows it
  std::string commanded;  // as the logs have it
  FlowState flow;
  std::array<kafka::Topic, kLanes> handles;  // made when they are first needed
  std::optional<uint8_t> main_producer;      // which one of the main lane it has
  std::vector<uint32_t> entries;
  spool::Settler* settler = nullptr;

  uint64_t in_flight_bytes = 0;
  TopicPace pace;
  std::vector<spool::StandingRecord> gathered;  // wait to be produced together; older than any backlog
  int64_t gathered_since_ns = 0;                // the first of them, monotonic
  bool has_left = false;
  LogPlace left_from;
  spool::AsideLog* aside = nullptr;  // nullptr: it has none
  bool aside_unread = false;         // something there is not produced yet
  bool rewind_aside = false;         // something that was read there came back
  bool crowded = false;              // its window was full; until half of it is free
  bool troubled = false;             // in the feed's list of those that need more than being read
  bool is_behind = false;            // another slot's logs have something of it that is older and still waits
  bool probing = false;              // the brokers were asked whether they know it
  // The ids that the registry gave the schemas for this topic; 0 where none is needed.
  int32_t value_schema_id = 0, key_schema_id = 0;

  bool has_backlog() const { return has_left || aside_unread; }
  // It takes nothing before somebody mends it, or another slot's older records are out.
  bool is_blocked() const { return flow.why != ledger::Blocked::no || is_behind; }
};

enum class KeyState : uint8_t {
  raw,      // as commanded; encoded before the first record
  encoded,  // as it is produced
  failed,   // the key's converter can't express it
};

// Filled from CHANNEL records.
struct OutputEntry {
  Topic* topic = nullptr;
  char* key = nullptr;  // in the feed's TextStore
  uint32_t key_bytes = 0;
  uint32_t names_crc = 0;    // of what it was described with
  uint32_t lost_untold = 0;  // events dropped since the last `Lost N events` was produced
  KeyState key_state = KeyState::raw;
  bool held = false;      // its events wait, whatever the topic takes
  bool prepared = false;  // some of what comes of it is another worker's still: see feed_holds.cpp
  uint64_t channel_hash = 0;
};

// As commanded, in the TextStore too: for converters that want them, and for records that are moved.
struct OutputNames {
  std::string_view channel, key;
};

}  // namespace e2k::worker
