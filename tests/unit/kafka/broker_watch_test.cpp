// A real handle, and sockets of the test's own instead of brokers.
#include "common/kafka/broker_watch.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <fstream>

#include <chrono>
#include <string>

#include "common/fd.h"
#include "common/kafka/login.h"

namespace e2k::kafka {
namespace {

// Takes connections, since the kernel does, and never says a word.
class SilentListener {
public:
  SilentListener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_.get(), 16), 0);
    EXPECT_EQ(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  const std::string& address() const { return address_; }
  void close() { fd_.reset(); }

private:
  UniqueFd fd_;
  std::string address_;
};

class BrokerWatchTest : public testing::Test {
protected:
  void open(const std::string& servers) {
    auto conf = make_conf({{"bootstrap.servers", servers}, {"reconnect.backoff.max.ms", "100"}});
    ASSERT_TRUE(conf);
    rd_kafka_conf_set_opaque(conf->get(), &watch_);
    rd_kafka_conf_set_log_cb(conf->get(), nullptr);
    rd_kafka_conf_set_error_cb(conf->get(), [](rd_kafka_t*, int code, const char* text, void* watch) {
      static_cast<BrokerWatch*>(watch)->heard(static_cast<rd_kafka_resp_err_t>(code), text);
    });
    watch_.hang_into(conf->get());
    auto handle = start_handle(RD_KAFKA_PRODUCER, std::move(*conf));
    ASSERT_TRUE(handle) << handle.error().message;
    handle_ = std::move(*handle);
  }

  // A short question that nobody answers has librdkafka connect.
  bool becomes(ErrorKind kind) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < end) {
      const struct rd_kafka_metadata* metadata = nullptr;
      rd_kafka_metadata(handle_.get(), 0, nullptr, &metadata, 50);
      rd_kafka_poll(handle_.get(), 0);
      if (watch_.trouble().kind == kind) return true;
    }
    return false;
  }

  BrokerWatch watch_;  // outlives the handle
  Handle handle_;
};

TEST_F(BrokerWatchTest, nobody_there_is_down_in_librdkafkas_words) {
  open("127.0.0.1:1");
  ASSERT_TRUE(becomes(ErrorKind::down));
  ASSERT_TRUE(becomes(ErrorKind::down));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (watch_.trouble().words.find("Connection refused") == std::string::npos &&
         std::chrono::steady_clock::now() < end)
    becomes(ErrorKind::down);
  EXPECT_NE(watch_.trouble().words.find("Connection refused"), std::string::npos) << watch_.trouble().words;
}

TEST_F(BrokerWatchTest, who_takes_connections_and_does_not_answer_is_silent_until_he_goes) {
  SilentListener listener;
  open(listener.address());
  EXPECT_TRUE(becomes(ErrorKind::silent));
}

// Of builds of librdkafka that were told too little of the compiler it is not true.
TEST(Librdkafka, tells_that_all_brokers_are_down) {
  auto conf = make_conf({{"bootstrap.servers", "127.0.0.1:1"}});
  ASSERT_TRUE(conf);
  bool told = false;
  rd_kafka_conf_set_opaque(conf->get(), &told);
  rd_kafka_conf_set_log_cb(conf->get(), nullptr);
  rd_kafka_conf_set_error_cb(conf->get(), [](rd_kafka_t*, int code, const char*, void* out) {
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) *static_cast<bool*>(out) = true;
  });
  const auto handle = start_handle(RD_KAFKA_PRODUCER, std::move(*conf));
  ASSERT_TRUE(handle);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!told && std::chrono::steady_clock::now() < end) rd_kafka_poll(handle->get(), 100);
  EXPECT_TRUE(told);
}

TEST_F(BrokerWatchTest, an_answer_ends_a_complaint) {
  open("127.0.0.1:1");
  watch_.heard(RD_KAFKA_RESP_ERR__AUTHENTICATION, "SASL authentication error: no");
  EXPECT_EQ(watch_.trouble().kind, ErrorKind::login);
  EXPECT_EQ(watch_.trouble().words, "SASL authentication error: no");
  watch_.answered();
  EXPECT_NE(watch_.trouble().kind, ErrorKind::login);
}

TEST_F(BrokerWatchTest, only_log_lines_about_connections_count) {
  open("127.0.0.1:1");
  watch_.heard_log("CONFWARN", "SASL properties have no effect");
  EXPECT_NE(watch_.trouble().kind, ErrorKind::login);
  watch_.heard_log("SASLREFRESH", "Kerberos ticket refresh failed: kinit: command not found");
  EXPECT_EQ(watch_.trouble().kind, ErrorKind::login);
}

TEST(BrokerWatchFailing, a_handle_that_can_not_be_made_leaves_nothing_behind) {
  const std::string rubbish = testing::TempDir() + "/e2k-rubbish.pem";
  std::ofstream(rubbish) << "rubbish";
  BrokerWatch watch;
  auto conf = make_conf({{"security.protocol", "ssl"}, {"ssl.ca.location", rubbish}, {"group.id", "g"}});
  ASSERT_TRUE(conf);
  rd_kafka_conf_set_log_cb(conf->get(), nullptr);
  EXPECT_FALSE(start_handle(RD_KAFKA_CONSUMER, std::move(*conf), watch));
}

}  // namespace
}  // namespace e2k::kafka
