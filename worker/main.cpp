// Shell. The worker program: one share of the channels, from Channel Access to Kafka.
//
// It is started by the supervisor, which hands it a launch contract (proto/launch.h), and refuses to run
// without one. Order: environment, log, libca's steering, data path, monitors; then the main thread is the
// *link* thread until the worker has to leave; then the data path is brought to its end, the reason is
// written into the ledger, and the process leaves by _exit: libca's context can hang when it is destroyed, so
// it never is. A watchdog sets an end to whatever hangs on the way out; the spool keeps what Kafka has not
// acknowledged.
//
// `--ca-repeater` makes the same program the service's CA repeater instead.
#include <sys/prctl.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "common/fd.h"
#include "common/kafka/conf.h"
#include "common/log.h"
#include "common/version.h"
#include "proto/launch.h"
#include "worker/ca/ca_monitors.h"
#include "worker/ca/repeater.h"
#include "worker/ca/version.h"
#include "worker/crash_mark.h"
#include "worker/data_path.h"
#include "worker/link/link.h"

namespace {

using namespace e2k;
using namespace e2k::worker;

// After the link's drain: for the publisher's end, and for everything.
constexpr int64_t kPublisherEndMs = 1'000;
constexpr auto kWayOut = std::chrono::milliseconds(3'000);
constexpr size_t kMaxContractBytes = 4u << 20;

constexpr std::string_view kExplanation =
    "epics2kafka-worker is started by epics2kafka-supervisor, which tells it what to do over an inherited\n"
    "descriptor; by hand there is nothing that it could do. Start the supervisor instead:\n"
    "    epics2kafka-supervisor --config /etc/epics2kafka/epics2kafka.toml\n"
    "Options: --version, --help, --ca-repeater (serve as this machine's CA repeater)\n";

struct Arguments {
  bool version = false;
  bool help = false;
  bool repeater = false;
  int launch_fd = -1;
};

Arguments read_arguments(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--version") arguments.version = true;
    if (word == "--help" || word == "-h") arguments.help = true;
    if (word == "--ca-repeater") arguments.repeater = true;
    if (word == "--launch-fd" && i + 1 < argc) {
      const std::string_view number = argv[++i];
      std::from_chars(number.data(), number.data() + number.size(), arguments.launch_fd);
    }
  }
  return arguments;
}

// Everything that the descriptor holds; nothing where it is none, or longer than a contract can be.
std::optional<std::string> read_contract(int number) {
  const UniqueFd fd(number);
  std::string bytes;
  char chunk[16'384];
  for (;;) {
    const ssize_t n = read(fd.get(), chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) return bytes;
    bytes.append(chunk, static_cast<size_t>(n));
    if (bytes.size() > kMaxContractBytes) return std::nullopt;
  }
}

[[noreturn]] void leave(WorkerExit exit) {
  std::fflush(nullptr);
  _exit(static_cast<int>(exit));
}

// Ends the process at a deadline, whoever hangs; it writes nothing, because who reads it may be what hangs.
void watch_the_way_out(WorkerExit exit) {
  std::thread([exit] {
    std::this_thread::sleep_for(kWayOut);
    _exit(static_cast<int>(exit));
  }).detach();
}

[[noreturn]] void end(DataPath& data, const LinkOutcome& outcome) {
  watch_the_way_out(outcome.exit);
  data.record_exit(outcome.exit, outcome.reason);
  // Where the subscriptions were not seen to be cleared a callback may still append: the log is left as it
  // is.
  if (outcome.cleared) data.stop(MonotonicNs{monotonic_now().value + kPublisherEndMs * kNsPerMs});
  log::info("worker.leaves exit={} reason={}", static_cast<int>(outcome.exit), log::quoted(outcome.reason));
  leave(outcome.exit);
}

int serve(const LaunchContract& contract) {
  const std::string name = "worker." + std::to_string(contract.slot.value);
  prctl(PR_SET_NAME, ("e2k-" + name).c_str());
  for (const auto& [variable, value] : contract.epics) setenv(variable.c_str(), value.c_str(), 1);
  if (auto started = log::start(name, contract.log_level); !started) {
    std::fprintf(stderr, "epics2kafka-worker: %s\n", started.error().message.c_str());
    return static_cast<int>(WorkerExit::bad_settings);
  }
  log::info("worker.begins generation={} pid={} version={}", contract.generation.value, getpid(), release());

  // Before any other thread is started: it changes the environment.
  auto libca = SteeredLibca::take_over();
  if (!libca) {
    log::error("worker.not_begun reason={}", log::quoted(libca.error().message));
    return static_cast<int>(WorkerExit::try_again);
  }
  auto data = DataPath::start(contract);
  if (!data) {
    log::error("worker.not_begun exit={} reason={}", static_cast<int>(data.error().exit),
               log::quoted(data.error().message));
    return static_cast<int>(data.error().exit);
  }
  mark_crashes_in((*data)->books());
  MonitorSettings settings;
  settings.never_connected_after_s = contract.never_connected_after_s;
  settings.connection_events = contract.connection_events;
  settings.latin1_names = contract.name_encoding == NameEncoding::latin1;
  auto monitors = make_monitors(settings, (*data)->intake(), std::move(*libca));
  if (!monitors) {
    log::error("worker.not_begun reason={}", log::quoted(monitors.error().message));
    (*data)->record_exit(WorkerExit::try_again, monitors.error().message);
    (void)(*data)->stop(MonotonicNs{0});  // nothing was appended: the log goes
    leave(WorkerExit::try_again);
  }
  const LinkOutcome outcome =
      run_link(contract, **monitors, (*data)->publishing(), [](const std::string& level) {
        log::info("log_level.changed level={}", log::quoted(level));
        if (auto set = log::set_level(level); !set)
          log::warn("log.level_refused reason={}", log::quoted(set.error().message));
      });
  end(**data, outcome);
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = read_arguments(argc, argv);
  if (arguments.version) {
    std::printf("epics2kafka-worker %s (librdkafka %s, libca %s)\n", release(), kafka::version().c_str(),
                libca_version().c_str());
    return 0;
  }
  if (arguments.help) {
    std::fwrite(kExplanation.data(), 1, kExplanation.size(), stdout);
    return 0;
  }
  if (arguments.repeater) return run_ca_repeater();
  const auto bytes = arguments.launch_fd < 0 ? std::nullopt : read_contract(arguments.launch_fd);
  if (!bytes) {
    std::fwrite(kExplanation.data(), 1, kExplanation.size(), stderr);
    return static_cast<int>(WorkerExit::not_launched);
  }
  block_signals();
  const auto contract = decode_launch(*bytes);
  if (!contract) {
    std::fprintf(stderr, "epics2kafka-worker: %s\n", contract.error().message.c_str());
    return static_cast<int>(WorkerExit::protocol);
  }
  return serve(*contract);
}
