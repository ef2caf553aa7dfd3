#include "supervisor/fleet/launcher.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "common/hex.h"
#include "common/process_use.h"
#include "supervisor/fleet/obituary.h"

namespace e2k::supervisor {
namespace {

constexpr rlim_t kMostDescriptors = 65'536;
constexpr int kErrorFd = 4;  // in the child, until it executes
// From where on the child parks descriptors before it gives them their numbers; a limit may be low.
constexpr int kOutOfWay = kErrorFd + 1;

// Where the child can fail.
enum class Stage : int { session, parent, descriptors, signals, limit, exec };

std::string name_of(Stage stage, const std::string& program) {
  switch (stage) {
    case Stage::session:
      return "setsid";
    case Stage::parent:
      return "prctl";
    case Stage::descriptors:
      return "descriptors";
    case Stage::signals:
      return "sigprocmask";
    case Stage::limit:
      return "setrlimit";
    case Stage::exec:
      return "exec " + program;
  }
  return "?";
}

struct ChildProblem {
  Stage stage;
  int error_number;
};

// Everything the child needs, made before it is there.
struct Prepared {
  std::vector<char*> argv;
  std::vector<char*> envp;
  std::vector<std::string> env_texts;
  int contract_fd = -1;
  int error_fd = -1;
  int null_fd = -1;
  int stderr_fd = -1;
  pid_t parent = 0;
  bool dies_with_us = false;
  char oom_text[8] = {};
  size_t oom_text_bytes = 0;
  const char* program = nullptr;
};

[[noreturn]] void give_up(int error_fd, Stage stage) {
  const ChildProblem problem{stage, errno};
  (void)!write(error_fd, &problem, sizeof problem);
  _exit(127);
}

// In the child: async-signal-safe calls only, and nothing is written that is not its own.
[[noreturn]] void become(const Prepared& p) {
  if (setsid() < 0) give_up(p.error_fd, Stage::session);
  if (p.dies_with_us) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up(p.error_fd, Stage::parent);
    if (getppid() != p.parent) _exit(127);  // it died before the line above
  }
  int error_fd = fcntl(p.error_fd, F_DUPFD_CLOEXEC, kOutOfWay);
  if (error_fd < 0) give_up(p.error_fd, Stage::descriptors);
  const int contract_fd = p.contract_fd < 0 ? -1 : fcntl(p.contract_fd, F_DUPFD_CLOEXEC, kOutOfWay);
  if (dup2(p.null_fd, STDIN_FILENO) < 0) give_up(error_fd, Stage::descriptors);
  if (p.stderr_fd >= 0 && (dup2(p.stderr_fd, STDERR_FILENO) < 0 || dup2(STDIN_FILENO, STDOUT_FILENO) < 0))
    give_up(error_fd, Stage::descriptors);
  if (dup3(error_fd, kErrorFd, O_CLOEXEC) < 0) give_up(error_fd, Stage::descriptors);
  error_fd = kErrorFd;
  if (p.contract_fd >= 0) {
    if (contract_fd < 0 || dup2(contract_fd, kLaunchFd) < 0) give_up(error_fd, Stage::descriptors);
  } else {
    close(kLaunchFd);
  }
  if (syscall(SYS_close_range, kErrorFd + 1, UINT_MAX, 0) != 0) give_up(error_fd, Stage::descriptors);
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    sigaction(signal, &standard, nullptr);  // fails for those that can't be changed
  }
  sigset_t none;
  sigemptyset(&none);
  if (sigprocmask(SIG_SETMASK, &none, nullptr) != 0) give_up(error_fd, Stage::signals);
  // Workers go before the supervisor where memory runs out. What can't be said is left.
  if (p.oom_text_bytes != 0) {
    const int oom = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (oom >= 0) {
      (void)!write(oom, p.oom_text, p.oom_text_bytes);
      close(oom);
    }
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) give_up(error_fd, Stage::limit);
  limit.rlim_cur = limit.rlim_max = std::min(limit.rlim_max, kMostDescriptors);
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) give_up(error_fd, Stage::limit);
  execve(p.program, p.argv.data(), p.envp.data());
  give_up(error_fd, Stage::exec);
}

// A frame of its own, that nothing but the call is in when both run on it.
[[gnu::noinline]] pid_t begin_child(const Prepared& p) {
  const pid_t pid = vfork();
  if (pid == 0) become(p);
  return pid;
}

