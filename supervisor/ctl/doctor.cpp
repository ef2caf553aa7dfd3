#include "supervisor/ctl/doctor.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <ostream>
#include <vector>

#include "common/config/load.h"
#include "common/text.h"
#include "supervisor/check/ask.h"
#include "supervisor/check/findings.h"
#include "supervisor/check/machine_findings.h"
#include "supervisor/check/machine_questions.h"
#include "supervisor/ctl/pages.h"
#include "supervisor/ctl/words.h"
#include "supervisor/settings/property_check.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;
using check::Finding;
using check::Level;

class Examination {
public:
  Examination(const Client& client, const DoctorRequest& request, const config::Environment& environment,
              const Output& output)
      : client_(client), request_(request), environment_(environment), output_(output) {}

  Exit run() {
    look_at_service();
    if (const auto config = look_at_configuration()) {
      // Before libcurl and librdkafka begin threads: it changes this process's rights for a moment.
      tell(check::machine_findings(check::ask_machine(*config, running_)));
      if (!output_.json) output_.out << std::flush;  // asking takes a while
      tell(check::findings(check::ask(*config)));
    }
    if (output_.json) output_.out << document() << '\n';
    const auto worst = [this](auto is_so) { return std::ranges::any_of(found_, is_so, &Finding::level); };
    if (worst([](Level level) { return level == Level::mistaken || level == Level::unreachable; }))
      return Exit::failed;
    return worst([](Level level) { return level == Level::warning; }) ? Exit::degraded : Exit::ok;
  }

private:
  void tell(const std::vector<Finding>& findings) {
    for (const Finding& finding : findings) {
      found_.push_back(finding);
      if (!output_.json) output_.out << painted(check::line(finding), finding.level);
    }
  }

  std::string painted(const std::string& line, Level level) const {
    const Paint paint{output_.colour};
    const size_t word = line.find(' ');
    const std::string_view text(line);
    const std::string first = level == Level::ok        ? paint.good(text.substr(0, word))
                              : level == Level::warning ? paint.warn(text.substr(0, word))
                                                        : paint.bad(text.substr(0, word));
    constexpr size_t kIndent = 9;
    // Printable already; wrapped behind the word.
    const std::string wrapped_text = wrapped(text.substr(std::min(word + 1, text.size())), kIndent);
    return first + std::string(kIndent - std::min(word, kIndent), ' ') +
           wrapped_text.substr(std::min(kIndent, wrapped_text.size()));
  }

  void look_at_service() {
    const auto body = client_.get("/status");
    const auto status = body ? parse_object(*body) : Outcome<Json>(tl::unexpected(body.error()));
    if (!status) {
      tell({{status.error().exit == Exit::not_running ? Level::mistaken : Level::unreachable,
             "service: " + status.error().message}});
      return;
    }
    path_ = text_in(at(*status, "config"), "path");
    running_.supervisor = static_cast<pid_t>(number(*status, "pid"));
    for (const Json& worker : at(*status, "workers"))
      running_.workers[static_cast<unsigned>(number(worker, "slot"))] =
          static_cast<pid_t>(number(worker, "pid"));
    const std::string state = text_in(*status, "state");
    const size_t reasons = at(*status, "reasons").is_array() ? at(*status, "reasons").size() : 0;
    tell({state == "RUNNING"
              ? Finding{Level::ok, "service: RUNNING, pid " + cell(*status, "pid")}
              : Finding{Level::warning,
                        fmt::format("service: {}, {}; epics2kafkactl status tells more", state,
                                    plural(static_cast<double>(reasons), "reason", "reasons"))}});
    look_at_clocks();
  }

  void look_at_clocks() {
    const auto body = client_.get("/hosts");
    const auto hosts = body ? parse_object(*body) : Outcome<Json>(Json());
    if (!hosts) return;
    for (const Json& host : at(*hosts, "items")) {
      if (!at(host, "clock_skew_s").is_number()) continue;
      const double skew_s = number(host, "clock_skew_s");
      if (running_.worst_clock && std::abs(running_.worst_clock->skew_s) >= std::abs(skew_s)) continue;
      running_.worst_clock = {text_in(host, "host"), skew_s};
    }
  }

  // The service's own environment, where this user may see it: its directories stand there.
  config::Environment service_environment() const {
    auto theirs = running_.supervisor == 0 ? std::nullopt : check::environment_of(running_.supervisor);
    if (!theirs) return environment_;
    return [theirs = std::move(*theirs)](const std::string& name) -> std::optional<std::string> {
      const auto found = theirs.find(name);
      return found == theirs.end() ? std::nullopt : std::optional(found->second);
    };
  }

  std::optional<Config> look_at_configuration() {
    LoadOptions load;
    load.path = !request_.configuration.empty() ? request_.configuration
                : !path_.empty()                ? path_
                                                : config::default_config_path(request_.instance);
    load.instance = request_.instance;
    load.environment = service_environment();
    const std::string what = "configuration " + load.path + ": ";
    if (::access(load.path.c_str(), R_OK) != 0) {
      const char* remedy = errno == EACCES
                               ? "; ask as the service's user: sudo -u epics2kafka epics2kafkactl doctor"
                               : "; write it, or name it with --config FILE";
      tell({{Level::mistaken, what + std::strerror(errno) + remedy}});
      return std::nullopt;
    }
    auto loaded = load_config(load);
    const std::vector<std::string> mistakes =
        loaded ? check_config(*loaded, JudgedBy::client) : loaded.error().messages;
    for (const std::string& mistake : mistakes) tell({{Level::mistaken, "configuration: " + mistake}});
    if (!loaded) return std::nullopt;
    if (mistakes.empty()) tell({{Level::ok, what + "valid"}});
    for (const std::string& remark : config_remarks(*loaded))
      tell({{Level::warning, "configuration: " + remark}});
    return mistakes.empty() ? std::optional<Config>(std::move(*loaded)) : std::nullopt;
  }

  std::string document() const {
    Json findings = Json::array();
    for (const Finding& finding : found_)
      findings.push_back({{"level", finding.level == Level::ok        ? "ok"
                                    : finding.level == Level::warning ? "warning"
                                                                      : "broken"},
                          {"text", utf8_or_latin1(finding.text)}});
    return Json{{"api", 1}, {"items", std::move(findings)}}.dump(-1, ' ', false,
                                                                 Json::error_handler_t::replace);
  }

  const Client& client_;
  const DoctorRequest& request_;
  const config::Environment& environment_;
  const Output& output_;
  std::string path_;  // of the running service's configuration
  check::Running running_;
  std::vector<Finding> found_;
};

}  // namespace

Exit examine(const Client& client, const DoctorRequest& request, const config::Environment& environment,
             const Output& output) {
  return Examination(client, request, environment, output).run();
}

}  // namespace e2k::supervisor::ctl
