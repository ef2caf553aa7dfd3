#include "supervisor/migrate/translate.h"

#include <algorithm>
#include <array>

#include "common/config/property_rules.h"
#include "common/split.h"
#include "supervisor/migrate/kafka_properties.h"
#include "supervisor/migrate/option_table.h"

namespace e2k::supervisor::migrate {
namespace {

// An option that is a setting here under another name. The newer name stands first where there are two.
struct Counterpart {
  std::string_view option, table, key;
  bool bare = false;  // a number or truth
};
constexpr auto kCounterparts = std::to_array<Counterpart>({
    {"monitor.addr.list", "epics", "addr_list"},
    {"epics.ca.addr.list", "epics", "addr_list"},
    {"monitor.auto.addr.list", "epics", "auto_addr_list", true},
    {"monitor.connection.timeout", "epics", "conn_tmo", true},
    {"monitor.repeater.port", "epics", "repeater_port", true},
    {"command.topic", "commands", "topic"},
    {"channels.topic", "commands", "topic"},
    {"command.group", "commands", "group"},
    {"channels.group", "commands", "group"},
    {"tasks.max", "workers", "count", true},
    {"name", "control", "connector_name"},
});
constexpr auto kPolls = std::to_array<std::string_view>({"monitor.poll.millis", "poll.millis"});
constexpr auto kClasses = std::to_array<std::string_view>(
    {"org.jlab.kafka.connect.CASourceConnector", "org.jlab.kafka.CASourceConnector",
     "org.jlab.kafka.CAConnectorSource", "CASourceConnector", "CASource"});
constexpr std::string_view kArrayBytes = "monitor.max.array.bytes";
constexpr const char* kDefaultPoll = "monitor.poll.millis is not given: the connector's default";

std::string trimmed(const std::string& text) {
  return std::string(e2k::trimmed(text));
}

template <class List>
bool holds(const List& list, std::string_view name) {
  return std::ranges::find(list, name) != std::end(list);
}

bool is_converter_option(std::string_view name) {
  return name == "value.converter" || name == "key.converter" || name.starts_with("value.converter.") ||
         name.starts_with("key.converter.");
}

class Translation {
public:
  Translation(const ConnectFile& connector, const ConnectFile* worker, const std::set<std::string>& known)
      : connector_(connector), worker_(worker), known_(known) {}

  Draft translate() && {
    draft_kafka(connector_, worker_, known_, draft_);
    counterparts();
    old_addresses();
    output();
    converter("value");
    schema();
    converter("key");
    control();
    rest();
    return std::move(draft_);
  }

private:
  void counterparts() {
    for (const Counterpart& one : kCounterparts) {
      const Option* option = connector_.find(one.option);
      if (option == nullptr) continue;
      TomlValue toml = toml_value(trimmed(option->value), std::string(one.key), one.bare);
      DraftLine line{std::string(one.table), std::string(one.key), std::move(toml.text), origin_of(*option)};
      if (!toml.remark.empty()) line.remarks.push_back(std::move(toml.remark));
      if (one.option == "tasks.max")
        line.remarks.push_back(
            "As many clients for each IOC as there were tasks. Without this: min(4, cores).");
      if (!draft_.add(std::move(line)))
        draft_.leave({origin_of(*option), option->value, "the newer name of the same option counts"}, false);
    }
    if (const Option* option = connector_.find(kArrayBytes)) {
      DraftLine line{"epics",
                     "max_array_bytes",
                     toml_value(trimmed(option->value), "", true).text,
                     origin_of(*option),
                     {"Longer arrays made the connector fail. Here they come, and a small number makes libca "
                      "pause IOCs: leave it away (67108864)."}};
      line.offered = true;
      draft_.add(std::move(line));
    }
  }

  // Older releases searched the listed addresses only.
  void old_addresses() {
    const Option* old = connector_.find("epics.ca.addr.list");
    if (old == nullptr) return;
    draft_.add({"epics",
                "auto_addr_list",
                "false",
                "",
                {"Releases with the option epics.ca.addr.list searched the listed addresses only."}});
  }

  void output() {
    DraftLine interval{
        "output",
        "min_interval_ms",
        "1000",
        "",
        {"The connector kept the newest event of a channel and poll. Here every event is published; this "
         "would thin them out again:"}};
    interval.origin = kDefaultPoll;
    for (const std::string_view name : kPolls)
      if (const Option* option = connector_.find(name)) {
        if (interval.origin == kDefaultPoll) {
          interval.origin = origin_of(*option);
          interval.value = toml_value(trimmed(option->value), "", true).text;
        } else {
          draft_.leave({origin_of(*option), option->value, "the newer name of the same option counts"},
                       false);
        }
      }
    interval.offered = true;
    draft_.add(std::move(interval));
    DraftLine prefix{"output",
                     "topic_prefix",
                     "\"shadow.\"",
                     "",
                     {"To run beside the connector for a time (packaging/docs/migration.md):"}};
    prefix.offered = true;
    draft_.add(std::move(prefix));
  }

