// Loaded before an IOC's libraries: its clock is off by the seconds that the file $WRONG_CLOCK holds.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec* now) {
  const int status = (int)syscall(SYS_clock_gettime, id, now);
  const char* path = getenv("WRONG_CLOCK");
  FILE* file = status == 0 && id == CLOCK_REALTIME && path != NULL ? fopen(path, "r") : NULL;
  long seconds = 0;
  if (file == NULL) return status;
  if (fscanf(file, "%ld", &seconds) == 1) now->tv_sec += seconds;
  fclose(file);
  return status;
}
