// Pure. What a worker is told of an entry.
#pragma once

#include <string>

#include "proto/control_message.h"
#include "supervisor/commands/command_state.h"
#include "supervisor/plan/lines.h"

namespace e2k::supervisor {

// What was published of it already, by whoever served it.
inline void set_facts(AddEntry& add, const EntryRef& e) {
  add.never_connected_published = e.never_connected_published;
  add.was_connected = e.was_connected;
  add.disconnected_published = e.disconnected_published;
}

// A hash of what may be another in the next command for the same topic and channel.
inline uint32_t attributes_of(const EntryRef& e) {
  return static_cast<uint32_t>(hash_of_text(e.key, e.mask.bits) >> 32);
}

inline AddEntry add_item(EntryIndex index, const EntryRef& e) {
  AddEntry add;
  add.index = index;
  add.entry = EntrySpec{std::string(e.topic), std::string(e.channel), e.mask, std::string(e.key)};
  set_facts(add, e);
  return add;
}

}  // namespace e2k::supervisor
