#include "supervisor/state_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/config/config.h"

namespace e2k::supervisor {
namespace {

// For whoever finds the directory locked. Written over what is there, so that a full disk has no say in it;
// the lock holds without it.
void note_holder(int lock) {
  const std::string pid = std::to_string(::getpid());
  const ssize_t written = ::pwrite(lock, pid.data(), pid.size(), 0);
  (void)!::ftruncate(lock, written == static_cast<ssize_t>(pid.size()) ? written : 0);
}

// A descriptor of that very file that was kept over an execve.
UniqueFd inherited(const std::string& file) {
  struct stat wanted {};
  if (::stat(file.c_str(), &wanted) != 0) return {};
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    const std::string name = entry.path().filename().string();
    int fd = -1;
    std::from_chars(name.data(), name.data() + name.size(), fd);
    struct stat found {};
    if (fd <= STDERR_FILENO || ::fstat(fd, &found) != 0) continue;
    if (found.st_dev != wanted.st_dev || found.st_ino != wanted.st_ino) continue;
    const int flags = ::fcntl(fd, F_GETFD);
    if (flags < 0 || (flags & FD_CLOEXEC) != 0) continue;  // this image's own
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    return UniqueFd(fd);
  }
  return {};
}

// A file that is new, or was renamed, is there after a crash only when its folder was written, too.
bool sync_folder(const std::string& path) {
  const UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return folder && ::fsync(folder.get()) == 0;
}

}  // namespace

Result<void> make_directories(const std::string& path, unsigned mode) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return {};
  std::filesystem::create_directories(path, error);
  if (error)
    return fail(
        fmt::format("{}: the folder can't be made ({}); make it, owned by the user that runs this, or name "
                    "another in the configuration",
                    path, error.message()));
  ::chmod(path.c_str(), mode);
  return {};
}

Result<UniqueFd> lock_directory(const std::string& path, const std::string& name, const std::string& remedy) {
  const std::string file = path + "/" + name;
  UniqueFd lock = inherited(file);
  if (!lock) lock.reset(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (!lock)
    return fail(fmt::format("{}: {}; {} must have room and be writable by the user that runs the supervisor",
                            file, std::strerror(errno), path));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    char holder[32] = {};
    const ssize_t n = ::pread(lock.get(), holder, sizeof holder - 1, 0);
    return fail(
        fmt::format("{} is in use by another supervisor (pid {}); stop that one, or use --instance or {}",
                    path, n > 0 ? holder : "unknown", remedy));
  }
  note_holder(lock.get());
  return lock;
}

Result<StateDirectory> StateDirectory::open(const std::string& path) {
  if (auto made = make_directories(path, 0750); !made) return tl::unexpected(made.error());
  auto lock = lock_directory(path, "lock", "another state.directory");
  if (!lock) return tl::unexpected(lock.error());
  return StateDirectory(path, std::move(*lock));
}

Result<Generation> StateDirectory::last_generation() const {
  std::ifstream in(path_ + "/generation");
  if (!in) return Generation{0};
  std::string text;
  in >> text;
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return fail_lastingly(
        fmt::format("{}/generation holds no number; remove it when no folder in the spool directory has a "
                    "greater number behind its dot than 0",
                    path_));
  return Generation{value};
}

Result<void> StateDirectory::keep_generation(Generation generation) const {
  return keep("generation", std::to_string(generation.value) + "\n");
}

std::optional<std::string> StateDirectory::kept(const std::string& name) const {
  std::ifstream in(path_ + "/" + name, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void StateDirectory::discard(const std::string& name) const {
  const std::string file = path_ + "/" + name;
  (void)std::rename(file.c_str(), (file + ".bad").c_str());
}

Result<void> StateDirectory::keep(const std::string& name, const std::string& bytes) const {
  const std::string file = path_ + "/" + name, temporary = file + ".new";
  UniqueFd out(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (!out || ::write(out.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()) ||
      ::fdatasync(out.get()) != 0 || std::rename(temporary.c_str(), file.c_str()) != 0 || !sync_folder(path_))
    return fail(fmt::format("{}: {}", file, std::strerror(errno)));
  return {};
}

int StateDirectory::workers(int configured) const {
  std::ifstream in(path_ + "/workers");
  int count = 0, then = 0;
  if (!(in >> count >> then) || then != configured || count < kFewestWorkers || count > kMostWorkers)
    return configured;
  return count;
}

Result<void> StateDirectory::keep_workers(int count, int configured) const {
  return keep("workers", fmt::format("{} {}\n", count, configured));
}

Generation StateDirectory::rolling_upto() const {
  std::ifstream in(path_ + "/rolling");
  uint32_t generation = 0;
  return Generation{in >> generation ? generation : 0};
}

Result<void> StateDirectory::keep_rolling_upto(Generation generation) const {
  return keep("rolling", fmt::format("{}\n", generation.value));
}

bool StateDirectory::is_paused() const {
  std::error_code error;
  return std::filesystem::exists(path_ + "/paused", error);
}

Result<void> StateDirectory::keep_paused(bool paused) const {
  const std::string file = path_ + "/paused";
  if (!paused) {
    if (::unlink(file.c_str()) != 0 && errno != ENOENT)
      return fail(fmt::format("{}: {}; remove it, the service stays paused while it is there", file,
                              std::strerror(errno)));
    return {};  // what a crash brings back is a pause, which is seen
  }
  UniqueFd out(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0640));
  if (!out || ::fsync(out.get()) != 0 || !sync_folder(path_))
    return fail(fmt::format("{}: {}; the state directory must be writable", file, std::strerror(errno)));
  return {};
}

}  // namespace e2k::supervisor
