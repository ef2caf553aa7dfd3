// A slot's book of names, as its worker would have left it.
#pragma once

#include <cstddef>
#include <fstream>
#include <string>
#include <vector>

#include "proto/names_format.h"

namespace e2k::supervisor {

// The channels of topic `t` have the indices from `first` on.
inline void write_names(const std::string& path, Slot slot, const std::vector<std::string>& channels,
                        uint32_t first = 0) {
  std::vector<std::byte> file(4096);
  auto& header = *new (file.data()) names::Header{};
  header.magic = names::kMagic;
  header.format_version = names::kFormatVersion;
  header.slot = slot.value;
  uint64_t at = names::kHeaderBytes;
  for (uint32_t i = 0; i < channels.size(); ++i) {
    names::write_record(file.data(), at, EntryIndex{first + i}, {"t", channels[i], ""});
    at += names::padded(names::record_bytes({"t", channels[i], ""}));
  }
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
}

}  // namespace e2k::supervisor
