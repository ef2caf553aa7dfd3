#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_fixture.h"

namespace e2k {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Config good(const std::string& toml, const FakeSite& site = {}) {
  auto config = site.build(toml);
  EXPECT_TRUE(config) << site.mistakes(toml);
  return config.value_or(Config{});
}
FakeSite with_settings(std::vector<std::string> settings) {
  FakeSite site;
  site.settings = std::move(settings);
  return site;
}

// The screenful of the documentation, whole.
constexpr const char* kEverything = R"(
log_level = "debug"
[kafka]
"bootstrap.servers" = "broker1:9092,broker2:9092"
[kafka.producer]
"linger.ms" = 5
[kafka.consumer]
"fetch.min.bytes" = 1
[commands]
topic = "epics-channels"
group = "ca-source"
max_channels = 1000000
create_topic = false
replication_factor = 3
[epics]
addr_list = "10.0.0.255 ioc7:5064"
auto_addr_list = false
conn_tmo = 15
[output]
allow = ["a.*", "b"]
never_connected_after_s = 6
timestamp = "arrival"
max_future_s = 601
max_past_s = 86400
min_interval_ms = 100
topic_prefix = "shadow."
headers = ["epics_stamp_ns"]
connection_events = true
name_encoding = "latin-1"
[workers]
count = 2
affinity = "ioc"
max_restart_delay_ms = 10000
lease_s = 61
drain_timeout_ms = 5000
max_rss_bytes = 1000000000
program = "/opt/e2k/worker"
[value]
converter = "json"
schema = "EPICS_CA_DBR-1.5"
[value.options]
"schemas.enable" = false
[key]
converter = "string"
[spool]
directory = "/var/spool/e2k"
max_total_bytes = 4294967296
keep_free_bytes = 1
max_event_bytes = 65536
when_full = "drop_newest"
sync_interval_ms = 0
[state]
directory = "/var/lib/e2k"
[status]
max_clock_skew_s = 61
nothing_connected_after_s = 11
[control]
socket = "/run/e2k/c.sock"
http = "127.0.0.1:8083"
http_changes = "loopback"
metrics = "[::]:9404"
connector_name = "mine"
)";

TEST(Config, an_empty_file_gives_the_documented_defaults) {
  const Config c = good("");
  EXPECT_EQ(c.kafka.common.at("bootstrap.servers").value, "localhost:9092");
  EXPECT_EQ(c.commands.topic, "epics-channels");
  EXPECT_EQ(c.workers.count, 4);
  EXPECT_EQ(c.epics.at("EPICS_CA_MAX_ARRAY_BYTES"), "67108864");
  EXPECT_EQ(c.epics.size(), 1u);
  EXPECT_EQ(c.state.directory, "/state/epics2kafka");
  EXPECT_EQ(c.spool.directory, "/state/epics2kafka/spool");
  EXPECT_EQ(c.runtime_directory, "/run/user/7/epics2kafka");
  EXPECT_EQ(c.control.socket, "/run/user/7/epics2kafka/control.sock");
  EXPECT_EQ(c.control.status_socket, "/run/user/7/epics2kafka/status.sock");
  EXPECT_EQ(c.value.converter, "json");
  EXPECT_EQ(c.status.max_clock_skew_s, 60);
}

