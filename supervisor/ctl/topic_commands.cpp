#include "supervisor/ctl/topic_commands.h"

#include <unistd.h>

#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/config/directories.h"
#include "common/config/load.h"
#include "supervisor/ctl/alarms.h"
#include "supervisor/ctl/compare_verb.h"
#include "supervisor/ctl/monitor.h"
#include "supervisor/ctl/pages.h"
#include "supervisor/ctl/registry_schemas.h"
#include "supervisor/ctl/table.h"
#include "supervisor/ctl/topic_import.h"
#include "supervisor/ctl/topic_making.h"
#include "supervisor/ctl/topic_verbs.h"
#include "supervisor/ctl/words.h"

namespace e2k::supervisor::ctl {
namespace {

// Where neither arguments nor environment nor a file name the brokers, a service that runs here knows them.
void ask_running(const Client& client, const Environment& environment, TopicArguments& arguments) {
  if (!arguments.configuration.empty() || !arguments.bootstrap_server.empty()) return;
  if (environment("BOOTSTRAP_SERVERS") || environment("BOOTSTRAP_SERVER")) return;
  if (::access(config::default_config_path(arguments.instance).c_str(), R_OK) == 0) return;
  const auto body = client.get("/status");
  const auto status = body ? parse_object(*body) : Outcome<nlohmann::json>(nlohmann::json());
  if (!status) return;
  // Its file holds its login, too.
  if (const std::string path = text_in(at(*status, "config"), "path");
      !path.empty() && ::access(path.c_str(), R_OK) == 0) {
    arguments.configuration = path;
    return;
  }
  const std::string servers = text_in(at(*status, "kafka"), "bootstrap_servers");
  if (servers.empty() || servers == "***") return;
  arguments.running_servers = servers;
  arguments.running_topic = text_in(at(*status, "commands"), "topic");
}

// Where the brokers are named otherwise, whose records they have is known to the service that runs here.
std::map<std::string, std::string> running_value_options(const Client& client,
                                                         const Environment& environment) {
  const auto status = ask(client, "/status");
  LoadOptions load;
  load.path = status ? text_in(at(*status, "config"), "path") : "";
  if (load.path.empty() || ::access(load.path.c_str(), R_OK) != 0) return {};
  load.environment = environment;
  const auto config = load_config(load);
  return config ? settings_of(*config).value_options : std::map<std::string, std::string>();
}

using Act = std::function<Exit(const TopicUse&, const Client&)>;

// One verb: its options of the topic, and what it does with it.
CLI::App* add_verb(CLI::App& app, const TopicCommandContext& context, const char* name, const char* help,
                   Act act) {
  CLI::App* verb = app.add_subcommand(name, help);
  auto arguments = std::make_shared<TopicArguments>();  // shared: by the callbacks that CLI11 copies
  verb->add_option("--command-topic", arguments->command_topic, "the topic with the commands");
  verb->add_option("--bootstrap-server", arguments->bootstrap_server, "the brokers, host:port,…");
  verb->add_option("--command-config", arguments->command_config,
                   "a file of librdkafka properties, name=value");
  verb->add_option("--config", arguments->configuration, "the service's configuration");
  verb->callback([context, arguments, act = std::move(act)] {
    context.choose([context, arguments, act] {
      arguments->instance = context.instance();
      return context.run([&](const Client& client, const Output& output) {
        ask_running(client, context.environment, *arguments);
        const auto settings = topic_settings(*arguments, context.environment);
        if (!settings) return complain(settings.error(), output);
        if (!settings->note.empty()) output.err << printable(settings->note) << '\n';
        const std::chrono::milliseconds timeout(static_cast<int64_t>(context.timeout_s() * 1000));
        return act({*settings, timeout, output}, client);
      });
    });
  });
  return verb;
}

void add_form(CLI::App* verb, std::optional<KeyForm>& form) {
  verb->add_option("--form", form, "of the keys in an empty topic: plain or json")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, KeyForm>{{"plain", KeyForm::plain}, {"json", KeyForm::json}}));
}

void add_set(CLI::App& app, const TopicCommandContext& context) {
  auto request = std::make_shared<SetRequest>();
  CLI::App* verb = add_verb(
      app, context, "set", "monitor a channel",
      [request](const TopicUse& use, const Client& client) { return set_entry(use, *request, client); });
  verb->add_option("-c,--channel", request->channel, "the channel")->required();
  verb->add_option("-t,--topic", request->topic, "the output topic")->required();
  verb->add_option("-m,--mask", request->mask, "what to tell of: letters of v, a, l, p")->required();
  verb->add_option("-o,--outkey", request->outkey, "the records' key; none: the channel's name");
  verb->add_option("--wait", request->wait_s, "seconds to wait for the supervisor to have taken it over")
      ->check(CLI::NonNegativeNumber);
  add_form(verb, request->form);
}

void add_unset(CLI::App& app, const TopicCommandContext& context) {
  auto names = std::make_shared<std::pair<std::string, std::optional<std::string>>>();
  CLI::App* verb = add_verb(app, context, "unset", "monitor a channel no longer",
                            [names](const TopicUse& use, const Client&) {
                              return unset_entries(use, names->first, names->second);
                            });
  verb->add_option("-c,--channel", names->first, "the channel")->required();
  verb->add_option("-t,--topic", names->second, "its entry for this output topic only");
}

