// C11's threads by way of POSIX's, for builds with the thread sanitizer.
//
// The sanitizer watches pthread_create only. A thread that librdkafka makes by thrd_create would be unknown to it
// and crash in the first function that it watches. glibc's thrd_t is a pthread_t, so that the one can be made by
// the other; linked into the programs, this takes libc's place. Locks are left alone: what librdkafka does with
// its own data is none of our tests' business (see suppressions).
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <threads.h>

_Static_assert(sizeof(thrd_t) == sizeof(pthread_t), "thrd_t is a pthread_t");

struct start {
  thrd_start_t function;
  void* argument;
};

static void* run(void* opaque) {
  struct start start = *(struct start*)opaque;
  free(opaque);
  return (void*)(long)start.function(start.argument);
}

int thrd_create(thrd_t* thread, thrd_start_t function, void* argument) {
  struct start* start = malloc(sizeof *start);
  if (start == NULL) return thrd_nomem;
  *start = (struct start){function, argument};
  const int error = pthread_create((pthread_t*)thread, NULL, run, start);
  if (error == 0) return thrd_success;
  free(start);
  return error == ENOMEM ? thrd_nomem : thrd_error;
}

int thrd_join(thrd_t thread, int* result) {
  void* value = NULL;
  if (pthread_join((pthread_t)thread, &value) != 0) return thrd_error;
  if (result != NULL) *result = (int)(long)value;
  return thrd_success;
}
