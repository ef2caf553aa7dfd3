#include "supervisor/check/machine_questions.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include "common/config/epics_variables.h"
#include "common/fd.h"
#include "common/process_use.h"
#include "common/split.h"

namespace e2k::supervisor::check {
namespace {

constexpr uint16_t kRepeaterPort = 5065;
constexpr uint64_t kKiB = 1024;

// The user that the service runs as: the running supervisor's, else the one that packages make.
struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
};

User user_of(const Running& running) {
  const passwd* entry = nullptr;
  struct stat process {};
  if (running.supervisor != 0 &&
      ::stat(("/proc/" + std::to_string(running.supervisor)).c_str(), &process) == 0)
    entry = ::getpwuid(process.st_uid);
  else if (::geteuid() == 0)
    entry = ::getpwnam("epics2kafka");
  if (entry == nullptr || ::geteuid() != 0) entry = ::getpwuid(::geteuid());
  if (entry == nullptr) return {::geteuid(), ::getegid(), std::to_string(::geteuid())};
  return {entry->pw_uid, entry->pw_gid, entry->pw_name};
}

// Of root alone: the effective rights of another user, and none of root's groups, until it is destroyed.
class AsUser {
public:
  explicit AsUser(const User& user) : was_root_(::geteuid() == 0 && user.uid != 0) {
    if (!was_root_) return;
    groups_.resize(static_cast<size_t>(std::max(0, ::getgroups(0, nullptr))));
    const int groups = ::getgroups(static_cast<int>(groups_.size()), groups_.data());
    groups_.resize(static_cast<size_t>(std::max(0, groups)));
    if (::initgroups(user.name.c_str(), user.gid) == 0 && ::setegid(user.gid) == 0 &&
        ::seteuid(user.uid) == 0)
      return;
    become_root();
    was_root_ = false;
  }
  AsUser(const AsUser&) = delete;
  ~AsUser() {
    if (was_root_) become_root();
  }

private:
  void become_root() const {
    if (::seteuid(0) != 0 || ::setegid(0) != 0 || ::setgroups(groups_.size(), groups_.data()) != 0)
      std::abort();
  }

  bool was_root_;
  std::vector<gid_t> groups_;  // root's
};

DirectoryFacts look_at(const char* setting, const std::string& path, uint64_t keep_free_bytes = 0) {
  DirectoryFacts facts;
  facts.setting = setting;
  facts.path = path;
  facts.keep_free_bytes = keep_free_bytes;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    facts.is_absent = errno == ENOENT;
    facts.error = errno;
    return facts;
  }
  if (!S_ISDIR(status.st_mode))
    facts.error = ENOTDIR;
  else if (::faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK | X_OK, AT_EACCESS) != 0)
    facts.error = errno;
  struct statvfs room {};
  if (::statvfs(path.c_str(), &room) == 0)
    facts.free_bytes = static_cast<uint64_t>(room.f_bavail) * static_cast<uint64_t>(room.f_frsize);
  return facts;
}

std::optional<LimitFacts> limits_of(pid_t pid, std::string process) {
  const auto use = descriptor_use(pid);
  if (!use) return std::nullopt;
  return LimitFacts{std::move(process), use->most, use->used};
}

std::vector<LimitFacts> look_at_limits(const Running& running) {
  std::vector<LimitFacts> found;
  if (running.supervisor == 0) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    found.push_back(
        {"this shell", limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur, std::nullopt});
    return found;
  }
  if (auto limits = limits_of(running.supervisor, "the supervisor")) found.push_back(*limits);
  for (const auto& [slot, pid] : running.workers)
    if (pid != 0)
      if (auto limits = limits_of(pid, "worker " + std::to_string(slot))) found.push_back(*limits);
  return found;
}

uint64_t available_memory() {
  std::ifstream memory("/proc/meminfo");
  for (std::string line; std::getline(memory, line);)
    if (line.starts_with("MemAvailable:")) return std::strtoull(line.c_str() + 13, nullptr, 10) * kKiB;
  return 0;
}

std::string epics_value(const Config& config, const char* name) {
  const auto found = config.epics.find(name);
  if (found != config.epics.end()) return found->second;
  const char* given = std::getenv(name);
  return given == nullptr ? "" : given;
}

std::string why_no_address(const std::string& text) {
  const auto [host, port] = split_host_port(text);
  addrinfo hints{}, *found = nullptr;
  hints.ai_family = AF_INET;  // Channel Access knows no other
  hints.ai_socktype = SOCK_DGRAM;
  const int error = ::getaddrinfo(std::string(host).c_str(), nullptr, &hints, &found);
  if (error == 0) ::freeaddrinfo(found);
  return error == 0 ? "" : ::gai_strerror(error);
}

std::vector<AddressFacts> look_at_addresses(const Config& config) {
  std::vector<AddressFacts> found;
  for (const char* name : {"EPICS_CA_ADDR_LIST", "EPICS_CA_NAME_SERVERS"}) {
    std::istringstream list(epics_value(config, name));
    for (std::string address; list >> address;) found.push_back({name, address, why_no_address(address)});
  }
  return found;
}

// Who repeats beacons has the port.
bool is_taken(uint16_t port) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
         errno == EADDRINUSE;
}

// What its own discipline says; nothing is asked of a time server.
void look_at_clock(MachineFacts& facts) {
  constexpr double kMicrosPerS = 1e6;
  timex answer{};
  facts.clock_is_synchronised = ::adjtimex(&answer) != TIME_ERROR && (answer.status & STA_UNSYNC) == 0;
  facts.clock_error_s = static_cast<double>(answer.maxerror) / kMicrosPerS;
}

}  // namespace

MachineFacts ask_machine(const Config& config, const Running& running) {
  MachineFacts facts;
  const User user = user_of(running);
  facts.user = user.name;
  {
    const AsUser rights(user);
    facts.directories = {look_at("state.directory", config.state.directory),
                         look_at("spool.directory", config.spool.directory,
                                 static_cast<uint64_t>(config.spool.keep_free_bytes)),
                         look_at("$RUNTIME_DIRECTORY", config.runtime_directory)};
  }
  facts.limits = look_at_limits(running);
  facts.available_memory_bytes = available_memory();
  facts.addresses = look_at_addresses(config);
  const std::string auto_list = epics_value(config, "EPICS_CA_AUTO_ADDR_LIST");
  facts.auto_addr_list = auto_list != "NO" && auto_list != "no";
  const std::string port = epics_value(config, "EPICS_CA_REPEATER_PORT");
  const long number = std::strtol(port.c_str(), nullptr, 10);
  facts.repeater_port = number > 0 && number <= UINT16_MAX ? static_cast<uint16_t>(number) : kRepeaterPort;
  facts.repeater_runs = is_taken(facts.repeater_port);
  look_at_clock(facts);
  facts.worst_clock = running.worst_clock;
  facts.max_clock_skew_s = config.status.max_clock_skew_s;
  return facts;
}

std::optional<std::map<std::string, std::string>> environment_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/environ", std::ios::binary);
  if (!file) return std::nullopt;
  std::map<std::string, std::string> variables;
  for (std::string one; std::getline(file, one, '\0');)
    if (const size_t equals = one.find('='); equals != std::string::npos)
      variables[one.substr(0, equals)] = one.substr(equals + 1);
  return variables;
}

}  // namespace e2k::supervisor::check
