#include "supervisor/fleet/launch_problem.h"

#include <string.h>

#include <cerrno>
#include <cstring>

namespace e2k::supervisor {
namespace {

constexpr int kLoaderFailed = 127;

const char* remedy_of(const std::string& stage, int error_number) {
  switch (error_number) {
    case EAGAIN:
      return "too many processes or threads: raise TasksMax= of the unit, LimitNPROC= (ulimit -u) or "
             "kernel.pid_max";
    case ENOMEM:
      return "no memory: raise MemoryMax= or LimitAS= of the unit (ulimit -v), or use fewer workers";
    case EMFILE:
    case EINVAL:
      return stage == "descriptors" || error_number == EMFILE
                 ? "too few descriptors: raise LimitNOFILE= of the unit (ulimit -n)"
                 : "";
    case ENFILE:
      return "the machine has no descriptor left: raise fs.file-max";
    case ENOENT:
      return "the program, or the loader that it names, is not there: install it, or set workers.program";
    case EACCES:
    case EPERM:
      return "it may not be executed: look at its mode, its folder's and the mount's (noexec)";
    case ENOEXEC:
      return "it is no program of this machine: install the package of this architecture";
    case ETXTBSY:
      return "it is being written: it is tried again";
    case ELIBBAD:
      return "a library of it is spoilt: install it anew";
    default:
      return "";
  }
}

}  // namespace

bool is_limit(int error_number) {
  return error_number == EAGAIN || error_number == ENOMEM || error_number == EMFILE || error_number == ENFILE;
}

std::string launch_problem(const std::string& stage, int error_number) {
  std::string text = "could not be started: " + stage + ": " + std::strerror(error_number);
  if (const char* name = ::strerrorname_np(error_number)) text += std::string(" (") + name + ")";
  if (const char* remedy = remedy_of(stage, error_number); *remedy != '\0')
    text += "; " + std::string(remedy);
  return text;
}

const char* remedy_of_exit(int exit_code, bool had_begun) {
  if (exit_code != kLoaderFailed || had_begun) return "";
  return "the loader found no library that it needs, or not the right one: the service's log names it, ldd "
         "epics2kafka-worker shows all; install it";
}

}  // namespace e2k::supervisor
