// Pure. What an operator can do about a file system that refused: the end of each message that names a path
// of the spool.
#pragma once

#include <cerrno>
#include <string>

namespace e2k::spool {

inline const char* disk_remedy(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return "; make room on its file system, or name another spool.directory";
    case EACCES:
    case EPERM:
    case EROFS:
      return "; the user of the service must be able to write there, or name another spool.directory";
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return "; raise the limits of the service";
    default:
      return "; look at its disk, or name another spool.directory";
  }
}

}  // namespace e2k::spool
