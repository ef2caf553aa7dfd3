// Pure. Why a server can't be spoken to, and what mends it.
//
// Finer than kafka::ErrorKind, which sorts what a running service is told over hours: here one question was
// asked by somebody who waits for the answer (reach.h). The words themselves are shown beside it.
#pragma once

namespace e2k::supervisor {

enum class Trouble {
  none,
  unreachable,  // refuses connections
  silent,       // nothing came within the time that there was
  unresolved,   // its name is no address
  protocol,     // speaks, but not what security.protocol says
  tls,          // a certificate is not accepted, by either side
  login,        // user, password or token are refused
  not_allowed,  // it knows who asks, and refuses what is asked
  odd           // anything else; the words say it
};

// Of Kafka's brokers: what is wrong, to be followed by their addresses ("the login is refused at"), and what
// mends it, in librdkafka's names of properties.
const char* broker_complaint(Trouble trouble);
const char* broker_remedy(Trouble trouble);

}  // namespace e2k::supervisor
