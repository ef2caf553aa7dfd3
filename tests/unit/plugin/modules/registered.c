// A plug-in with a schema: {"count":N,"severity":N} as Confluent's JSONDeserializer reads it: a zero byte,
// the id in network order, JSON. Takes no errors and no names. Options: "schema" = none: there is none; a
// number from 1 to 4: a faulty one; those of the registry are left aside.
#include <epics2kafka/converter.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char schema_text[] =
    "{\"type\":\"object\",\"title\":\"sample.Registered\",\"properties\":{"
    "\"count\":{\"type\":\"integer\"},\"severity\":{\"type\":\"integer\"}}}";

static void* create(const struct e2k_option* options, size_t count, char* error, size_t error_bytes) {
  (void)error;
  (void)error_bytes;
  char* kind = calloc(1, 1);
  if (kind == NULL) return NULL;
  for (size_t i = 0; i < count; ++i)
    if (strcmp(options[i].name, "schema") == 0) *kind = options[i].value[0];
  return kind;
}

static void schema(void* instance, struct e2k_schema* out) {
  const char kind = *(const char*)instance;
  if (kind == 'n' || out->struct_bytes < sizeof *out) return;
  out->type = kind == '1' ? "XML" : "JSON";
  out->text = kind == '2' ? NULL : kind == '3' ? "\"\xff\"" : schema_text;
  out->record_name = kind == '4' ? "\xff" : "sample.Registered";
}

static int encode(void* instance, const struct e2k_event* event, struct e2k_buffer* buffer) {
  const size_t most = 100;
  char* room = buffer->reserve(buffer, most);
  (void)instance;
  if (room == NULL) return E2K_CANNOT_EXPRESS;
  const uint32_t id = (uint32_t)event->schema_id;
  const unsigned char head[5] = {0, (unsigned char)(id >> 24), (unsigned char)(id >> 16 & 0xff),
                                 (unsigned char)(id >> 8 & 0xff), (unsigned char)(id & 0xff)};
  memcpy(room, head, sizeof head);
  int bytes = snprintf(room + sizeof head, most - sizeof head, "{\"count\":%" PRIu32 ",\"severity\":%d}",
                       event->count, event->severity);
  if (bytes < 0) return E2K_CANNOT_EXPRESS;
  buffer->commit(buffer, sizeof head + (size_t)bytes);
  return E2K_OK;
}

static void destroy(void* instance) {
  free(instance);
}

static const struct e2k_converter table = {
    .abi_version = E2K_CONVERTER_ABI,
    .struct_bytes = sizeof(struct e2k_converter),
    .name = "registered",
    .version = "1.0",
    .create = create,
    .schema = schema,
    .encode = encode,
    .destroy = destroy,
};

const struct e2k_converter* epics2kafka_converter(void) {
  return &table;
}
