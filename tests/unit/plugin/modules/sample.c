// A well-behaved plug-in: writes what it was told, as text, so that a reader can compare it.
//
//   TYPE COUNT BYTES STATUS SEVERITY STAMP ID|channel|topic|key|options      or  error TEXT STAMP ID|…
//
// Options: "refuse" = a reason, create() fails with it; "refuse.type" = a type's number, such events fail
// after some of them has been written; anything else is listed.
#include <epics2kafka/converter.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sample {
  char options[256];
  long refused_type;
};

static void* create(const struct e2k_option* options, size_t count, char* error, size_t error_bytes) {
  struct sample* self = calloc(1, sizeof *self);
  if (self == NULL) return NULL;
  self->refused_type = -1;
  size_t used = 0;
  for (size_t i = 0; i < count; ++i) {
    if (strcmp(options[i].name, "refuse") == 0) {
      snprintf(error, error_bytes, "%s", options[i].value);
      free(self);
      return NULL;
    }
    if (strcmp(options[i].name, "refuse.type") == 0) {
      self->refused_type = strtol(options[i].value, NULL, 10);
      continue;
    }
    int bytes = snprintf(self->options + used, sizeof self->options - used, "%s=%s;", options[i].name,
                         options[i].value);
    if (bytes > 0 && (size_t)bytes < sizeof self->options - used) used += (size_t)bytes;
  }
  return self;
}

static int append(struct e2k_buffer* buffer, const char* text, size_t bytes) {
  char* room = buffer->reserve(buffer, bytes + 1);
  if (room == NULL) return 0;
  memcpy(room, text, bytes);
  room[bytes] = '|';
  buffer->commit(buffer, bytes);
  buffer->commit(buffer, 1);
  return 1;
}

static int encode(void* instance, const struct e2k_event* event, struct e2k_buffer* buffer) {
  const struct sample* self = instance;
  char text[256];
  int bytes = event->is_error
                  ? snprintf(text, sizeof text, "error %.*s %" PRId64 " %" PRId32, (int)event->error_bytes,
                             event->error, event->stamp_unix_ns, event->schema_id)
                  : snprintf(text, sizeof text, "%" PRIu32 " %" PRIu32 " %zu %d %d %" PRId64 " %" PRId32,
                             event->type, event->count, event->value_bytes, event->status, event->severity,
                             event->stamp_unix_ns, event->schema_id);
  if (bytes < 0 || !append(buffer, text, (size_t)bytes)) return E2K_CANNOT_EXPRESS;
  if (!event->is_error && self->refused_type == (long)event->type) return E2K_CANNOT_EXPRESS;
  if (!append(buffer, event->channel, event->channel_bytes)) return E2K_CANNOT_EXPRESS;
  if (!append(buffer, event->topic, event->topic_bytes)) return E2K_CANNOT_EXPRESS;
  if (!append(buffer, event->key, event->key_bytes)) return E2K_CANNOT_EXPRESS;
  if (!append(buffer, self->options, strlen(self->options))) return E2K_CANNOT_EXPRESS;
  return E2K_OK;
}

static void destroy(void* instance) {
  free(instance);
}

static const struct e2k_converter table = {
    .abi_version = E2K_CONVERTER_ABI,
    .struct_bytes = sizeof(struct e2k_converter),
    .name = "sample",
    .version = "1.0",
    .flags = E2K_TAKES_ERRORS | E2K_WANTS_NAMES,
    .create = create,
    .encode = encode,
    .destroy = destroy,
};

const struct e2k_converter* epics2kafka_converter(void) {
  return &table;
}
