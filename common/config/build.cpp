#include "common/config/build.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "common/config/converters.h"
#include "common/config/epics_variables.h"
#include "common/config/property_rules.h"
#include "common/config/settings.h"
#include "common/config/spelling.h"
#include "common/config/value_rules.h"
#include "common/log.h"
#include "common/text.h"

namespace e2k::config {
namespace {

struct PropertySection {
  std::string_view prefix;
  Properties& (*at)(Config&);
  bool librdkafka;
};
// A longer prefix before one that it begins with.
constexpr PropertySection kPropertySections[] = {
    {"kafka.producer.", [](Config& c) -> Properties& { return c.kafka.producer; }, true},
    {"kafka.consumer.", [](Config& c) -> Properties& { return c.kafka.consumer; }, true},
    {"kafka.", [](Config& c) -> Properties& { return c.kafka.common; }, true},
    {"value.options.", [](Config& c) -> Properties& { return c.value.options; }, false},
    {"key.options.", [](Config& c) -> Properties& { return c.key.options; }, false},
};
constexpr std::string_view kEpics = "epics.";
constexpr std::string_view kTables =
    "log_level and the tables [kafka] (librdkafka's properties; [kafka.producer], [kafka.consumer]), "
    "[commands], "
    "[epics], [output], [workers], [value] and [value.options], [key] and [key.options], [spool], [state], "
    "[status], [control]";

const PropertySection* property_section(std::string_view key) {
  for (const PropertySection& section : kPropertySections)
    if (key.starts_with(section.prefix)) return &section;
  return nullptr;
}

// Whether a table of that name may stand in the file, be it empty.
bool is_table(const std::string& name) {
  const std::string prefix = name + ".";
  const auto begins = [&prefix](std::string_view key) { return key.starts_with(prefix); };
  return name == "epics" ||
         std::any_of(std::begin(kPropertySections), std::end(kPropertySections),
                     [&](const PropertySection& section) { return begins(section.prefix); }) ||
         std::any_of(settings().begin(), settings().end(),
                     [&](const Setting& setting) { return begins(setting.key); });
}

// The key under which an assignment is kept: aliases of one property meet there.
std::string canonical_key(const std::string& key) {
  const PropertySection* section = property_section(key);
  if (section == nullptr || !section->librdkafka) return key;
  const std::string_view name = std::string_view(key).substr(section->prefix.size());
  return std::string(section->prefix) + std::string(canonical_property(name));
}

std::string shown(const std::string& key) {
  return has_control_characters(key) || key.size() > 200 ? log::quoted(key) : key;
}

class Builder {
public:
  explicit Builder(const Surroundings& around) : around_(around) {}

  tl::expected<Config, ConfigErrors> build(std::string_view toml) {
    config_.path = around_.path;
    config_.instance = around_.instance;
    if (!around_.instance.empty())
      if (const auto problem = instance_problem(around_.instance))
        mistakes_.push_back("--instance " + log::quoted(around_.instance) + ": " + *problem);
    gather(toml);
    for (const auto* given : in_order()) {
      config_.places[given->first] = given->second.place;
      assign(given->first, given->second);
    }
    fill_in();
    if (!mistakes_.empty()) return tl::unexpected(ConfigErrors{std::move(mistakes_)});
    return std::move(config_);
  }

private:
  struct Text {
    std::string value;
    bool from_reference = false;
    std::string file = {};
  };

  void mistake(const std::string& place, const std::string& key, const std::string& what) {
    mistakes_.push_back(place + ": " + shown(key) + ": " + what);
  }
  void mistake(const Assignment& at, const std::string& what) { mistake(at.place, at.key, what); }

  // The file's assignments, then --set's over them.
  void gather(std::string_view toml) {
    Document document = read_toml(toml, around_.path);
    mistakes_.insert(mistakes_.end(), document.mistakes.begin(), document.mistakes.end());
    for (Assignment& assignment : document.assignments) {
      if (is_table(assignment.key) && std::holds_alternative<Unusable>(assignment.value)) continue;
      const std::string key = canonical_key(assignment.key);
      const auto [known, is_new] = effective_.emplace(key, assignment);
      if (!is_new)
        mistake(assignment, "is given twice, there and as " + shown(known->second.key) + " at " +
                                known->second.place + "; keep one");
    }
    for (const std::string& argument : around_.settings) {
      auto assignment = read_setting(argument);
      if (!assignment) {
        mistakes_.push_back(assignment.error().message);
        continue;
      }
      const std::string key = canonical_key(assignment->key);
      const auto before = effective_.find(key);
      if (key == kStateDirectory && before != effective_.end() && !before->second.from_command_line)
        state_in_file_ = before->second;
      effective_.insert_or_assign(key, std::move(*assignment));
    }
  }

