// Makes each fsync and fdatasync of the process that it is preloaded into take
// MLC_SYNC_US microseconds longer, as a slower disk does.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static int late(int fd, const char *name) {
  int (*real)(int) = dlsym(RTLD_NEXT, name);
  int result = real(fd);
  const char *us = getenv("MLC_SYNC_US");
  if (us != NULL) usleep(atoi(us));
  return result;
}

int fsync(int fd) { return late(fd, "fsync"); }
int fdatasync(int fd) { return late(fd, "fdatasync"); }
