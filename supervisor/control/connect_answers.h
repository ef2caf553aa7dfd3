// Pure. What the Model says to the routes of Kafka Connect's, with Connect's status codes.
//
// Connect answers PUT pause and resume with 202, restarts with 204, and bodies are empty; a restart of the
// connector that includes its tasks is answered with 202 and the status. Without its tasks a connector is the
// supervisor, which has nothing of its own to restart: no worker is touched then.
#pragma once

#include "supervisor/control/responder.h"
#include "supervisor/control/router.h"

namespace e2k::supervisor {

// Whether the verb is one of Connect's.
bool is_of_connect(Verb verb);

Answer show_connect(Surface surface, const Route& route, const Connector& connector, const Model& model);
Answer change_connect(const Route& route, const Caller& caller, const Connector& connector, Model& model);

}  // namespace e2k::supervisor