TEST(Config, every_documented_key_is_read) {
  const Config c = good(kEverything);
  EXPECT_EQ(c.log_level, "debug");
  EXPECT_EQ(c.kafka.common.at("bootstrap.servers").value, "broker1:9092,broker2:9092");
  EXPECT_EQ(c.kafka.producer.at("linger.ms").value, "5");
  EXPECT_EQ(c.kafka.consumer.at("fetch.min.bytes").value, "1");
  EXPECT_FALSE(c.commands.create_topic);
  EXPECT_EQ(c.commands.replication_factor, 3);
  EXPECT_EQ(c.epics.at("EPICS_CA_ADDR_LIST"), "10.0.0.255 ioc7:5064");
  EXPECT_EQ(c.epics.at("EPICS_CA_AUTO_ADDR_LIST"), "NO");
  EXPECT_EQ(c.epics.at("EPICS_CA_CONN_TMO"), "15");
  EXPECT_THAT(c.output.allow, ElementsAre("a.*", "b"));
  EXPECT_EQ(c.output.timestamp, TimestampSource::arrival);
  EXPECT_EQ(c.output.max_past_s, 86400);
  EXPECT_THAT(c.output.headers, ElementsAre("epics_stamp_ns"));
  EXPECT_TRUE(c.output.connection_events);
  EXPECT_EQ(c.output.name_encoding, NameEncoding::latin1);
  EXPECT_EQ(c.workers.affinity, WorkerAffinity::ioc);
  EXPECT_EQ(c.workers.program, "/opt/e2k/worker");
  EXPECT_EQ(c.value.schema, "EPICS_CA_DBR-1.5");
  EXPECT_EQ(c.spool.when_full, WhenFull::drop_newest);
  EXPECT_EQ(c.spool.sync_interval_ms, 0);
  EXPECT_EQ(c.status.max_clock_skew_s, 61);
  EXPECT_EQ(c.status.nothing_connected_after_s, 11);
  EXPECT_EQ(c.control.status_socket, "/run/e2k/status.sock");
  EXPECT_EQ(c.control.http_changes, HttpChanges::loopback);
}

TEST(Config, nested_tables_dotted_keys_and_quoted_ones_are_the_same) {
  for (const char* toml :
       {"[kafka]\n\"ssl.ca.location\" = \"/ca\"", "[kafka]\nssl.ca.location = \"/ca\"",
        "kafka.ssl.ca.location = \"/ca\"", "\"kafka.ssl.ca.location\" = \"/ca\"",
        "[kafka.ssl]\n\"ca.location\" = \"/ca\"", "kafka = { ssl = { ca = { location = \"/ca\" } } }"})
    EXPECT_EQ(good(toml).kafka.common.at("ssl.ca.location").value, "/ca") << toml;
  EXPECT_EQ(good("\"workers.count\" = 3").workers.count, 3);
  EXPECT_EQ(good("[kafka.producer.linger]\nms = 9").kafka.producer.at("linger.ms").value, "9");
}

TEST(Config, a_key_given_twice_in_two_spellings_is_a_mistake) {
  const FakeSite site;
  EXPECT_THAT(
      site.mistakes("[kafka]\n\"linger.ms\" = 5\n\"queue.buffering.max.ms\" = 6"),
      HasSubstr("f.toml:3: kafka.queue.buffering.max.ms: is given twice, there and as kafka.linger.ms at "
                "f.toml:2"));
  EXPECT_THAT(site.mistakes("\"workers.count\" = 1\n[workers]\ncount = 2"), HasSubstr("is given twice"));
}

TEST(Config, all_mistakes_are_told_not_only_the_first) {
  const std::string told = FakeSite{}.mistakes(
      "[workers]\ncount = 0\nlaese_s = 3\n[output]\ntimestamp = \"ioq\"\n[kafka]\nacks = 1\n");
  EXPECT_EQ(std::count(told.begin(), told.end(), '\n'), 4) << told;
}

TEST(Config, mistakes_stand_in_the_order_of_the_file) {
  const std::string told = with_settings({"a=1"}).mistakes("[workers]\ncount = 0\n[output]\nallow = 1\n");
  EXPECT_THAT(told, testing::MatchesRegex("f.toml:2: .*f.toml:4: .*--set: a: .*"));
}

TEST(Config, an_empty_table_is_known_or_a_mistake) {
  EXPECT_EQ(
      FakeSite{}.mistakes("[kafka]\n[kafka.producer]\n[epics]\n[workers]\n[value.options]\n[control]\n"), "");
  EXPECT_THAT(FakeSite{}.mistakes("[wrokers]\n"), HasSubstr("f.toml:1: wrokers: unknown key"));
}

TEST(Config, affinity_is_none_unless_it_is_said) {
  EXPECT_EQ(good("").workers.affinity, WorkerAffinity::none);
  EXPECT_EQ(good("[workers]\naffinity = \"none\"\n").workers.affinity, WorkerAffinity::none);
  EXPECT_THAT(FakeSite{}.mistakes("[workers]\naffinity = \"iocs\"\n"),
              AllOf(HasSubstr("f.toml:2: workers.affinity"), HasSubstr("did you mean ioc?"),
                    HasSubstr(R"("none", "ioc")")));
}

