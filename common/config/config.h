// Pure. The whole configuration as values, with the defaults of the documentation. config/load.h reads it.
//
// Durations keep the unit that stands last in their key (…_ms, …_s). Strings that came from a file, a
// credential or the environment are marked secret and are printed as ***.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace e2k {

// A string setting, and whether it may be shown.
inline constexpr int kFewestWorkers = 1, kMostWorkers = 1024;

struct ConfigString {
  std::string value;
  bool secret = false;
  std::string file = {};  // the path that it was read from, "" where it stood in the configuration itself
  friend bool operator==(const ConfigString&, const ConfigString&) = default;
};

// Properties of librdkafka or of a converter, by their own names, values as text. Of a librdkafka property
// with aliases, the name that Kafka's other clients share is kept (linger.ms, bootstrap.servers, …).
using Properties = std::map<std::string, ConfigString>;

enum class TimestampSource { ioc, arrival };
enum class WhenFull { drop_oldest, drop_newest };
enum class NameEncoding { utf8, latin1 };
enum class WorkerAffinity { none, ioc };
enum class HttpChanges { none, loopback, token };

// What output.headers may hold: the names of Kafka headers.
inline constexpr std::string_view kStampHeader = "epics_stamp_ns";

struct Config {
  // Where it came from: the file's path as given and the SHA-256 of its bytes, in lower-case hex.
  std::string path;
  std::string sha256;
  std::string instance;  // "" unless --instance

  struct Kafka {
    Properties common;    // [kafka]
    Properties producer;  // [kafka.producer], wins over common
    Properties consumer;  // [kafka.consumer]
    friend bool operator==(const Kafka&, const Kafka&) = default;
  } kafka;

  struct Commands {
    std::string topic = "epics-channels";
    std::string group = "ca-source";
    int64_t max_channels = 1'000'000;
    bool create_topic = true;
    int replication_factor = -1;
    friend bool operator==(const Commands&, const Commands&) = default;
  } commands;

  // EPICS_CA_<NAME> -> value, upper-case full names, as the workers' environment will hold them.
  std::map<std::string, std::string> epics;

  struct Output {
    std::vector<std::string> allow = {".*"};
    int64_t never_connected_after_s = 5;
    TimestampSource timestamp = TimestampSource::ioc;
    int64_t max_future_s = 600;
    int64_t max_past_s = 0;  // 0: no limit
    int64_t min_interval_ms = 0;
    std::string topic_prefix;
    std::vector<std::string> headers;  // of kStampHeader
    bool connection_events = false;
    NameEncoding name_encoding = NameEncoding::utf8;
    friend bool operator==(const Output&, const Output&) = default;
  } output;

  struct Workers {
    int count = 0;       // resolved by load: min(4, cores) where absent
    int configured = 0;  // the same, where somebody asked the running service for another count
    WorkerAffinity affinity = WorkerAffinity::none;
    int64_t max_restart_delay_ms = 30'000;
    int64_t lease_s = 60;
    int64_t drain_timeout_ms = 10'000;
    int64_t max_rss_bytes = 0;  // 0: no limit
    std::string program;        // "": beside the supervisor, then ../lib/epics2kafka
    friend bool operator==(const Workers&, const Workers&) = default;
  } workers;

  // converter: a short name (json, json-schema-envelope, string, …) or plugin:/path.so; Connect class names
  // are resolved by load, which also adds the defaults that Connect gives them to `options`.
  struct Value {
    std::string converter = "json";
    std::string schema = "EPICS_CA_DBR";
    Properties options;
    friend bool operator==(const Value&, const Value&) = default;
  } value;

  struct Key {
    std::string converter = "string";
    Properties options;
    friend bool operator==(const Key&, const Key&) = default;
  } key;

  struct Spool {
    std::string directory;  // resolved by load
    int64_t max_total_bytes = 4'294'967'296;
    int64_t keep_free_bytes = 1'073'741'824;
    int64_t max_event_bytes = 8'388'608;
    WhenFull when_full = WhenFull::drop_oldest;
    int64_t sync_interval_ms = 1000;  // 0: as the kernel writes back
    friend bool operator==(const Spool&, const Spool&) = default;
  } spool;

  struct State {
    std::string directory;  // resolved by load
    friend bool operator==(const State&, const State&) = default;
  } state;

  struct Status {
    int64_t max_clock_skew_s = 60;
    int64_t nothing_connected_after_s = 10;
    std::vector<std::string> mute;  // codes of reasons that raise no DEGRADED
    friend bool operator==(const Status&, const Status&) = default;
  } status;

  struct Control {
    std::string socket;         // resolved by load
    std::string status_socket;  // resolved by load: status.sock beside it
    std::string http;           // "" or host:port
    HttpChanges http_changes = HttpChanges::none;
    std::string http_token_file;
    ConfigString http_token;  // the content of http_token_file
    std::string metrics;      // "" or host:port
    std::string connector_name = "ca-source";
    friend bool operator==(const Control&, const Control&) = default;
  } control;

  // Link sockets and ledgers; config/directories.h says where it is.
  std::string runtime_directory;
  std::string log_level = "info";

  // Dotted keys of plain settings whose text came from a file, a credential or the environment: shown as ***.
  std::set<std::string> hidden;
  // Dotted key -> "FILE:LINE" or "--set", for the messages of those who judge a setting later.
  std::map<std::string, std::string> places;
  friend bool operator==(const Config&, const Config&) = default;
};

}  // namespace e2k
