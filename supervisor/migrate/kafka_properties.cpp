#include "supervisor/migrate/kafka_properties.h"

#include <algorithm>
#include <array>
#include <optional>

#include "common/config/document.h"
#include "common/split.h"
#include "supervisor/migrate/login_properties.h"

namespace e2k::supervisor::migrate {
namespace {

constexpr std::string_view kProducer = "producer.", kConsumer = "consumer.", kOverride = "producer.override.";
constexpr auto kConnectorServers =
    std::to_array<std::string_view>({"command.bootstrap.servers", "bootstrap.servers", "kafka.url"});

using Group = std::vector<ClientProperty>;

void put(Group& group, const Option& option, size_t prefix) {
  ClientProperty property{option.name.substr(prefix), option.value, origin_of(option)};
  const auto known = std::ranges::find(group, property.name, &ClientProperty::name);
  if (known != group.end())
    *known = std::move(property);
  else
    group.push_back(std::move(property));
}

// Addresses without the scheme kafka://, which Java's clients pass over.
std::string without_scheme(const std::string& servers) {
  constexpr std::string_view kScheme = "kafka://";
  std::string out;
  for (size_t at = 0; at <= servers.size();) {
    const size_t comma = std::min(servers.find(',', at), servers.size());
    std::string one(trimmed(servers.substr(at, comma - at), " \t"));
    if (one.starts_with(kScheme)) one.erase(0, kScheme.size());
    while (one.ends_with('/')) one.pop_back();
    if (!one.empty()) (out += out.empty() ? "" : ",") += one;
    at = comma + 1;
  }
  return out;
}

class Kafka {
public:
  Kafka(const ConnectFile& connector, const ConnectFile* worker, const std::set<std::string>& known,
        Draft& draft)
      : connector_(connector), worker_(worker), known_(known), draft_(draft) {}

  void draft() {
    servers();
    gather();
    const Translated common = translate_login(login_, known_);
    for (const DraftLine& line : common.lines) add("kafka", line);
    leave(common);
    consumer_login(common);
    Translated others;
    for (const ClientProperty& property : producer_) translate_property(property, known_, others);
    for (const DraftLine& line : others.lines) add("kafka.producer", line);
    leave(others);
  }

private:
  void servers() {
    const Option* own = nullptr;
    for (const std::string_view name : kConnectorServers)
      if (const Option* option = connector_.find(name)) {
        if (own == nullptr)
          own = option;
        else
          draft_.leave({origin_of(*option), option->value, "another name of " + own->name + ", which counts"},
                       false);
      }
    const Option* workers = worker_ == nullptr ? nullptr : worker_->find("bootstrap.servers");
    const Option* first = workers != nullptr ? workers : own;
    if (first == nullptr)
      return draft_.note("no brokers are named; kafka.\"bootstrap.servers\" is localhost:9092 then");
    add_servers("kafka", *first);
    if (workers == nullptr)
      draft_.note(
          origin_of(*own) +
          ": these are the command topic's brokers; records went to those of the Connect worker's file, "
          "which --worker names");
    if (workers == nullptr || own == nullptr) return;
    separate_ = without_scheme(own->value) != without_scheme(workers->value);
    if (separate_)
      add_servers("kafka.consumer", *own);
    else
      draft_.leave({origin_of(*own), own->value, "the same brokers as the worker's"}, false);
  }

  void add_servers(const std::string& table, const Option& option) {
    TomlValue toml = toml_value(without_scheme(option.value), "bootstrap.servers", false);
    draft_.add({table, "bootstrap.servers", std::move(toml.text), origin_of(option)});
  }

  // login_: what both sides use; producer_: the rest of the producer's; consumer_: logins that differ.
  void gather() {
    Group producer, worker_login, consumer;
    if (worker_ != nullptr)
      for (const Option& option : worker_->options) {
        if (option.name.starts_with(kProducer))
          put(producer, option, kProducer.size());
        else if (option.name.starts_with(kConsumer) &&
                 is_login_property(std::string_view(option.name).substr(kConsumer.size())))
          put(consumer, option, kConsumer.size());
        else if (is_login_property(option.name))
          put(worker_login, option, 0);
      }
    for (const Option& option : connector_.options)
      if (option.name.starts_with(kOverride)) put(producer, option, kOverride.size());
    for (const ClientProperty& property : producer)
      if (property.name == "bootstrap.servers")
        draft_.leave({property.origin, property.value, "producers use kafka.\"bootstrap.servers\""}, true);
      else
        (is_login_property(property.name) ? login_ : producer_).push_back(property);
    // The worker's own login counts where its producers have none at all: half of each would be neither.
    if (login_.empty()) {
      login_ = std::move(worker_login);
    } else {
      for (const ClientProperty& property : worker_login)
        draft_.leave(
            {property.origin, "", "of the Connect worker's own clients; the producers' login was taken"},
            false);
    }
    if (std::ranges::any_of(consumer, [this](const ClientProperty& one) { return !is_same(one); })) {
      consumer_ = login_;
      for (const ClientProperty& property : consumer) {
        const auto known = std::ranges::find(consumer_, property.name, &ClientProperty::name);
        if (known != consumer_.end())
          *known = property;
        else
          consumer_.push_back(property);
      }
    }
  }

  bool is_same(const ClientProperty& one) const {
    return std::ranges::any_of(login_, [&](const ClientProperty& other) {
      return other.name == one.name && other.value == one.value;
    });
  }

  void consumer_login(const Translated& common) {
    if (separate_ && consumer_.empty() && !login_.empty()) {
      draft_.add({"kafka.consumer",
                  "security.protocol",
                  "\"plaintext\"",
                  "",
                  {"The connector read its commands without TLS and login from brokers of its own."}});
      return;
    }
    const Translated own = translate_login(consumer_, known_);
    for (const DraftLine& line : own.lines)
      if (std::ranges::none_of(common.lines, [&](const DraftLine& other) {
            return other.key == line.key && other.value == line.value;
          }))
        add("kafka.consumer", line);
  }

  void add(const char* table, DraftLine line) {
    line.table = table;
    const std::string origin = line.origin;
    if (!draft_.add(std::move(line)))
      draft_.leave({origin, "", "another property says the same already"}, false);
  }
  void leave(const Translated& translated) {
    for (const auto& [leftover, noted] : translated.leftovers) draft_.leave(leftover, noted);
  }

  const ConnectFile& connector_;
  const ConnectFile* worker_;
  const std::set<std::string>& known_;
  Draft& draft_;
  Group login_, producer_, consumer_;
  bool separate_ = false;  // the command topic has brokers of its own
};

}  // namespace

std::string origin_of(const Option& option) {
  return option.place + " " + option.name;
}

bool is_worker_client_option(std::string_view name) {
  return name == "bootstrap.servers" || name.starts_with(kProducer) || is_login_property(name) ||
         (name.starts_with(kConsumer) && is_login_property(name.substr(kConsumer.size())));
}

bool is_connector_client_option(std::string_view name) {
  return std::ranges::find(kConnectorServers, name) != kConnectorServers.end() || name.starts_with(kOverride);
}

void draft_kafka(const ConnectFile& connector, const ConnectFile* worker, const std::set<std::string>& known,
                 Draft& draft) {
  Kafka(connector, worker, known, draft).draft();
}

}  // namespace e2k::supervisor::migrate