  // Below which the spool lies unless it says otherwise. What --set says of the state is not asked: the
  // spool's place is the file's to say.
  std::string base_of_spool(const Directories& directories) {
    const auto given = effective_.find(kStateDirectory);
    if (given == effective_.end() || !given->second.from_command_line) return config_.state.directory;
    const auto in_file = state_in_file_ ? text_of(*state_in_file_, "an absolute path") : std::nullopt;
    return in_file && !in_file->value.empty() ? in_file->value : directories.state;
  }

  // Mistakes are told in the order of the file, those of the command line after them.
  std::vector<const std::pair<const std::string, Assignment>*> in_order() const {
    std::vector<const std::pair<const std::string, Assignment>*> order;
    for (const auto& given : effective_) order.push_back(&given);
    std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
      return std::pair(a->second.from_command_line, a->second.line) <
             std::pair(b->second.from_command_line, b->second.line);
    });
    return order;
  }

  void assign(const std::string& key, const Assignment& at) {
    if (at.from_command_line && std::holds_alternative<Reference>(at.value)) {
      mistake(at,
              "secrets and references to them are not taken from the command line; write it into the "
              "configuration file");
    } else if (const PropertySection* section = property_section(key)) {
      assign_property(*section, key.substr(section->prefix.size()), at);
    } else if (key.starts_with(kEpics)) {
      assign_epics(key.substr(kEpics.size()), at);
    } else if (const Setting* setting = find_setting(key)) {
      assign_setting(*setting, at);
    } else {
      unknown(at);
    }
  }

  void assign_property(const PropertySection& section, const std::string& name, const Assignment& at) {
    if (section.librdkafka) {
      const std::string given = at.key.substr(section.prefix.size());
      if (const auto refusal = refused_kafka_property(given)) return mistake(at, *refusal);
    }
    if (at.from_command_line) {
      if (is_secret_property(name) || holds_secret(name, at.text))
        return mistake(at,
                       "secrets are not taken from the command line, which everybody on the machine can "
                       "read; write it into the configuration file as {file = \"/path\"}, {credential = "
                       "\"name\"} or {env = \"NAME\"}");
      if (is_file_only_property(name)) return mistake(at, std::string(kFileOnly));
    }
    const auto text = property_text(at);
    if (!text) return;
    const bool secret = text->from_reference || holds_secret(name, text->value);
    if (secret && !text->from_reference && around_.others_can_read)
      return mistake(at,
                     "is a secret in a file that others can read; write {file = \"/path\"}, {credential = "
                     "\"name\"} or {env = \"NAME\"} instead, or take the right to read from others (chmod "
                     "o-r)");
    if (text->from_reference && text->value.empty() && is_secret_property(name))
      return mistake(at, "is an empty secret; fill the place that it is taken from");
    if (const auto problem = any_text_problem(text->value)) return mistake(at, *problem);
    if (section.librdkafka && name == "bootstrap.servers")
      if (const auto problem = broker_list_problem(text->value))
        return mistake(at, *problem + "; accepted: host:port, several separated by commas");
    section.at(config_)[name] = {text->value, secret, text->file};
  }

  // As librdkafka and Connect take values: as text.
  std::optional<Text> property_text(const Assignment& at) {
    if (const auto* flag = std::get_if<bool>(&at.value)) return Text{*flag ? "true" : "false"};
    if (const auto* integer = std::get_if<int64_t>(&at.value)) return Text{std::to_string(*integer)};
    if (const auto* number = std::get_if<double>(&at.value))
      return Text{at.from_command_line ? at.text : fmt::format("{}", *number)};
    if (const auto* list = std::get_if<std::vector<std::string>>(&at.value))
      return Text{fmt::format("{}", fmt::join(*list, ","))};
    return text_of(at, "a string, a number, true or false, or an array of strings");
  }

  // A string, its reference resolved. On the command line every value is one.
  std::optional<Text> text_of(const Assignment& at, const std::string& accepted) {
    if (const auto* text = std::get_if<std::string>(&at.value)) return Text{*text};
    if (const auto* reference = std::get_if<Reference>(&at.value)) {
      auto text = around_.resolve(*reference);
      if (text) return Text{std::move(*text), true, file_of(*reference)};
      mistake(at, text.error().message);
      return std::nullopt;
    }
    if (at.from_command_line) return Text{at.text};
    mistake(at, "is " + kind_of(at.value) + "; accepted: " + accepted);
    return std::nullopt;
  }

  std::string file_of(const Reference& reference) const {
    switch (reference.source) {
      case Reference::Source::file:
        return reference.name;
      case Reference::Source::credential:
        return around_.environment("CREDENTIALS_DIRECTORY").value_or("") + "/" + reference.name;
      case Reference::Source::environment:
        break;
    }
    return "";
  }

