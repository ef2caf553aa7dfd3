// epics2kafka-supervisor: arguments, configuration, the lock, and the wiring of the service.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <malloc.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "common/config/load.h"
#include "common/kafka/conf.h"
#include "common/log.h"
#include "common/version.h"
#include "supervisor/check/ask.h"
#include "supervisor/check/findings.h"
#include "supervisor/fleet/launcher.h"
#include "supervisor/loop_turns.h"
#include "supervisor/process_one.h"
#include "supervisor/reload.h"
#include "supervisor/service.h"
#include "supervisor/settings/property_check.h"
#include "supervisor/settings/spool_parts.h"
#include "supervisor/spool_directory.h"
#include "supervisor/state_directory.h"

namespace {

using namespace e2k;

constexpr int kUsage = 64, kTryAgain = 75, kBadConfiguration = 78;
constexpr int kKeptFreeBytes = 1 << 18;

struct Arguments {
  LoadOptions load;
  bool check = false;
  bool connect = false;
  std::string log_level;
};

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

// The exit code when there is nothing more to do: --help, --version, a mistake.
std::optional<int> parse(int argc, char** argv, Arguments& arguments) {
  CLI::App app(
      "Brings EPICS Channel Access monitors into Kafka: tails the command topic and runs the workers.",
      "epics2kafka-supervisor");
  std::string path;
  app.add_option("--config", path, "configuration file (default " + arguments.load.path + ")");
  app.add_option("--instance", arguments.load.instance,
                 "run beside others: /etc/epics2kafka/NAME.toml and directories of its own");
  app.add_option("--set", arguments.load.settings, "key=value, wins over the file; may be repeated")
      ->take_all()
      ->allow_extra_args(false);
  auto* check = app.add_flag("--check", arguments.check,
                             "read and judge the configuration, print what is in effect, and exit");
  app.add_flag("--connect", arguments.connect,
               "with --check: ask the brokers, topics and schema registries too, and change nothing")
      ->needs(check);
  app.add_option("--log-level", arguments.log_level, "trace, debug, info, warning or error");
  app.set_version_flag("--version", std::string("epics2kafka-supervisor ") + release() + " (librdkafka " +
                                        kafka::version() + ")");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ExtrasError&) {
    // CLI11's own text has them from behind.
    std::cerr << fmt::format(
        "epics2kafka-supervisor: {} is nothing that it takes; --help lists what it takes\n",
        fmt::join(app.remaining(), " "));
    return kUsage;
  } catch (const CLI::ParseError& error) {
    return app.exit(error, std::cout, std::cerr) == 0 ? 0 : kUsage;
  }
  if (!path.empty()) {
    arguments.load.path = path;
  } else if (!arguments.load.instance.empty()) {
    arguments.load.path = "/etc/epics2kafka/" + arguments.load.instance + ".toml";
  }
  arguments.load.environment = environment;
  return std::nullopt;
}

std::optional<Config> load(const Arguments& arguments) {
  auto config = load_config(arguments.load);
  std::vector<std::string> messages;
  if (!config) {
    messages = config.error().messages;
  } else {
    messages = check_config(*config);
  }
  for (const std::string& message : messages) std::fprintf(stderr, "%s\n", message.c_str());
  if (!messages.empty()) return std::nullopt;
  if (!arguments.log_level.empty()) config->log_level = arguments.log_level;
  return std::move(*config);
}

int check_servers(const Config& config) {
  std::fflush(stdout);  // asking takes a while
  std::signal(SIGPIPE, SIG_IGN);
  const auto found = supervisor::check::findings(supervisor::check::ask(config));
  std::fputs("\n", stdout);
  for (const auto& finding : found) std::printf("%s\n", supervisor::check::line(finding).c_str());
  return supervisor::check::exit_code(found);
}

// The image before this one held back what is listened to now (reload.h).
void take_signals() {
  sigset_t listened_to;
  sigemptyset(&listened_to);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&listened_to, signal);
  pthread_sigmask(SIG_UNBLOCK, &listened_to, nullptr);
}

// The exit code: 78 keeps the service manager from trying again.
int not_started(const Error& error) {
  std::string words = error.message;
  if (words.find("oo many open files") != std::string::npos)
    words += "; raise LimitNOFILE= of the unit (65536), or ulimit -n before the start";
  log::error("start.failed error={}", log::quoted(words));
  return error.is_lasting ? kBadConfiguration : kTryAgain;
}

