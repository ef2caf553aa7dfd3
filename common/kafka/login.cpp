#include "common/kafka/login.h"

#include <tuple>
#include <utility>

#include "common/config/property_rules.h"
#include "common/log.h"

namespace e2k::kafka {
namespace {

constexpr size_t kReasonBytes = 512;
constexpr const char* kUser = config::kLoginProperties[0];
constexpr const char* kPassword = config::kLoginProperties[1];

}  // namespace

Result<Handle> start_handle(rd_kafka_type_t type, Conf conf) {
  rd_kafka_conf_enable_sasl_queue(conf.get(), 1);
  char reason[kReasonBytes] = "";
  Handle handle(rd_kafka_new(type, conf.get(), reason, sizeof reason));
  if (!handle) return fail(reason);
  std::ignore = conf.release();  // the handle's now
  // An error says that no mechanism with tokens is configured.
  if (rd_kafka_error_t* error = rd_kafka_sasl_background_callbacks_enable(handle.get()))
    rd_kafka_error_destroy(error);
  return handle;
}

// librdkafka (2.12) frees what hangs in a configuration twice when no handle can be made of it. Whether one
// can is seen from a copy, in which nothing hangs; it connects to nobody.
Result<Handle> start_handle(rd_kafka_type_t type, Conf conf, BrokerWatch& watch) {
  Conf bare(rd_kafka_conf_dup(conf.get()));
  char reason[kReasonBytes] = "";
  rd_kafka_conf_set(bare.get(), "bootstrap.servers", "", reason, sizeof reason);
  rd_kafka_conf_set_log_cb(bare.get(), nullptr);
  if (const Handle trial{rd_kafka_new(type, bare.get(), reason, sizeof reason)}; !trial) return fail(reason);
  std::ignore = bare.release();
  watch.hang_into(conf.get());
  return start_handle(type, std::move(conf));
}

std::map<std::string, std::string> LoginFiles::read() const {
  std::map<std::string, std::string> found;
  for (const char* property : {kUser, kPassword}) {
    const auto path = paths_.find(property);
    if (path == paths_.end()) continue;
    // An empty one is just being written.
    if (std::string text = read_secret(path->second); !text.empty()) found[property] = std::move(text);
  }
  return found;
}

void LoginFiles::take_from(std::map<std::string, std::string>& properties) {
  const std::lock_guard guard(lock_);
  for (const char* property : {kUser, kPassword}) {
    auto named = properties.extract(std::string(config::kFilePrefix) + property);
    if (!named.empty()) paths_[property] = std::move(named.mapped());
  }
  for (auto& [property, text] : read()) properties[property] = std::move(text);
  user_ = properties.contains(kUser) ? properties.at(kUser) : "";
  password_ = properties.contains(kPassword) ? properties.at(kPassword) : "";
  certificates_.take_from(properties);
}

void LoginFiles::renew() {
  rd_kafka_t* handle = handle_.load();
  if (handle == nullptr) return;
  const std::lock_guard guard(lock_);
  // Certificates that nobody refused stay in use: the new ones may be for brokers that are yet to come.
  if (refused_.load() && certificates_.have_changed()) outdated_.store(true);
  renew_password(handle);
}

void LoginFiles::heard(ErrorKind kind) {
  if (kind == ErrorKind::tls || kind == ErrorKind::login) refused_.store(true);
}

std::string LoginFiles::certificates() const {
  const std::lock_guard guard(lock_);
  return certificates_.names();
}

void LoginFiles::renew_password(rd_kafka_t* handle) {
  if (paths_.empty()) return;
  auto found = read();
  found.try_emplace(kUser, user_);
  found.try_emplace(kPassword, password_);
  if (found[kUser] == user_ && found[kPassword] == password_) return;
  user_ = found[kUser];
  password_ = found[kPassword];
  log::info("kafka.login_renewed message=\"the files of sasl.username or sasl.password have changed\"");
  if (rd_kafka_error_t* error = rd_kafka_sasl_set_credentials(handle, user_.c_str(), password_.c_str()))
    rd_kafka_error_destroy(error);
}

}  // namespace e2k::kafka
