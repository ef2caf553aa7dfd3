// Writes the first number of an event, and does harm at the channel that its option `crash.on` names:
//   crash.how    abort (unless set), thread (in a thread of its own, of which nothing is recorded), or loop
//   (for ever) crash.while  a file; while it is not there, no harm is done crash.value  at that value alone
#include <epics2kafka/converter.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct harm {
  char* on;
  char* how;
  char* only_while;
  char* value;
};

static void* create(const struct e2k_option* options, size_t count, char* error, size_t error_bytes) {
  struct harm* harm = calloc(1, sizeof *harm);
  for (size_t i = 0; i < count; ++i) {
    char* value = strdup(options[i].value);
    if (strcmp(options[i].name, "crash.on") == 0) harm->on = value;
    if (strcmp(options[i].name, "crash.how") == 0) harm->how = value;
    if (strcmp(options[i].name, "crash.while") == 0) harm->only_while = value;
    if (strcmp(options[i].name, "crash.value") == 0) harm->value = value;
  }
  if (harm->on != NULL) return harm;
  snprintf(error, error_bytes, "crash.on is missing; accepted: a channel's name");
  return NULL;
}

static void* die(void* nothing) {
  abort();
  return nothing;
}

static void do_harm(const struct harm* harm) {
  if (harm->only_while != NULL && access(harm->only_while, F_OK) != 0) return;
  if (harm->how != NULL && strcmp(harm->how, "loop") == 0)
    for (volatile int for_ever = 1; for_ever;) {
    }
  if (harm->how != NULL && strcmp(harm->how, "thread") == 0) {
    pthread_t thread;
    pthread_create(&thread, NULL, die, NULL);
    pause();
  }
  abort();
}

static int encode(void* instance, const struct e2k_event* event, struct e2k_buffer* buffer) {
  const struct harm* harm = instance;
  char text[32];
  if (event->type != E2K_DBR_DOUBLE || event->count == 0) return E2K_CANNOT_EXPRESS;
  const int length = snprintf(text, sizeof text, "%.17g", *(const double*)event->value);
  if (strlen(harm->on) == event->channel_bytes &&
      strncmp(harm->on, event->channel, event->channel_bytes) == 0 &&
      (harm->value == NULL || strcmp(harm->value, text) == 0))
    do_harm(harm);
  char* out = buffer->reserve(buffer, sizeof text);
  if (out == NULL) return E2K_CANNOT_EXPRESS;
  memcpy(out, text, (size_t)length);
  buffer->commit(buffer, (size_t)length);
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