TEST(Config, an_unknown_key_names_file_line_the_accepted_ones_and_the_nearest) {
  EXPECT_EQ(
      FakeSite{}.mistakes("[workers]\n\ncuont = 4\n"),
      "f.toml:3: workers.cuont: unknown key (did you mean workers.count?); accepted in [workers]: count, "
      "affinity, max_restart_delay_ms, lease_s, drain_timeout_ms, max_rss_bytes, program\n");
  EXPECT_THAT(FakeSite{}.mistakes("[epics]\nadr_list = \"\"\n"), HasSubstr("did you mean addr_list?"));
  EXPECT_THAT(FakeSite{}.mistakes("[comands]\ntopic = \"x\"\n"), HasSubstr("did you mean commands.topic?"));
  EXPECT_THAT(FakeSite{}.mistakes("\"value.converter.schemas.enable\" = false\n"),
              HasSubstr("did you mean value.options.schemas.enable?"));
}

TEST(Config, a_wrong_type_names_what_it_is_and_what_is_accepted) {
  EXPECT_EQ(FakeSite{}.mistakes("[workers]\ncount = \"4\"\n"),
            "f.toml:2: workers.count: is a string; accepted: 1 to 1024\n");
  EXPECT_THAT(FakeSite{}.mistakes("[commands]\ncreate_topic = 1\n"),
              HasSubstr("is an integer; accepted: true, false"));
  EXPECT_THAT(FakeSite{}.mistakes("[commands]\ntopic = 2026-01-01\n"), HasSubstr("is a date or time"));
  EXPECT_THAT(FakeSite{}.mistakes("[output]\nallow = [1, 2]\n"),
              HasSubstr("is an array of other things than strings"));
  EXPECT_THAT(FakeSite{}.mistakes("[kafka]\n\"linger.ms\" = [[1]]\n"),
              HasSubstr("accepted: a string, a number"));
  EXPECT_THAT(FakeSite{}.mistakes("workers = 4\n"), HasSubstr("f.toml:1: workers: unknown key"));
}

TEST(Config, values_out_of_range_are_refused_with_the_range) {
  EXPECT_EQ(FakeSite{}.mistakes("[workers]\ncount = 0\n"),
            "f.toml:2: workers.count: is 0, out of range; accepted: 1 to 1024\n");
  EXPECT_THAT(FakeSite{}.mistakes("[commands]\nreplication_factor = 0\n"),
              HasSubstr("-1 (the broker's default)"));
  EXPECT_THAT(
      FakeSite{}.mistakes("[output]\ntimestamp = \"arival\"\n"),
      HasSubstr("is \"arival\", which is none of its values (did you mean arrival?); accepted: \"ioc\", "
                "\"arrival\""));
  EXPECT_THAT(FakeSite{}.mistakes("[status]\nmax_clock_skew_s = 0\n"),
              HasSubstr("is 0, out of range; accepted: 1 to 3153600000"));
  EXPECT_THAT(FakeSite{}.mistakes("[output]\nname_encoding = \"latin1\"\n"),
              HasSubstr("(did you mean latin-1?); accepted: \"utf-8\", \"latin-1\""));
  EXPECT_THAT(FakeSite{}.mistakes("[spool]\nmax_total_bytes = 1048576\nmax_event_bytes = 2000000\n"),
              HasSubstr("f.toml:3: spool.max_event_bytes: is larger than spool.max_total_bytes"));
}

