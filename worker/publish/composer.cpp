#include "worker/publish/composer.h"

#include <charconv>

namespace e2k::worker {
namespace {

bool carries_stamp(const spool::RecordView& record) {
  return record.header->kind == spool::RecordKind::event && has_ioc_stamp(record.event());
}

}  // namespace

RecordStamp Composer::stamp_of(const spool::RecordView& record) const {
  if (record.header->kind == spool::RecordKind::error) return stamp_of_error(rules_, record.event());
  return stamp_of_event(rules_, record.event());
}

// Once: a key does not change. It waits for the first event, because it may carry the id of a schema.
bool Composer::encode_key(OutputEntry& entry, TextStore& texts) {
  if (entry.key_state != KeyState::raw) return entry.key_state == KeyState::encoded;
  buffer_.clear();
  const bool good =
      converters_.key->encode({entry.key, entry.key_bytes}, entry.topic->key_schema_id, buffer_);
  entry.key_state = good ? KeyState::encoded : KeyState::failed;
  const std::string_view key = buffer_.view();
  entry.key = texts.replace(entry.key, entry.key_bytes, key);
  entry.key_bytes = static_cast<uint32_t>(key.size());
  return good;
}

EventView Composer::view_of(const OutputEntry& entry, const OutputNames& names) const {
  EventView view;
  view.schema_id = entry.topic->value_schema_id;
  if (converters_.value->wants_names()) {
    view.topic = entry.topic->name;
    view.channel = names.channel;
    view.key = names.key.empty() ? names.channel : names.key;
  }
  return view;
}

std::optional<Composed> Composer::compose(const spool::RecordView& record, OutputEntry& entry,
                                          const OutputNames& names, TextStore& texts) {
  if (!encode_key(entry, texts)) return std::nullopt;
  const RecordStamp stamp = stamp_of(record);
  EventView view = view_of(entry, names);
  view.is_error = record.header->kind == spool::RecordKind::error;
  const auto value = record.value();
  if (view.is_error) {
    view.error = {reinterpret_cast<const char*>(value.data()), value.size()};
  } else {
    view.type = static_cast<DbrType>(record.header->dbr_type);
    view.count = record.header->count;
    view.status = record.header->status;
    view.severity = record.header->severity;
    view.value = value;
  }
  view.stamp_unix_ns = stamp.unix_ns;
  buffer_.clear();
  if (!converters_.value->encode(view, buffer_)) return std::nullopt;
  Composed made{{entry.key, entry.key_bytes}, buffer_.view(), stamp.unix_ns, stamp.restamped, {}};
  if (stamp_header_ && carries_stamp(record)) {
    const char* const end =
        std::to_chars(stamp_text_, stamp_text_ + sizeof stamp_text_, ioc_unix_ns(record.event())).ptr;
    made.stamp_header = {stamp_text_, static_cast<size_t>(end - stamp_text_)};
  }
  return made;
}

std::optional<Composed> Composer::compose_error(std::string_view text, int64_t stamp_unix_ns,
                                                OutputEntry& entry, const OutputNames& names,
                                                TextStore& texts) {
  if (!converters_.value->takes_errors() || !encode_key(entry, texts)) return std::nullopt;
  EventView view = view_of(entry, names);
  view.is_error = true;
  view.error = text;
  view.stamp_unix_ns = stamp_unix_ns;
  buffer_.clear();
  if (!converters_.value->encode(view, buffer_)) return std::nullopt;
  return Composed{{entry.key, entry.key_bytes}, buffer_.view(), stamp_unix_ns, false, {}};
}

}  // namespace e2k::worker
