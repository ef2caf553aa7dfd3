// Shell. The supervisor's JSON answers, and lists that come in pages.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "supervisor/ctl/client.h"

namespace e2k::supervisor::ctl {

// Whatever is no JSON object is Exit::failed.
Outcome<nlohmann::json> parse_object(const std::string& body);
Outcome<nlohmann::json> ask(const Client& client, const std::string& target);

// Every state of an entry but CONNECTED, as /channels takes them.
inline constexpr std::string_view kNotConnectedStates =
    "PENDING,NEVER_CONNECTED,DISCONNECTED,DENIED,NO_TOPIC,NOT_AUTHORISED,NO_DATA,QUARANTINED";

// A page as it came, and its items, which may be taken out of it. false: no more pages are wanted.
using PageVisitor =
    std::function<bool(const std::string& body, nlohmann::json& items, bool first, bool last)>;

// Follows the pages of `query` (a target with a question mark in it) to the end.
Outcome<void> each_page(const Client& client, const std::string& query, const PageVisitor& visit);

}  // namespace e2k::supervisor::ctl
