// Facts of a workload as rows of fixed size, for the programs that do the ledger's jobs without the ledger.
// They read what `allocledger-generate workload` writes, and nothing else.
#ifndef FACTS_H
#define FACTS_H
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { REGISTERED, CREATED, UPGRADED, DELETED, SCALED };

typedef struct {
  int64_t time, memory, disk;
  uint8_t node[16];
  uint32_t host, cpu, workers;
  uint8_t kind, image;
} fact;

typedef struct {
  fact *rows;
  size_t count;
  char images[256][64];
  int image_count;
} facts;

typedef struct {
  char *bytes;
  size_t length;
} mapping;

static inline double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline void fail(const char *what) {
  perror(what);
  exit(2);
}

static inline mapping mapped(const char *path) {
  int file = open(path, O_RDONLY);
  struct stat about;
  if (file < 0 || fstat(file, &about) != 0) fail(path);
  mapping m = {NULL, (size_t)about.st_size};
  m.bytes = mmap(NULL, m.length, PROT_READ, MAP_PRIVATE, file, 0);
  if (m.bytes == MAP_FAILED) fail(path);
  close(file);
  return m;
}

static inline int two(const char *p) { return (p[0] - '0') * 10 + p[1] - '0'; }

// Microseconds since the first of January 2026, of "2026-01-31T01:02:03.123456Z".
static inline int64_t microseconds(const char *p) {
  static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  int64_t day = before[two(p + 5) - 1] + two(p + 8) - 1;
  return (((day * 24 + two(p + 11)) * 60 + two(p + 14)) * 60 + two(p + 17)) * 1000000 + strtol(p + 20, NULL, 10);
}

static inline int digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

static inline void uuid(const char *p, uint8_t *bytes) {
  for (int i = 0; i < 16; i++, p += 2) {
    if (*p == '-') p++;
    bytes[i] = (uint8_t)(digit(p[0]) << 4 | digit(p[1]));
  }
}

static inline uint8_t image_of(facts *all, const char *text, size_t length) {
  for (int i = 0; i < all->image_count; i++)
    if (strlen(all->images[i]) == length && memcmp(all->images[i], text, length) == 0) return (uint8_t)i;
  if (all->image_count == 256 || length > 63) fail("images");
  memcpy(all->images[all->image_count], text, length);
  return (uint8_t)all->image_count++;
}

static inline int is(const char *key, size_t length, const char *name) {
  return strlen(name) == length && memcmp(key, name, length) == 0;
}

static inline uint8_t kind_of(const char *text) {
  switch (text[5]) {
    case 'c': return CREATED;
    case 'u': return UPGRADED;
    case 'd': return DELETED;
    case 'r': return text[0] == 'h' ? REGISTERED : SCALED;
    default: return SCALED;
  }
}

// Reads one line and returns the beginning of the next.
static inline const char *read_fact(facts *all, fact *row, const char *p) {
  while (*p++ != '\n') {
    const char *key = ++p;
    p = strchr(p, '"');
    size_t length = (size_t)(p - key);
    p += 2;
    int quoted = *p == '"';
    const char *value = p + quoted;
    p = value;
    while (quoted ? *p != '"' : *p != ',' && *p != '}') p++;
    if (is(key, length, "time")) row->time = microseconds(value);
    else if (is(key, length, "type")) row->kind = kind_of(value);
    else if (is(key, length, "host")) row->host = (uint32_t)strtoul(value + 5, NULL, 10);
    else if (is(key, length, "node")) uuid(value, row->node);
    else if (is(key, length, "image")) row->image = image_of(all, value, (size_t)(p - value));
    else if (is(key, length, "cpu_millicores")) row->cpu = (uint32_t)strtoul(value, NULL, 10);
    else if (is(key, length, "memory_bytes")) row->memory = strtoll(value, NULL, 10);
    else if (is(key, length, "disk_bytes")) row->disk = strtoll(value, NULL, 10);
    else if (is(key, length, "pool")) row->host = (uint32_t)strtoul(value + 5, NULL, 10);
    else if (is(key, length, "workers_after")) row->workers = (uint32_t)strtoul(value, NULL, 10);
    p += quoted;
    if (*p == '}') p++;
  }
  return p;
}

static inline facts read_facts(const char *path, size_t most) {
  mapping text = mapped(path);
  facts all = {calloc(most, sizeof(fact)), 0, {{0}}, 0};
  if (!all.rows) fail("calloc");
  const char *p = text.bytes, *end = text.bytes + text.length;
  while (p < end && all.count < most) p = read_fact(&all, &all.rows[all.count++], p);
  munmap(text.bytes, text.length);
  return all;
}

// Numbers by id: open addressing over the first bytes of random UUIDs.
typedef struct {
  uint8_t (*ids)[16];
  uint32_t *numbers;
  size_t mask;
  uint32_t count;
} numbering;

static inline numbering numbers_for(size_t count) {
  size_t room = 1024;
  while (room < count * 2) room *= 2;
  numbering made = {calloc(room, 16), calloc(room, sizeof(uint32_t)), room - 1, 0};
  if (!made.ids || !made.numbers) fail("calloc");
  return made;
}

// The number of an id, from 1 on; a new one where it is new.
static inline uint32_t number_of(numbering *all, const uint8_t *id) {
  uint64_t hash;
  memcpy(&hash, id, 8);
  size_t at = hash & all->mask;
  while (all->numbers[at] && memcmp(all->ids[at], id, 16) != 0) at = (at + 1) & all->mask;
  if (!all->numbers[at]) {
    all->numbers[at] = ++all->count;
    memcpy(all->ids[at], id, 16);
  }
  return all->numbers[at];
}

typedef struct {
  int64_t nodes, cpu, memory, disk, workers;
} counters;
#endif
