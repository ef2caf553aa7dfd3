#include "supervisor/control/connect_options.h"

#include <gtest/gtest.h>

namespace e2k::supervisor {
namespace {

TEST(ConnectOptions, the_configuration_has_the_names_that_it_has_in_connect) {
  Config config;
  config.kafka.common["bootstrap.servers"] = {"kafka:9092"};
  config.workers.count = 3;
  config.output.min_interval_ms = 1000;
  config.epics = {{"EPICS_CA_ADDR_LIST", "10.0.0.255"}, {"EPICS_CA_AUTO_ADDR_LIST", "NO"}};
  const ConnectOptions expected = {
      {"name", "ca-source"},
      {"connector.class", std::string(kConnectorClass)},
      {"tasks.max", "3"},
      {"command.topic", "epics-channels"},
      {"command.group", "ca-source"},
      {"command.bootstrap.servers", "kafka:9092"},
      {"monitor.poll.millis", "1000"},
      {"monitor.addr.list", "10.0.0.255"},
      {"monitor.auto.addr.list", "false"},
      {"key.converter", "org.apache.kafka.connect.storage.StringConverter"},
      {"value.converter", "org.apache.kafka.connect.json.JsonConverter"},
      {"value.converter.schemas.enable", "false"},
  };
  EXPECT_EQ(connect_options(config), expected);
}

TEST(ConnectOptions, the_envelope_is_connects_json_with_schemas) {
  Config config;
  config.value.converter = "json-schema-envelope";
  ConnectOptions options = connect_options(config);
  EXPECT_EQ(options["value.converter"], "org.apache.kafka.connect.json.JsonConverter");
  EXPECT_EQ(options["value.converter.schemas.enable"], "true");
}

TEST(ConnectOptions, secrets_and_the_options_of_a_plug_in_are_not_shown) {
  Config config;
  config.kafka.common["bootstrap.servers"] = {.value = "s3cret", .secret = true};
  config.commands.topic = "s3cret";
  config.hidden = {"commands.topic", "epics.addr_list"};
  config.epics = {{"EPICS_CA_ADDR_LIST", "s3cret"}};
  config.value.converter = "avro";
  config.value.options["basic.auth.user.info"] = {.value = "s3cret", .secret = true};
  config.key.converter = "plugin:/lib/own.so";
  config.key.options["pass"] = {"s3cret"};
  ConnectOptions options = connect_options(config);
  for (const auto& [option, value] : options) EXPECT_EQ(value.find("s3cret"), std::string::npos) << option;
  EXPECT_EQ(options["value.converter.basic.auth.user.info"], "***");
  EXPECT_EQ(options["command.topic"], "***");
  EXPECT_EQ(options["key.converter"], "plugin:/lib/own.so");
}

}  // namespace
}  // namespace e2k::supervisor
