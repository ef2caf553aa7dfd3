#include "tests/support/ca/soft_ioc.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <vector>

extern char** environ;

namespace e2k::test {
namespace {

constexpr const char* kProgram = R"(
import sys
import epicscorelibs.ioc as e
e.iocshRegisterCommon()
e.ioc('dbPvdTableSize 65536')  # the default of 512 hash chains makes an IOC of 100,000 records slow
if len(sys.argv) > 2:
    e.ioc('asSetFilename "%s"' % sys.argv[2])
e.start_ioc(dbs=[(sys.argv[1], '')])
print('READY', flush=True)
for line in sys.stdin:
    e.ioc(line.rstrip('\n'))
    sys.stdout.write('DONE\n')
    sys.stdout.flush()
import os
os._exit(0)
)";

void require(bool ok, const char* what) {
  if (ok) return;
  std::perror(what);
  std::abort();
}

// Reads the child's output until a line begins with `word`.
void wait_for_line(int fd, const std::string& word) {
  std::string line;
  char c;
  while (true) {
    pollfd p{fd, POLLIN, 0};
    require(poll(&p, 1, 60'000) > 0, "the IOC is silent");
    require(read(fd, &c, 1) == 1, "the IOC ended");
    if (c != '\n') {
      line += c;
      continue;
    }
    if (line.starts_with(word)) return;
    line.clear();
  }
}

}  // namespace

SoftIoc::SoftIoc(const std::string& database, const Options& options)
    : port_(options.port ? options.port : free_port()) {
  folder_ = (std::filesystem::temp_directory_path() / "e2k-ioc-XXXXXX").string();
  require(mkdtemp(folder_.data()) != nullptr, "no folder for the IOC");
  std::ofstream(folder_ + "/ioc.db") << database;
  std::ofstream(folder_ + "/ioc.py") << kProgram;
  if (!options.access_security.empty()) std::ofstream(folder_ + "/ioc.acf") << options.access_security;

  const char* python = std::getenv("E2K_PYTHON");
  std::vector<std::string> arguments{python ? python : E2K_DEFAULT_PYTHON, folder_ + "/ioc.py",
                                     folder_ + "/ioc.db"};
  if (!options.access_security.empty()) arguments.push_back(folder_ + "/ioc.acf");
  std::vector<std::string> environment;
  for (char** e = environ; *e; ++e)
    if (std::string_view(*e).substr(0, 6) != "EPICS_") environment.emplace_back(*e);
  environment.push_back("EPICS_CA_SERVER_PORT=" + std::to_string(port_));
  environment.push_back("EPICS_CAS_BEACON_PORT=" + std::to_string(options.beacon_port));
  environment.push_back("EPICS_CAS_INTF_ADDR_LIST=127.0.0.1");
  environment.push_back("EPICS_CAS_BEACON_ADDR_LIST=127.0.0.1");
  std::vector<char*> argv, envp;
  for (std::string& s : arguments) argv.push_back(s.data());
  for (std::string& s : environment) envp.push_back(s.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);

  std::array<int, 2> in{}, out{};
  require(pipe2(in.data(), O_CLOEXEC) == 0 && pipe2(out.data(), O_CLOEXEC) == 0, "pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  require(posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), envp.data()) == 0, "no IOC");
  posix_spawn_file_actions_destroy(&actions);
  ::close(in[0]);
  ::close(out[1]);
  commands_.reset(in[1]);
  answers_.reset(out[0]);
  wait_for_line(answers_.get(), "READY");
}

SoftIoc::~SoftIoc() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void SoftIoc::command(const std::string& line) {
  const std::string bytes = line + "\n";
  require(write(commands_.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()), "IOC");
  wait_for_line(answers_.get(), "DONE");
}

void SoftIoc::put(const std::string& record, const std::string& value) {
  command("dbpf " + record + " \"" + value + "\"");
}

void SoftIoc::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void SoftIoc::signal(int number) {
  ::kill(pid_, number);
}

void search_on_loopback(std::initializer_list<uint16_t> ports) {
  std::string list;
  for (uint16_t port : ports) list += "127.0.0.1:" + std::to_string(port) + " ";
  setenv("EPICS_CA_ADDR_LIST", list.c_str(), 1);
  setenv("EPICS_CA_AUTO_ADDR_LIST", "NO", 1);
  setenv("EPICS_CA_REPEATER_PORT", std::to_string(free_port()).c_str(), 1);
  unsetenv("EPICS_CA_NAME_SERVERS");
}

void search_by_name_server(uint16_t port) {
  search_on_loopback({});
  setenv("EPICS_CA_NAME_SERVERS", ("127.0.0.1:" + std::to_string(port)).c_str(), 1);
}

}  // namespace e2k::test
