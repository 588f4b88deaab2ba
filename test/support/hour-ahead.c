/* Preloaded into redis-server, it makes the wall clock an hour fast. (libfaketime and jemalloc do not go together.) */
struct timeval {
  long sec;
  long usec;
};

long syscall(long number, ...);

#ifdef __aarch64__
#define GETTIMEOFDAY 169
#else
#define GETTIMEOFDAY 96
#endif

int gettimeofday(struct timeval *now, void *zone) {
  long failed = syscall(GETTIMEOFDAY, now, zone);
  now->sec += 3600;
  return (int)failed;
}
