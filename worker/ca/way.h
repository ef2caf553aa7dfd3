// Pure. A channel's way from its name to its events: which phase follows which, and what has to be asked of
// libca and of the search for it.
//
//   phase       waits for                                    libca knows it   its server lists it
//   searching   a server's answer                            no               no
//   waiting     its server: for the scout, or a probe        no               yes
//   connecting  its connection                               yes              where it takes long
//   connected   the loss of it                               yes              no
//   hung        its circuit, which stands and is dumb        yes              yes
//
// step() is this table; what is not in it changes nothing. Actions are carried out in the order of their
// bits.
//
//   phase       event                 next        actions
//   searching   wanted                searching   search
//               answered              connecting  create
//               answered_wait         waiting     park
//   waiting     answered              connecting  leave, create
//               answered_wait         waiting     park            (at the server that answered)
//               admitted              connecting  leave, create
//               ask_again, wanted     waiting     search_briefly
//   connecting  up                    connected   stop_search, leave, count, subscribe
//               circuit_gone          waiting     clear, park, fail
//               let_go                searching   clear, leave, search_later
//               answered_elsewhere    connecting  clear, leave, create
//               ask_again             connecting  search_briefly
//   connected   down_gone             waiting     clear, park
//               down_hung             hung        park
//   hung        up                    connected   stop_search, leave, count, subscribe
//               circuit_gone          waiting     clear
//               answered, admitted    connecting  clear, leave, create
//               ask_again, wanted     hung        search_briefly
//
// A lost channel whose circuit is gone leaves libca at once: there libca would search for it by itself,
// beside ours. One whose circuit stands stays: the circuit may recover, and what waits in it arrives then.
#pragma once

#include <cstdint>

namespace e2k::worker::ca {

enum class Phase : uint8_t { searching, waiting, connecting, connected, hung };

enum class WayEvent : uint8_t {
  wanted,         // commanded anew
  answered,       // a server answered, and a channel may be created there
  answered_wait,  // a server answered, and has to prove itself first
  admitted,       // its server has proven itself
  ask_again,  // likewise, but whether the server still has the name is not known; or another has some of them
  answered_elsewhere,  // another server answered than the one whose circuit does not respond
  up,
  down_gone,     // libca lost it, the circuit is gone
  down_hung,     // libca lost it, the circuit stands
  circuit_gone,  // the circuit of one that is connecting, or hangs, is gone
  let_go,        // the circuit is well, the server does not let the name be created, or dropped it
};

// Bits, in the order in which they are carried out.
enum WayAction : uint32_t {
  kClear = 1 << 0,  // in libca
  kStopSearch = 1 << 1,
  kLeave = 1 << 2,          // the server's list
  kPark = 1 << 3,           // in the list of the server that answered, or that was lost
  kFail = 1 << 4,           // tell that the scout got no circuit
  kCreate = 1 << 5,         // in libca
  kSearch = 1 << 6,         // until it is answered
  kSearchBriefly = 1 << 7,  // a few tries
  kSearchLater = 1 << 8,    // from a slow pace on
  // Of these two who hears of the connection sees to itself (Connector::on_up): it may have to wait with
  // them.
  kCount = 1 << 9,  // tell that one more is connected at the server
  kSubscribe = 1 << 10,
};

struct WayStep {
  Phase next;
  uint32_t actions = 0;
  friend bool operator==(const WayStep&, const WayStep&) = default;
};

WayStep step(Phase phase, WayEvent event);
const char* to_string(Phase phase);

}  // namespace e2k::worker::ca