  void assign_epics(const std::string& name, const Assignment& at) {
    const EpicsVariable* variable = find_epics_variable(name);
    if (variable == nullptr) {
      std::vector<std::string_view> known;
      for (const EpicsVariable& one : epics_variables()) known.push_back(one.key);
      return mistake(at, "unknown key" + suggestion(name, known) +
                             "; accepted in [epics]: " + fmt::format("{}", fmt::join(known, ", ")));
    }
    Value value = at.value;
    if (std::holds_alternative<Reference>(value) ||
        (at.from_command_line && variable->kind == EpicsVariable::Kind::text)) {
      auto text = text_of(at, std::string(variable->accepted));
      if (!text) return;
      if (text->from_reference) config_.hidden.insert(at.key);
      value = std::move(text->value);
    }
    if (auto text = epics_text(*variable, value))
      config_.epics[std::string(variable->variable)] = std::move(*text);
    else
      mistake(at, "has no value that Channel Access takes; accepted: " + std::string(variable->accepted));
  }

  void assign_setting(const Setting& setting, const Assignment& at) {
    const auto* given = std::get_if<std::string>(&at.value);
    const bool names_plugin = given != nullptr && given->starts_with("plugin:");
    if (at.from_command_line && (setting.file_only || names_plugin))
      return mistake(at, std::string(kFileOnly));
    const auto refuse = [&](const std::string& what) {
      mistake(at, what + "; accepted: " + accepted_by(setting));
    };
    const auto wrong_kind = [&] { refuse("is " + kind_of(at.value)); };
    if (const auto* integer = std::get_if<IntegerSetting>(&setting.kind)) {
      const auto* value = std::get_if<int64_t>(&at.value);
      if (value == nullptr) return wrong_kind();
      if (*value < integer->least || *value > integer->most)
        return refuse("is " + std::to_string(*value) + ", out of range");
      if (setting.key == "commands.replication_factor" && *value == 0) return refuse("is 0, out of range");
      integer->set(config_, *value);
    } else if (const auto* boolean = std::get_if<BooleanSetting>(&setting.kind)) {
      const auto* value = std::get_if<bool>(&at.value);
      if (value == nullptr) return wrong_kind();
      boolean->set(config_, *value);
    } else if (const auto* list = std::get_if<ListSetting>(&setting.kind)) {
      assign_list(setting, *list, at);
    } else if (const auto text = text_of(at, accepted_by(setting))) {
      if (text->from_reference) config_.hidden.insert(at.key);
      const std::string named =
          text->from_reference ? "is a text that" : "is " + log::quoted(text->value) + ", which";
      if (const auto* choice = std::get_if<ChoiceSetting>(&setting.kind)) {
        const auto name = std::find(choice->names.begin(), choice->names.end(), text->value);
        if (name == choice->names.end())
          return refuse(named + " is none of its values" +
                        (text->from_reference ? "" : suggestion(text->value, choice->names)));
        choice->set(config_, static_cast<size_t>(name - choice->names.begin()));
      } else if (const auto* string = std::get_if<StringSetting>(&setting.kind)) {
        if (const auto problem = any_text_problem(text->value)) return refuse(*problem);
        if (const auto problem = string->problem(text->value)) return refuse(named + " " + *problem);
        string->set(config_, text->value);
      }
    }
  }

  void assign_list(const Setting& setting, const ListSetting& list, const Assignment& at) {
    std::vector<std::string> elements;
    const auto* given = std::get_if<std::vector<std::string>>(&at.value);
    if (given != nullptr)
      elements = *given;
    else if (at.from_command_line)
      elements = {at.text};
    if (elements.empty() && !(given != nullptr && list.may_be_empty))
      return mistake(at, "is " + (given != nullptr ? std::string("an empty array") : kind_of(at.value)) +
                             "; accepted: " + accepted_by(setting));
    bool good = true;
    for (const std::string& element : elements)
      if (const auto problem = list.problem(element)) {
        mistake(at, log::quoted(element) + " " + *problem + "; accepted: " + accepted_by(setting));
        good = false;
      }
    if (good) list.set(config_, std::move(elements));
  }

  void unknown(const Assignment& at) {
    std::vector<std::string> known, siblings;
    const std::string table = at.key.substr(0, at.key.find('.'));
    for (const Setting& setting : settings()) {
      known.emplace_back(setting.key);
      if (setting.key.starts_with(table + ".")) siblings.emplace_back(setting.key.substr(table.size() + 1));
    }
    for (const EpicsVariable& variable : epics_variables())
      known.push_back(std::string(kEpics) + std::string(variable.key));
    for (const std::string_view side : {"value", "key"}) {
      const std::string connect = std::string(side) + ".converter.";
      if (at.key.starts_with(connect))
        return mistake(at, "unknown key (did you mean " + std::string(side) + ".options." +
                               shown(at.key.substr(connect.size())) + "?)");
    }
    const std::string hint = suggestion(at.key, known);
    if (siblings.empty()) return mistake(at, "unknown key" + hint + "; accepted: " + std::string(kTables));
    if (table == "value" || table == "key") siblings.emplace_back("options");
    mistake(at, "unknown key" + hint + "; accepted in [" + table +
                    "]: " + fmt::format("{}", fmt::join(siblings, ", ")));
  }

