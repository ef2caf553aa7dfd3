// Real processes: what a child gets, and what is said when there is none.
#include "supervisor/fleet/launcher.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "common/process_use.h"
#include "tests/support/files/temp_folder.h"

namespace e2k::supervisor {
namespace {

int wait_for(const Process& process) {
  pollfd fd{process.pidfd.get(), POLLIN, 0};
  EXPECT_EQ(poll(&fd, 1, 10'000), 1);
  return reap(process).value_or(-1);
}

// Runs a shell script as the child and gives what it wrote into its $OUT.
std::string output_of(const TempFolder& folder, const std::string& script, LaunchRequest request = {}) {
  request.program = "/bin/sh";
  request.arguments = {"-c", script};
  request.environment["OUT"] = folder / "out";
  auto process = launch(request);
  if (!process) return "not launched: " + process.error().stage;
  EXPECT_EQ(wait_for(*process), 0);
  return read_file(folder / "out");
}

TEST(Launcher, exec_of_a_missing_file_reports_stage_and_errno) {
  const auto process = launch({.program = "/nonexistent/worker"});
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().stage, "exec /nonexistent/worker");
  EXPECT_EQ(process.error().error_number, ENOENT);
}

TEST(Launcher, exec_of_a_file_that_is_no_program_reports_so) {
  const auto process = launch({.program = "/etc/passwd"});
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().error_number, EACCES);
}

TEST(Launcher, below_the_fewest_descriptors_nothing_is_started) {
  const auto process = launch({.program = "/bin/true", .fewest_descriptors = UINT64_MAX});
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().error_number, EMFILE);
  EXPECT_NE(process.error().stage.find(" descriptors, of which it needs "), std::string::npos);
}

TEST(Launcher, a_failed_launch_leaves_no_zombie) {
  (void)launch({.program = "/nonexistent/worker"});
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

// Our image may have been executed anew between its end and now.
TEST(Launcher, a_child_that_ended_and_was_not_reaped_is_found_and_tells_how_it_ended) {
  const auto process = launch({.program = "/bin/sh", .arguments = {"-c", "exit 7"}});
  ASSERT_TRUE(process);
  pollfd ended{process->pidfd.get(), POLLIN, 0};
  ASSERT_EQ(poll(&ended, 1, 10'000), 1);
  const uint64_t start_ticks = process_use(process->pid)->start_ticks;
  EXPECT_FALSE(find_process(process->pid, start_ticks + 1));
  const auto found = find_process(process->pid, start_ticks);
  ASSERT_TRUE(found);
  EXPECT_EQ(reap(*found), 7 << 8);
  EXPECT_FALSE(find_process(process->pid, start_ticks));
}

TEST(Launcher, the_contract_is_descriptor_three_and_nothing_else_is_inherited) {
  TempFolder folder;
  const int leaked = dup(STDIN_FILENO);  // without close-on-exec
  // The shell becomes `ls`: one of its own would hold the ends of pipes and what it saved besides.
  const std::string out = output_of(folder, "cat <&3 >$OUT; echo >>$OUT; exec ls /proc/self/fd >>$OUT",
                                    {.contract = "the contract"});
  close(leaked);
  EXPECT_EQ(out, "the contract\n0\n1\n2\n3\n4\n");  // 4: the folder that it lists
}

TEST(Launcher, the_child_has_a_session_of_its_own_and_no_stdin) {
  TempFolder folder;
  const std::string out =
      output_of(folder, "readlink /proc/$$/fd/0 >$OUT; cut -d' ' -f6 /proc/$$/stat >>$OUT; echo $$ >>$OUT");
  const size_t first = out.find('\n');
  EXPECT_EQ(out.substr(0, first), "/dev/null");
  const size_t second = out.find('\n', first + 1);
  EXPECT_EQ(out.substr(first + 1, second - first - 1) + "\n", out.substr(second + 1));  // session == pid
}

TEST(Launcher, signals_are_unblocked_and_have_their_defaults) {
  TempFolder folder;
  sigset_t term, before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &term, &before);
  const auto handler = signal(SIGPIPE, SIG_IGN);
  const std::string out = output_of(folder, "grep -E 'SigBlk|SigIgn' /proc/self/status >$OUT");
  signal(SIGPIPE, handler);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST(Launcher, the_environment_is_ours_with_what_was_added) {
  TempFolder folder;
  setenv("E2K_TEST_KEPT", "kept", 1);
  setenv("E2K_TEST_CHANGED", "before", 1);
  const std::string out = output_of(folder, "echo $E2K_TEST_KEPT $E2K_TEST_CHANGED >$OUT",
                                    {.environment = {{"E2K_TEST_CHANGED", "after"}}});
  EXPECT_EQ(out, "kept after\n");
}

TEST(Launcher, the_limit_of_descriptors_is_finite) {
  TempFolder folder;
  const std::string out = output_of(folder, "ulimit -n >$OUT");
  EXPECT_GT(std::stol(out), 0);
  EXPECT_LE(std::stol(out), 65'536);
}

TEST(Launcher, a_death_is_told_as_wait_tells_it) {
  auto killed = launch({.program = "/bin/sleep", .arguments = {"60"}});
  ASSERT_TRUE(killed);
  EXPECT_EQ(reap(*killed), std::nullopt);
  EXPECT_TRUE(send_signal(*killed, SIGKILL));
  EXPECT_EQ(wait_for(*killed), SIGKILL);
  auto exited = launch({.program = "/bin/sh", .arguments = {"-c", "exit 78"}});
  ASSERT_TRUE(exited);
  EXPECT_EQ(WEXITSTATUS(wait_for(*exited)), 78);
}

TEST(Launcher, a_worker_program_that_is_not_there_is_named) {
  const auto program = find_worker_program("/nonexistent/worker");
  ASSERT_FALSE(program);
  EXPECT_NE(program.error().message.find("workers.program: /nonexistent/worker"), std::string::npos);
}

TEST(ProcStat, reads_a_line_whose_name_holds_brackets) {
  const auto use = parse_proc_stat(
      "12 (a) b) c) S 1 12 12 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 5 0 98765 1000 300 18446744073709551615",
      100, 4096);
  ASSERT_TRUE(use);
  EXPECT_DOUBLE_EQ(use->cpu_seconds, 3.0);
  EXPECT_EQ(use->start_ticks, 98765u);
  EXPECT_EQ(use->rss_bytes, 300u * 4096);
}

TEST(ProcStat, of_a_truncated_line_or_a_missing_process_is_nothing) {
  EXPECT_FALSE(parse_proc_stat("12 (x) S 1 2", 100, 4096));
  EXPECT_FALSE(parse_proc_stat("", 100, 4096));
  EXPECT_FALSE(process_use(0x7fffffff));
  EXPECT_TRUE(process_use(getpid()));
}

TEST(Launcher, a_child_goes_before_us_where_memory_runs_out) {
  TempFolder folder;
  const std::string ours = read_file("/proc/self/oom_score_adj");
  const std::string its = output_of(folder, "cat /proc/self/oom_score_adj >$OUT", {.oom_score_raise = 300});
  EXPECT_EQ(std::stoi(its), std::min(std::stoi(ours) + 300, 1000));
  EXPECT_EQ(output_of(folder, "cat /proc/self/oom_score_adj >$OUT"), ours);
}

// In a process of its own: a limit can't be raised again.
int launch_under_limit(rlim_t descriptors) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit limit{descriptors, descriptors};
    setrlimit(RLIMIT_NOFILE, &limit);
    const auto process = launch({.program = "/bin/true", .contract = "x"});
    _exit(process ? 0 : process.error().error_number);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}

TEST(Launcher, a_limit_of_64_descriptors_is_enough_for_a_start) {
  EXPECT_EQ(launch_under_limit(64), 0);
}

TEST(Launcher, a_limit_that_leaves_no_descriptor_is_reported_as_one) {
  EXPECT_EQ(launch_under_limit(4), EMFILE);
}

}  // namespace
}  // namespace e2k::supervisor
