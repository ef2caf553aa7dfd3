// Pure. [kafka], [kafka.producer] and [kafka.consumer] out of a Connect worker's and a connector's options.
//
// Connect's producers take what has the prefix producer. (a connector's producer.override. over it) and
// nothing else; the Channel Access connector's own consumer took no TLS and no login at all. Here both sides
// use [kafka], so the producer's login stands there.
#pragma once

#include <set>
#include <string>

#include "supervisor/migrate/connect_file.h"
#include "supervisor/migrate/draft.h"

namespace e2k::supervisor::migrate {

// Whether these functions deal with the option.
bool is_worker_client_option(std::string_view name);
bool is_connector_client_option(std::string_view name);

// `worker`: null where none was given. `known`: the names that librdkafka knows.
void draft_kafka(const ConnectFile& connector, const ConnectFile* worker, const std::set<std::string>& known,
                 Draft& draft);

std::string origin_of(const Option& option);

}  // namespace e2k::supervisor::migrate
