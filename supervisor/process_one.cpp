#include "supervisor/process_one.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace e2k::supervisor {
namespace {

// What operators and engines send.
constexpr int kPassedOn[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

// Reaps all that has ended; the exit status where the supervisor was among it.
std::optional<int> reap_until_none_is_left(pid_t supervisor) {
  std::optional<int> ended;
  for (;;) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno == EINTR) continue;
    if (pid <= 0) return ended;
    if (pid == supervisor) ended = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
}

int stand_before(pid_t supervisor) {
  sigset_t awaited;
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGCHLD);
  for (const int signal : kPassedOn) sigaddset(&awaited, signal);
  for (;;) {
    int signal = 0;
    if (sigwait(&awaited, &signal) != 0) continue;
    if (signal != SIGCHLD) {
      kill(supervisor, signal);
    } else if (const auto status = reap_until_none_is_left(supervisor)) {
      return *status;
    }
  }
}

}  // namespace

std::optional<int> run_behind_process_one() {
  if (getpid() != 1) return std::nullopt;
  // Blocked before the fork, so that none comes too early to be passed on.
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t supervisor = fork();
  if (supervisor > 0) return stand_before(supervisor);
  const int error_number = errno;
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (supervisor < 0) {
    std::fprintf(
        stderr,
        "epics2kafka-supervisor: no process to stand behind process 1 (%s); orphans stay as zombies\n",
        std::strerror(error_number));
  }
  return std::nullopt;
}

}  // namespace e2k::supervisor
