#include "supervisor/fleet/repeater.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>

#include "common/clock.h"
#include "common/log.h"
#include "common/process_use.h"
#include "supervisor/fleet/launcher.h"
#include "supervisor/fleet/slot_machine.h"

namespace e2k::supervisor {
namespace {

constexpr char kRepeaterFlag[] = "--ca-repeater";  // of the worker program
constexpr char kPortVariable[] = "EPICS_CA_REPEATER_PORT";
constexpr uint16_t kUsualPort = 5065;
constexpr int64_t kProbeMs = 5;
constexpr int64_t kFirstDelayMs = 1'000;
constexpr int64_t kServedLongNs = 60 * kNsPerSecond;  // it is no crash loop then

uint16_t port_in(std::string_view text) {
  uint16_t port = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), port);
  return end.ec == std::errc() && port != 0 ? port : kUsualPort;
}

uint16_t port_of(const std::map<std::string, std::string>& epics) {
  if (const auto found = epics.find(kPortVariable); found != epics.end()) return port_in(found->second);
  const char* const value = std::getenv(kPortVariable);
  return value == nullptr ? kUsualPort : port_in(value);
}

std::string contents_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// By what it was started with.
uint16_t port_of(pid_t repeater) {
  const std::string environment = '\0' + contents_of("/proc/" + std::to_string(repeater) + "/environ");
  const std::string name = '\0' + std::string(kPortVariable) + '=';
  const size_t at = environment.find(name);
  return at == std::string::npos ? kUsualPort : port_in(environment.data() + at + name.size());
}

// The one that this process started before it became another program (a reload): a child still, which serves
// the clients that have registered with it.
std::optional<Process> repeater_before_exec() {
  const std::string self = std::to_string(getpid());
  std::ifstream children("/proc/" + self + "/task/" + self + "/children");
  for (pid_t pid = 0; children >> pid;) {
    const std::string command = contents_of("/proc/" + std::to_string(pid) + "/cmdline");
    if (command.find(std::string(1, '\0') + kRepeaterFlag + '\0') == std::string::npos) continue;
    if (const auto use = process_use(pid)) return find_process(pid, use->start_ticks);
  }
  return std::nullopt;
}

class OwnRepeater final : public Repeater {
public:
  OwnRepeater(boost::asio::io_context& loop, std::string program, std::map<std::string, std::string> epics)
      : loop_(loop), timer_(loop), program_(std::move(program)), epics_(std::move(epics)) {
    port_ = port_of(epics_);
  }
  ~OwnRepeater() override { end_process(); }

  void start(std::function<void()> ready) override {
    ready_ = std::move(ready);
    ready_by_ = MonotonicNs{monotonic_now().value + kReadyTimeoutMs * kNsPerMs};
    process_ = repeater_before_exec();
    if (!process_) return try_once();
    // Of another port, hence of nobody's use.
    if (port_of(process_->pid) != port_) {
      end_process();
      return try_once();
    }
    log::debug("repeater.kept pid={} port={}", process_->pid, port_);
    watch();
    be_ready();
  }

  void stop() override {
    stopped_ = true;
    timer_.cancel();
    end_process();
  }

private:
  void end_process() {
    if (exit_) exit_->cancel();
    exit_.reset();
    if (process_) {
      send_signal(*process_, SIGKILL);
      // Not by the pidfd: Asio made it non-blocking.
      while (waitpid(process_->pid, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
    process_.reset();
  }

  void after(int64_t ms, void (OwnRepeater::*next)()) {
    timer_.expires_after(std::chrono::milliseconds(ms));
    timer_.async_wait([this, next](const boost::system::error_code& ec) {
      if (!ec && !stopped_) (this->*next)();
    });
  }

  void be_ready() {
    if (!ready_) return;
    boost::asio::post(loop_, std::exchange(ready_, nullptr));
  }

  void try_once() {
    if (udp_port_taken(port_)) {
      log::debug("repeater.found port={}", port_);
      be_ready();
      return after(kTakenRetryMs, &OwnRepeater::try_once);
    }
    LaunchRequest request;
    request.program = program_;
    request.arguments = {kRepeaterFlag};
    request.environment = epics_;
    request.dies_with_us = true;
    auto launched = launch(request);
    if (!launched) {
      log::error("repeater.not_started stage={} error={}", log::quoted(launched.error().stage),
                 log::quoted(std::strerror(launched.error().error_number)));
      be_ready();
      return back_off();
    }
    process_ = std::move(*launched);
    started_at_ = monotonic_now();
    log::info("repeater.started pid={} port={}", process_->pid, port_);
    watch();
    probe();
  }

  void watch() {
    exit_.emplace(loop_, fcntl(process_->pidfd.get(), F_DUPFD_CLOEXEC, 0));
    exit_->async_wait(boost::asio::posix::stream_descriptor::wait_read,
                      [this](const boost::system::error_code& ec) {
                        if (!ec && !stopped_) ended();
                      });
  }

  void probe() {
    if (udp_port_taken(port_)) return be_ready();
    if (monotonic_now() >= ready_by_) {
      if (ready_) log::warn("repeater.late port={} message=\"workers start without it\"", port_);
      return be_ready();
    }
    after(kProbeMs, &OwnRepeater::probe);
  }

  void ended() {
    const std::optional<int> status = reap(*process_);
    if (!status) return watch();
    log::warn("repeater.ended how={}", log::quoted(how_it_ended(*status, "")));
    exit_.reset();
    process_.reset();
    be_ready();
    if (monotonic_now().value - started_at_.value >= kServedLongNs) failures_ = 0;
    if (*status == 0) return after(kTakenRetryMs, &OwnRepeater::try_once);
    back_off();
  }

  void back_off() {
    const int64_t delay = std::min(kFirstDelayMs << std::min(failures_, 10), kMaxDelayMs);
    ++failures_;
    after(delay, &OwnRepeater::try_once);
  }

  boost::asio::io_context& loop_;
  boost::asio::steady_timer timer_;
  std::string program_;
  std::map<std::string, std::string> epics_;
  uint16_t port_ = kUsualPort;
  std::function<void()> ready_;
  MonotonicNs ready_by_, started_at_;
  std::optional<Process> process_;
  std::optional<boost::asio::posix::stream_descriptor> exit_;
  int failures_ = 0;
  bool stopped_ = false;
};

}  // namespace

// Looked up and not tried by a bind: that would take the port from the very repeater that is about to serve
// it.
bool udp_port_taken(uint16_t port) {
  for (const char* table : {"/proc/net/udp", "/proc/net/udp6"}) {
    std::ifstream in(table);
    std::string line;
    std::getline(in, line);  // the heading
    while (std::getline(in, line)) {
      // "  12: 00000000:13C9 …": number, then the local address and port in hex
      const size_t number_end = line.find(": ");
      const size_t address_end =
          number_end == std::string::npos ? number_end : line.find(':', number_end + 2);
      if (address_end == std::string::npos) continue;
      const char* digits = line.data() + address_end + 1;
      unsigned found = 0;
      const auto end = std::from_chars(digits, line.data() + line.size(), found, 16);
      if (end.ec == std::errc() && found == port) return true;
    }
  }
  return false;
}

std::unique_ptr<Repeater> Repeater::make(boost::asio::io_context& loop, std::string program,
                                         std::map<std::string, std::string> epics) {
  return std::make_unique<OwnRepeater>(loop, std::move(program), std::move(epics));
}

}  // namespace e2k::supervisor
