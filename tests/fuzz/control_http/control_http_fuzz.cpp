// Any method and target: routed or refused, and what a refusal says is a document.
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "supervisor/control/documents.h"
#include "supervisor/control/responder.h"
#include "supervisor/control/router.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace e2k::supervisor;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t blank = text.find(' ');
  const std::string_view method = blank == std::string_view::npos ? "GET" : text.substr(0, blank);
  const std::string_view target = blank == std::string_view::npos ? text : text.substr(blank + 1);
  (void)host_without_port(authority_of(target));
  const auto routed = route(method, target);
  if (!routed) {
    const std::string document = error_document(routed.error().code, routed.error().message);
    if (!nlohmann::json::accept(document) || routed.error().code < 400) std::abort();
    return 0;
  }
  if (routed->query.limit > kMaxPageItems) std::abort();
  if (decode_cursor(encode_cursor(routed->query.after)) != routed->query.after) std::abort();
  if (!nlohmann::json::accept(channel_document(routed->channel, {}))) std::abort();
  return 0;
}