TEST(Config, texts_are_judged_by_their_rules) {
  const auto told = [](const std::string& toml) { return FakeSite{}.mistakes(toml); };
  EXPECT_THAT(told("[output]\nallow = [\"a(\", \"b\"]\n"), HasSubstr("\"a(\" is no regular expression"));
  EXPECT_THAT(told("[output]\nallow = []\n"), HasSubstr("is an empty array"));
  EXPECT_THAT(told("[commands]\ntopic = \"a b\"\n"),
              HasSubstr("holds other characters than a-z A-Z 0-9 . _ -"));
  EXPECT_THAT(told("[commands]\ntopic = \"..\"\n"), HasSubstr("which is no topic name"));
  EXPECT_THAT(told("[commands]\ntopic = \"" + std::string(250, 'x') + "\"\n"),
              HasSubstr("has 250 bytes; at most 249 are accepted"));
  EXPECT_THAT(told("[commands]\ngroup = \"\"\n"), HasSubstr("is empty"));
  EXPECT_THAT(told("[control]\nhttp = \"localhost\"\n"), HasSubstr("has no port"));
  EXPECT_THAT(told("[control]\nmetrics = \"0.0.0.0:99999\"\n"), HasSubstr("no number up to 65535"));
  EXPECT_THAT(told("[control]\nhttp = \":80\"\n"), HasSubstr("no valid host"));
  EXPECT_THAT(told("[control]\nsocket = \"c.sock\"\n"), HasSubstr("is not absolute"));
  EXPECT_THAT(told("[control]\nsocket = \"/" + std::string(120, 'x') + "\"\n"),
              HasSubstr("a socket's address"));
  EXPECT_THAT(told("[kafka]\n\"bootstrap.servers\" = \"h:port\"\n"), HasSubstr("no number from 1 to 65535"));
  EXPECT_THAT(told("[kafka]\n\"bootstrap.servers\" = \"\"\n"), HasSubstr("names no broker"));
  EXPECT_EQ(told("[kafka]\n\"bootstrap.servers\" = \"SSL://a:1, b,[::1]:9092\"\n"), "");
}

TEST(Config, headers_are_none_or_those_that_are_known) {
  EXPECT_TRUE(good("").output.headers.empty());
  EXPECT_TRUE(good("[output]\nheaders = []").output.headers.empty());
  EXPECT_EQ(FakeSite{}.mistakes("[output]\nheaders = [\"epics_stamp\", \"x\"]\n"),
            "f.toml:2: output.headers: \"epics_stamp\" is no header that records can carry (did you mean "
            "epics_stamp_ns?); accepted: an array of the headers' names: \"epics_stamp_ns\"; [] for none\n"
            "f.toml:2: output.headers: \"x\" is no header that records can carry; accepted: an array of the "
            "headers' names: \"epics_stamp_ns\"; [] for none\n");
  EXPECT_THAT(FakeSite{}.mistakes("[output]\nheaders = true\n"),
              HasSubstr("is a boolean; accepted: an array"));
  EXPECT_THAT(good("", with_settings({"output.headers=epics_stamp_ns"})).output.headers,
              ElementsAre("epics_stamp_ns"));
  EXPECT_TRUE(good("[output]\nheaders = [\"epics_stamp_ns\"]", with_settings({"output.headers=[]"}))
                  .output.headers.empty());
}

TEST(Config, a_default_socket_path_that_is_too_long_names_the_setting) {
  FakeSite site;
  site.environment["XDG_RUNTIME_DIR"] = "/" + std::string(120, 'r');
  EXPECT_THAT(site.mistakes(""), HasSubstr("f.toml: control.socket: is "));
}

TEST(Config, broken_toml_names_line_and_column) {
  EXPECT_THAT(FakeSite{}.mistakes("[workers]\ncount = \n"), HasSubstr("f.toml:2:9: no valid TOML: "));
}

TEST(Config, epics_variables_come_from_the_environment_unless_set) {
  FakeSite site;
  site.environment["EPICS_CA_ADDR_LIST"] = "10.0.0.1";
  site.environment["EPICS_CA_AUTO_ADDR_LIST"] = "no";
  site.environment["EPICS_CA_MAX_ARRAY_BYTES"] = "1000000";
  site.environment["EPICS_CA_SERVER_PORT"] = "";
  site.environment["EPICS_PVA_ADDR_LIST"] = "10.0.0.2";
  const Config c = good("[epics]\naddr_list = \"10.0.0.3\"\nrepeater_port = 5066\nconn_tmo = 1.5", site);
  const std::map<std::string, std::string> expected = {{"EPICS_CA_ADDR_LIST", "10.0.0.3"},
                                                       {"EPICS_CA_AUTO_ADDR_LIST", "NO"},
                                                       {"EPICS_CA_CONN_TMO", "1.5"},
                                                       {"EPICS_CA_MAX_ARRAY_BYTES", "1000000"},
                                                       {"EPICS_CA_REPEATER_PORT", "5066"}};
  EXPECT_EQ(c.epics, expected);
}