void add_import(CLI::App& app, const TopicCommandContext& context) {
  auto request = std::make_shared<ImportRequest>();
  CLI::App* verb = add_verb(app, context, "import", "bring the topic to what a file of key=value lines says",
                            [request, context](const TopicUse& use, const Client&) {
                              return import_entries(use, *request, context.environment, std::cin);
                            });
  auto* source = verb->add_option_group("source");
  source->add_option("FILE", request->file, "key=value lines; - is stdin");
  source->add_flag("--env", request->from_environment, "from MONITOR_CHANNELS");
  source->require_option(1);
  verb->add_flag("--dry-run", request->dry_run, "show the difference and write nothing");
  verb->add_flag("--prune", request->prune, "remove what is not there");
  verb->add_flag("--yes", request->yes, "remove without asking");
  add_form(verb, request->form);
}

void add_compare(CLI::App& app, const TopicCommandContext& context) {
  auto request = std::make_shared<CompareRequest>();
  CLI::App* verb =
      add_verb(app, context, "compare", "compare a topic with the one of the same name behind a prefix",
               [request](const TopicUse& use, const Client&) { return compare(use, *request); });
  verb->remove_option(verb->get_option("--command-topic"));
  verb->add_option("TOPIC", request->topic, "the topic, without the prefix")->required();
  verb->add_option("--prefix", request->prefix, "before the other's name; none: output.topic_prefix");
  verb->add_option("--since", request->since, "begin of the window: 2026-01-31T23:59:59Z, or Unix seconds");
  verb->add_option("--seconds", request->seconds, "length of the window; without --since: the last ones")
      ->check(CLI::Range(0.001, 1e9))
      ->capture_default_str();
  verb->add_option("--lag", request->lag_s, "leave out the last seconds, which may still be under way")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_flag("--connector", request->connector,
                 "TOPIC is the Java connector's: it may lack values, one a poll, and repeat them");
  verb->add_option("--differences", request->differences, "how many are shown")->capture_default_str();
  verb->add_option("--max-records", request->max_records, "of each side")->capture_default_str();
}

void add_monitor(CLI::App& app, const TopicCommandContext& context) {
  auto request = std::make_shared<MonitorRequest>();
  CLI::App* verb = add_verb(app, context, "monitor", "a channel's records, read back from Kafka as they come",
                            [request, context](const TopicUse& use, const Client& client) {
                              request->value_options = use.settings.value_options;
                              if (!request->value_options.contains(kRegistryUrl))
                                request->value_options = running_value_options(client, context.environment);
                              return monitor(use, *request, client);
                            });
  verb->remove_option(verb->get_option("--command-topic"));
  verb->add_option("NAME", request->channel, "the channel")->required();
  verb->add_option("-t,--topic", request->topic, "the output topic, where it has several or no service runs");
  verb->add_option("-o,--outkey", request->outkey, "the records' key, where no service runs; none: NAME");
  verb->add_option("--count", request->count, "end after so many records");
  verb->add_flag("--from-beginning", request->from_beginning,
                 "all that the topic holds, not the last one only");
}

void add_alarms(CLI::App& app, const TopicCommandContext& context) {
  auto request = std::make_shared<AlarmsRequest>();
  CLI::App* verb =
      add_verb(app, context, "alarms", "which channels are in alarm, by a topic of active alarms",
               [request](const TopicUse& use, const Client&) { return alarms(use, *request); });
  verb->remove_option(verb->get_option("--command-topic"));
  verb->add_option("-t,--topic", request->topic, "the topic of active alarms")->capture_default_str();
  verb->add_flag("--monitor", request->monitor, "go on, and print what comes and goes");
}

void add_making(CLI::App& app, const TopicCommandContext& context) {
  add_verb(app, context, "create-topics", "make the command topic, compacted",
           [](const TopicUse& use, const Client&) { return make_command_topic(use); });
  auto yes = std::make_shared<bool>(false);
  add_verb(app, context, "delete-topics", "delete the command topic with all its commands",
           [yes](const TopicUse& use, const Client&) { return delete_command_topic(use, *yes, std::cin); })
      ->add_flag("--yes", *yes, "without asking");
}

}  // namespace

void add_topic_commands(CLI::App& app, const TopicCommandContext& context) {
  add_set(app, context);
  add_unset(app, context);
  auto all = std::make_shared<bool>(false);
  add_verb(app, context, "list", "what the command topic holds, as key=value lines",
           [all](const TopicUse& use, const Client&) { return list_entries(use, *all); })
      ->add_flag("--all", *all, "also what is superseded, removed or bad, with partition and offset");
  add_verb(app, context, "export", "what is monitored, as key=value lines for import",
           [](const TopicUse& use, const Client&) { return list_entries(use, false); });
  add_import(app, context);
  add_making(app, context);
  add_compare(app, context);
  add_monitor(app, context);
  add_alarms(app, context);
}

}  // namespace e2k::supervisor::ctl
