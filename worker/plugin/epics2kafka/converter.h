// Pure. epics2kafka's plug-in interface: a shared object that turns monitor events into the values of Kafka
// records. C99 and C++; the only file that a plug-in needs.
//
// A plug-in defines epics2kafka_converter(), which hands out one table of functions. The host, a worker of
// epics2kafka, loads the shared object named by `[value] converter = "plugin:/path.so"`, compares ABI
// versions, calls create() once with the pairs of [value.options], then encode() for every event. Plug-ins
// make values only; the keys of the records are made by the built-in converters of [key].
//
// Threads. One instance is used by one thread at a time, but not always by the same one: it may be created by
// one thread, used by another and destroyed by a third, never at once. Two instances may be in use at the
// same time in two threads. encode() runs where everything of this worker is published: whatever it waits
// for, all the worker's channels wait for.
//
// Memory. What a function is given (options, event, buffer) is valid until it returns; copy what has to stay.
// What a plug-in hands out (the table, its strings, the texts of a schema) must stay valid and unchanged: the
// table for ever, the rest as long as the instance. The shared object is never unloaded.
//
// Errors. An event that cannot be expressed is told by encode()'s status; the host counts it as lost
// (encoding_failed) and goes on. No exception and no longjmp may leave a function of the plug-in: one that
// leaves create() or schema() is a refusal, one that leaves encode() ends the worker, and so does committing
// more than was reserved. A crash ends one worker process and nothing else; the supervisor starts it again,
// after pauses that grow with each crash. A plug-in must leave the process alone: no exit, no fork, no signal
// handlers, no other locale, nothing on the standard output.
//
// Versions. The four members at the head of the table keep their places in every ABI, so that a host can
// refuse a plug-in of another ABI by name. Within one ABI, structures grow at their ends only, and
// `struct_bytes` says how much of one there is: a host that is newer than the plug-in finds no functions
// beyond the table's end, and a plug-in that is newer than the host must look at struct_bytes before it reads
// what was added later. Anything else gets a new number.
//
//   1  (epics2kafka 0.1)  the first
#ifndef EPICS2KAFKA_CONVERTER_H
#define EPICS2KAFKA_CONVERTER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define E2K_CONVERTER_ABI 1

#if defined(__GNUC__) || defined(__clang__)
#define E2K_CONVERTER_EXPORT __attribute__((visibility("default")))
#else
#define E2K_CONVERTER_EXPORT
#endif

// What encode() answers. Any other number is taken for E2K_CANNOT_EXPRESS.
enum e2k_status {
  E2K_OK = 0,
  E2K_CANNOT_EXPRESS = 1  // the format has no place for this event
};

// Native types of channels, with their numbers in Channel Access. In e2k_event.value:
enum e2k_dbr_type {
  E2K_DBR_STRING = 0,  // char[40] each, to the first NUL or the end; as the IOC sent it: UTF-8, Latin-1, …
  E2K_DBR_SHORT = 1,   // int16_t
  E2K_DBR_FLOAT = 2,   // float
  E2K_DBR_ENUM = 3,    // uint16_t, the index of the choice
  E2K_DBR_CHAR = 4,    // one byte; IOCs mean int8_t or uint8_t and do not say which
  E2K_DBR_LONG = 5,    // int32_t
  E2K_DBR_DOUBLE = 6   // double
};
#define E2K_DBR_STRING_BYTES 40

// Bytes of one element; 0 for a number that is no type.
static inline size_t e2k_element_bytes(uint32_t dbr_type) {
  switch (dbr_type) {
    case E2K_DBR_STRING:
      return E2K_DBR_STRING_BYTES;
    case E2K_DBR_CHAR:
      return 1;
    case E2K_DBR_SHORT:
    case E2K_DBR_ENUM:
      return 2;
    case E2K_DBR_FLOAT:
    case E2K_DBR_LONG:
      return 4;
    case E2K_DBR_DOUBLE:
      return 8;
    default:
      return 0;
  }
}

// One line of [value.options]; both end with NUL and are UTF-8. Options of the schema registry
// (schema.registry.url, credentials, …) are among them when they are configured: they are for the host to
// use. A plug-in should refuse names that it does not know, those left aside. This structure never grows.
struct e2k_option {
  const char* name;
  const char* value;
};