TEST(Config, epics_values_that_channel_access_would_not_take_are_refused) {
  FakeSite site;
  EXPECT_THAT(site.mistakes("[epics]\nserver_port = 80\n"), HasSubstr("accepted: 5001 to 65535"));
  EXPECT_THAT(site.mistakes("[epics]\nauto_addr_list = \"maybe\"\n"), HasSubstr("accepted: true, false"));
  EXPECT_THAT(site.mistakes("[epics]\naddr_list = 3\n"), HasSubstr("f.toml:2: epics.addr_list"));
  site.environment["EPICS_CA_CONN_TMO"] = "soon";
  EXPECT_THAT(site.mistakes(""), HasSubstr("environment: EPICS_CA_CONN_TMO: is \"soon\""));
}

TEST(Config, owned_properties_are_refused_with_the_reason_under_all_their_names) {
  for (const std::string name :
       {"enable.idempotence", "acks", "request.required.acks", "message.timeout.ms", "delivery.timeout.ms",
        "retries", "message.send.max.retries", "max.in.flight", "max.in.flight.requests.per.connection",
        "transactional.id", "group.id", "enable.auto.commit", "enable.auto.offset.store",
        "auto.commit.enable"})
    for (const std::string section : {"kafka", "kafka.producer", "kafka.consumer"}) {
      const std::string told = FakeSite{}.mistakes("[" + section + "]\n\"" + name + "\" = \"1\"\n");
      EXPECT_THAT(told, HasSubstr("f.toml:2: " + section + "." + name + ": belongs to epics2kafka"));
    }
  EXPECT_THAT(FakeSite{}.mistakes("[kafka]\nacks = 1\n"), HasSubstr("until Kafka has acknowledged it"));
}

TEST(Config, java_only_properties_are_refused_with_the_one_to_use) {
  const auto told = [](const std::string& name) {
    return FakeSite{}.mistakes("[kafka]\n\"" + name + "\" = \"x\"\n");
  };
  EXPECT_THAT(told("sasl.jaas.config"), HasSubstr("use sasl.username and sasl.password"));
  EXPECT_THAT(told("ssl.truststore.location"), HasSubstr("use ssl.ca.location"));
  EXPECT_THAT(told("ssl.keystore.type"), HasSubstr("PKCS#12"));
  EXPECT_THAT(told("key.serializer"), HasSubstr("value.converter"));
  EXPECT_THAT(told("max.block.ms"), HasSubstr("use nothing"));
  EXPECT_EQ(told("ssl.keystore.location"), "");
}

TEST(Config, connect_class_names_bring_connects_defaults) {
  const Config plain = good("[value]\nconverter = \"org.apache.kafka.connect.json.JsonConverter\"");
  EXPECT_EQ(plain.value.converter, "json-schema-envelope");
  EXPECT_EQ(plain.value.options.at("schemas.enable").value, "true");
  const Config off = good(
      "[value]\nconverter = \"org.apache.kafka.connect.json.JsonConverter\"\noptions.schemas.enable = false");
  EXPECT_EQ(off.value.converter, "json");
  EXPECT_EQ(good("[key]\nconverter = \"org.apache.kafka.connect.storage.StringConverter\"").key.converter,
            "string");
  EXPECT_EQ(good("[value]\nconverter = \"io.confluent.connect.json.JsonSchemaConverter\"").value.converter,
            "jsonschema");
  EXPECT_TRUE(good("").value.options.empty());
}

