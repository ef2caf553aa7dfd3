// Shell. Whether the brokers of a connection answer, for programs that ask once and end.
//
// Blocking, under the caller's deadline. A refusal ends the waiting as soon as it is told: a login or a
// certificate that is not accepted at once, or a second later where other brokers might still accept it;
// nobody there, and no such name, after 1.5 s, because a name may have several addresses that are tried one
// after the other. Only silence takes the whole time.
#pragma once

#include <string>

#include "supervisor/commands/deadline.h"
#include "supervisor/commands/kafka_connection.h"
#include "supervisor/commands/server_trouble.h"

namespace e2k::supervisor {

Trouble trouble_of(const KafkaError& error);

struct NotReached {
  Trouble trouble = Trouble::silent;
  std::string words;  // librdkafka's
};

tl::expected<Cluster, NotReached> reach(KafkaConnection& connection, const Deadline& deadline);

}  // namespace e2k::supervisor