tl::expected<UniqueFd, LaunchProblem> sealed(const std::string& bytes) {
  UniqueFd fd(memfd_create("e2k-launch", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return tl::unexpected(LaunchProblem{"memfd", errno});
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = write(fd.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return tl::unexpected(LaunchProblem{"memfd", errno});
    done += static_cast<size_t>(n);
  }
  lseek(fd.get(), 0, SEEK_SET);
  if (fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
    return tl::unexpected(LaunchProblem{"memfd seals", errno});
  }
  return fd;
}

// Ours, and so much more.
void prepare_oom_score(int raise, Prepared& p) {
  if (raise == 0) return;
  std::ifstream in("/proc/self/oom_score_adj");
  int ours = 0;
  if (!(in >> ours)) return;
  const int written = std::snprintf(p.oom_text, sizeof p.oom_text, "%d", std::min(ours + raise, 1000));
  p.oom_text_bytes = static_cast<size_t>(std::max(written, 0));
}

void prepare_environment(const std::map<std::string, std::string>& extra, Prepared& p) {
  for (const auto& [name, value] : extra) p.env_texts.push_back(name + "=" + value);
  for (std::string& text : p.env_texts) p.envp.push_back(text.data());
  for (char** e = environ; *e != nullptr; ++e) {
    const char* equals = std::strchr(*e, '=');
    if (equals == nullptr || !extra.contains(std::string(*e, static_cast<size_t>(equals - *e))))
      p.envp.push_back(*e);
  }
  p.envp.push_back(nullptr);
}

}  // namespace

tl::expected<Process, LaunchProblem> launch(const LaunchRequest& request) {
  Prepared p;
  std::vector<std::string> arguments = request.arguments;
  std::string program = request.program;
  p.argv.push_back(program.data());
  for (std::string& argument : arguments) p.argv.push_back(argument.data());
  p.argv.push_back(nullptr);
  p.program = program.c_str();
  p.dies_with_us = request.dies_with_us;
  prepare_environment(request.environment, p);
  prepare_oom_score(request.oom_score_raise, p);

  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max < request.fewest_descriptors)
    return tl::unexpected(LaunchProblem{
        fmt::format("{} descriptors, of which it needs {}", limit.rlim_max, request.fewest_descriptors),
        EMFILE});
  UniqueFd contract;
  if (request.contract) {
    auto made = sealed(*request.contract);
    if (!made) return tl::unexpected(made.error());
    contract = std::move(*made);
    p.contract_fd = contract.get();
  }
  UniqueFd null(open("/dev/null", (request.stderr_fd >= 0 ? O_RDWR : O_RDONLY) | O_CLOEXEC));
  if (!null) return tl::unexpected(LaunchProblem{"open /dev/null", errno});
  p.null_fd = null.get();
  p.stderr_fd = request.stderr_fd;
  int pipe_fds[2];
  if (pipe2(pipe_fds, O_CLOEXEC) != 0) return tl::unexpected(LaunchProblem{"pipe", errno});
  UniqueFd error_read(pipe_fds[0]);
  UniqueFd error_write(pipe_fds[1]);
  p.error_fd = error_write.get();
  p.parent = getpid();

  // No handler of ours may run in the child before it has the default ones.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = begin_child(p);
  const int fork_error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return tl::unexpected(LaunchProblem{"fork", fork_error});

  // Nobody else reaps our children, so that the pid is still that of this child.
  Process process{pid, UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)))};
  const int pidfd_error = errno;
  error_write.reset();
  ChildProblem problem{};
  ssize_t n = 0;
  do n = read(error_read.get(), &problem, sizeof problem);
  while (n < 0 && errno == EINTR);
  if (n == sizeof problem || !process.pidfd) {
    if (!process.pidfd) kill(pid, SIGKILL);
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    if (n != sizeof problem) return tl::unexpected(LaunchProblem{"pidfd", pidfd_error});
    return tl::unexpected(LaunchProblem{name_of(problem.stage, program), problem.error_number});
  }
  return process;
}

std::optional<Process> find_process(pid_t pid, uint64_t start_ticks) {
  Process process{pid, UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)))};
  // Asked for after the descriptor is there: it can't change hands any more.
  const auto use = process_use(pid);
  if (!process.pidfd || !use || use->start_ticks != start_ticks) return std::nullopt;
  return process;
}

std::optional<int> reap(const Process& process) {
  siginfo_t info{};
  if (waitid(P_PIDFD, static_cast<id_t>(process.pidfd.get()), &info, WEXITED | WNOHANG) != 0) {
    if (errno != ECHILD) return std::nullopt;
    // It is somebody else's to reap: when it is dead its descriptor can be read.
    pollfd ended{process.pidfd.get(), POLLIN, 0};
    return poll(&ended, 1, 0) == 1 ? std::optional<int>(kEndNotKnown) : std::nullopt;
  }
  if (info.si_pid == 0) return std::nullopt;
  switch (info.si_code) {
    case CLD_EXITED:
      return (info.si_status & 0xff) << 8;
    case CLD_DUMPED:
      return (info.si_status & 0x7f) | 0x80;
    default:
      return info.si_status & 0x7f;
  }
}

bool send_signal(const Process& process, int signal) {
  return syscall(SYS_pidfd_send_signal, process.pidfd.get(), signal, nullptr, 0) == 0;
}

Result<std::string> find_worker_program(const std::string& configured) {
  const auto runs = [](const std::string& path) { return access(path.c_str(), X_OK) == 0; };
  if (!configured.empty()) {
    if (runs(configured)) return configured;
    return fail("workers.program: " + configured + " can't be executed: " + std::strerror(errno));
  }
  char self[PATH_MAX];
  const ssize_t n = readlink("/proc/self/exe", self, sizeof self);
  if (n <= 0) return fail("/proc/self/exe can't be read: set workers.program");
  const std::string path(self, static_cast<size_t>(n));
  const std::string folder = path.substr(0, path.rfind('/'));
  const std::string beside = folder + "/epics2kafka-worker";
  if (runs(beside)) return beside;
  const std::string library = folder + "/../lib/epics2kafka/epics2kafka-worker";
  if (runs(library)) return library;
  return fail("the worker program was found neither as " + beside + " nor as " + library +
              ": install it there or set workers.program");
}

std::string launch_token() {
  unsigned char bytes[16];
  // Up to 256 bytes getrandom never comes back short.
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) std::abort();
  return hex_of({reinterpret_cast<const char*>(bytes), sizeof bytes});
}

}  // namespace e2k::supervisor