TEST(Config, converter_mistakes_name_the_nearest_and_the_accepted) {
  EXPECT_THAT(
      FakeSite{}.mistakes("[value]\nconverter = \"jsn\"\n"),
      HasSubstr("f.toml:2: value.converter: no converter \"jsn\" (did you mean json?); accepted: json,"));
  EXPECT_THAT(
      FakeSite{}.mistakes("[value.options]\n\"schema.enable\" = true\n"),
      HasSubstr("f.toml:2: value.options.schema.enable: no option of the converter json (did you mean "
                "schemas.enable?)"));
  EXPECT_THAT(
      FakeSite{}.mistakes("[value]\nconverter = \"json-schema-envelope\"\noptions.schemas.enable = false\n"),
      HasSubstr("contradicts"));
  EXPECT_THAT(FakeSite{}.mistakes("[value]\nconverter = \"plugin:a.so\"\n"), HasSubstr("absolute path"));
  EXPECT_EQ(good("[value]\nconverter = \"plugin:/a.so\"\noptions.x = 1").value.converter, "plugin:/a.so");
}

TEST(ConfigSet, a_setting_wins_over_the_file_and_the_last_over_the_first) {
  EXPECT_EQ(good("[workers]\ncount = 1", with_settings({"workers.count=2", "workers.count=3"})).workers.count,
            3);
}

TEST(ConfigSet, dots_in_property_names_need_no_quotes) {
  const Config c = good("[kafka]\n\"metadata.broker.list\" = \"a:1\"",
                        with_settings({"kafka.bootstrap.servers=h:9092", "kafka.producer.linger.ms=7",
                                       "kafka.\"client.id\"=me", "value.options.schemas.enable=false"}));
  EXPECT_EQ(c.kafka.common.at("bootstrap.servers").value, "h:9092");
  EXPECT_EQ(c.kafka.common.count("metadata.broker.list"), 0u);
  EXPECT_EQ(c.kafka.producer.at("linger.ms").value, "7");
  EXPECT_EQ(c.kafka.common.at("client.id").value, "me");
  EXPECT_EQ(c.value.options.at("schemas.enable").value, "false");
}

TEST(ConfigSet, values_are_toml_or_else_text) {
  const Config c = good("", with_settings({"output.allow=[\"a\", \"b\"]", "output.topic_prefix=12",
                                           "commands.create_topic=false", "commands.topic=\"quoted\"",
                                           "epics.addr_list=10.0.0.1 10.0.0.2", "epics.auto_addr_list=false",
                                           "kafka.client.id=2026-01-01"}));
  EXPECT_THAT(c.output.allow, ElementsAre("a", "b"));
  EXPECT_EQ(c.output.topic_prefix, "12");
  EXPECT_FALSE(c.commands.create_topic);
  EXPECT_EQ(c.commands.topic, "quoted");
  EXPECT_EQ(c.epics.at("EPICS_CA_ADDR_LIST"), "10.0.0.1 10.0.0.2");
  EXPECT_EQ(c.epics.at("EPICS_CA_AUTO_ADDR_LIST"), "NO");
  EXPECT_EQ(c.kafka.common.at("client.id").value, "2026-01-01");
  EXPECT_THAT(good("", with_settings({"output.allow=a.*"})).output.allow, ElementsAre("a.*"));
}

TEST(ConfigSet, secrets_are_refused_and_never_repeated) {
  for (const std::string name : {"kafka.sasl.password", "kafka.ssl.key.password",
                                 "kafka.producer.ssl.key.pem", "kafka.ssl.keystore.password",
                                 "value.options.bearer.auth.token", "value.options.basic.auth.user.info"}) {
    const std::string told = with_settings({name + "=hunter2"}).mistakes("");
    EXPECT_THAT(told, HasSubstr("--set: " + name + ": secrets are not taken from the command line"));
    EXPECT_THAT(told, Not(HasSubstr("hunter2")));
  }
  EXPECT_THAT(with_settings({"kafka.sasl.password={env=\"P\"}"}).mistakes(""),
              HasSubstr("configuration file"));
  for (const std::string urls :
       {"http://u:hunter2@h/", "http://a:8081,http://u:hunter2@h/", "http://u:hunt/er2@h"})
    EXPECT_THAT(with_settings({"value.options.schema.registry.url=" + urls}).mistakes(""),
                HasSubstr("secrets are not taken"));
}

