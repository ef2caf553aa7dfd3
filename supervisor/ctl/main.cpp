// epics2kafkactl: the arguments of its verbs. What a verb does stands in queries.h.
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>

#include "common/config/directories.h"
#include "common/config/load.h"
#include "common/config/spelling.h"
#include "common/kafka/conf.h"
#include "common/log.h"
#include "common/version.h"
#include "supervisor/ctl/argument_words.h"
#include "supervisor/ctl/completions.h"
#include "supervisor/ctl/judge.h"
#include "supervisor/ctl/migrate_verb.h"
#include "supervisor/ctl/queries.h"
#include "supervisor/ctl/reload.h"
#include "supervisor/ctl/restart.h"
#include "supervisor/ctl/scale.h"
#include "supervisor/ctl/sockets.h"
#include "supervisor/ctl/table.h"
#include "supervisor/ctl/topic_commands.h"
#include "supervisor/ctl/watch_commands.h"

namespace {

using namespace e2k;
using namespace e2k::supervisor::ctl;

struct Options {
  std::string socket, instance;
  double timeout_s = 10;
  bool json = false;
  std::optional<double> watch_s;
};

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

bool is_terminal() {
  return ::isatty(STDOUT_FILENO) == 1;
}

// Over the last screen, line by line, so that nothing flickers.
void show_again(const std::string& text) {
  std::string screen = "\x1b[H";
  for (const char c : text) screen += c == '\n' ? std::string("\x1b[K\n") : std::string(1, c);
  std::cout << screen << "\x1b[J" << std::flush;
}

// Runs a verb once, or with --watch on a terminal again and again until interrupted.
int run(const Options& options, const std::function<Exit(const Client&, const Output&)>& verb) {
  const Client client(options.socket.empty() ? sockets_of(config::default_config_path(options.instance),
                                                          options.instance, environment)
                                             : std::vector<Sockets>{options.socket},
                      std::chrono::milliseconds(static_cast<int64_t>(options.timeout_s * 1000)));
  const bool colour = is_terminal() && !environment("NO_COLOR");
  if (options.watch_s && is_terminal()) std::cout << "\x1b[2J";
  while (options.watch_s && is_terminal()) {
    std::ostringstream text;
    (void)verb(client, {options.json, colour, text, text});
    show_again(text.str());
    ::poll(nullptr, 0, static_cast<int>(*options.watch_s * 1000));
  }
  return static_cast<int>(verb(client, {options.json, colour, std::cout, std::cerr}));
}

int check(const Options& options, const std::string& file) {
  LoadOptions load;
  load.path = file;
  load.instance = options.instance;
  load.environment = environment;
  if (!judge(load, std::cerr)) return static_cast<int>(Exit::failed);
  std::cout << printable(file) << " is valid\n";
  return 0;
}

using Code = std::function<int()>;

void add_watch(CLI::App* verb, Options& options) {
  verb->add_option("--watch", options.watch_s, "repeat every so many seconds, on a terminal")
      ->expected(0, 1)
      ->default_str("2")
      ->check(CLI::Range(0.1, 86400.0));
}

void add_questions(CLI::App& app, Options& options, Code& chosen) {
  const auto question = [&](const char* name, const char* help, Exit (*show)(const Client&, const Output&)) {
    CLI::App* verb = app.add_subcommand(name, help);
    verb->callback([&options, &chosen, show] { chosen = [&options, show] { return run(options, show); }; });
    return verb;
  };
  CLI::App* status = question("status", "the service at a glance", show_status);
  auto connect = std::make_shared<bool>(false);
  status->add_flag("--connect", *connect, "the connector's status as JSON, as Kafka Connect has it");
  status->callback([&options, &chosen, connect] {
    chosen = [&options, connect] { return run(options, *connect ? show_connect_status : show_status); };
  });
  for (CLI::App* verb : {status, question("workers", "a row for each worker", show_workers)})
    add_watch(verb, options);
  question("rejected", "the last bad records on the command topic", show_rejected);
  question("health", "whether the service is ready: exit code 0, 6 degraded, 1 not ready", show_health);

  CLI::App* channel = app.add_subcommand("channel", "everything about one channel");
  auto name = std::make_shared<std::string>();
  channel->add_option("NAME", *name, "the channel")->required();
  channel->callback([&options, &chosen, name] {
    chosen = [&options, name] {
      return run(options, [&](const Client& c, const Output& o) { return show_channel(c, *name, o); });
    };
  });
}

void add_changes(CLI::App& app, Options& options, Code& chosen) {
  CLI::App* verb = app.add_subcommand("restart", "restart one worker, all, or those that failed");
  auto request = std::make_shared<RestartRequest>();
  auto all = std::make_shared<bool>(false);
  auto* what = verb->add_option_group("what");
  what->add_option("N", request->slot, "slot of the worker");
  what->add_flag("--all", *all, "every worker");
  what->add_flag("--failed", request->only_failed, "workers that are no longer restarted by themselves");
  what->require_option(1);
  verb->add_flag("--rolling", request->rolling, "one after the other");
  verb->add_option("--wait", request->wait_s, "seconds to wait until they run again; 0: only ask for it")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->callback([&options, &chosen, request, all] {
    chosen = [&options, request, all] {
      return run(options, [&](const Client& c, const Output& o) { return restart_workers(c, *request, o); });
    };
  });

  CLI::App* scale = app.add_subcommand("scale", "have so many workers; no event is lost by it");
  auto size = std::make_shared<ScaleRequest>();
  scale->add_option("COUNT", size->workers, "workers")
      ->required()
      ->check(CLI::Range(kFewestWorkers, kMostWorkers));
  scale->add_option("--wait", size->wait_s, "seconds to wait until it is done; 0: only ask for it")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  scale->callback([&options, &chosen, size] {
    chosen = [&options, size] {
      return run(options, [&](const Client& c, const Output& o) { return scale_workers(c, *size, o); });
    };
  });

  const auto order = [&](const char* name, const char* help, Exit (*give)(const Client&, const Output&)) {
    app.add_subcommand(name, help)->callback([&options, &chosen, give] {
      chosen = [&options, give] { return run(options, give); };
    });
  };
  order("pause", "hand nothing to Kafka: events are received and wait", pause_service);
  order("resume", "end a pause", resume_service);

  CLI::App* reload =
      app.add_subcommand("reload", "take over the configuration file, or a new release, in place");
  auto wait_s = std::make_shared<double>(60);
  reload->add_option("--wait", *wait_s, "seconds to wait for how it ends; 0: only ask for it")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  reload->callback([&options, &chosen, wait_s] {
    chosen = [&options, wait_s] {
      return run(options, [&](const Client& c, const Output& o) { return reload_service(c, *wait_s, o); });
    };
  });

  CLI::App* log_level =
      app.add_subcommand("log-level", "change what is logged, until the next start or reload");
  auto level = std::make_shared<std::pair<std::string, std::optional<unsigned>>>();
  log_level->add_option("LEVEL", level->first, "one of " + std::string(log::kLevelsInWords))
      ->required()
      ->check(
          CLI::IsMember(std::vector<std::string>(std::begin(log::kLevelNames), std::end(log::kLevelNames))));
  log_level->add_option("--worker", level->second, "slot of the one worker that is meant");
  log_level->callback([&options, &chosen, level] {
    chosen = [&options, level] {
      return run(options, [&](const Client& c, const Output& o) {
        return set_log_level(c, level->first, level->second, o);
      });
    };
  });

  CLI::App* again = app.add_subcommand("retry", "take a channel out of quarantine, or search for it anew");
  auto names = std::make_shared<std::pair<std::string, std::string>>();
  again->add_option("NAME", names->first, "the channel")->required();
  again->add_option("-t,--topic", names->second, "its entry for this topic only");
  again->callback([&options, &chosen, names] {
    chosen = [&options, names] {
      return run(options,
                 [&](const Client& c, const Output& o) { return retry(c, names->first, names->second, o); });
    };
  });
}

std::string version_text() {
  return std::string("epics2kafkactl ") + release() + " (librdkafka " + kafka::version() + ")";
}

void add_local(CLI::App& app, Options& options, Code& chosen) {
  CLI::App* verb = app.add_subcommand("check", "judge a configuration file");
  auto file = std::make_shared<std::string>();
  verb->add_option("FILE", *file, "the file")->required();
  verb->callback([&options, &chosen, file] { chosen = [&options, file] { return check(options, *file); }; });

  CLI::App* from_connect =
      app.add_subcommand("migrate", "a Kafka Connect configuration as one of this service");
  auto request = std::make_shared<MigrateRequest>();
  from_connect->add_option("FILE", request->connector, "the connector's: .properties or JSON")->required();
  from_connect->add_option("--worker", request->worker,
                           "the Connect worker's: connect-distributed.properties, …");
  from_connect->add_option("-o,--output", request->output,
                           "a new file to write; none: print it, without its secrets");
  from_connect->callback([&options, &chosen, request] {
    chosen = [&options, request] {
      request->instance = options.instance;
      return static_cast<int>(migrate(*request, environment, std::cout, std::cerr));
    };
  });

  app.add_subcommand("version", "this program's version")->callback([&chosen] {
    chosen = [] {
      std::cout << version_text() << '\n';
      return 0;
    };
  });
}

void add_completions(CLI::App& app, Options& options, Code& chosen) {
  auto words = std::make_shared<std::pair<std::string, std::string>>();
  CLI::App* verb = app.add_subcommand("completions", "completions for a shell, to be read by it");
  verb->add_option("SHELL", words->first, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  verb->callback([&app, &chosen, words] {
    chosen = [&app, words] {
      std::cout << completion_script(app, words->first).value_or("");
      return 0;
    };
  });
  // What those ask; without a group it is not shown.
  CLI::App* ask = app.add_subcommand("complete", "words that may follow")->group("");
  ask->add_option("WHAT", words->first)->required()->check(CLI::IsMember({"channels", "topics", "slots"}));
  ask->add_option("PREFIX", words->second);
  ask->callback([&options, &chosen, words] {
    chosen = [&options, words] {
      return run(options, [&](const Client& c, const Output& o) {
        return complete_words(c, words->first, words->second, o);
      });
    };
  });
}

int wrong_use(const std::string& what) {
  std::cerr << "epics2kafkactl: " << printable(what) << "; epics2kafkactl --help lists the verbs\n";
  return static_cast<int>(Exit::usage);
}

// Arguments that nothing takes. Without a verb the first of them was meant as one.
int wrong_words(const CLI::App& app) {
  const std::vector<std::string> words = app.remaining(true);
  const std::string word = words.empty() ? "" : words.front();
  const auto verbs = app.get_subcommands();
  if (!verbs.empty() || word.starts_with('-'))
    return wrong_use(word + " is nothing that " +
                     (verbs.empty() ? "epics2kafkactl" : verbs.front()->get_name()) + " takes");
  std::vector<std::string> known;
  for (const CLI::App* verb : app.get_subcommands(nullptr))
    if (!verb->get_group().empty()) known.push_back(verb->get_name());
  return wrong_use(word + " is no verb" + config::suggestion(word, known));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Asks and directs a running epics2kafka supervisor.", "epics2kafkactl");
  Options options;
  Code chosen;
  app.add_option("--socket", options.socket, "the supervisor's control socket");
  app.add_option("--instance", options.instance, "the instance of that name");
  app.add_option("--timeout", options.timeout_s, "seconds to wait for each answer")
      ->check(CLI::Range(0.001, 86400.0))
      ->capture_default_str();
  app.add_flag("--json", options.json, "print the API's JSON");
  app.set_version_flag("--version", version_text());
  app.require_subcommand(0, 1);  // that one is missing is told below, in better words
  app.fallthrough();             // the options above may also follow the verb
  add_questions(app, options, chosen);
  add_watch_commands(app, {[&](Code code) { chosen = std::move(code); },
                           [&](const auto& verb) { return run(options, verb); },
                           [&](CLI::App* verb) { add_watch(verb, options); },
                           [&] { return options.instance; }, is_terminal, environment});
  add_changes(app, options, chosen);
  add_local(app, options, chosen);
  add_topic_commands(app, {[&](Code code) { chosen = std::move(code); },
                           [&](const auto& verb) { return run(options, verb); },
                           [&] { return options.timeout_s; }, [&] { return options.instance; }, environment});
  add_completions(app, options, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ExtrasError&) {
    return wrong_words(app);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error, std::cout, std::cerr);  // --help, --version
    std::string verb;
    for (const CLI::App* one : app.get_subcommands()) verb = " " + one->get_name();
    std::cerr << "epics2kafkactl: " << printable(argument_mistake(error.what())) << "; epics2kafkactl" << verb
              << " --help lists what it takes\n";
    return static_cast<int>(Exit::usage);
  }
  return chosen ? chosen() : wrong_use("a verb is missing");
}
