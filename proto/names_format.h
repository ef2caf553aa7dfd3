// Pure. A slot's book of names: what each of its entry indices means.
//
// An index belongs to a slot, and its meaning (topic, channel, record key; the mask is no part of it) lives
// as long as the slot's logs and the lines of its ledger do: over worker generations, over supervisors, over
// a reboot. So the book, `<slot>.names`, lies beside the logs. The slot's worker writes it, a record before
// the first event under a new index; supervisors read it before they give indices out.
//
// File:  [Header, kHeaderBytes][records, each on 8 bytes]
// Record: Record, then topic, channel and key, unseparated. `length` is stored last (release) and read
// first (acquire): 0 means that the book ends here. The checksum is CRC32C over the record's place in the
// file and everything behind the checksum, so that no bytes can pass for a record of another place. The book
// ends at the first record that does not hold together: after the machine's death that may be a torn one, and
// the writer goes on from there, over zeroes. What was named behind it is given its index anew. All integers
// are in the machine's byte order.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "common/ids.h"

namespace e2k::names {

// Version ledger:   1  first
inline constexpr uint32_t kFormatVersion = 1;
inline constexpr uint64_t kMagic = 0x31534d4e'4b324531;  // "1E2KNMS1" read as bytes on little-endian
inline constexpr size_t kHeaderBytes = 64;
inline constexpr size_t kRecordAlignment = 8;

struct Header {
  uint64_t magic;
  uint32_t format_version;
  uint16_t slot;
  uint16_t reserved;
  // Where the next record will begin: tells a reader whether there is more than it has read.
  std::atomic<uint64_t> used_bytes;
  // Above every index that was named. It may have survived what a torn record did not.
  std::atomic<uint32_t> next_index;
};
static_assert(sizeof(Header) <= kHeaderBytes);

struct Record {
  uint32_t length;  // with the names, without padding
  uint32_t crc32c;
  uint32_t index;
  uint16_t topic_bytes;
  uint16_t channel_bytes;
  uint32_t key_bytes;  // 0: the channel's name is the key
  uint32_t reserved;
};
static_assert(sizeof(Record) == 24);

// What an index means. `key` as commanded: empty where the channel's name is the key.
struct Name {
  std::string_view topic, channel, key;
  friend bool operator==(const Name&, const Name&) = default;
};

constexpr uint64_t padded(uint64_t bytes) {
  return (bytes + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
}
constexpr uint64_t record_bytes(const Name& name) {
  return sizeof(Record) + name.topic.size() + name.channel.size() + name.key.size();
}

// The record at `offset` of the file's bytes, which need not be trusted.
struct Read {
  EntryIndex index;
  Name name;          // views into `file`
  uint64_t next = 0;  // where the next record begins; 0: there is no record at `offset`
};
Read read_record(std::span<const std::byte> file, uint64_t offset);

// Writes the record to `offset`, where there is room for padded(record_bytes(name)) bytes.
void write_record(std::byte* file, uint64_t offset, EntryIndex index, const Name& name);

}  // namespace e2k::names