  // Connect takes the connector's converter with the connector's options, or else the worker's with the
  // worker's.
  void converter(const std::string& side) {
    const std::string name = side + ".converter", prefix = name + ".";
    const Option* own = connector_.find(name);
    const Option* workers = worker_ == nullptr ? nullptr : worker_->find(name);
    const Option* chosen = own != nullptr ? own : workers;
    if (chosen != nullptr)
      draft_.add({side, "converter", toml_value(trimmed(chosen->value), "", false).text, origin_of(*chosen)});
    else
      draft_.note(name + " stands in neither file: " + (side == "value" ? "json" : "string") +
                  " is used; the Connect worker's file (--worker) says what it was");
    converter_options(connector_, prefix, side, own != nullptr || chosen == nullptr,
                      "Connect passed over it, too: the connector names no " + name);
    if (worker_ == nullptr) return;
    if (own != nullptr && workers != nullptr)
      draft_.leave({origin_of(*workers), workers->value, "the connector names a converter of its own"},
                   false);
    converter_options(*worker_, prefix, side, own == nullptr,
                      "of a converter that the connector did not use");
  }

  void converter_options(const ConnectFile& file, const std::string& prefix, const std::string& side,
                         bool taken, const std::string& otherwise) {
    for (const Option& option : file.options) {
      if (!option.name.starts_with(prefix)) continue;
      const std::string key = option.name.substr(prefix.size());
      const bool secret = config::holds_secret(key, option.value);
      if (!taken) {
        draft_.leave({origin_of(option), secret ? "" : option.value, otherwise}, false);
        continue;
      }
      TomlValue toml = toml_value(secret ? option.value : trimmed(option.value), key, true);
      DraftLine line{side + ".options", key, std::move(toml.text), origin_of(option)};
      if (!toml.remark.empty()) line.remarks.push_back(std::move(toml.remark));
      line.secret = secret && !toml.reference;
      draft_.add(std::move(line));
    }
  }

  void schema() {
    const bool old = connector_.find("epics.ca.addr.list") != nullptr;
    DraftLine line{"value",
                   "schema",
                   old ? "\"org.jlab.epics.ca.value\"" : "\"EPICS_CA_DBR-1.5\"",
                   "",
                   {old ? "Releases up to 0.6 wrote this schema, those from 0.7.0 to 1.5.0 EPICS_CA_DBR-1.5:"
                        : "Releases from 0.7.0 to 1.5.0 wrote the values without the field error:"}};
    line.offered = true;
    draft_.add(std::move(line));
  }

  void control() {
    if (worker_ == nullptr) return;
    for (const char* name : {"listeners", "rest.port"})
      if (const Option* option = worker_->find(name)) {
        DraftLine line{"control",
                       "http",
                       "\"127.0.0.1:8083\"",
                       origin_of(*option),
                       {"The Connect worker answered HTTP there. This serves the control API over TCP:"}};
        line.offered = true;
        draft_.add(std::move(line));
        return;
      }
  }

  // What none of the above deals with.
  void rest() {
    if (connector_.find("connector.class") == nullptr)
      draft_.note(connector_.label + " has no connector.class: is it a connector's file?");
    for (const Option& option : connector_.options) {
      const std::string& name = option.name;
      if (name == "connector.class")
        connector_class(option);
      else if (!is_connector_client_option(name) && !is_converter_option(name) && !is_counterpart(name))
        leave(option, connector_option(name), "no option of the Channel Access connector or of Connect's");
    }
    if (worker_ == nullptr) return;
    for (const Option& option : worker_->options)
      if (!is_worker_client_option(option.name) && !is_converter_option(option.name))
        leave(option, worker_option(option.name), "no option of a Connect worker");
  }

  static bool is_counterpart(const std::string& name) {
    return name == kArrayBytes || holds(kPolls, name) ||
           std::ranges::any_of(kCounterparts, [&](const Counterpart& one) { return one.option == name; });
  }

  void connector_class(const Option& option) {
    const bool ours = holds(kClasses, trimmed(option.value));
    draft_.leave(
        {origin_of(option), option.value,
         ours ? "this program stands in its place"
              : "not the Channel Access connector that this program stands in for; its options may mean "
                "something else"},
        !ours);
  }

  void leave(const Option& option, const std::optional<KnownOption>& known, const std::string& otherwise) {
    const bool secret = config::holds_secret(option.name, option.value);
    draft_.leave(
        {origin_of(option), secret ? "" : option.value, known ? std::string(known->what) : otherwise},
        !known || known->noted);
  }

  const ConnectFile& connector_;
  const ConnectFile* worker_;
  const std::set<std::string>& known_;
  Draft draft_;
};

}  // namespace

Draft translate(const ConnectFile& connector, const ConnectFile* worker, const std::set<std::string>& known) {
  return Translation(connector, worker, known).translate();
}

}  // namespace e2k::supervisor::migrate
