// Pure. One record of the command topic: bytes to command and back, both generations of the format.
//
//   README generation:  key  channel1                            value  {"topic":"channel1","mask":"va"}
//   v0.4.0 and later:   key  {"topic":"t","channel":"c"}         value  {"mask":"va","outkey":"k"}
//
// A key is JSON when it is an object with string `topic` and `channel`; every other key is a plain channel
// name. A null value (tombstone) removes the entry of exactly that key; a value of zero bytes is a bad
// record. Unknown members are ignored; an empty or null outkey is none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "proto/mask.h"

namespace e2k {

inline constexpr size_t kMaxChannelNameBytes = 1007;
inline constexpr size_t kMaxTopicBytes = 249;
inline constexpr size_t kMaxOutkeyBytes = 16'384;

enum class KeyForm : uint8_t { plain, json };

// What one live command asks for. `key` is the outkey; empty: the channel's name is the record key.
struct EntrySpec {
  std::string topic;
  std::string channel;
  Mask mask;
  std::string key;
  friend bool operator==(const EntrySpec&, const EntrySpec&) = default;
};

struct SetCommand {
  EntrySpec entry;
  KeyForm form;
};
struct UnsetCommand {};  // tombstone: whatever stands under that raw key
struct BadCommand {
  std::string reason;  // for people: what is wrong and what is accepted
};
using Command = std::variant<SetCommand, UnsetCommand, BadCommand>;

// Checks everything but the site's `output.allow`: JSON, topic name (legal for Kafka; see
// topic_name_problem), channel name (not empty, <= 1007 bytes, UTF-8, no control characters), mask, key and
// value present.
Command parse_command(std::optional<std::string_view> key, std::optional<std::string_view> value);

// The entry (topic and channel alone) that a key means by itself: a JSON one. Nothing: a plain key, of which
// the value names the topic.
std::optional<EntrySpec> entry_of_json_key(std::string_view key);

// Why `topic` can't be an output topic, or nothing: illegal for Kafka ([a-zA-Z0-9._-]{1,249}, not . or ..),
// the command topic itself, or a name that begins with __, connect- or epics2kafka-.
std::optional<std::string> topic_name_problem(std::string_view topic, std::string_view command_topic);

// The bytes of a command, as `set` writes them. The value of a plain key holds the topic.
std::string command_key(const EntrySpec& entry, KeyForm form);
std::string command_value(const EntrySpec& entry, KeyForm form);

}  // namespace e2k
