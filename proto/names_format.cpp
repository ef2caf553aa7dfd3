#include "proto/names_format.h"

#include <cstring>

#include "proto/crc32c.h"

namespace e2k::names {
namespace {

constexpr size_t kCheckedFrom = offsetof(Record, index);

uint32_t checksum(const std::byte* record, uint32_t length, uint64_t offset) {
  uint32_t crc = crc32c(0, &offset, sizeof offset);
  crc = crc32c(crc, &length, sizeof length);
  return crc32c(crc, record + kCheckedFrom, length - kCheckedFrom);
}

}  // namespace

Read read_record(std::span<const std::byte> file, uint64_t offset) {
  if (offset % kRecordAlignment != 0 || offset > file.size() || file.size() - offset < sizeof(Record))
    return {};
  const std::byte* at = file.data() + offset;
  const auto* stored = reinterpret_cast<const uint32_t*>(at);
  const uint32_t length = __atomic_load_n(stored, __ATOMIC_ACQUIRE);
  if (length < sizeof(Record) || length > file.size() - offset) return {};
  Record record;
  std::memcpy(&record, at, sizeof record);
  const uint64_t texts = uint64_t{record.topic_bytes} + record.channel_bytes + record.key_bytes;
  if (texts != length - sizeof(Record) || checksum(at, length, offset) != record.crc32c) return {};
  const char* text = reinterpret_cast<const char*>(at + sizeof(Record));
  Read read;
  read.index = EntryIndex{record.index};
  read.name.topic = {text, record.topic_bytes};
  read.name.channel = {text + record.topic_bytes, record.channel_bytes};
  read.name.key = {text + record.topic_bytes + record.channel_bytes, record.key_bytes};
  read.next = offset + padded(length);
  return read;
}

void write_record(std::byte* file, uint64_t offset, EntryIndex index, const Name& name) {
  std::byte* at = file + offset;
  const auto length = static_cast<uint32_t>(record_bytes(name));
  Record record{};
  record.index = index.value;
  record.topic_bytes = static_cast<uint16_t>(name.topic.size());
  record.channel_bytes = static_cast<uint16_t>(name.channel.size());
  record.key_bytes = static_cast<uint32_t>(name.key.size());
  std::memcpy(at + kCheckedFrom, reinterpret_cast<const std::byte*>(&record) + kCheckedFrom,
              sizeof record - kCheckedFrom);
  std::byte* text = at + sizeof record;
  for (const std::string_view part : {name.topic, name.channel, name.key}) {
    std::memcpy(text, part.data(), part.size());
    text += part.size();
  }
  const uint32_t crc = checksum(at, length, offset);
  std::memcpy(at + offsetof(Record, crc32c), &crc, sizeof crc);
  __atomic_store_n(reinterpret_cast<uint32_t*>(at), length, __ATOMIC_RELEASE);
}

}  // namespace e2k::names
