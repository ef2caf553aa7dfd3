#include "supervisor/migrate/translate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/config/document.h"

namespace e2k::supervisor::migrate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::set<std::string> kKnown = {"bootstrap.servers",
                                      "linger.ms",
                                      "compression.type",
                                      "message.max.bytes",
                                      "client.id",
                                      "sasl.mechanism",
                                      "security.protocol",
                                      "sasl.oauthbearer.token.endpoint.url",
                                      "ssl.key.password",
                                      "sasl.kerberos.service.name",
                                      "ssl.keystore.password"};

ConnectFile file(std::string_view text, const std::string& name) {
  auto read = read_connect_file(text, name);
  EXPECT_TRUE(read) << read.error().message;
  return read ? *read : ConnectFile{};
}

Draft draft(std::string_view connector, std::string_view worker = "") {
  const ConnectFile own = file(connector, "ca-source.properties");
  if (worker.empty()) return translate(own, nullptr, kKnown);
  const ConnectFile workers = file(worker, "worker.properties");
  return translate(own, &workers, kKnown);
}

// TABLE.KEY = VALUE of a line; "" where there is none. Offers begin with #.
std::string line(const Draft& draft, std::string_view table, std::string_view key) {
  const DraftLine* found = draft.find(table, key);
  return found == nullptr ? "" : (found->offered ? "# " : "") + found->value;
}

std::string leftover(const Draft& draft, std::string_view name) {
  for (const Leftover& one : draft.leftovers())
    if (one.origin.ends_with(" " + std::string(name))) return one.what;
  return "";
}

constexpr const char* kStandalone = R"(name=ca-source
connector.class=org.jlab.kafka.CASourceConnector
tasks.max=3
epics.ca.addr.list=softioc 10.1.2.255
channels.topic=epics-channels
channels.group=ca-source
bootstrap.servers=localhost:9092
value.converter=org.apache.kafka.connect.json.JsonConverter
value.converter.schemas.enable=false
)";

TEST(Translate, AConnectorOfTheOlderGenerationBecomesThisConfiguration) {
  EXPECT_EQ(
      toml_of(draft(kStandalone, "bootstrap.servers=localhost:9092\n"), {"ca-source.properties", "w"},
              Secrets::written),
      R"(# From ca-source.properties and w, by epics2kafkactl migrate. Behind each key stands where it came from; a
# line that is a comment is an offer, and what was not taken over stands at the end.

[kafka]
"bootstrap.servers" = "localhost:9092"        # worker.properties:1 bootstrap.servers

[commands]
topic = "epics-channels"                      # ca-source.properties:5 channels.topic
group = "ca-source"                           # ca-source.properties:6 channels.group

[epics]
addr_list = "softioc 10.1.2.255"              # ca-source.properties:4 epics.ca.addr.list
# Releases with the option epics.ca.addr.list searched the listed addresses only.
auto_addr_list = false

[output]
# The connector kept the newest event of a channel and poll. Here every event is published; this would thin them out again:
# min_interval_ms = 1000                      # monitor.poll.millis is not given: the connector's default
# To run beside the connector for a time (packaging/docs/migration.md):
# topic_prefix = "shadow."

[workers]
# As many clients for each IOC as there were tasks. Without this: min(4, cores).
count = 3                                     # ca-source.properties:3 tasks.max

[value]
converter = "org.apache.kafka.connect.json.JsonConverter"  # ca-source.properties:8 value.converter
# Releases up to 0.6 wrote this schema, those from 0.7.0 to 1.5.0 EPICS_CA_DBR-1.5:
# schema = "org.jlab.epics.ca.value"

[value.options]
"schemas.enable" = false                      # ca-source.properties:9 value.converter.schemas.enable

[control]
connector_name = "ca-source"                  # ca-source.properties:1 name

# Not taken over:
# ca-source.properties:7 bootstrap.servers = localhost:9092
#     the same brokers as the worker's
# ca-source.properties:2 connector.class = org.jlab.kafka.CASourceConnector
#     this program stands in its place
)");
}

