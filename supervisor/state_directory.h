// Shell. The state directory: made, locked for as long as its supervisor lives, and the small facts kept in
// it.
//
// The lock (flock on `lock`) is taken before anything is bound or started, so that two supervisors of one
// instance never meet. The highest worker generation ever used is kept in `generation`, because spool folders
// carry it in their names. While the file `paused` is there the service is. `workers` holds how many workers
// were asked for, and what workers.count was then: who changes workers.count is followed. `rolling` holds
// which workers a restart one by one, which may be under way, is about.
//
// They are files of their own, beside the snapshot of the commands: each changes by itself and is kept at
// once, whatever a snapshot of a million commands is waiting for, and an operator removes the snapshot
// without losing the quarantine, the pause or the fleet's size.
#pragma once

#include <optional>
#include <string>

#include "common/fd.h"
#include "common/ids.h"
#include "common/result.h"

namespace e2k::supervisor {

class StateDirectory {
public:
  // Makes the directory (mode 0750) and locks it. The Error names the process that holds the lock.
  static Result<StateDirectory> open(const std::string& path);

  const std::string& path() const { return path_; }
  int lock_fd() const { return lock_.get(); }
  // The highest generation that was ever used here; 0 when none was.
  Result<Generation> last_generation() const;
  // Replaces the file atomically. A generation must be kept before its worker starts.
  Result<void> keep_generation(Generation generation) const;

  // How many workers there are to be, where workers.count is `configured`.
  int workers(int configured) const;
  // From now on so many, for as long as workers.count stays `configured`.
  Result<void> keep_workers(int count, int configured) const;

  // Workers of generations up to it are being restarted one after the other; 0: nobody asked for that, or all
  // have been.
  Generation rolling_upto() const;
  Result<void> keep_rolling_upto(Generation generation) const;

  // Whether the service was paused.
  bool is_paused() const;
  Result<void> keep_paused(bool paused) const;

  // A small file in it, replaced atomically; nothing where there is none. What can't be read is moved aside,
  // to NAME.bad, by discard().
  Result<void> keep(const std::string& name, const std::string& bytes) const;
  std::optional<std::string> kept(const std::string& name) const;
  void discard(const std::string& name) const;

private:
  StateDirectory(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  UniqueFd lock_;
};

// Locks the folder, by a file of that name in it, for as long as the descriptor lives. The Error names the
// process that holds the lock, and `remedy`. A lock that the image before this one left to it (a descriptor
// of the file that is not close-on-exec) is taken over.
Result<UniqueFd> lock_directory(const std::string& path, const std::string& name, const std::string& remedy);

// Makes `path` and what is missing above it. The Error names the folder and why.
Result<void> make_directories(const std::string& path, unsigned mode);

}  // namespace e2k::supervisor
