#include "supervisor/ctl/pages.h"

#include "common/text.h"

namespace e2k::supervisor::ctl {

using Json = nlohmann::json;

Outcome<Json> parse_object(const std::string& body) {
  Json json = Json::parse(body, nullptr, false);
  if (json.is_discarded() || !json.is_object())
    return tl::unexpected<Failure>({Exit::failed, "the supervisor's answer is not a JSON object"});
  return json;
}

Outcome<Json> ask(const Client& client, const std::string& target) {
  const auto body = client.get(target);
  if (!body) return tl::unexpected(body.error());
  return parse_object(*body);
}

Outcome<void> each_page(const Client& client, const std::string& query, const PageVisitor& visit) {
  std::string after;
  for (bool first = true;; first = false) {
    const auto body = client.get(after.empty() ? query : query + "&after=" + percent_encode(after));
    if (!body) return tl::unexpected(body.error());
    auto page = parse_object(*body);
    if (!page) return tl::unexpected(page.error());
    const Json next = page->value("next", Json());
    const bool last = !next.is_string() || next.get<std::string>().empty();
    if (!visit(*body, (*page)["items"], first, last) || last) return {};
    if (next.get<std::string>() == after)
      return tl::unexpected<Failure>({Exit::failed, "the supervisor sends the same page again"});
    after = next.get<std::string>();
  }
}

}  // namespace e2k::supervisor::ctl