TEST(Translate, OptionsOfTheNewerGenerationHaveTheirKeys) {
  const Draft made = draft(
      "connector.class=org.jlab.kafka.connect.CASourceConnector\nmonitor.addr.list=a "
      "b:5\nmonitor.auto.addr.list=false\n"
      "monitor.connection.timeout=30.0\nmonitor.repeater.port=5065\nmonitor.max.array.bytes=16384\n"
      "monitor.poll.millis=500\ncommand.topic=c\ncommand.group=g\ncommand.bootstrap.servers=kafka://k1:9092, "
      "kafka://k2:9092/\n"
      "command.settle.seconds=15\ncommand.load.timeout.seconds=30\n");
  EXPECT_EQ(line(made, "epics", "addr_list"), "\"a b:5\"");
  EXPECT_EQ(line(made, "epics", "auto_addr_list"), "false");
  EXPECT_EQ(line(made, "epics", "conn_tmo"), "30.0");
  EXPECT_EQ(line(made, "epics", "repeater_port"), "5065");
  EXPECT_EQ(line(made, "epics", "max_array_bytes"), "# 16384");
  EXPECT_EQ(line(made, "output", "min_interval_ms"), "# 500");
  EXPECT_EQ(line(made, "commands", "topic"), "\"c\"");
  EXPECT_EQ(line(made, "commands", "group"), "\"g\"");
  EXPECT_EQ(line(made, "kafka", "bootstrap.servers"), "\"k1:9092,k2:9092\"");
  EXPECT_EQ(line(made, "value", "schema"), "# \"EPICS_CA_DBR-1.5\"");
  EXPECT_THAT(leftover(made, "command.settle.seconds"), HasSubstr("carried out when it comes"));
  EXPECT_THAT(leftover(made, "command.load.timeout.seconds"), HasSubstr("STARTING"));
}

TEST(Translate, WhatChangesRecordsOrIsNotKnownIsSaidAloud) {
  const Draft made =
      draft(std::string(kStandalone) +
                "key.converter=x\ntransforms=r\ntransforms.r.type=R\npredicates=p\n"
                "monitr.addr.list=a\nerrors.tolerance=all\ntopic.creation.default.partitions=3\n",
            "bootstrap.servers=localhost:9092\nplugin.path=/p\nofset.flush.interval.ms=1\n");
  EXPECT_THAT(made.notes(),
              ElementsAre(HasSubstr("transforms: a transform"), HasSubstr("transforms.r.type: a transform"),
                          HasSubstr("predicates: chooses"), HasSubstr("monitr.addr.list: no option"),
                          HasSubstr("topic.creation.default.partitions: Connect made"),
                          HasSubstr("ofset.flush.interval.ms: no option of a Connect worker")));
  EXPECT_THAT(leftover(made, "errors.tolerance"), HasSubstr("handling of errors"));
}

TEST(Translate, AnotherConnectorIsNoted) {
  EXPECT_THAT(
      draft("connector.class=FileStreamSource\nkey.converter=k\nvalue.converter=v\nbootstrap.servers=a\n",
            "bootstrap.servers=a\n")
          .notes(),
      ElementsAre(HasSubstr("not the Channel Access connector")));
}

TEST(Translate, EveryOptionStandsInTheResult) {
  const char* connector =
      "name=n\nconnector.class=C\ntasks.max=1\nmonitor.addr.list=a\nepics.ca.addr.list=b\npoll.millis=1\n"
      "monitor.poll.millis=2\nmonitor.max.array.bytes=1\nchannels.topic=t\ncommand.topic=u\nbootstrap."
      "servers=x\n"
      "kafka.url=y\ncommand.bootstrap.servers=z\nvalue.converter.x=1\nheader.converter=h\nproducer.override."
      "linger.ms=1\n"
      "consumer.override.x=1\nadmin.override.x=1\nunknown=1\n";
  const char* worker =
      "bootstrap.servers=w\nvalue.converter=v\nvalue.converter.y=1\nkey.converter=k\nproducer.linger.ms=2\n"
      "producer.sasl.jaas.config=broken\nproducer.bootstrap.servers=q\nconsumer.linger.ms=1\nconsumer.sasl."
      "mechanism=m\n"
      "security.protocol=SSL\nssl.truststore.password=p\nadmin.x=1\nlisteners=l\ngroup.id=g\nunknown.too=1\n";
  const std::string text = toml_of(draft(connector, worker), {"c", "w"}, Secrets::written);
  for (const char* all : {connector, worker}) {
    for (const Option& option : file(all, "x").options) {
      if (option.name == "producer.linger.ms")
        continue;  // the connector's producer.override.linger.ms counts
      EXPECT_THAT(text, HasSubstr(" " + option.name));
    }
  }
}

