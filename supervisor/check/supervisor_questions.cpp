#include "supervisor/check/supervisor_questions.h"

#include "supervisor/ctl/pages.h"

namespace e2k::supervisor::check {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& item, const char* name) {
  const auto found = item.find(name);
  return found != item.end() && found->is_string() ? found->get<std::string>() : "";
}

void take(const Json& item, const std::string& prefix, StampFacts& facts) {
  if (!item.is_object()) return;
  const auto skew = item.find("clock_skew_s");
  if (skew == item.end() || !skew->is_number()) return;
  const double age_s = skew->get<double>();
  StampAge& oldest = facts.oldest[prefix + text_of(item, "topic")];
  if (!oldest.channel.empty() && oldest.age_s >= age_s) return;
  oldest = {age_s, text_of(item, "channel")};
}

}  // namespace

StampFacts ask_stamps(const Config& config, const Deadline& deadline) {
  StampFacts facts;
  const ctl::Client client({config.control.socket, config.control.status_socket}, deadline.left());
  // Pages of a size that is answered at once, so that the deadline is looked at often.
  const auto read = ctl::each_page(client, "/channels?limit=5000",
                                   [&](const std::string&, const Json& items, bool, bool last) {
                                     for (const Json& item : items)
                                       take(item, config.output.topic_prefix, facts);
                                     if (deadline.passed() && !last)
                                       facts.words = "the supervisor has more channels than could be read";
                                     return !deadline.passed();
                                   });
  if (read) return facts;
  facts.no_supervisor = read.error().exit == ctl::Exit::not_running;
  facts.words = facts.no_supervisor ? "no supervisor of this configuration runs (none answers on " +
                                          config.control.socket + ")"
                                    : read.error().message;
  return facts;
}

}  // namespace e2k::supervisor::check
