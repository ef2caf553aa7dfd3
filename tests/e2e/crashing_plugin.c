// Writes the first number of an event, or its error as a JSON string, and does harm at the channel that its
// option `crash.on` names:
//
//   crash.how       abort (unless set), thread (in a thread of its own, of which nothing is recorded), loop
//                   (for ever), or deadlock (it waits for a lock that it has itself)
//   crash.while     a file; while it is not there, no harm is done
//   crash.value     at that value alone
//   crash.named_in  in place of crash.on: a file with the channel's name; while it is not there, none is
#include <epics2kafka/converter.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct harm {
  char* on;
  char* how;
  char* only_while;
  char* value;
  char* named_in;
};

static void* create(const struct e2k_option* options, size_t count, char* error, size_t error_bytes) {
  struct harm* harm = calloc(1, sizeof *harm);
  for (size_t i = 0; i < count; ++i) {
    char* value = strdup(options[i].value);
    if (strcmp(options[i].name, "crash.on") == 0) harm->on = value;
    if (strcmp(options[i].name, "crash.how") == 0) harm->how = value;
    if (strcmp(options[i].name, "crash.while") == 0) harm->only_while = value;
    if (strcmp(options[i].name, "crash.value") == 0) harm->value = value;
    if (strcmp(options[i].name, "crash.named_in") == 0) harm->named_in = value;
  }
  if (harm->on != NULL || harm->named_in != NULL) return harm;
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
  if (harm->how != NULL && strcmp(harm->how, "deadlock") == 0) {
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    pthread_mutex_lock(&lock);
  }
  if (harm->how != NULL && strcmp(harm->how, "thread") == 0) {
    pthread_t thread;
    pthread_create(&thread, NULL, die, NULL);
    pause();
  }
  abort();
}

static bool is_named(const struct harm* harm, const struct e2k_event* event) {
  char name[256];
  const char* on = harm->on;
  if (harm->named_in != NULL) {
    const int file = open(harm->named_in, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    const ssize_t length = read(file, name, sizeof name - 1);
    close(file);
    if (length <= 0) return false;
    name[length] = '\0';
    on = name;
  }
  return strlen(on) == event->channel_bytes && strncmp(on, event->channel, event->channel_bytes) == 0;
}

static int encode(void* instance, const struct e2k_event* event, struct e2k_buffer* buffer) {
  const struct harm* harm = instance;
  char text[64];
  if (!event->is_error && (event->type != E2K_DBR_DOUBLE || event->count == 0)) return E2K_CANNOT_EXPRESS;
  const int length = event->is_error
                         ? snprintf(text, sizeof text, "\"%.*s\"", (int)event->error_bytes, event->error)
                         : snprintf(text, sizeof text, "%.17g", *(const double*)event->value);
  if (length >= (int)sizeof text) return E2K_CANNOT_EXPRESS;
  if (!event->is_error && is_named(harm, event) && (harm->value == NULL || strcmp(harm->value, text) == 0))
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
