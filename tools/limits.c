// Measures what the machine itself can do; tools/bench prints it beside what the ledger does.
//
//     limits DIRECTORY              prints lines of "name value"
//     limits DIRECTORY sync BYTES   syncs a second of so many bytes each; of 64 into a zero-filled file
//     limits DIRECTORY read FILE    how fast a file is read, cold and warm
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void fail(const char *what) {
  perror(what);
  exit(2);
}

// Appends of some bytes, each followed by fdatasync, for a second; into a growing or a zero-filled file.
static double syncs_per_second(const char *directory, int zero_filled, size_t size) {
  char path[4096];
  snprintf(path, sizeof path, "%s/limits.tmp", directory);
  int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (file < 0) fail(path);
  char *bytes = malloc(size);
  if (!bytes) fail("malloc");
  memset(bytes, 7, size);
  if (zero_filled) {
    size_t length = 4 << 20;
    char *zeros = calloc(1, length);
    if (!zeros || pwrite(file, zeros, length, 0) != (ssize_t)length || fsync(file) != 0) fail("write");
    free(zeros);
  }
  long count = 0;
  double start = seconds(), end = start;
  while (end - start < 1 && count < 60000) {
    if (pwrite(file, bytes, size, count * (long)size) != (ssize_t)size) fail("write");
    if (fdatasync(file) != 0) fail("fdatasync");
    count++;
    end = seconds();
  }
  close(file);
  unlink(path);
  free(bytes);
  return (double)count / (end - start);
}

static void *pages(size_t length) {
  void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("mmap");
  madvise(memory, length, MADV_HUGEPAGE);
  memset(memory, 1, length);
  return memory;
}

static double memcpy_gigabytes_per_second(void) {
  size_t length = 256 << 20;
  char *from = pages(length), *to = pages(length);
  double best = 1e9;
  for (int round = 0; round < 5; round++) {
    double start = seconds();
    memcpy(to, from, length);
    __asm__ volatile("" : : "r"(to) : "memory");
    double took = seconds() - start;
    if (took < best) best = took;
  }
  munmap(from, length);
  munmap(to, length);
  return (double)length / best / 1e9;
}

// Updates of 8 bytes at random places of a table: what a fold does, without decoding or checking anything.
static double updates_per_second(size_t length) {
  uint64_t *table = pages(length);
  uint64_t mask = length / 8 - 1, place = 88172645463325252;
  long count = 20000000;
  double start = seconds();
  for (long round = 0; round < count; round++) {
    place ^= place << 13;
    place ^= place >> 7;
    place ^= place << 17;
    table[place & mask] += place;
  }
  __asm__ volatile("" : : "r"(table) : "memory");
  double took = seconds() - start;
  munmap(table, length);
  return (double)count / took;
}

// Reads a file once. Cold means that the kernel was asked to forget this file, and only this one.
static double read_gigabytes_per_second(const char *path, int cold) {
  size_t chunk = 4 << 20;
  char *bytes = pages(chunk);
  int file = open(path, O_RDONLY);
  if (file < 0) fail(path);
  if (cold && (fsync(file) != 0 || posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) != 0)) fail(path);
  double start = seconds();
  long total = 0;
  for (ssize_t got; (got = read(file, bytes, chunk)) != 0; total += got)
    if (got < 0) fail(path);
  double took = seconds() - start;
  close(file);
  munmap(bytes, chunk);
  return (double)total / took / 1e9;
}

int main(int count, char **arguments) {
  if (count == 4 && strcmp(arguments[2], "read") == 0) {
    printf("read_cold %.3f\n", read_gigabytes_per_second(arguments[3], 1));
    printf("read_warm %.3f\n", read_gigabytes_per_second(arguments[3], 0));
    return 0;
  }
  if (count == 4 && strcmp(arguments[2], "sync") == 0 && atol(arguments[3]) > 0) {
    size_t size = (size_t)atol(arguments[3]);
    printf("sync %.1f\n", syncs_per_second(arguments[1], size == 64, size));
    return 0;
  }
  if (count != 2) {
    fprintf(stderr, "usage: limits DIRECTORY [sync BYTES | read FILE]\n");
    return 64;
  }
  printf("sync_growing %.0f\n", syncs_per_second(arguments[1], 0, 64));
  printf("sync_zero_filled %.0f\n", syncs_per_second(arguments[1], 1, 64));
  printf("sync_64_kb %.0f\n", syncs_per_second(arguments[1], 0, 64000));
  printf("memcpy %.2f\n", memcpy_gigabytes_per_second());
  printf("updates_8_mib %.0f\n", updates_per_second(8 << 20));
  printf("updates_256_mib %.0f\n", updates_per_second(256 << 20));
  return 0;
}