TEST(ConfigSet, what_names_code_or_files_comes_from_the_file_only) {
  for (const std::string setting :
       {"kafka.plugin.library.paths=/x.so", "kafka.ssl.engine.id=x", "kafka.ssl.engine.location=/x",
        "kafka.ssl.providers=x", "kafka.sasl.kerberos.kinit.cmd=x", "kafka.ssl.ca.location=/x",
        "value.converter=plugin:/x.so", "workers.program=/x", "spool.directory=/x",
        "value.converter=\"plugin:/x.so\""})
    EXPECT_THAT(with_settings({setting}).mistakes(""), HasSubstr("from the configuration file only"))
        << setting;
}

TEST(ConfigSet, the_state_directory_takes_the_spool_with_it_only_from_the_file) {
  const FakeSite site = with_settings({"state.directory=/elsewhere"});
  EXPECT_EQ(good("", site).state.directory, "/elsewhere");
  EXPECT_EQ(good("", site).spool.directory, "/state/epics2kafka/spool");
  EXPECT_EQ(good("[state]\ndirectory = \"/srv\"", site).state.directory, "/elsewhere");
  EXPECT_EQ(good("[state]\ndirectory = \"/srv\"", site).spool.directory, "/srv/spool");
  EXPECT_EQ(good("[state]\ndirectory = \"/srv\"").spool.directory, "/srv/spool");
}

TEST(ConfigSet, mistakes_name_the_option) {
  EXPECT_THAT(with_settings({"workers.count"}).mistakes(""),
              HasSubstr("--set \"workers.count\": no key=value"));
  EXPECT_THAT(with_settings({"workers.cout=1"}).mistakes(""), HasSubstr("--set: workers.cout: unknown key"));
  EXPECT_THAT(with_settings({"workers.count=many"}).mistakes(""),
              HasSubstr("--set: workers.count: is a string"));
}

TEST(ConfigSecrets, of_a_plug_ins_options_no_text_is_printed_since_only_it_knows_which_are_secret) {
  const Config c = good(
      "[value]\nconverter = \"plugin:/x.so\"\n[value.options]\nlogin = \"hunter2\"\n"
      "\"schemas.enable\" = true\nbatch = 17\nrate = 0.5\n");
  const std::string printed = print_config(c);
  EXPECT_THAT(printed, Not(HasSubstr("hunter2")));
  EXPECT_THAT(printed, HasSubstr("\"login\" = \"***\""));
  for (const char* shown : {"\"schemas.enable\" = \"true\"", "\"batch\" = \"17\"", "\"rate\" = \"0.5\""})
    EXPECT_THAT(printed, HasSubstr(shown));
  EXPECT_THAT(print_config(good("[value.options]\n\"decimal.format\" = \"NUMERIC\"\n")),
              HasSubstr("NUMERIC"));
}

TEST(ConfigSecrets, references_are_resolved_hidden_and_never_printed) {
  FakeSite site;
  site.secrets = {{"/etc/pw", "hunter2"}, {"cred", "hunter3"}, {"TOPIC", "top-secret"}};
  site.environment["CREDENTIALS_DIRECTORY"] = "/run/credentials";
  site.others_can_read = true;
  const Config c = good(R"([kafka]
"sasl.password" = {file = "/etc/pw"}
"sasl.username" = {credential = "cred"}
[commands]
topic = {env = "TOPIC"}
)",
                        site);
  EXPECT_EQ(c.kafka.common.at("sasl.password"), (ConfigString{"hunter2", true, "/etc/pw"}));
  EXPECT_EQ(c.kafka.common.at("sasl.username"), (ConfigString{"hunter3", true, "/run/credentials/cred"}));
  EXPECT_EQ(c.commands.topic, "top-secret");
  const std::string printed = print_config(c);
  EXPECT_THAT(printed, HasSubstr("\"sasl.password\" = \"***\""));
  EXPECT_THAT(printed, HasSubstr("topic = \"***\""));
  for (const char* secret : {"hunter2", "hunter3", "top-secret"})
    EXPECT_THAT(printed, Not(HasSubstr(secret)));
}

