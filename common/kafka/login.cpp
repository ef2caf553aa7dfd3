#include "common/kafka/login.h"

#include <fstream>
#include <iterator>
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

std::map<std::string, std::string> LoginFiles::read() const {
  std::map<std::string, std::string> found;
  for (const char* property : {kUser, kPassword}) {
    const auto path = paths_.find(property);
    if (path == paths_.end()) continue;
    std::ifstream file(path->second, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    // As the configuration takes it: without one line's end.
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
    // An empty one is just being written.
    if (!text.empty()) found[property] = std::move(text);
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
}

void LoginFiles::renew() {
  rd_kafka_t* handle = handle_.load();
  if (handle == nullptr || paths_.empty()) return;
  const std::lock_guard guard(lock_);
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
