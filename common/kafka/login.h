// Shell. Handles of librdkafka whose logins stay valid for as long as they live.
//
// A token (OAUTHBEARER) is renewed by librdkafka's own background thread, whoever polls the handle and
// whatever he does with the events that he does not know: start_handle arranges that. A user's name and
// password (PLAIN, SCRAM) that came from files are read again whenever a connection is made: LoginFiles.
// Certificates and keys are read by librdkafka when a handle is made, and never again.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>

#include "common/kafka/conf.h"
#include "common/result.h"

namespace e2k::kafka {

// rd_kafka_new, with tokens renewed in the background. The error is librdkafka's reason.
Result<Handle> start_handle(rd_kafka_type_t type, Conf conf);

// Use: take_from the properties; a socket callback that calls renew(); attach() once the handle is there. It
// outlives the handle.
class LoginFiles {
public:
  LoginFiles() = default;
  LoginFiles(const LoginFiles&) = delete;

  // Takes the names of files (config::name_login_files) out of the properties. What the files hold now takes
  // the place of what they held when the configuration was read.
  void take_from(std::map<std::string, std::string>& properties);
  void attach(rd_kafka_t* handle) { handle_.store(handle); }
  // On any thread, librdkafka's too, but under none of its locks. A file that can't be read changes nothing.
  void renew();

private:
  std::map<std::string, std::string> read() const;

  std::map<std::string, std::string> paths_;  // by property
  std::atomic<rd_kafka_t*> handle_{nullptr};
  std::mutex lock_;
  std::string user_, password_;
};

}  // namespace e2k::kafka