// One event. Texts come with their lengths and need not end with NUL. No pointer is NULL.
// An event that tells an error (is_error) has `error`, the stamp, the id and the names; all else is 0.
struct e2k_event {
  size_t struct_bytes;    // of this structure, as the host knows it
  uint32_t is_error;      // 0 or 1
  uint32_t type;          // enum e2k_dbr_type
  uint32_t count;         // elements; 0: an empty array. A scalar is an array of one
  int32_t schema_id;      // the registry's id for schema(); 0 without one
  int16_t status;         // Channel Access's alarm status (0: NO_ALARM, 3: HIHI, …)
  int16_t severity;       // 0: NO_ALARM, 1: MINOR, 2: MAJOR, 3: INVALID
  int64_t stamp_unix_ns;  // what becomes the record's time stamp
  const void* value;      // aligned to 8 bytes, in this machine's byte order
  size_t value_bytes;     // count * e2k_element_bytes(type)
  const char* error;      // UTF-8
  size_t error_bytes;
  // The names, UTF-8, of converters with E2K_WANTS_NAMES; else empty.
  const char* channel;
  size_t channel_bytes;
  const char* topic;  // with its prefix
  size_t topic_bytes;
  const char* key;  // as it is before the key's converter
  size_t key_bytes;
};

// Where the record's value is put. The host's; both functions may be called during encode() only.
struct e2k_buffer {
  size_t struct_bytes;  // of this structure, as the host knows it
  void* host;           // the host's own
  // Room for that many more bytes behind what is committed; pointers of earlier calls are void then. NULL:
  // there is no memory, or the value would be longer than any Kafka record (10^9 bytes); answer
  // E2K_CANNOT_EXPRESS.
  void* (*reserve)(struct e2k_buffer* buffer, size_t bytes);
  // The first `bytes` of the room are written and belong to the value; the rest of the room is still there
  // behind them. Never more, in sum, than the last reserve() gave.
  void (*commit)(struct e2k_buffer* buffer, size_t bytes);
};

// A schema for the registry. Texts end with NUL, are UTF-8, and belong to the instance.
struct e2k_schema {
  size_t struct_bytes;      // set by the host
  const char* type;         // "AVRO", "PROTOBUF" or "JSON"; left NULL: no schema with these options
  const char* text;         // to the byte what is registered
  const char* record_name;  // full name of the record, for subjects that are named after it; may stay NULL
};

// e2k_converter.flags. A host refuses a flag that it does not know.
enum e2k_flags {
  E2K_TAKES_ERRORS = 1,  // without: records that tell errors are not published, encode() never sees them
  E2K_WANTS_NAMES = 2    // without: channel, topic and key of an event are empty, which costs less
};

struct e2k_converter {
  uint32_t abi_version;   // E2K_CONVERTER_ABI
  uint32_t struct_bytes;  // sizeof(struct e2k_converter)
  const char* name;       // of the plug-in, for people: "influx"
  const char* version;    // of the plug-in, for people: "1.2"
  uint32_t flags;         // of enum e2k_flags

  // An instance for these options; any pointer but NULL will do. NULL: it is refused, and the reason, a
  // sentence that names the option and what is accepted, is in `error` (at most error_bytes with its NUL).
  // The worker is not started then, and its status shows the reason.
  void* (*create)(const struct e2k_option* options, size_t count, char* error, size_t error_bytes);

  // May be NULL: the format needs no registry. Else it is called once, after create(). The host registers
  // what it says with the registry of schema.registry.url in the same options, and each event then brings the
  // id; events wait until it is known. Where the id stands in the record is for encode() to do.
  void (*schema)(void* instance, struct e2k_schema* schema);

  // Puts the event's value into the buffer; answers enum e2k_status. Without E2K_OK what was committed is
  // dropped. E2K_OK with nothing committed makes a value of no bytes, which is not Kafka's null.
  int (*encode)(void* instance, const struct e2k_event* event, struct e2k_buffer* buffer);

  // The end of an instance. Workers may leave without it: nothing may depend on it but memory.
  void (*destroy)(void* instance);
};

// The one function that a plug-in exports. It may be called more than once and always gives the same table.
E2K_CONVERTER_EXPORT const struct e2k_converter* epics2kafka_converter(void);

#ifdef __cplusplus
}
#endif

#endif
