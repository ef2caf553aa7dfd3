#include "supervisor/commands/kafka_connection.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "common/kafka/error_kind.h"
#include "common/kafka/login.h"

namespace e2k::supervisor {
namespace {

bool is_of_login_or_tls(rd_kafka_resp_err_t code, std::string_view text) {
  const kafka::ErrorKind kind = kafka::kind_of(code, text);
  return kind == kafka::ErrorKind::login || kind == kafka::ErrorKind::tls;
}

}  // namespace

Result<std::unique_ptr<KafkaConnection>> KafkaConnection::open(
    rd_kafka_type_t type, const std::map<std::string, std::string>& properties, Delivered delivered) {
  auto made = std::make_unique<KafkaConnection>();
  auto conf = kafka::make_conf(properties);
  if (!conf) return fail(fmt::format("{}: {}", conf.error().front().property, conf.error().front().reason));
  rd_kafka_conf_set_opaque(conf->get(), &made->complaints_);
  rd_kafka_conf_set_log_cb(conf->get(), &KafkaConnection::on_log);
  // Without one, errors would be logged to stderr.
  rd_kafka_conf_set_error_cb(conf->get(), &KafkaConnection::on_error);
  if (delivered != nullptr) rd_kafka_conf_set_dr_msg_cb(conf->get(), delivered);
  auto handle = kafka::start_handle(type, std::move(*conf));
  if (!handle) return tl::unexpected(handle.error());
  made->handle_ = handle->release();
  return made;
}

KafkaConnection::~KafkaConnection() {
  if (handle_ != nullptr) rd_kafka_destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

std::string KafkaConnection::last_words() {
  const std::lock_guard guard(complaints_.lock);
  return complaints_.last_words;
}

std::string KafkaConnection::last_failure() {
  const std::lock_guard guard(complaints_.lock);
  return complaints_.last_failure;
}

void KafkaConnection::on_log(const rd_kafka_t* handle, int level, const char* facility, const char* text) {
  constexpr int kNotice = 5;
  std::string_view words = text;
  if (const size_t end = words.find("]: "); words.starts_with("[thrd:") && end != std::string_view::npos)
    words.remove_prefix(end + 3);
  auto* complaints = static_cast<Complaints*>(rd_kafka_opaque(handle));
  const std::lock_guard guard(complaints->lock);
  if (level < kNotice) complaints->last_words = words;
  if (std::string_view(facility) == "FAIL") complaints->last_failure = words;
}

void KafkaConnection::on_error(rd_kafka_t*, int number, const char* text, void* opaque) {
  auto& complaints = *static_cast<Complaints*>(opaque);
  const auto code = static_cast<rd_kafka_resp_err_t>(number);
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    complaints.all_down = true;
    return;
  }
  if (complaints.first.code == RD_KAFKA_RESP_ERR_NO_ERROR ||
      (is_of_login_or_tls(code, text) &&
       !is_of_login_or_tls(complaints.first.code, complaints.first.message)))
    complaints.first = {code, text};
}

}  // namespace e2k::supervisor