// Kept since `epics2kafkactl scale`; the spool may have been made smaller meanwhile.
int workers_to_start(const Config& config, int kept) {
  const std::string refusal = supervisor::refusal_of_workers(config.spool, kept);
  if (kept == config.workers.configured || refusal.empty()) return kept;
  log::warn("workers.kept_not_taken kept={} taken={} reason={}", kept, config.workers.configured,
            log::quoted(refusal));
  return config.workers.configured;
}

int run(Config config, const supervisor::InstalledProgram& program) {
  if (auto workers = supervisor::find_worker_program(config.workers.program); !workers)
    return not_started({workers.error().message, true});
  auto directory = supervisor::StateDirectory::open(config.state.directory);
  if (!directory) return not_started(directory.error());
  config.workers.configured = config.workers.count;
  config.workers.count = workers_to_start(config, directory->workers(config.workers.count));
  if (auto made = supervisor::make_directories(config.runtime_directory, 0755); !made)
    return not_started(made.error());
  // The workers' socket and the ledgers lie here, whatever the state directory is.
  auto runtime = supervisor::lock_directory(config.runtime_directory, "supervisor.lock",
                                            "another $RUNTIME_DIRECTORY or $XDG_RUNTIME_DIR");
  if (!runtime) return not_started(runtime.error());
  auto spool = supervisor::SpoolDirectory::open(config.spool.directory);
  if (!spool) return not_started(spool.error());
  boost::asio::io_context loop(1);
  boost::asio::signal_set end(loop, SIGTERM, SIGINT), hangup(loop, SIGHUP);
  take_signals();
  supervisor::LoopTurns turns;
  supervisor::Service::Parts parts = supervisor::Service::real_parts(loop, config);
  parts.longest_turn_s = [&turns] { return turns.longest_s(); };
  auto service = supervisor::Service::start(loop, config, *directory, *spool, parts, [&] { loop.stop(); });
  if (!service) return not_started(service.error());
  end.async_wait([&](const boost::system::error_code& error, int signal) {
    if (error) return;
    log::info("signal.received signal={}", signal);
    (*service)->stop();
  });
  const auto reload =
      supervisor::Reload::make(loop, program, {directory->lock_fd(), runtime->get(), spool->lock_fd()});
  (*service)->use(*reload);
  const std::function<void()> await_hangup = [&] {
    hangup.async_wait([&](const boost::system::error_code& error, int) {
      if (error) return;
      log::info("signal.received signal=SIGHUP");
      if (const auto begun = (*service)->reload({}); !begun)
        log::warn("reload.not_begun error={}", log::quoted(begun.error().message));
      await_hangup();
    });
  };
  await_hangup();
  turns.run(loop);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto program = supervisor::InstalledProgram::of_this_process(argc, argv);
  Arguments arguments;
  if (auto code = parse(argc, argv, arguments)) return *code;
  if (auto status = supervisor::run_behind_process_one()) return *status;
  const auto config = load(arguments);
  if (!config) return kBadConfiguration;
  const std::vector<std::string> remarks = config_remarks(*config);
  if (!arguments.log_level.empty()) {
    if (auto known = log::set_level(arguments.log_level); !known) {
      std::fprintf(stderr, "--log-level: %s\n", known.error().message.c_str());
      return kUsage;
    }
  }
  if (arguments.check) {
    for (const std::string& remark : remarks) std::fprintf(stderr, "note: %s\n", remark.c_str());
    std::fputs(print_config(*config).c_str(), stdout);
    return arguments.connect ? check_servers(*config) : 0;
  }
  if (auto started = log::start("supervisor", config->log_level); !started) {
    std::fprintf(stderr, "%s\n", started.error().message.c_str());
    return kUsage;
  }
  for (const std::string& remark : remarks)
    log::warn("setting.not_carried_out remark={}", log::quoted(remark));
  std::signal(SIGPIPE, SIG_IGN);
  // Fixed, or glibc raises both with the first large block that is freed, and keeps what a burst of commands
  // needed.
  ::mallopt(M_TRIM_THRESHOLD, kKeptFreeBytes);
  ::mallopt(M_MMAP_THRESHOLD, kKeptFreeBytes);
  return run(*config, program);
}
