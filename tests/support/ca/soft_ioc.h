// A real IOC (EPICS Base's dbCore from the wheel epicscorelibs) as a child process on loopback.
//
// Its UDP and TCP port is its own; its beacons go to a port where nobody listens, so that a test that wants
// to be told of a restart has to find out otherwise. Python is $E2K_PYTHON, else the build's.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "common/fd.h"
#include "tests/support/files/free_port.h"

namespace e2k::test {

class SoftIoc {
public:
  struct Options {
    uint16_t port = 0;            // 0: a free one
    std::string access_security;  // the text of an access security file
    uint16_t beacon_port = 9;     // discard
  };
  // `database`: record definitions. Returns once the IOC runs; aborts the test program if it does not.
  SoftIoc(const std::string& database, const Options& options);
  explicit SoftIoc(const std::string& database) : SoftIoc(database, Options{}) {}
  ~SoftIoc();
  SoftIoc(const SoftIoc&) = delete;
  SoftIoc& operator=(const SoftIoc&) = delete;

  uint16_t port() const { return port_; }
  void command(const std::string& line);                          // an iocsh line, e.g. dbpf a 1
  void put(const std::string& record, const std::string& value);  // waits until it is done
  void kill();                                                    // SIGKILL, and waits for its end
  void signal(int number);

private:
  uint16_t port_;
  std::string folder_;
  pid_t pid_ = -1;
  UniqueFd commands_, answers_;
};

// EPICS_CA_* of this process: searches go to these ports on loopback and nowhere else. The repeater's port is
// one that nobody else uses.
void search_on_loopback(std::initializer_list<uint16_t> ports);
// TCP only, as EPICS_CA_NAME_SERVERS.
void search_by_name_server(uint16_t port);

}  // namespace e2k::test