TEST(ConfigSecrets, a_literal_secret_is_hidden_and_refused_where_others_can_read) {
  FakeSite site;
  const std::string toml = "[kafka]\n\"sasl.password\" = \"hunter2\"\n";
  EXPECT_TRUE(good(toml, site).kafka.common.at("sasl.password").secret);
  EXPECT_THAT(print_config(good(toml, site)), Not(HasSubstr("hunter2")));
  site.others_can_read = true;
  EXPECT_THAT(site.mistakes(toml),
              HasSubstr("f.toml:2: kafka.sasl.password: is a secret in a file that others "
                        "can read"));
  EXPECT_THAT(site.mistakes(toml), Not(HasSubstr("hunter2")));
  EXPECT_THAT(site.mistakes("[value]\nconverter=\"avro\"\n[value.options]\nschema.registry.url = "
                            "\"https://u:hunter2@r/\"\n"),
              HasSubstr("is a secret"));
}

TEST(ConfigSecrets, an_empty_secret_is_a_mistake) {
  FakeSite site;
  site.secrets = {{"P", ""}};
  EXPECT_THAT(site.mistakes("[kafka]\n\"sasl.password\" = {env = \"P\"}\n"), HasSubstr("is an empty secret"));
}

TEST(ConfigSecrets, a_reference_with_two_sources_is_a_mistake) {
  EXPECT_THAT(FakeSite{}.mistakes("[kafka]\n\"sasl.password\" = {file = \"/a\", env = \"B\"}\n"),
              HasSubstr("exactly one source"));
}

TEST(ConfigSecrets, a_token_file_is_read_and_asked_for) {
  FakeSite site;
  EXPECT_THAT(site.mistakes("[control]\nhttp_changes = \"token\"\n"),
              HasSubstr("set control.http_token_file"));
  site.secrets = {{"/t", "s3cret"}};
  const Config c = good("[control]\nhttp_changes = \"token\"\nhttp_token_file = \"/t\"", site);
  EXPECT_EQ(c.control.http_token, (ConfigString{"s3cret", true}));
  EXPECT_THAT(print_config(c), HasSubstr("http_token_file = \"/t\""));
  site.secrets = {{"/t", ""}};
  EXPECT_THAT(site.mistakes("[control]\nhttp_token_file = \"/t\"\n"),
              HasSubstr("the token in that file is empty"));
}

TEST(ConfigDirectories, an_instance_has_directories_of_its_own) {
  FakeSite site;
  site.instance = "west";
  Config c = good("", site);
  EXPECT_EQ(c.state.directory, "/state/epics2kafka/west");
  EXPECT_EQ(c.spool.directory, "/state/epics2kafka/west/spool");
  EXPECT_EQ(c.control.socket, "/run/user/7/epics2kafka/west/control.sock");
  site.environment["STATE_DIRECTORY"] = "/var/lib/epics2kafka/west:/other";
  site.environment["RUNTIME_DIRECTORY"] = "/run/epics2kafka-west";
  c = good("", site);
  EXPECT_EQ(c.state.directory, "/var/lib/epics2kafka/west");
  EXPECT_EQ(c.runtime_directory, "/run/epics2kafka-west");
  site.environment["STATE_DIRECTORY"] = "/var/lib/epics2kafka";
  EXPECT_EQ(good("", site).state.directory, "/var/lib/epics2kafka/west");
}

TEST(ConfigDirectories, bad_instance_names_are_refused) {
  for (const std::string name : {"../x", "a b", "-x", "spool", "a/b"}) {
    FakeSite site;
    site.instance = name;
    EXPECT_THAT(site.mistakes(""), HasSubstr("--instance \"" + name + "\"")) << name;
  }
}

TEST(ConfigDirectories, clients_look_into_the_users_service_first) {
  const FakeSite site;
  const auto environment = [&site](const std::string& name) -> std::optional<std::string> {
    const auto found = site.environment.find(name);
    return found == site.environment.end() ? std::nullopt : std::optional(found->second);
  };
  EXPECT_THAT(config::control_socket_candidates(environment, "west"),
              ElementsAre("/run/user/7/epics2kafka/west/control.sock", "/run/epics2kafka-west/control.sock",
                          "/run/epics2kafka/west/control.sock"));
}

TEST(ConfigPrint, the_whole_screenful_reads_back_the_same) {
  Config first = good(kEverything);
  Config second = good(print_config(first));
  first.places.clear();
  second.places.clear();
  EXPECT_EQ(first, second);
}

}  // namespace
}  // namespace e2k
