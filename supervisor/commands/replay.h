// Pure. How far the command topic was read, which of its records count already, and what a topic means that
// is not the one it was.
//
//   replaying        read from its beginning with nothing to serve: a record counts at once
//   replaying_over   likewise, but there is a state: a snapshot's, or what was read before the topic
//                    vanished. Half of a topic is worse than that, so that its records are held back
//   live             every partition was read to its end; a record counts at once
//
// Of what is held back the last command of each key in each partition is kept, not the whole topic: a fold of
// those is the same (command_state.h). A record that the fold refuses counts at once, for it changes nothing
// and must not take the place of the command before it.
//
// A topic whose end lies before what was read of it earlier, that begins later than it did, or that goes on
// at an earlier offset, lost records; one with another id was made anew, however long it is. Either is
// remembered for good; what the topic holds is followed, and nothing is removed on its word. Where that
// happens to a live one it is replayed over the state, as a whole. Only a topic that was read to its end and
// lost nothing says what may be removed: what the snapshot holds and it does not.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "supervisor/commands/topic_record.h"

namespace e2k::supervisor {

class Replay {
public:
  enum class Phase {
    replaying,       // waits for the topic's end
    replaying_over,  // likewise; or, before anything was read, for somebody to tell that it takes too long
    live,            // waits for nothing
  };
  // Whether the fold refuses the record whatever its state is.
  using IsRefused = std::function<bool(const TopicRecord&)>;

  explicit Replay(IsRefused is_refused) : is_refused_(std::move(is_refused)) {}

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

  struct Held {
    int32_t partition;
    int64_t offset, timestamp_ms;
    std::string key;
    std::optional<std::string> value;
    TopicRecord record() const { return {partition, offset, timestamp_ms, key, value}; }
  };
  // What the end of the topic means.
  struct End {
    std::vector<Held> held;   // what counts from now on, in the order in which it came
    bool may_remove = false;  // what the restored state holds and the topic does not
  };
  // A partition has no more records for now; `offset` is behind its last one. The answer comes when thereby
  // all were read to their end.
  std::optional<End> end(int32_t partition, int64_t offset);
  // The topic had vanished or was made anew, and is read from its beginning again.
  void start_over();
  // Rises whenever what comes is of another log than what came before, whose offsets mean nothing in it.
  uint64_t log_number() const { return log_number_; }
  bool has_several_partitions() const { return partitions_.size() > 1; }
  const TopicLog& log() const { return log_; }

  Phase phase() const { return phase_; }
  bool live() const { return phase_ == Phase::live; }
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
  std::vector<Held> release();
  void lose(std::string what);
  void know_log(const TopicLog& log);

  struct Numbered {
    uint64_t number;
    Held held;
  };
  IsRefused is_refused_;
  Phase phase_ = Phase::replaying;
  bool restored_ = false, serving_ = false;
  std::set<int32_t> partitions_, ended_;
  std::map<int32_t, int64_t> read_;   // by partition: the offset behind the last record
  std::map<int32_t, int64_t> kept_;   // likewise, the last that counts
  std::map<int32_t, int64_t> known_;  // where partitions ended at least, to be found again at their end
  std::unordered_map<std::string, Numbered> held_;  // by partition and key
  uint64_t last_number_ = 0;
  TopicLog log_;
  uint64_t log_number_ = 0;
  std::string lost_, renewed_;
};

}  // namespace e2k::supervisor
