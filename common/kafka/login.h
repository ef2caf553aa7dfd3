// Shell. Handles of librdkafka whose logins stay valid for as long as they live.
//
// A token (OAUTHBEARER) is renewed by librdkafka's own background thread, whoever polls the handle and
// whatever he does with the events that he does not know: start_handle arranges that. A user's name and
// password (PLAIN, SCRAM) that came from files are read again whenever a connection is made: LoginFiles.
// Certificates and keys are read by librdkafka when a handle is made, and never again: once brokers refuse
// the handle and the files have changed, it is out of date, and its owner makes another one.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>

#include "common/kafka/broker_watch.h"
#include "common/kafka/certificate_files.h"
#include "common/kafka/conf.h"
#include "common/kafka/error_kind.h"
#include "common/result.h"

namespace e2k::kafka {

// rd_kafka_new, with tokens renewed in the background. The error is librdkafka's reason.
Result<Handle> start_handle(rd_kafka_type_t type, Conf conf);
// The same with a watch hung into it.
Result<Handle> start_handle(rd_kafka_type_t type, Conf conf, BrokerWatch& watch);

// Use: take_from the properties; a socket callback that calls renew(); attach() once the handle is there;
// heard() for each error. It outlives the handle.
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

  // What the handle complains of. Any thread.
  void heard(ErrorKind kind);
  // true, once a change: a connection was refused, and when it was tried again the certificates' files were
  // others than before. Where no handle can be made of them, this one stays until they change again. Any
  // thread.
  bool take_outdated() { return outdated_.exchange(false); }
  // Their files, for who must mend them; "" where there is none.
  std::string certificates() const;

private:
  std::map<std::string, std::string> read() const;
  void renew_password(rd_kafka_t* handle);

  std::map<std::string, std::string> paths_;  // by property
  std::atomic<rd_kafka_t*> handle_{nullptr};
  std::atomic<bool> refused_{false};
  std::atomic<bool> outdated_{false};
  mutable std::mutex lock_;
  std::string user_, password_;
  CertificateFiles certificates_;
};

}  // namespace e2k::kafka
