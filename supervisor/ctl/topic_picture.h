// Pure. What the command topic holds, as the client has read it, and what must be written to change it.
//
// The fold is the supervisor's own (commands/command_state.h). Beside it stand the last record of every key
// and its partition: a key that stands in the topic already is written and ended in its own partition.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/commands/command_state.h"

namespace e2k::supervisor::ctl {

struct TopicRecord {
  int32_t partition = 0;
  int64_t offset = 0;
  std::optional<std::string> key, value;
};

// One record to write; no value: a tombstone. No partition: the key's own choice.
struct TopicWrite {
  std::string key;
  std::optional<std::string> value;
  std::optional<int32_t> partition;
  friend bool operator==(const TopicWrite&, const TopicWrite&) = default;
};

class TopicPicture {
public:
  // `records` as read: in order within each partition. What the fold refuses is kept for list --all.
  TopicPicture(std::vector<TopicRecord> records, const std::string& command_topic);

  struct Entry {
    EntrySpec spec;
    KeyForm form;
    std::string raw_key;
    int32_t partition;
    int64_t offset;
  };
  // Effective entries, by channel and topic.
  const std::vector<Entry>& entries() const { return entries_; }
  const Entry* find(const std::string& topic, const std::string& channel) const;

  struct Listed {
    enum class Standing { effective, superseded, removed, bad } standing;
    const TopicRecord* record;
    std::string reason;  // of a bad one
  };
  // Every record that the topic still holds, as read.
  std::vector<Listed> all() const;

  // The form that most live keys have; nothing in an empty topic.
  std::optional<KeyForm> form() const;

  // What `set` and `import` write. An entry that stands keeps its raw key. A new one gets `form`, or the JSON
  // form where its plain key stands for another topic already (which it would replace).
  TopicWrite write_of(const EntrySpec& entry, KeyForm form) const;
  // A tombstone for every live key of the channel's entries (of one topic, if given), and for the keys of
  // that name whose last record is bad: a supervisor may still serve what stood there before.
  std::vector<TopicWrite> tombstones(const std::string& channel,
                                     const std::optional<std::string>& topic) const;

private:
  struct Key {
    size_t last;  // index of its last record
    std::optional<EntrySpec> live;
    KeyForm form = KeyForm::json;
    std::string topic;  // that it means; "" where only a value would tell
  };
  std::vector<TopicRecord> records_;
  std::vector<std::string> reasons_;  // by record; "" of a good one
  using Keys = std::map<std::string, Key, std::less<>>;
  Keys keys_;
  // The keys whose last record is no tombstone, by the channel that they mean.
  std::map<std::string, std::vector<Keys::const_iterator>, std::less<>> keys_of_;
  std::vector<Entry> entries_;
};

struct Difference {
  std::vector<EntrySpec> added, removed;
  struct Changed {
    EntrySpec before, after;
  };
  std::vector<Changed> changed;
  size_t unchanged = 0;
  std::vector<TopicWrite> writes, deletes;  // what brings the topic there
};

// From what stands to `wanted` (one an entry); with `prune` what is not wanted is removed.
Difference difference(const TopicPicture& picture, const std::vector<SetCommand>& wanted, KeyForm form,
                      bool prune);

}  // namespace e2k::supervisor::ctl
