// Shell. The files that librdkafka reads once, when a handle is made: certificates, keys and their passwords.
//
// Taken from the properties before the handle is made, so that a change in between is a change. Each look
// reads them, because a file that was replaced within a second, or by a link's turn, has the same time and
// size often enough. Of a folder the names, sizes and times of what is in it count. What can't be read, or is
// empty, is just being written: it is not changed.
//
// One thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace e2k::kafka {

class CertificateFiles {
public:
  // Takes the names of files that values came from (config::name_login_files) out of the properties, and
  // puts what they hold now in the values' place. Files that librdkafka opens itself (ssl.….location) stay.
  void take_from(std::map<std::string, std::string>& properties);
  // Whether they hold something else than at the last call, or when they were taken.
  bool have_changed();
  // "ssl.ca.location=/a.pem, ssl.key.location=/b.pem"; "" where there is none.
  std::string names() const { return listed(paths_); }
  // Those that take_from would find, without reading any.
  static std::string names_in(const std::map<std::string, std::string>& properties) {
    return listed(paths_in(properties));
  }

private:
  using ByProperty = std::map<std::string, std::string>;
  static ByProperty paths_in(const ByProperty& properties);
  static std::string listed(const ByProperty& paths);

  ByProperty paths_;
  std::map<std::string, uint64_t> contents_;  // by property: a hash; 0: it could not be read
};

// What a file holds as the configuration takes it, without one line's end; "" when it can't be read.
std::string read_secret(const std::string& path);

}  // namespace e2k::kafka
