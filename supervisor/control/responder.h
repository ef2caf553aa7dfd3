// Pure. One request to one answer: who may ask what on which surface, and what the Model says to it.
//
// Surfaces: the control socket shows and changes everything (its file mode says who may connect); the status
// socket shows everything but the configuration and changes nothing; `control.http` is the control socket
// over TCP, with changes as `control.http_changes` says; `control.metrics` knows /metrics and /health only.
// A web page in somebody's browser must not reach the TCP surfaces: an Origin is refused, but that of our own
// page where it may change something, and on control.http a Host that is not this machine (DNS rebinding).
// Scrapers reach a machine under names that it
// does not know, so control.metrics, which shows figures only, takes any Host.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/config/config.h"
#include "supervisor/control/connect_options.h"
#include "supervisor/control/metrics.h"
#include "supervisor/control/model.h"

namespace e2k::supervisor {

enum class Surface { control_socket, status_socket, http, metrics };

struct Request {
  std::string_view method, target;
  std::string_view host, origin, authorization, last_event_id;  // headers; "" when absent
  bool has_origin = false;
  bool from_loopback = false;  // TCP: the peer's address
  Caller caller;
};

// An answer that goes on with what changes, for as long as it is read.
struct Follow {
  uint64_t seen = 0;         // its place in the log of events
  bool with_status = false;  // the status, too, again and again
};

struct Answer {
  int code = 200;
  std::string content_type = "application/json";  // "": there is no body
  std::string body;
  std::string allow;  // header Allow, with 405
  std::optional<Follow> follow = std::nullopt;
  // Where it is set the body is still to come: in slices, each of a turn of its own.
  InSlices<std::string> body_in_slices = {};
};

struct ResponderRules {
  HttpChanges http_changes = HttpChanges::none;
  std::string http_token;
  // Names and addresses under which control.http may be asked, lower-case, without port.
  std::vector<std::string> hosts;
  std::function<ProcessFigures()> process_figures;
  Connector connector = {};
};

// An answer whose body is the document of what is found in slices.
template <class Found, class Document>
Answer in_slices(InSlices<Found> find, Document document) {
  Answer answer;
  answer.body_in_slices = [find = std::move(find), document]() -> std::optional<std::string> {
    auto found = find();
    return found ? std::optional(document(*found)) : std::nullopt;
  };
  return answer;
}

Answer respond(Surface surface, const Request& request, const ResponderRules& rules, Model& model);

// The document of GET /status, as that surface shows it.
std::string status_of(Surface surface, const Model& model);

// "name:8083", "[::1]:8083", "1.2.3.4" -> the host alone, lower-case.
std::string host_without_port(std::string_view host);

// With an answer to a browser: our page has its files from here alone, and nobody frames it.
inline constexpr char kContentPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

}  // namespace e2k::supervisor
