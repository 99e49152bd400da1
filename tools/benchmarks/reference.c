// What one thread of C makes of the same facts: nodes numbered when they are written, columns of plain bytes without
// compression or checksums, a fold without checks, 8 bytes a node, prefetched. A point to compare with, not a ledger.
//
//     reference FILE FACTS    writes FILE, folds it five times, and prints lines of "name value"
#include "facts.h"

enum { BLOCK = 65536, AHEAD = 16 };

typedef struct {
  uint32_t count;
  uint8_t kind[BLOCK], shape[BLOCK], image[BLOCK];
  uint32_t place[BLOCK];  // the host of a creation or a registration, the pool of a scaling, otherwise the node
  uint32_t delta[BLOCK];  // microseconds since the row before
  uint8_t ids[BLOCK][16];
  uint32_t created;
} block;

typedef struct {
  uint32_t host;
  uint8_t shape, image, live, unused;
} node;

static fact shapes[256];
static int shape_count;

static uint8_t shape_of(const fact *row) {
  for (int i = 0; i < shape_count; i++)
    if (shapes[i].cpu == row->cpu && shapes[i].memory == row->memory && shapes[i].disk == row->disk) return (uint8_t)i;
  if (shape_count == 256) fail("shapes");
  shapes[shape_count] = *row;
  return (uint8_t)shape_count++;
}

static void put(const void *bytes, size_t size, FILE *file) {
  if (fwrite(bytes, size, 1, file) != 1) fail("write");
}

static void write_block(const block *b, FILE *file) {
  if (b->count == 0) return;
  put(&b->count, 4, file), put(&b->created, 4, file);
  put(b->kind, b->count, file), put(b->shape, b->count, file), put(b->image, b->count, file);
  put(b->place, 4 * b->count, file), put(b->delta, 4 * b->count, file);
  if (b->created) put(b->ids, 16 * b->created, file);
}

static void write_columns(const char *path, const facts *all) {
  FILE *file = fopen(path, "w");
  block *b = calloc(1, sizeof *b);
  if (!file || !b) fail(path);
  numbering numbers = numbers_for(all->count / 2);
  int64_t last = 0;
  for (size_t i = 0; i < all->count; i++) {
    const fact *row = &all->rows[i];
    uint32_t at = b->count++, number = 0;
    int of_node = row->kind == CREATED || row->kind == UPGRADED || row->kind == DELETED;
    if (of_node) number = number_of(&numbers, row->node);
    if (row->kind == CREATED) memcpy(b->ids[b->created++], row->node, 16);
    b->kind[at] = row->kind;
    b->shape[at] = row->kind == SCALED ? (uint8_t)row->workers : shape_of(row);
    b->image[at] = row->image;
    b->place[at] = row->kind == UPGRADED || row->kind == DELETED ? number : row->host;
    b->delta[at] = (uint32_t)(row->time - last);
    last = row->time;
    if (b->count < BLOCK) continue;
    write_block(b, file);
    b->count = b->created = 0;
  }
  write_block(b, file);
  if (fflush(file) != 0 || fdatasync(fileno(file)) != 0 || fclose(file) != 0) fail(path);
  free(b), free(numbers.ids), free(numbers.numbers);
}

static void add(counters *host, const fact *shape, int64_t sign) {
  host->cpu += sign * shape->cpu;
  host->memory += sign * shape->memory;
  host->disk += sign * shape->disk;
}

static size_t fold(const char *path, size_t events) {
  int file = open(path, O_RDONLY);
  off_t length = lseek(file, 0, SEEK_END);
  char *bytes = malloc((size_t)length);
  node *nodes = calloc(events / 2 + 1, sizeof(node));
  uint8_t (*ids)[16] = malloc((events / 2 + 1) * 16);
  counters *hosts = calloc(1 << 17, sizeof(counters));
  if (file < 0 || !bytes || !nodes || !ids || !hosts) fail(path);
  for (off_t got = 0; got < length;) {
    ssize_t more = pread(file, bytes + got, (size_t)(length - got), got);
    if (more <= 0) fail(path);
    got += more;
  }
  uint32_t known = 0;
  size_t live = 0;
  int64_t time = 0;
  for (char *p = bytes; p < bytes + length;) {
    uint32_t count, created;
    memcpy(&count, p, 4), memcpy(&created, p + 4, 4);
    uint8_t *kind = (uint8_t *)p + 8, *shape = kind + count, *image = shape + count;
    char *place = (char *)(image + count), *delta = place + 4 * count;
    memcpy(ids + known + 1, delta + 4 * count, 16 * created);
    for (uint32_t i = 0; i < count; i++) {
      uint32_t at, ahead, passed;
      memcpy(&at, place + 4 * i, 4), memcpy(&passed, delta + 4 * i, 4);
      time += passed;
      if (i + AHEAD < count && (kind[i + AHEAD] == UPGRADED || kind[i + AHEAD] == DELETED)) {
        memcpy(&ahead, place + 4 * (i + AHEAD), 4);
        __builtin_prefetch(&nodes[ahead], 1);
      }
      node *it = &nodes[at];
      switch (kind[i]) {
        case CREATED:
          nodes[++known] = (node){at, shape[i], image[i], 1, 0};
          hosts[at].nodes++, live++;
          add(&hosts[at], &shapes[shape[i]], 1);
          break;
        case UPGRADED:
          add(&hosts[it->host], &shapes[it->shape], -1);
          add(&hosts[it->host], &shapes[shape[i]], 1);
          it->shape = shape[i], it->image = image[i];
          break;
        case DELETED:
          add(&hosts[it->host], &shapes[it->shape], -1);
          hosts[it->host].nodes--, live--, it->live = 0;
          break;
        case SCALED: hosts[at].workers = shape[i];
      }
    }
    p = delta + 4 * count + 16 * created;
  }
  __asm__ volatile("" : : "r"(time), "r"(ids), "r"(hosts) : "memory");
  close(file), free(bytes), free(nodes), free(ids), free(hosts);
  return live;
}

int main(int count, char **arguments) {
  if (count != 3) {
    fprintf(stderr, "usage: reference FILE FACTS\n");
    return 64;
  }
  facts all = read_facts(arguments[2], 200000000);
  write_columns(arguments[1], &all);
  free(all.rows);
  for (int round = 0; round < 5; round++) {
    double began = seconds();
    size_t live = fold(arguments[1], all.count);
    printf("rate %.1f\nlive %zu\n", (double)all.count / (seconds() - began), live);
  }
  return 0;
}