  // What was not said, and what only the whole shows.
  void fill_in() {
    fill_in_epics();
    resolve_converters();
    config_.kafka.common.try_emplace("bootstrap.servers", ConfigString{"localhost:9092", false});
    if (config_.workers.count == 0)
      config_.workers.count = static_cast<int>(std::clamp(around_.cores, 1u, 4u));
    const Directories directories = find_directories(around_.environment, around_.instance);
    config_.runtime_directory = directories.runtime;
    if (config_.state.directory.empty()) config_.state.directory = directories.state;
    if (config_.spool.directory.empty()) config_.spool.directory = base_of_spool(directories) + "/spool";
    auto& control = config_.control;
    if (control.socket.empty()) control.socket = directories.runtime + "/control.sock";
    if (control.status_socket.empty())
      control.status_socket = control.socket.substr(0, control.socket.rfind('/')) + "/status.sock";
    for (const auto& [key, path] : {std::pair{"control.socket", &control.socket},
                                    std::pair{"control.status_socket", &control.status_socket}})
      if (const auto problem = socket_path_problem(*path))
        mistake(place_of(key), key, "is " + log::quoted(*path) + ", which " + *problem);
    if (control.socket == control.status_socket)
      mistake(place_of("control.status_socket"), "control.status_socket",
              "is the control socket's path too; give each its own");
    read_token();
    if (config_.spool.max_event_bytes > config_.spool.max_total_bytes)
      mistake(place_of("spool.max_event_bytes"), "spool.max_event_bytes",
              "is larger than spool.max_total_bytes; accepted: at most that");
  }

  void fill_in_epics() {
    for (const EpicsVariable& variable : epics_variables()) {
      const std::string name(variable.variable);
      if (config_.epics.contains(name)) continue;
      const auto given = around_.environment(name);
      if (!given || given->empty()) continue;
      if (auto text = epics_text(variable, *given))
        config_.epics[name] = std::move(*text);
      else
        mistake("environment", name,
                "is " + log::quoted(*given) +
                    ", which Channel Access does not take; accepted: " + std::string(variable.accepted));
    }
    // libca counts by it how much it reads before it tells an IOC to pause: the default loses events.
    config_.epics.try_emplace("EPICS_CA_MAX_ARRAY_BYTES", "67108864");
  }

  void resolve_converters() {
    const auto resolve = [this](const std::string& table, auto& side, RecordPart part) {
      ConverterChoice choice = resolve_converter(side.converter, std::move(side.options), part);
      for (const std::string& what : choice.mistakes)
        mistakes_.push_back(place_of(table + "." + what.substr(0, what.find(':'))) + ": " + table + "." +
                            what);
      side.converter = std::move(choice.converter);
      side.options = std::move(choice.options);
    };
    resolve("value", config_.value, RecordPart::value);
    resolve("key", config_.key, RecordPart::key);
  }

  void read_token() {
    auto& control = config_.control;
    const std::string key = "control.http_token_file";
    if (control.http_token_file.empty()) {
      if (control.http_changes == HttpChanges::token)
        mistake(place_of("control.http_changes"), "control.http_changes",
                "\"token\" needs the token's file; set control.http_token_file");
      return;
    }
    auto token = around_.resolve({Reference::Source::file, control.http_token_file});
    if (!token)
      mistake(place_of(key), key, token.error().message);
    else if (const auto problem = nonempty_problem(*token))
      mistake(place_of(key), key, "the token in that file " + *problem);
    else
      control.http_token = {std::move(*token), true};
  }

  std::string place_of(const std::string& key) const {
    const auto known = config_.places.find(key);
    return known == config_.places.end() ? around_.path : known->second;
  }

  static constexpr const char* kStateDirectory = "state.directory";
  static constexpr std::string_view kFileOnly =
      "is taken from the configuration file only, because it names code or files that the program opens with "
      "its own rights";

  const Surroundings& around_;
  Config config_;
  std::map<std::string, Assignment> effective_;
  std::optional<Assignment> state_in_file_;  // where --set says otherwise
  std::vector<std::string> mistakes_;
};

}  // namespace

tl::expected<Config, ConfigErrors> build_config(std::string_view toml, const Surroundings& surroundings) {
  return Builder(surroundings).build(toml);
}

}  // namespace e2k::config
