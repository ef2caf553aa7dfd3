#include "supervisor/reload.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "common/log.h"
#include "supervisor/fleet/launcher.h"
#include "supervisor/fleet/obituary.h"

namespace e2k::supervisor {
namespace {

using boost::system::error_code;

// How the image that is executed knows that it was, and as which reload.
constexpr const char* kNumberVariable = "EPICS2KAFKA_RELOAD";
constexpr size_t kMostWords = 16'384;

uint64_t take_number() {
  uint64_t number = 0;
  if (const char* text = std::getenv(kNumberVariable))
    std::from_chars(text, text + std::strlen(text), number);
  ::unsetenv(kNumberVariable);  // not for workers
  return number;
}

class OwnReload final : public Reload {
public:
  OwnReload(boost::asio::io_context& loop, InstalledProgram program, std::vector<int> kept)
      : loop_(loop), timer_(loop), program_(std::move(program)), kept_(std::move(kept)) {
    view_.number = take_number();
    if (view_.number != 0) view_.state = ReloadState::done;
  }
  ~OwnReload() override {
    if (judge_) send_signal(*judge_, SIGKILL);
  }

  Result<uint64_t> begin(std::function<void(bool)> judged) override {
    if (view_.state == ReloadState::checking) return fail("a reload is under way already");
    view_ = {view_.number + 1, ReloadState::checking, ""};
    judged_ = std::move(judged);
    words_.clear();
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
      refuse(std::string("no pipe: ") + std::strerror(errno));
      return view_.number;
    }
    UniqueFd ours(ends[0]), theirs(ends[1]);
    LaunchRequest request;
    request.program = program_.path;
    request.arguments.assign(program_.arguments.begin() + 1, program_.arguments.end());
    request.arguments.push_back("--check");
    request.stderr_fd = theirs.get();
    request.dies_with_us = true;
    auto launched = launch(request);
    if (!launched) {
      refuse("the installed program can't be run: " + launched.error().stage + ": " +
             std::strerror(launched.error().error_number));
      return view_.number;
    }
    judge_ = std::move(*launched);
    pipe_.emplace(loop_, ours.release());
    timer_.expires_after(std::chrono::milliseconds(kJudgeTimeoutMs));
    timer_.async_wait([this](const error_code& error) {
      if (!error && judge_) send_signal(*judge_, SIGKILL);
    });
    listen();
    return view_.number;
  }

  Error execute() override {
    log::info("reload.executing number={} program={}", view_.number, log::quoted(program_.path));
    ::setenv(kNumberVariable, std::to_string(view_.number).c_str(), 1);
    std::vector<char*> argv;
    for (std::string& argument : program_.arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    // A signal that comes before the next image listens waits for it, where it would end it.
    sigset_t listened_to, before;
    sigemptyset(&listened_to);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&listened_to, signal);
    pthread_sigmask(SIG_BLOCK, &listened_to, &before);
    ::syscall(SYS_close_range, 3U, UINT_MAX, kCloseRangeCloexec);
    for (const int fd : kept_) ::fcntl(fd, F_SETFD, 0);
    ::execv(program_.path.c_str(), argv.data());
    const int why = errno;
    for (const int fd : kept_) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::unsetenv(kNumberVariable);
    const Error error{program_.path + " can't be executed: " + std::strerror(why)};
    view_.state = ReloadState::refused;
    view_.message = error.message;
    return error;
  }

  const ReloadView& view() const override { return view_; }

private:
  static constexpr unsigned kCloseRangeCloexec = 4;  // CLOSE_RANGE_CLOEXEC, which older headers lack

  void listen() {
    pipe_->async_read_some(boost::asio::buffer(chunk_), [this](const error_code& error, size_t size) {
      if (error == boost::asio::error::operation_aborted) return;
      if (error) return wait_for_the_end();
      if (words_.size() < kMostWords) words_.append(chunk_.data(), size);
      listen();
    });
  }

  // Its pipe is closed; a moment later it has ended.
  void wait_for_the_end() {
    pipe_.emplace(loop_, ::fcntl(judge_->pidfd.get(), F_DUPFD_CLOEXEC, 0));
    pipe_->async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](const error_code& error) {
      if (error) return;
      const std::optional<int> status = reap(*judge_);
      if (!status) return wait_for_the_end();
      timer_.cancel();
      pipe_.reset();
      judge_.reset();
      if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0) return std::exchange(judged_, nullptr)(true);
      while (words_.ends_with('\n')) words_.pop_back();
      refuse(words_.empty() ? "the installed program's --check ended with " + how_it_ended(*status, "")
                            : words_);
    });
  }

  void refuse(std::string why) {
    view_.state = ReloadState::refused;
    view_.message = std::move(why);
    log::error("reload.refused number={} error={} message=\"nothing has changed\"", view_.number,
               log::quoted(view_.message));
    // Not from within begin().
    boost::asio::post(loop_, [judged = std::exchange(judged_, nullptr)] { judged(false); });
  }

  boost::asio::io_context& loop_;
  boost::asio::steady_timer timer_;
  InstalledProgram program_;
  std::vector<int> kept_;
  ReloadView view_;
  std::function<void(bool)> judged_;
  std::optional<Process> judge_;
  std::optional<boost::asio::posix::stream_descriptor> pipe_;
  std::array<char, 1024> chunk_{};
  std::string words_;
};

}  // namespace

InstalledProgram InstalledProgram::of_this_process(int argc, char** argv) {
  InstalledProgram program;
  program.arguments.assign(argv, argv + argc);
  std::error_code error;
  const std::string self = std::filesystem::read_symlink("/proc/self/exe", error).string();
  program.path = self;
  if (argc > 0 && program.arguments[0].find('/') != std::string::npos) {
    const std::string called = std::filesystem::absolute(program.arguments[0], error).string();
    if (!error && std::filesystem::equivalent(called, "/proc/self/exe", error)) program.path = called;
  }
  return program;
}

std::unique_ptr<Reload> Reload::make(boost::asio::io_context& loop, InstalledProgram program,
                                     std::vector<int> kept) {
  return std::make_unique<OwnReload>(loop, std::move(program), std::move(kept));
}

}  // namespace e2k::supervisor
