// Shell. An output topic as the publisher sees it: its handle, its window, and whether its records flow.
//
// A topic that can't be produced to is *parked*: the publisher goes on with the others and skips its records.
// No event is lost by that; they wait in the spool. Later the topic is *replayed*: its unsettled records are
// read again from the first one, until the replay has come to where the main reading is; then it flows again.
// So records of one topic are always produced in the order of the log.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/kafka/conf.h"
#include "proto/ledger_format.h"
#include "worker/publish/log_follower.h"

namespace e2k::worker {

enum class Flow {
  open,       // produced as the log is read
  parked,     // waits: for its reports to be back, for its back-off, for the brokers to know it
  replaying,  // its records behind `replay` are being read again
};

struct TopicFlow {
  std::string name;  // with the prefix, as Kafka knows it
  kafka::Topic handle;
  std::vector<uint32_t> entries;

  Flow flow = Flow::open;
  ledger::Blocked why = ledger::Blocked::no;
  uint64_t in_flight = 0;
  uint64_t in_flight_bytes = 0;
  int64_t acknowledged_at_ns = 0;  // monotonic; the last report of success, 0: none yet
  // Parked and replaying: everything of this topic before it is settled or in flight.
  spool::Position from;
  std::unique_ptr<LogFollower> replay;
  int64_t retry_at_ns = 0;  // monotonic
  int64_t back_off_ns = 0;
  // The broker refuses the topic as such, which ends the producer: only time can tell whether it still does,
  // and asking costs all topics. Until an acknowledgement says otherwise.
  ledger::Blocked refused = ledger::Blocked::no;
  bool probing = false;      // a probe was asked for since retry_at_ns
  bool known_again = false;  // and the brokers know the topic
  // The ids that the registry gave the schemas for this topic; 0 where none is needed. Until they are known
  // the topic is parked (Blocked::encoder).
  bool schemas_known = false;
  int32_t value_schema_id = 0, key_schema_id = 0;
  // Up to here records go one at a time: a batch was refused, and only a record that is refused alone is
  // lost.
  spool::Position alone_upto;
};

enum class KeyState : uint8_t {
  raw,      // as commanded; encoded before the first record
  encoded,  // as it is produced
  failed,   // the key's converter can't express it
};

// What an index stands for. Filled from CHANNEL records.
struct OutputEntry {
  TopicFlow* topic = nullptr;
  char* key = nullptr;  // in the publisher's TextStore
  uint32_t key_bytes = 0;
  KeyState key_state = KeyState::raw;
};

// As commanded, in the TextStore too; only for converters that want them.
struct OutputNames {
  std::string_view channel, key;
};

}  // namespace e2k::worker
