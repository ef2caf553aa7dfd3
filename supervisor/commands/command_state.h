// Pure. The command topic folded into entries.
//
// Entries are kept by raw key bytes, with the offset of their record. Several raw keys may name the same
// identity (topic, channel): the plain key `c` and {"topic":…,"channel":"c"}, or the same JSON spelt
// differently. The effective entry of an identity is the one with the highest offset; a tombstone ends its
// own key only, so that the runner-up takes over. With valid records  fold(compact(log)) = fold(log). A
// tombstone under a JSON key that does not stand, but means an entry that stands under other bytes, removes
// nothing and is told as a bad record: its writer meant something else.
//
// Within a partition the order is that of the log. Where partitions were added, records of one key may stand
// in two of them: the one with the later time stamp counts (then that of the higher partition), in whatever
// order they come, and split_keys() says how many such keys there are. What is read from a log counts before
// what stood in an earlier one, whose offsets mean nothing any more.
//
// A bad record changes nothing: it is counted and remembered with partition, offset and reason (the newest
// kRememberedRejections, one a key), and what stood under its key before stands. It is forgotten when a valid
// record comes under its key, or, of a tombstone that misses an entry, when that entry is removed.
// Single-threaded; memory is at most 300 bytes a plain entry (names interned or stored once).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids.h"
#include "proto/command_record.h"
#include "supervisor/commands/topic_record.h"

namespace e2k::supervisor {

inline constexpr size_t kRememberedRejections = 1000;

// An identity's number: stable while the identity has an effective entry, reused later.
using EntryId = Id<struct EntryIdTag, uint32_t>;

struct Rejection {
  int32_t partition;
  int64_t offset;
  int64_t timestamp_ms;
  std::string key;  // first 200 bytes, raw
  std::string reason;
  std::optional<uint64_t> key_hash = std::nullopt;    // of the whole; nothing: the record has no key
  std::optional<uint64_t> entry_hash = std::nullopt;  // of the entry that a tombstone misses
};

// How the fold changed what is to be monitored.
struct Change {
  enum class Kind { added, changed, removed } kind;
  EntryId id;
  friend bool operator==(const Change&, const Change&) = default;
};

// The effective entry of one identity, as views into the state; valid until the next apply().
struct EntryRef {
  EntryId id;
  std::string_view topic;
  std::string_view channel;
  std::string_view key;  // the outkey; empty: none
  Mask mask;
  int64_t offset;
  int32_t partition;
  // What workers reported of this command; kept over restarts by the snapshot, cleared when the command is
  // renewed.
  bool never_connected_published;
  bool was_connected;
  bool disconnected_published;  // since it was last connected
};

// output.allow and the reserved names: nothing, or why `topic` may not be written to.
using TopicRule = std::function<std::optional<std::string>(std::string_view topic)>;

class CommandState {
public:
  CommandState(TopicRule rule, size_t max_channels);
  ~CommandState();
  CommandState(CommandState&&) noexcept;
  CommandState& operator=(CommandState&&) noexcept;

  // Folds one record in; appends what changed to `changes` (at most two: one identity may fall, another
  // rise).
  void apply(int32_t partition, int64_t offset, int64_t timestamp_ms, std::optional<std::string_view> key,
             std::optional<std::string_view> value, std::vector<Change>& changes);

  // What apply() would do with a record, for a reader that holds records back.
  enum class Standing {
    refused,  // nothing, whatever else is commanded: it is no command, or names a topic that may not be
              // written to. (Where there are too many entries already it refuses more.)
    stands,   // nothing: its key stands by this very record. That it was read is noted
    news,
  };
  Standing look(const TopicRecord& record);

  size_t size() const;  // effective entries
  size_t keys() const;  // raw keys alive
  std::optional<EntryRef> find(EntryId id) const;
  std::optional<EntryRef> find(std::string_view topic, std::string_view channel) const;
  // All entries of one channel, by topic.
  std::vector<EntryRef> of_channel(std::string_view channel) const;
  void visit(const std::function<void(const EntryRef&)>& visitor) const;
  // Above every EntryId.
  uint32_t ids() const;
  // Takes over what a worker's ledger says of the entry (CaLine::flags); true: some of it is news. A line
  // that its worker has not filled in yet (0) takes nothing back.
  bool learn(EntryId id, uint32_t ledger_flags);
  // learn() would take anything from it.
  static bool is_news(const EntryRef& known, uint32_t ledger_flags);

  // What comes is read from the log with this number from now on, of one partition or several.
  void read_log(uint64_t number, bool has_several_partitions);

  uint64_t rejected_total() const;
  // Those that stand.
  const std::deque<Rejection>& rejections() const;

  // Keys with commands in several partitions.
  size_t split_keys() const;
  // One of them, raw, with its partitions.
  struct SplitKey {
    std::string key;
    std::vector<int32_t> partitions;
  };
  std::optional<SplitKey> split_example() const;

  // What a snapshot holds: every live raw key with its value's meaning, offset and reported flags.
  struct LiveKey {
    std::string raw_key;
    EntrySpec entry;
    KeyForm form;
    int32_t partition;
    int64_t offset;
    bool never_connected_published;
    bool was_connected;
    bool disconnected_published = false;
  };
  void visit_keys(const std::function<void(const LiveKey&)>& visitor) const;
  // The same in slices, with changes in between: begin_walk(); walk() until it is done; end_walk(). What
  // walk() gave is then what stood at the end, but for the keys that end_walk() names: those stand as
  // find_key() says, or have gone.
  void begin_walk();
  enum class Walk { goes_on, begins_anew, done };  // begins_anew: what it gave until now is void
  Walk walk(size_t slice, const std::function<void(const LiveKey&)>& visitor);
  std::vector<std::string> end_walk();
  bool is_walked() const;  // between begin_walk() and end_walk()
  std::optional<LiveKey> find_key(std::string_view raw_key) const;
  // Before any apply(): puts a key back as the snapshot had it; one that the rule refuses by now, or that is
  // over the bound, is left out. discard() takes one out again, clear() all.
  void restore(const LiveKey& key);
  void discard(std::string_view raw_key);
  void clear();
  // About so many keys are to come, or fewer: growing once takes less time than growing as they come.
  void expect(size_t keys);
  // After a complete read from the topic's beginning: the keys (restored from a snapshot, or of an earlier
  // log) that the topic no longer holds, that is, whose last record was not seen again, are removed, or give
  // way to one of the same identity that was. In slices: begin_retiring(), then retire_unseen() until it
  // answers true; no apply() in between.
  void begin_retiring();
  bool retire_unseen(size_t slice, bool may_remove, std::vector<Change>& changes);

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace e2k::supervisor
