#include "supervisor/status/directory_problems.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace e2k::supervisor {
namespace {

// In the order in which they are likely.
const char* remedy_of(int error_number) {
  switch (error_number) {
    case ENOENT:
      return "somebody removed it: make it again, owned by the service's user, and restart the service";
    case EROFS:
      return "its file system is mounted read-only: look at the kernel's log for its disk, then mount -o "
             "remount,rw";
    case EACCES:
    case EPERM:
      return "give the service's user the right to write there (ls -ld, chown, lsattr)";
    default:
      return "look at its disk";
  }
}

std::string text(const char* what, const DirectoryFacts& facts, const char* consequence) {
  if (facts.error_number == 0) return "";
  return fmt::format("{} {} can't be written: {}. {}; {}", what, facts.path,
                     std::generic_category().message(facts.error_number), consequence,
                     remedy_of(facts.error_number));
}

}  // namespace

std::string state_directory_text(const DirectoryFacts& facts) {
  return text("the state directory", facts, "Nothing is lost, but nothing is kept over a restart");
}

std::string spool_directory_text(const DirectoryFacts& facts) {
  return text("the spool's directory", facts,
              "Workers go on with the files that they have; where they need more, events are lost, and none "
              "can be started");
}

std::string runtime_directory_text(const DirectoryFacts& facts) {
  return text("the runtime directory", facts,
              "Events go on; workers can't be started, and a socket that is removed not be made again");
}

}  // namespace e2k::supervisor