TEST(Translate, TheConnectorsConverterComesWithItsOwnOptionsOnly) {
  const Draft made = draft("value.converter=V\nvalue.converter.a=1\nkey.converter.b=2\n",
                           "value.converter=W\nvalue.converter.c=3\nkey.converter=K\nkey.converter.d=4\n");
  EXPECT_EQ(line(made, "value", "converter"), "\"V\"");
  EXPECT_EQ(line(made, "value.options", "a"), "1");
  EXPECT_EQ(line(made, "value.options", "c"), "");
  EXPECT_THAT(leftover(made, "value.converter.c"), HasSubstr("did not use"));
  EXPECT_EQ(line(made, "key", "converter"), "\"K\"");
  EXPECT_EQ(line(made, "key.options", "d"), "4");
  EXPECT_EQ(line(made, "key.options", "b"), "");
  EXPECT_THAT(leftover(made, "key.converter.b"), HasSubstr("Connect passed over it"));
}

TEST(Translate, AConverterThatNoFileNamesIsNoted) {
  EXPECT_THAT(
      draft("connector.class=CASource\nbootstrap.servers=x\n").notes(),
      ElementsAre(HasSubstr("--worker names"), HasSubstr("value.converter stands in neither file: json"),
                  HasSubstr("key.converter stands in neither file: string")));
}

TEST(Translate, TheProducersLoginServesBothSides) {
  const Draft made =
      draft("bootstrap.servers=k:1\n",
            "bootstrap.servers=k:1\nsecurity.protocol=SSL\nproducer.security.protocol=SASL_SSL\n"
            "producer.sasl.mechanism=PLAIN\nproducer.sasl.jaas.config=a.PlainLoginModule required "
            "username=\"u\" password=\"p\";\nconsumer.security.protocol=SASL_SSL\n"
            "producer.linger.ms=7\nconsumer.max.poll.records=1\n");
  EXPECT_EQ(line(made, "kafka", "security.protocol"), "\"sasl_ssl\"");
  EXPECT_EQ(line(made, "kafka", "sasl.mechanism"), "\"PLAIN\"");
  EXPECT_EQ(line(made, "kafka", "sasl.username"), "\"u\"");
  EXPECT_EQ(line(made, "kafka", "sasl.password"), "\"p\"");
  EXPECT_TRUE(made.find("kafka", "sasl.password")->secret);
  EXPECT_EQ(line(made, "kafka.producer", "linger.ms"), "7");
  EXPECT_EQ(line(made, "kafka.consumer", "security.protocol"), "");
  EXPECT_THAT(leftover(made, "consumer.max.poll.records"), HasSubstr("sink"));
}

TEST(Translate, TheWorkersOwnLoginCountsWhereItsProducersHaveNone) {
  const Draft made = draft("bootstrap.servers=k:1\n", "bootstrap.servers=k:1\nsecurity.protocol=SSL\n");
  EXPECT_EQ(line(made, "kafka", "security.protocol"), "\"ssl\"");
}

TEST(Translate, AConsumersLoginThatDiffersRefinesItsSide) {
  const Draft made =
      draft("bootstrap.servers=k:1\n",
            "bootstrap.servers=k:1\nproducer.security.protocol=SASL_SSL\n"
            "producer.sasl.jaas.config=PlainLoginModule.PlainLoginModule required username=a password=b;\n"
            "consumer.sasl.jaas.config=x.PlainLoginModule required username=c password=b;\n");
  EXPECT_EQ(line(made, "kafka", "sasl.username"), "\"a\"");
  EXPECT_EQ(line(made, "kafka.consumer", "sasl.username"), "\"c\"");
  EXPECT_EQ(line(made, "kafka.consumer", "sasl.password"), "");
  EXPECT_EQ(line(made, "kafka.consumer", "security.protocol"), "");
}

TEST(Translate, CommandsOnOtherBrokersAreReadThere) {
  const Draft made = draft("command.bootstrap.servers=kafka://c:1\n",
                           "bootstrap.servers=k:1\nproducer.security.protocol=SSL\n");
  EXPECT_EQ(line(made, "kafka", "bootstrap.servers"), "\"k:1\"");
  EXPECT_EQ(line(made, "kafka.consumer", "bootstrap.servers"), "\"c:1\"");
  EXPECT_EQ(line(made, "kafka.consumer", "security.protocol"), "\"plaintext\"");
}

