// Arbitrary bytes as a book of names: whatever is read lies within them and moves forward.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "proto/names_format.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace e2k::names;
  if (size < 1) return 0;
  // Of 8-byte words, as a mapped file is aligned.
  std::vector<uint64_t> words((size + 7) / 8 + 1);
  auto* base = reinterpret_cast<std::byte*>(words.data());
  std::memcpy(base, bytes + 1, size - 1);
  const std::span<std::byte> file(base, size - 1);
  // A sound record somewhere gets the fuzzer past the checksum.
  const uint64_t place = uint64_t{bytes[0]} * kRecordAlignment;
  const Name name{"t", "channel", ""};
  if (place + padded(record_bytes(name)) <= file.size())
    write_record(base, place, e2k::EntryIndex{bytes[0]}, name);
  uint64_t sum = 0;
  for (uint64_t at = 0; at < file.size() + 8; at += kRecordAlignment) {
    for (Read read = read_record(file, at); read.next != 0; read = read_record(file, read.next)) {
      if (read.next <= at) std::abort();
      for (const std::string_view text : {read.name.topic, read.name.channel, read.name.key})
        for (const char c : text) sum += static_cast<unsigned char>(c);
    }
  }
  return sum == 1 ? 1 : 0;
}
