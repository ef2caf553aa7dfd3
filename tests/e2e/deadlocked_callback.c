// Loaded before a worker's libraries: the thread that copies 64 numbers, of which the first is 13, into the spool, which is
// libca's, waits for a lock that it has itself, if it is the one that removes the file $DEADLOCK_ONCE.
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static void deadlock(void) {
  pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&lock);
  pthread_mutex_lock(&lock);
}

static int is_meant(const void* from, size_t bytes) {
  return bytes == 64 * sizeof(double) && *(const double*)from == 13;
}

void* memcpy(void* to, const void* from, size_t bytes) {
  const char* const file = is_meant(from, bytes) ? getenv("DEADLOCK_ONCE") : NULL;
  if (file != NULL && unlink(file) == 0) deadlock();
  void* const begin = to;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
  return begin;
}