TEST(Translate, AConnectorsOverrideOfTheProducerWins) {
  const Draft made = draft("bootstrap.servers=k:1\nproducer.override.linger.ms=9\n",
                           "bootstrap.servers=k:1\nproducer.linger.ms=7\n");
  EXPECT_EQ(line(made, "kafka.producer", "linger.ms"), "9");
}

TEST(Translate, RefusedAndUnknownPropertiesStayBehindWithTheirReason) {
  const Draft made =
      draft("bootstrap.servers=k:1\n",
            "bootstrap.servers=k:1\nproducer.acks=all\nproducer.partitioner.class=P\nproducer.nonsense=1\n"
            "producer.max.request.size=5000000\n");
  EXPECT_THAT(leftover(made, "producer.acks"), HasSubstr("belongs to epics2kafka"));
  EXPECT_THAT(leftover(made, "producer.partitioner.class"), HasSubstr("use partitioner"));
  EXPECT_EQ(leftover(made, "producer.nonsense"), "no property of librdkafka");
  EXPECT_EQ(line(made, "kafka.producer", "message.max.bytes"), "5000000");
}

std::string remarks(const Draft& draft, std::string_view key) {
  const DraftLine* found = draft.find("kafka", key);
  std::string all;
  if (found != nullptr)
    for (const std::string& remark : found->remarks) all += remark + "\n";
  return all;
}

Draft with_login(const std::string& properties) {
  return draft("bootstrap.servers=k:1\n", "bootstrap.servers=k:1\n" + properties);
}

TEST(Translate, JavasStoresComeWithTheCommandThatConvertsThem) {
  const Draft made = with_login(
      "producer.ssl.truststore.location=/etc/my trust.jks\nproducer.ssl.truststore.password=p\n"
      "producer.ssl.keystore.location=/etc/"
      "key.jks\nproducer.ssl.keystore.password=q\nproducer.ssl.key.password=q\n");
  EXPECT_EQ(line(made, "kafka", "ssl.ca.location"), "\"/etc/my trust.pem\"");
  EXPECT_THAT(remarks(made, "ssl.ca.location"),
              HasSubstr("keytool -list -rfc -keystore '/etc/my trust.jks' > '/etc/my trust.pem'"));
  EXPECT_EQ(line(made, "kafka", "ssl.keystore.location"), "\"/etc/key.p12\"");
  EXPECT_THAT(remarks(made, "ssl.keystore.location"),
              HasSubstr("keytool -importkeystore -srckeystore /etc/key.jks -destkeystore /etc/key.p12"));
  EXPECT_EQ(line(made, "kafka", "ssl.keystore.password"), "\"q\"");
  EXPECT_THAT(toml_of(made, {"x"}, Secrets::written), Not(HasSubstr("= p\n")));
}

TEST(Translate, StoresThatLibrdkafkaReadsAreTakenAsTheyAre) {
  Draft made = with_login("producer.ssl.keystore.location=/k.p12\nproducer.ssl.truststore.location=/t.p12\n");
  EXPECT_EQ(line(made, "kafka", "ssl.keystore.location"), "\"/k.p12\"");
  EXPECT_THAT(remarks(made, "ssl.keystore.location"), IsEmpty());
  EXPECT_THAT(remarks(made, "ssl.ca.location"), HasSubstr("openssl pkcs12 -in /t.p12 -nokeys -out /t.pem"));
  made = with_login(
      "producer.ssl.keystore.type=PEM\nproducer.ssl.keystore.location=/"
      "k.pem\nproducer.ssl.truststore.type=PEM\n"
      "producer.ssl.truststore.location=/t.crt\n");
  EXPECT_EQ(line(made, "kafka", "ssl.certificate.location"), "\"/k.pem\"");
  EXPECT_EQ(line(made, "kafka", "ssl.key.location"), "\"/k.pem\"");
  EXPECT_EQ(line(made, "kafka", "ssl.ca.location"), "\"/t.crt\"");
}

TEST(Translate, AnEmptyEndpointCheckIsNone) {
  EXPECT_EQ(line(with_login("producer.ssl.endpoint.identification.algorithm=\n"), "kafka",
                 "ssl.endpoint.identification.algorithm"),
            "\"none\"");
}

