// Any bytes as a command record: the first byte says how many of the rest are the key.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "proto/command_record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace e2k;
  if (size == 0) return 0;
  const std::string_view all(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t key_bytes = data[0] < all.size() ? data[0] : all.size();
  const Command command = parse_command(all.substr(0, key_bytes), all.substr(key_bytes));
  const auto* set = std::get_if<SetCommand>(&command);
  if (set == nullptr) return 0;
  // What was accepted must be written and read back as the same.
  const Command again =
      parse_command(command_key(set->entry, set->form), command_value(set->entry, set->form));
  const auto* same = std::get_if<SetCommand>(&again);
  if (same == nullptr || !(same->entry == set->entry) || same->form != set->form) {
    // A plain channel name that looks like a JSON key cannot be written in that form.
    if (set->form == KeyForm::plain && set->entry.channel.find('{') != std::string::npos) return 0;
    std::abort();
  }
  return 0;
}
