#define _GNU_SOURCE
#include "CShims.h"
#include "CSemaphore.h"

#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static uint32_t crc_table[256];

__attribute__((constructor)) static void fill_crc_table(void) {
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    // 0x82F63B78 is the reflected Castagnoli polynomial.
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82F63B78u & (0u - (crc & 1)));
    crc_table[byte] = crc;
  }
}

uint32_t shim_crc32c_portable(uint32_t seed, const void *bytes, size_t count) {
  const unsigned char *next = bytes;
  uint32_t crc = ~seed;
  while (count--) crc = crc_table[(crc ^ *next++) & 0xFF] ^ (crc >> 8);
  return ~crc;
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t seed, const void *bytes,
                                                               size_t count) {
  const unsigned char *next = bytes;
  uint64_t crc = ~seed;
  for (; count >= 8; count -= 8, next += 8) {
    uint64_t word;
    memcpy(&word, next, 8);
    crc = _mm_crc32_u64(crc, word);
  }
  while (count--) crc = _mm_crc32_u8((uint32_t)crc, *next++);
  return ~(uint32_t)crc;
}

uint32_t shim_crc32c(uint32_t seed, const void *bytes, size_t count) {
  if (__builtin_cpu_supports("sse4.2")) return crc32c_sse42(seed, bytes, count);
  return shim_crc32c_portable(seed, bytes, count);
}
#else
uint32_t shim_crc32c(uint32_t seed, const void *bytes, size_t count) {
  return shim_crc32c_portable(seed, bytes, count);
}
#endif

int shim_open(const char *path, int flags, unsigned mode) { return open(path, flags, mode); }

int shim_lock_exclusive(int descriptor) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  return fcntl(descriptor, F_OFD_SETLK, &lock);
}

void shim_unlock(int descriptor) {
  struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
  fcntl(descriptor, F_OFD_SETLK, &lock);
}

int shim_lock_is_held(int descriptor) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  if (fcntl(descriptor, F_OFD_GETLK, &lock) < 0) return -1;
  return lock.l_type != F_UNLCK;
}

void shim_advise_huge(void *start, size_t count) {
  const uintptr_t page = 4096;
  uintptr_t first = ((uintptr_t)start + page - 1) & ~(page - 1);
  uintptr_t last = ((uintptr_t)start + count) & ~(page - 1);
  // Only advice: where the kernel refuses it, everything still works.
  if (last > first) madvise((void *)first, last - first, MADV_HUGEPAGE);
}

int shim_spawn_closes_from(posix_spawn_file_actions_t *actions, int first) {
  return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

int shim_spawn(int *process, const char *path, char *const arguments[]) {
  pid_t started = 0;
  int failure = posix_spawn(&started, path, NULL, NULL, arguments, environ);
  *process = started;
  return failure;
}

int shim_semaphore_wait(sem_t *semaphore, long milliseconds) {
  struct timespec end;
  clock_gettime(CLOCK_MONOTONIC, &end);
  end.tv_sec += milliseconds / 1000;
  end.tv_nsec += milliseconds % 1000 * 1000000;
  if (end.tv_nsec >= 1000000000) {
    end.tv_sec += 1;
    end.tv_nsec -= 1000000000;
  }
  return sem_clockwait(semaphore, CLOCK_MONOTONIC, &end) == 0;
}
