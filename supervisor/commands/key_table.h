// Pure. The live keys of the command topic, one row each, found by raw key and by channel.
//
// A row stays where it is in memory for as long as it lives. Its texts are what it is found by and never
// change; what else it says may, in place.
//
// A row's texts lie in one block of memory: channel, outkey, topic, and the raw key only where it is not what
// command_key() would make of the entry. Topics are not shared: in the field many a channel has its own.
#pragma once

#include <boost/multi_index/global_fun.hpp>
#include <boost/multi_index/hashed_index.hpp>
#include <boost/multi_index_container.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proto/command_record.h"

namespace e2k::supervisor {

struct KeyRow {
  std::unique_ptr<char[]> texts;  // channel, outkey, topic, raw key (if kept)
  uint64_t raw_hash = 0;
  int64_t offset = 0;
  mutable int64_t timestamp_ms = 0;
  uint32_t outkey_bytes = 0;
  uint32_t raw_bytes = 0;  // 0: the raw key is command_key(entry, form)
  int32_t partition = 0;
  mutable uint32_t id = 0;
  mutable uint32_t log = 0;  // the number of the log that its record was read from; 0: restored, not read yet
  uint16_t channel_bytes = 0;
  uint8_t topic_bytes = 0;
  Mask mask;
  KeyForm form = KeyForm::plain;
  mutable bool effective = false;
  mutable bool never_connected_published = false;
  mutable bool was_connected = false;
  mutable bool disconnected_published = false;

  std::string_view channel() const { return {texts.get(), channel_bytes}; }
  std::string_view outkey() const { return {texts.get() + channel_bytes, outkey_bytes}; }
  std::string_view topic() const { return {texts.get() + channel_bytes + outkey_bytes, topic_bytes}; }
  EntrySpec entry() const;
  std::string raw_key() const;
  // Whether this row stands under `raw` (compares bytes, not hashes).
  bool has_key(std::string_view raw) const;
  bool says(const EntrySpec& entry, KeyForm in_form) const;
  // Takes over what a command says; its names are within their limits (kMaxTopicBytes, kMaxChannelNameBytes).
  void set(std::string_view raw, const EntrySpec& entry, KeyForm form);

private:
  std::string_view kept_raw_key() const {
    return {texts.get() + channel_bytes + outkey_bytes + topic_bytes, raw_bytes};
  }
};

uint64_t hash_text(std::string_view text);

inline uint64_t raw_hash_of(const KeyRow& row) {
  return row.raw_hash;
}
inline std::string_view channel_of(const KeyRow& row) {
  return row.channel();
}
struct SameNumber {
  size_t operator()(uint64_t hash) const { return hash; }
};
struct TextHash {
  size_t operator()(std::string_view text) const { return hash_text(text); }
};

struct ByRawKey {};
struct ByChannel {};
namespace mi = boost::multi_index;
using KeyTable = mi::multi_index_container<
    KeyRow,
    mi::indexed_by<
        mi::hashed_non_unique<mi::tag<ByRawKey>, mi::global_fun<const KeyRow&, uint64_t, raw_hash_of>,
                              SameNumber>,
        mi::hashed_non_unique<mi::tag<ByChannel>, mi::global_fun<const KeyRow&, std::string_view, channel_of>,
                              TextHash>>>;

}  // namespace e2k::supervisor
