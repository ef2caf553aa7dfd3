#include "common/config/settings.h"

#include <array>
#include <limits>

#include "common/config/value_rules.h"
#include "common/log.h"

namespace e2k::config {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
constexpr int64_t kDayMs = 86'400'000, kDayS = 86'400, kCenturyS = 3'153'600'000, kMiB = 1 << 20,
                  kGiB = 1 << 30;

// Section and Field are member pointers: &Config::workers, &Config::Workers::count.
template <auto Section, auto Field>
constexpr IntegerSetting integer(int64_t least, int64_t most) {
  return {[](const Config& c) { return int64_t{(c.*Section).*Field}; },
          [](Config& c, int64_t v) {
            auto& field = (c.*Section).*Field;
            field = static_cast<std::remove_reference_t<decltype(field)>>(v);
          },
          least, most};
}
template <auto Section, auto Field>
constexpr BooleanSetting boolean() {
  return {[](const Config& c) { return (c.*Section).*Field; },
          [](Config& c, bool v) { (c.*Section).*Field = v; }};
}
template <auto Section, auto Field>
constexpr StringSetting string(std::optional<std::string> (*problem)(const std::string&)) {
  return {[](const Config& c) -> const std::string& { return (c.*Section).*Field; },
          [](Config& c, std::string v) { (c.*Section).*Field = std::move(v); }, problem};
}
template <auto Section, auto Field>
constexpr ChoiceSetting choice(std::span<const std::string_view> names) {
  return {names, [](const Config& c) { return static_cast<size_t>((c.*Section).*Field); },
          [](Config& c, size_t v) {
            auto& field = (c.*Section).*Field;
            field = static_cast<std::remove_reference_t<decltype(field)>>(v);
          }};
}

// In the order of the enumerators.
constexpr std::string_view kTimestamps[] = {"ioc", "arrival"};
constexpr std::string_view kNameEncodings[] = {"utf-8", "latin-1"};
constexpr std::string_view kAffinities[] = {"none", "ioc"};
constexpr std::string_view kWhenFull[] = {"drop_oldest", "drop_newest"};
constexpr std::string_view kHttpChanges[] = {"none", "loopback", "token"};
constexpr std::string_view kSchemas[] = {"EPICS_CA_DBR", "EPICS_CA_DBR-1.5", "org.jlab.epics.ca.value"};

template <size_t N>
size_t index_of(const std::string_view (&names)[N], const std::string& name) {
  for (size_t i = 0; i < N; ++i)
    if (names[i] == name) return i;
  return 0;
}

constexpr std::string_view kPath = "an absolute path";
constexpr std::string_view kListen = "host:port, [address]:port, or \"\" for none";

constexpr auto kSettings = std::to_array<Setting>({
    {"log_level", "",
     ChoiceSetting{log::kLevelNames, [](const Config& c) { return index_of(log::kLevelNames, c.log_level); },
                   [](Config& c, size_t i) { c.log_level = log::kLevelNames[i]; }}},

    {"commands.topic", "a topic's name: 1 to 249 letters, digits, . _ -",
     string<&Config::commands, &Config::Commands::topic>(topic_problem)},
    {"commands.group", "a group's name",
     string<&Config::commands, &Config::Commands::group>(nonempty_problem)},
    {"commands.max_channels", "",
     integer<&Config::commands, &Config::Commands::max_channels>(1, 100'000'000)},
    {"commands.create_topic", "", boolean<&Config::commands, &Config::Commands::create_topic>()},
    {"commands.replication_factor", "-1 (the broker's default), or 1 to 32767",
     integer<&Config::commands, &Config::Commands::replication_factor>(-1, 32767)},

    {"output.allow", "an array of regular expressions (RE2's syntax), one at least",
     ListSetting{[](const Config& c) -> const std::vector<std::string>& { return c.output.allow; },
                 [](Config& c, std::vector<std::string> v) { c.output.allow = std::move(v); },
                 pattern_problem}},
    {"output.never_connected_after_s", "",
     integer<&Config::output, &Config::Output::never_connected_after_s>(0, kDayS)},
    {"output.timestamp", "", choice<&Config::output, &Config::Output::timestamp>(kTimestamps)},
    {"output.max_future_s", "", integer<&Config::output, &Config::Output::max_future_s>(0, kCenturyS)},
    {"output.max_past_s", "", integer<&Config::output, &Config::Output::max_past_s>(0, kCenturyS)},
    {"output.min_interval_ms", "", integer<&Config::output, &Config::Output::min_interval_ms>(0, kDayMs)},
    {"output.topic_prefix", "letters, digits, . _ - or \"\" for none",
     string<&Config::output, &Config::Output::topic_prefix>(topic_prefix_problem)},
    {"output.headers", "an array of the headers' names: \"epics_stamp_ns\"; [] for none",
     ListSetting{[](const Config& c) -> const std::vector<std::string>& { return c.output.headers; },
                 [](Config& c, std::vector<std::string> v) { c.output.headers = std::move(v); },
                 header_problem, true}},
    {"output.connection_events", "", boolean<&Config::output, &Config::Output::connection_events>()},
    {"output.name_encoding", "", choice<&Config::output, &Config::Output::name_encoding>(kNameEncodings)},

    {"workers.count", "", integer<&Config::workers, &Config::Workers::count>(kFewestWorkers, kMostWorkers)},
    {"workers.affinity", "", choice<&Config::workers, &Config::Workers::affinity>(kAffinities)},
    {"workers.max_restart_delay_ms", "",
     integer<&Config::workers, &Config::Workers::max_restart_delay_ms>(1, kDayMs)},
    {"workers.lease_s", "", integer<&Config::workers, &Config::Workers::lease_s>(1, kDayS)},
    {"workers.drain_timeout_ms", "",
     integer<&Config::workers, &Config::Workers::drain_timeout_ms>(0, kDayMs)},
    {"workers.max_rss_bytes", "", integer<&Config::workers, &Config::Workers::max_rss_bytes>(0, kMost)},
    {"workers.program", kPath, string<&Config::workers, &Config::Workers::program>(path_problem), true},

    {"value.schema", "",
     ChoiceSetting{kSchemas, [](const Config& c) { return index_of(kSchemas, c.value.schema); },
                   [](Config& c, size_t i) { c.value.schema = kSchemas[i]; }}},
    // The converters' names are judged with their options: see converters.h.
    {"value.converter", "a converter's name",
     string<&Config::value, &Config::Value::converter>(nonempty_problem)},
    {"key.converter", "a converter's name", string<&Config::key, &Config::Key::converter>(nonempty_problem)},

    {"spool.directory", kPath, string<&Config::spool, &Config::Spool::directory>(path_problem), true},
    {"spool.max_total_bytes", "", integer<&Config::spool, &Config::Spool::max_total_bytes>(kMiB, kMost)},
    {"spool.keep_free_bytes", "", integer<&Config::spool, &Config::Spool::keep_free_bytes>(0, kMost)},
    {"spool.max_event_bytes", "", integer<&Config::spool, &Config::Spool::max_event_bytes>(1024, kGiB / 2)},
    {"spool.when_full", "", choice<&Config::spool, &Config::Spool::when_full>(kWhenFull)},
    {"spool.sync_interval_ms", "", integer<&Config::spool, &Config::Spool::sync_interval_ms>(0, 3'600'000)},

    {"state.directory", kPath, string<&Config::state, &Config::State::directory>(path_problem)},

    // Which codes there are only the supervisor knows: supervisor/settings/property_check.h.
    {"status.mute", "an array of reasons' codes; [] for none",
     ListSetting{[](const Config& c) -> const std::vector<std::string>& { return c.status.mute; },
                 [](Config& c, std::vector<std::string> v) { c.status.mute = std::move(v); },
                 nonempty_problem, true}},
    {"status.max_clock_skew_s", "",
     integer<&Config::status, &Config::Status::max_clock_skew_s>(1, kCenturyS)},
    {"status.nothing_connected_after_s", "",
     integer<&Config::status, &Config::Status::nothing_connected_after_s>(1, kDayS)},

    {"control.socket", kPath, string<&Config::control, &Config::Control::socket>(socket_path_problem)},
    {"control.status_socket", kPath,
     string<&Config::control, &Config::Control::status_socket>(socket_path_problem)},
    {"control.http", kListen, string<&Config::control, &Config::Control::http>(listen_address_problem)},
    {"control.http_changes", "", choice<&Config::control, &Config::Control::http_changes>(kHttpChanges)},
    {"control.http_token_file", kPath,
     string<&Config::control, &Config::Control::http_token_file>(path_problem)},
    {"control.metrics", kListen, string<&Config::control, &Config::Control::metrics>(listen_address_problem)},
    {"control.connector_name", "a connector's name",
     string<&Config::control, &Config::Control::connector_name>(nonempty_problem)},
});

struct Accepted {
  std::string operator()(const IntegerSetting& s) const {
    return s.most == kMost ? "an integer from " + std::to_string(s.least)
                           : std::to_string(s.least) + " to " + std::to_string(s.most);
  }
  std::string operator()(const BooleanSetting&) const { return "true, false"; }
  std::string operator()(const StringSetting&) const { return "a string"; }
  std::string operator()(const ListSetting&) const { return "an array of strings"; }
  std::string operator()(const ChoiceSetting& s) const {
    std::string text;
    for (const std::string_view name : s.names) ((text += text.empty() ? "\"" : ", \"") += name) += '"';
    return text;
  }
};

}  // namespace

std::span<const Setting> settings() {
  return kSettings;
}

const Setting* find_setting(std::string_view key) {
  for (const Setting& setting : kSettings)
    if (setting.key == key) return &setting;
  return nullptr;
}

std::string accepted_by(const Setting& setting) {
  if (!setting.accepted.empty()) return std::string(setting.accepted);
  return std::visit(Accepted{}, setting.kind);
}

}  // namespace e2k::config
