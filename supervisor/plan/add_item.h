// Pure. What a worker is told of an entry.
#pragma once

#include <string>

#include "proto/control_message.h"
#include "supervisor/commands/command_state.h"

namespace e2k::supervisor {

inline AddEntry add_item(EntryIndex index, const EntryRef& e) {
  AddEntry add;
  add.index = index;
  add.entry = EntrySpec{std::string(e.topic), std::string(e.channel), e.mask, std::string(e.key)};
  add.never_connected_published = e.never_connected_published;
  add.was_connected = e.was_connected;
  add.disconnected_published = e.disconnected_published;
  return add;
}

}  // namespace e2k::supervisor
