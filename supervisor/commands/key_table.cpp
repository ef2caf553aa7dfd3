#include "supervisor/commands/key_table.h"

#include <algorithm>
#include <functional>

namespace e2k::supervisor {

uint64_t hash_text(std::string_view text) {
  return std::hash<std::string_view>{}(text);
}

EntrySpec KeyRow::entry() const {
  return {std::string(topic()), std::string(channel()), mask, std::string(outkey())};
}

std::string KeyRow::raw_key() const {
  if (raw_bytes == 0) return command_key(entry(), form);
  return std::string(kept_raw_key());
}

bool KeyRow::has_key(std::string_view raw) const {
  if (raw_bytes != 0) return kept_raw_key() == raw;
  return form == KeyForm::plain ? channel() == raw : raw_key() == raw;
}

bool KeyRow::says(const EntrySpec& entry, KeyForm in_form) const {
  return form == in_form && mask == entry.mask && channel() == entry.channel && topic() == entry.topic &&
         outkey() == entry.key;
}

void KeyRow::set(std::string_view raw, const EntrySpec& entry, KeyForm new_form) {
  const bool derivable = command_key(entry, new_form) == raw;
  channel_bytes = static_cast<uint16_t>(entry.channel.size());
  topic_bytes = static_cast<uint8_t>(entry.topic.size());
  outkey_bytes = static_cast<uint32_t>(entry.key.size());
  raw_bytes = derivable ? 0 : static_cast<uint32_t>(raw.size());
  texts.reset(new char[entry.channel.size() + entry.key.size() + entry.topic.size() + raw_bytes]);
  char* end = texts.get();
  for (std::string_view part : {std::string_view(entry.channel), std::string_view(entry.key),
                                std::string_view(entry.topic), raw.substr(0, raw_bytes)})
    end = std::copy(part.begin(), part.end(), end);
  raw_hash = hash_text(raw);
  mask = entry.mask;
  form = new_form;
}

}  // namespace e2k::supervisor
