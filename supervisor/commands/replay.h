// Pure. How far the command topic was read, which of its records count already, and what a topic means that
// is not the one it was.
//
//   replaying        read from its beginning with nothing to serve: a record counts at once
//   replaying_over   likewise, but there is a state: a snapshot's, or what was read before the topic
//                    vanished. Half of a topic is worse than that, so that its records are held back
//   settling         every partition was read to its end; what is held back counts now, a slice at a
//                    time, and what comes is held back behind it
//   live             a record counts at once
//
// Of what is held back the last command of each key in each partition is kept, not the whole topic: a fold of
// those is the same (command_state.h); and one that stands already is not kept at all. A record that the fold
// refuses counts at once, for it changes nothing and must not take the place of the command before it.
//
// A topic whose end lies before what was read of it earlier, that begins later than it did, or that goes on
// at an earlier offset, lost records; one with another id was made anew, however long it is. Either is
// remembered for good; what the topic holds is followed, and nothing is removed on its word. Where that
// happens to a live one it is replayed over the state, as a whole. Only a topic that was read to its end and
// lost nothing says what may be removed: what the snapshot holds and it does not.
#pragma once

#include <boost/multi_index/composite_key.hpp>
#include <boost/multi_index/hashed_index.hpp>
#include <boost/multi_index/member.hpp>
#include <boost/multi_index/sequenced_index.hpp>
#include <boost/multi_index_container.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "supervisor/commands/command_state.h"
#include "supervisor/commands/topic_record.h"

namespace e2k::supervisor {

// A record, with its bytes.
struct HeldRecord {
  int32_t partition;
  int64_t offset, timestamp_ms;
  std::string key;
  std::optional<std::string> value;
  TopicRecord record() const { return {partition, offset, timestamp_ms, key, value}; }
};
// In the order in which they came, and found by partition and key.
namespace held {
namespace mi = boost::multi_index;
using Key = mi::composite_key<HeldRecord, mi::member<HeldRecord, int32_t, &HeldRecord::partition>,
                              mi::member<HeldRecord, std::string, &HeldRecord::key>>;
using Hash = mi::composite_key_hash<std::hash<int32_t>, std::hash<std::string_view>>;
using Equal = mi::composite_key_equal_to<std::equal_to<>, std::equal_to<>>;
}  // namespace held
using HeldRecords = held::mi::multi_index_container<
    HeldRecord,
    held::mi::indexed_by<held::mi::sequenced<>, held::mi::hashed_unique<held::Key, held::Hash, held::Equal>>>;

class Replay {
public:
  enum class Phase {
    replaying,       // waits for the topic's end
    replaying_over,  // likewise; or, before anything was read, for somebody to tell that it takes too long
    settling,        // waits for settled()
    live,            // waits for nothing
  };
  // What the fold says of a record that is about to be held back.
  using Look = std::function<CommandState::Standing(const TopicRecord&)>;

  explicit Replay(Look look) : look_(std::move(look)) {}

  // Before anything was read: there is a state, which an earlier run of the service kept; and what this said
  // of the topic then.
  struct Restored {
    std::map<int32_t, int64_t> next_offsets;  // kept()
    TopicLog log;
    bool lost_records = false, renewed = false;
  };
  void restore(Restored restored);
  // The topic's end takes too long: what was restored is to be served meanwhile. false: it is served already.
  bool serve_restored();

  // These partitions of this log are read, from the beginning; more may come, and repeats do no harm.
  void reading(std::span<const int32_t> partitions, const TopicLog& log = {});
  // true: the record counts now.
  bool take(const TopicRecord& record);

  // A partition has no more records for now; `offset` is behind its last one. true: thereby all were read to
  // their end, and settling begins.
  bool end(int32_t partition, int64_t offset);
  // The first `most` of what is held back count now, in the order in which they came.
  std::vector<HeldRecord> release(size_t most);
  bool holds() const { return !held_.empty(); }
  // It was read over a state, of which the topic may not hold all; and whether that may be removed then.
  bool is_over_a_state() const { return over_; }
  bool may_remove() const { return restored_ && !has_lost_records() && !is_renewed(); }
  // All that was held back counts.
  void settled();
  // The topic had vanished or was made anew, and is read from its beginning again.
  void start_over();
  // Rises whenever what comes is of another log than what came before, whose offsets mean nothing in it.
  uint64_t log_number() const { return log_number_; }
  bool has_several_partitions() const { return partitions_.size() > 1; }
  const TopicLog& log() const { return log_; }

  Phase phase() const { return phase_; }
  bool live() const { return phase_ == Phase::live; }
  bool settling() const { return phase_ == Phase::settling; }
  // There is something to serve: what the topic holds, or what was restored.
  bool serving() const { return serving_; }
  // By partition, the offset behind the last record that counts.
  const std::map<int32_t, int64_t>& kept() const { return kept_; }
  // The offset behind the last record read, summed over partitions; -1 before any.
  int64_t offset() const;
  bool has_lost_records() const { return !lost_.empty(); }
  bool is_renewed() const { return !renewed_.empty(); }
  // In words, what shows it.
  const std::string& lost_records() const { return lost_; }
  const std::string& renewed() const { return renewed_; }

private:
  void hold(const TopicRecord& record);
  void drop(const TopicRecord& record);
  void lose(std::string what);
  void know_log(const TopicLog& log);

  Look look_;
  Phase phase_ = Phase::replaying;
  bool restored_ = false, serving_ = false, over_ = false;
  std::set<int32_t> partitions_, ended_;
  std::map<int32_t, int64_t> read_;   // by partition: the offset behind the last record
  std::map<int32_t, int64_t> kept_;   // likewise, the last that counts
  std::map<int32_t, int64_t> known_;  // where partitions ended at least, to be found again at their end
  HeldRecords held_;
  TopicLog log_;
  uint64_t log_number_ = 0;
  std::string lost_, renewed_;
};

}  // namespace e2k::supervisor