TEST(Translate, KerberosAndTokensAreRead) {
  Draft made = with_login(
      "producer.sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required "
      "useKeyTab=true keyTab=\"/k.keytab\" principal=\"e2k@X\" serviceName=kafka;\n");
  EXPECT_EQ(line(made, "kafka", "sasl.kerberos.keytab"), "\"/k.keytab\"");
  EXPECT_EQ(line(made, "kafka", "sasl.kerberos.principal"), "\"e2k@X\"");
  EXPECT_EQ(line(made, "kafka", "sasl.kerberos.service.name"), "\"kafka\"");
  made = with_login(
      "producer.sasl.oauthbearer.token.endpoint.url=https://x/token\n"
      "producer.sasl.jaas.config=o.OAuthBearerLoginModule required clientId=i clientSecret=s scope=c;\n");
  EXPECT_EQ(line(made, "kafka", "sasl.oauthbearer.method"), "\"oidc\"");
  EXPECT_EQ(line(made, "kafka", "sasl.oauthbearer.client.id"), "\"i\"");
  EXPECT_TRUE(made.find("kafka", "sasl.oauthbearer.client.secret")->secret);
}

TEST(Translate, AnUnreadableLoginIsNotedWithoutItsText) {
  for (const char* jaas :
       {"PlainLoginModule password=\\\"geheim\\\"", "o.LdapLoginModule required password=geheim;"}) {
    const Draft made = with_login(std::string("producer.sasl.jaas.config=") + jaas + "\n");
    const std::string text = toml_of(made, {"x"}, Secrets::written);
    EXPECT_THAT(text, Not(HasSubstr("geheim")));
    EXPECT_THAT(text, HasSubstr("producer.sasl.jaas.config\n"));
  }
}

TEST(Translate, SecretsAreLeftOutOfWhatIsShown) {
  const Draft made = with_login(
      "producer.sasl.jaas.config=x.PlainLoginModule required username=u password=geheim;\n"
      "ssl.keystore.password=geheim\nmy.password=geheim\nvalue.converter=V\nvalue.converter.basic.auth.user."
      "info=geheim\n");
  const std::string shown = toml_of(made, {"x"}, Secrets::as_credentials);
  EXPECT_THAT(shown, Not(HasSubstr("geheim")));
  EXPECT_THAT(shown, HasSubstr(R"("sasl.password" = { credential = "sasl.password" })"));
  const std::string written = toml_of(made, {"x"}, Secrets::written);
  EXPECT_THAT(written, HasSubstr(R"("sasl.password" = "geheim")"));
  EXPECT_EQ(std::ranges::count(shown, '\n'), std::ranges::count(written, '\n'));
}

TEST(Translate, ConnectsReferencesBecomeReferences) {
  EXPECT_EQ(toml_value("${env:PW}", "k", false).text, R"({ env = "PW" })");
  EXPECT_EQ(toml_value("${directory:/run/secrets:pw}", "k", false).text, R"({ file = "/run/secrets/pw" })");
  const TomlValue other = toml_value("${file:/x.properties:pw}", "sasl.password", false);
  EXPECT_EQ(other.text, R"({ credential = "sasl.password" })");
  EXPECT_THAT(other.remark, HasSubstr("${file:/x.properties:pw}"));
  EXPECT_EQ(toml_value("${x}", "k", false).text, "\"${x}\"");
}

TEST(Translate, NumbersStayNumbersAndOddOnesBecomeText) {
  EXPECT_EQ(toml_value("1", "k", true).text, "1");
  EXPECT_EQ(toml_value("1.5", "k", true).text, "1.5");
  EXPECT_EQ(toml_value("1", "k", false).text, "\"1\"");
  for (const char* odd : {"01", "1.", ".5", "-1", "1e5", "", "99999999999999999999"})
    EXPECT_EQ(toml_value(odd, "k", true).text, "\"" + std::string(odd) + "\"");
}

TEST(Translate, ForeignTextStaysWithinItsCommentOrQuotes) {
  const Draft made = draft(
      "a\\nb=c\\n[kafka]\\nx = 1\nmonitor.addr.list=\\\"\\n[kafka]\\n\nvalue.converter=\\u0000\\u0007\n"
      "value.converter.x\\\"\\n=1\n");
  const std::string text = toml_of(made, {"x\n[kafka]"}, Secrets::written);
  const config::Document document = config::read_toml(text, "x");
  EXPECT_THAT(document.mistakes, IsEmpty()) << text;
  for (const config::Assignment& one : document.assignments)
    EXPECT_FALSE(one.key.starts_with("kafka")) << text;
}

}  // namespace
}  // namespace e2k::supervisor::migrate
