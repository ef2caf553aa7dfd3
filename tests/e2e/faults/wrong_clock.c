// Loaded before an IOC's libraries: the stamps of its records are off by the seconds that the file $WRONG_CLOCK holds.
// Its clock itself is left alone, since the IOC waits by it.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct epicsTimeStamp {
  uint32_t secPastEpoch, nsec;  // EPICS's names; since 1990
};

int epicsTimeGetEvent(struct epicsTimeStamp* stamp, int event) {
  const long kEpoch = 631152000;
  long seconds = 0;
  struct timespec now;
  const char* path = getenv("WRONG_CLOCK");
  FILE* file = path != NULL ? fopen(path, "r") : NULL;
  (void)event;
  if (file != NULL) {
    if (fscanf(file, "%ld", &seconds) != 1) seconds = 0;
    fclose(file);
  }
  clock_gettime(CLOCK_REALTIME, &now);
  stamp->secPastEpoch = (uint32_t)(now.tv_sec - kEpoch + seconds);
  stamp->nsec = (uint32_t)now.tv_nsec;
  return 0;
}
