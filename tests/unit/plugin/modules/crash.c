// A plug-in that dies by a signal, for the end-to-end tests: the value is the channel's name, and an event of
// the channel "crash.on" ends the process. With "crash.marker" = a file it does so only while that file is
// not there, and makes it first, so that only one worker dies, once.
#include <epics2kafka/converter.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct crash {
  char* channel;
  char* marker;
};

static void destroy(void* instance) {
  struct crash* self = instance;
  free(self->channel);
  free(self->marker);
  free(self);
}

static void* create(const struct e2k_option* options, size_t count, char* error, size_t error_bytes) {
  (void)error;
  (void)error_bytes;
  struct crash* self = calloc(1, sizeof *self);
  if (self == NULL) return NULL;
  for (size_t i = 0; i < count; ++i) {
    if (strcmp(options[i].name, "crash.on") == 0) self->channel = strdup(options[i].value);
    if (strcmp(options[i].name, "crash.marker") == 0) self->marker = strdup(options[i].value);
  }
  return self;
}

// Whether this event is the one, and it is this process's turn.
static int is_fatal(const struct crash* self, const struct e2k_event* event) {
  if (self->channel == NULL || strlen(self->channel) != event->channel_bytes ||
      memcmp(self->channel, event->channel, event->channel_bytes) != 0)
    return 0;
  if (self->marker == NULL) return 1;
  const int made = open(self->marker, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (made >= 0) close(made);
  return made >= 0;
}

static int encode(void* instance, const struct e2k_event* event, struct e2k_buffer* buffer) {
  if (is_fatal(instance, event)) raise(SIGSEGV);
  void* room = buffer->reserve(buffer, event->channel_bytes);
  if (room == NULL) return E2K_CANNOT_EXPRESS;
  memcpy(room, event->channel, event->channel_bytes);
  buffer->commit(buffer, event->channel_bytes);
  return E2K_OK;
}

static const struct e2k_converter table = {
    .abi_version = E2K_CONVERTER_ABI,
    .struct_bytes = sizeof(struct e2k_converter),
    .name = "crash",
    .version = "1.0",
    .flags = E2K_TAKES_ERRORS | E2K_WANTS_NAMES,
    .create = create,
    .encode = encode,
    .destroy = destroy,
};

const struct e2k_converter* epics2kafka_converter(void) {
  return &table;
}
