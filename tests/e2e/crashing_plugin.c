// Writes the first number of an event, and crashes at the channel that its option `crash.on` names.
#include <epics2kafka/converter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void* create(const struct e2k_option* options, size_t count, char* error, size_t error_bytes) {
  for (size_t i = 0; i < count; ++i)
    if (strcmp(options[i].name, "crash.on") == 0) return strdup(options[i].value);
  snprintf(error, error_bytes, "crash.on is missing; accepted: a channel's name");
  return NULL;
}

static int encode(void* instance, const struct e2k_event* event, struct e2k_buffer* buffer) {
  if (strncmp(instance, event->channel, event->channel_bytes) == 0 &&
      strlen(instance) == event->channel_bytes)
    abort();
  if (event->type != E2K_DBR_DOUBLE || event->count == 0) return E2K_CANNOT_EXPRESS;
  char* out = buffer->reserve(buffer, 32);
  if (out == NULL) return E2K_CANNOT_EXPRESS;
  buffer->commit(buffer, (size_t)snprintf(out, 32, "%.17g", *(const double*)event->value));
  return E2K_OK;
}

const struct e2k_converter* epics2kafka_converter(void) {
  static const struct e2k_converter table = {.abi_version = E2K_CONVERTER_ABI,
                                             .struct_bytes = sizeof table,
                                             .name = "crashing",
                                             .version = "1",
                                             .flags = E2K_WANTS_NAMES,
                                             .create = create,
                                             .encode = encode,
                                             .destroy = free};
  return &table;
}
