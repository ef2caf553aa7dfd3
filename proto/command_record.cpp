#include "proto/command_record.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "common/config/value_rules.h"
#include "common/text.h"

namespace e2k {
namespace {

using nlohmann::json;

// Deeper nesting than any command has; it keeps a hostile record from exhausting the stack.
constexpr int kMaxDepth = 32;
constexpr size_t kMaxShownMaskBytes = 16;
// Twice what the longest topic and channel need with every byte escaped.
constexpr size_t kMaxKeyBytes = 16'384;

// The parsed text, or a discarded value when it is no JSON (or nested too deeply).
json parse_json(std::string_view text) {
  const auto guard = [](int depth, json::parse_event_t, json&) { return depth <= kMaxDepth; };
  return json::parse(text, guard, /*allow_exceptions=*/false);
}

const std::string* string_member(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return nullptr;
  return found->get_ptr<const std::string*>();
}

std::optional<std::string> channel_problem(std::string_view channel) {
  if (channel.empty()) return "the channel's name is empty";
  if (channel.size() > kMaxChannelNameBytes)
    return fmt::format("the channel's name has {} bytes; at most {} are accepted", channel.size(),
                       kMaxChannelNameBytes);
  if (!is_valid_utf8(channel)) return "the channel's name is not UTF-8";
  if (has_control_characters(channel)) return "the channel's name holds control characters";
  return std::nullopt;
}

std::optional<std::string> kafka_name_problem(std::string_view topic) {
  const auto problem = config::topic_problem(std::string(topic));
  if (!problem) return std::nullopt;
  return "the topic's name " + *problem;
}

// What the value holds: mask and outkey, and the topic where the key is plain.
std::optional<std::string> read_value(std::string_view text, EntrySpec& entry, KeyForm form) {
  if (text.empty()) return "the value has zero bytes; to remove an entry send a null value (a tombstone)";
  const json value = parse_json(text);
  if (value.is_discarded()) return "the value is not JSON";
  if (!value.is_object())
    return R"(the value is not a JSON object; accepted: {"mask":"va"} with an optional "outkey")";
  if (form == KeyForm::plain) {
    const std::string* topic = string_member(value, "topic");
    if (topic == nullptr)
      return R"(the value names no topic; behind a plain key accepted: {"topic":"t","mask":"va"})";
    entry.topic = *topic;
  }
  const std::string* mask = string_member(value, "mask");
  if (mask == nullptr) return R"(the value has no string "mask"; accepted: letters of v, a, l, p)";
  const auto parsed = parse_mask(*mask);
  if (!parsed) {
    // A hostile text stays out of the reason, which is kept and shown.
    const std::string shown =
        mask->size() <= kMaxShownMaskBytes ? fmt::format("the mask '{}'", *mask) : "the mask";
    return shown + " is none; accepted: letters of v, a, l, p, each at most once";
  }
  entry.mask = *parsed;
  const auto outkey = value.find("outkey");
  if (outkey != value.end() && !outkey->is_null()) {
    if (!outkey->is_string()) return R"("outkey" is not a string)";
    entry.key = outkey->get<std::string>();
    if (entry.key.size() > kMaxOutkeyBytes)
      return fmt::format("the outkey has {} bytes; at most {} are accepted", entry.key.size(),
                         kMaxOutkeyBytes);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> topic_name_problem(std::string_view topic, std::string_view command_topic) {
  if (auto problem = kafka_name_problem(topic)) return problem;
  if (topic == command_topic)
    return fmt::format("{} is the command topic; events can't be written to it", topic);
  for (std::string_view reserved : {"__", "connect-", "epics2kafka-"})
    if (topic.starts_with(reserved))
      return fmt::format("topic {}: names beginning with {} are not written to", topic, reserved);
  return std::nullopt;
}

std::optional<EntrySpec> entry_of_json_key(std::string_view key) {
  if (key.size() > kMaxKeyBytes || key.find('{') == std::string_view::npos) return std::nullopt;
  const json parsed = parse_json(key);
  if (!parsed.is_object()) return std::nullopt;
  const std::string* topic = string_member(parsed, "topic");
  const std::string* channel = string_member(parsed, "channel");
  if (topic == nullptr || channel == nullptr) return std::nullopt;
  EntrySpec entry;
  entry.topic = *topic;
  entry.channel = *channel;
  return entry;
}

Command parse_command(std::optional<std::string_view> key, std::optional<std::string_view> value) {
  if (!key || key->empty())
    return BadCommand{"the record has no key; accepted: a channel's name, or a JSON object"};
  if (!value) return UnsetCommand{};
  if (key->size() > kMaxKeyBytes)
    return BadCommand{
        fmt::format("the key has {} bytes; at most {} are accepted", key->size(), kMaxKeyBytes)};
  auto meant = entry_of_json_key(*key);
  SetCommand command{{}, meant ? KeyForm::json : KeyForm::plain};
  EntrySpec& entry = command.entry;
  if (meant)
    entry = std::move(*meant);
  else
    entry.channel = *key;
  if (auto problem = read_value(*value, entry, command.form)) return BadCommand{*problem};
  if (auto problem = kafka_name_problem(entry.topic)) return BadCommand{*problem};
  if (auto problem = channel_problem(entry.channel)) return BadCommand{*problem};
  return command;
}

std::string command_key(const EntrySpec& entry, KeyForm form) {
  if (form == KeyForm::plain) return entry.channel;
  nlohmann::ordered_json key;
  key["topic"] = entry.topic;
  key["channel"] = entry.channel;
  return key.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string command_value(const EntrySpec& entry, KeyForm form) {
  nlohmann::ordered_json value;
  if (form == KeyForm::plain) value["topic"] = entry.topic;
  value["mask"] = to_letters(entry.mask);
  if (!entry.key.empty()) value["outkey"] = entry.key;
  return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace e2k
