// SQLite doing the ledger's jobs, by its C API and prepared statements, on the same facts. WAL, synchronous=FULL.
//
//     sqlite load DATABASE FACTS COUNT BATCH SECONDS    commits of BATCH facts (0: one commit); parsing is counted
//     sqlite replay DATABASE                            all events, folded to a node table and counters of hosts
//     sqlite history DATABASE FACTS                     builds the counters of hosts after every event
//     sqlite moments DATABASE HOSTS                     one host, and all hosts, at moments of that history
//     sqlite compare DATABASE LIVE                      copies a live store, then joins the copy with it
//     sqlite rows LIVE                                  reads the rows of a live store and does nothing with them
//
// Prints lines of "name value".
#include "facts.h"
#include <sqlite3.h>

static sqlite3 *base;

static void ok(int code) {
  if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return;
  fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(base));
  exit(2);
}

static void run(const char *sql) { ok(sqlite3_exec(base, sql, NULL, NULL, NULL)); }

static sqlite3_stmt *prepared(const char *sql) {
  sqlite3_stmt *statement;
  ok(sqlite3_prepare_v2(base, sql, -1, &statement, NULL));
  return statement;
}

static void open_base(const char *path) {
  ok(sqlite3_open(path, &base));
  run("PRAGMA synchronous = FULL; PRAGMA cache_size = -262144; PRAGMA mmap_size = 4294967296");
}

static void insert(sqlite3_stmt *statement, const fact *row) {
  sqlite3_bind_int64(statement, 1, row->time);
  sqlite3_bind_int(statement, 2, row->kind);
  sqlite3_bind_int64(statement, 3, row->host);
  if (row->kind == CREATED || row->kind == UPGRADED || row->kind == DELETED)
    sqlite3_bind_blob(statement, 4, row->node, 16, SQLITE_STATIC);
  else
    sqlite3_bind_null(statement, 4);
  sqlite3_bind_int(statement, 5, row->image);
  sqlite3_bind_int64(statement, 6, row->cpu);
  sqlite3_bind_int64(statement, 7, row->memory);
  sqlite3_bind_int64(statement, 8, row->disk);
  sqlite3_bind_int64(statement, 9, row->workers);
  ok(sqlite3_step(statement));
  ok(sqlite3_reset(statement));
}

static void load(const char *path, size_t most, size_t batch, double limit) {
  run("CREATE TABLE events (seq INTEGER PRIMARY KEY, time INTEGER, kind INTEGER, host INTEGER, node BLOB,"
      " image INTEGER, cpu INTEGER, memory INTEGER, disk INTEGER, workers INTEGER)");
  sqlite3_stmt *statement =
      prepared("INSERT INTO events (time, kind, host, node, image, cpu, memory, disk, workers) VALUES (?,?,?,?,?,?,?,?,?)");
  double began = seconds();
  facts all = {NULL, 0, {{0}}, 0};
  mapping text = mapped(path);
  const char *p = text.bytes, *end = text.bytes + text.length;
  size_t done = 0;
  run("BEGIN");
  while (p < end && done < most) {
    fact row = {0};
    p = read_fact(&all, &row, p);
    insert(statement, &row);
    done++;
    if (batch == 0 || done % batch != 0) continue;
    run("COMMIT");
    if (seconds() - began > limit) break;
    run("BEGIN");
  }
  if (!sqlite3_get_autocommit(base)) run("COMMIT");
  double took = seconds() - began;
  printf("rate %.1f\ndone %zu\n", (double)done / took, done);
  ok(sqlite3_finalize(statement));
}

typedef struct {
  int64_t cpu, memory, disk;
  uint32_t host;
  int live;
} node;

static void replay(void) {
  double began = seconds();
  sqlite3_stmt *count = prepared("SELECT max(seq) FROM events");
  ok(sqlite3_step(count));
  size_t events = (size_t)sqlite3_column_int64(count, 0), live = 0;
  numbering numbers = numbers_for(events / 2);
  node *nodes = calloc(events / 2 + 1, sizeof(node));
  counters *hosts = calloc(1 << 20, sizeof(counters));
  if (!nodes || !hosts) fail("calloc");
  sqlite3_stmt *rows = prepared("SELECT kind, host, node, cpu, memory, disk, workers FROM events ORDER BY seq");
  while (sqlite3_step(rows) == SQLITE_ROW) {
    int kind = sqlite3_column_int(rows, 0);
    if (kind == SCALED) hosts[sqlite3_column_int(rows, 1)].workers = sqlite3_column_int64(rows, 6);
    if (kind == REGISTERED || kind == SCALED) continue;
    node *it = &nodes[number_of(&numbers, sqlite3_column_blob(rows, 2))];
    if (kind == CREATED) it->host = (uint32_t)sqlite3_column_int(rows, 1);
    counters *host = &hosts[it->host];
    node before = *it;
    it->live = kind != DELETED;
    it->cpu = it->live ? sqlite3_column_int64(rows, 3) : 0;
    it->memory = it->live ? sqlite3_column_int64(rows, 4) : 0;
    it->disk = it->live ? sqlite3_column_int64(rows, 5) : 0;
    host->nodes += it->live - before.live;
    host->cpu += it->cpu - before.cpu;
    host->memory += it->memory - before.memory;
    host->disk += it->disk - before.disk;
    live += (size_t)(it->live - before.live);
  }
  printf("rate %.1f\nlive %zu\n", (double)events / (seconds() - began), live);
}

static int by_host(const void *a, const void *b) {
  const int64_t *left = a, *right = b;
  if (left[0] != right[0]) return left[0] < right[0] ? -1 : 1;
  return left[2] < right[2] ? -1 : left[2] > right[2];
}

// Rows of host, time, sequence and the four counters, in the order of the index.
static void history(const char *path) {
  facts all = read_facts(path, 200000000);
  numbering numbers = numbers_for(all.count / 2);
  node *nodes = calloc(all.count / 2 + 1, sizeof(node));
  counters *hosts = calloc(1 << 20, sizeof(counters));
  int64_t (*rows)[7] = malloc(all.count * sizeof *rows);
  if (!nodes || !hosts || !rows) fail("malloc");
  size_t count = 0;
  for (size_t i = 0; i < all.count; i++) {
    fact *event = &all.rows[i];
    if (event->kind == REGISTERED || event->kind == SCALED) continue;
    node *it = &nodes[number_of(&numbers, event->node)];
    if (event->kind == CREATED) it->host = event->host;
    counters *host = &hosts[it->host];
    int live = event->kind != DELETED;
    host->nodes += live - it->live;
    host->cpu += event->cpu - it->cpu;
    host->memory += event->memory - it->memory;
    host->disk += event->disk - it->disk;
    *it = (node){event->cpu, event->memory, event->disk, it->host, live};
    int64_t row[7] = {it->host, event->time, (int64_t)i + 1, host->nodes, host->cpu, host->memory, host->disk};
    memcpy(rows[count++], row, sizeof row);
  }
  qsort(rows, count, sizeof *rows, by_host);
  run("CREATE TABLE history (host INTEGER, time INTEGER, seq INTEGER, nodes INTEGER, cpu INTEGER, memory INTEGER,"
      " disk INTEGER, PRIMARY KEY (host, time, seq)) WITHOUT ROWID; BEGIN");
  sqlite3_stmt *statement = prepared("INSERT INTO history VALUES (?,?,?,?,?,?,?)");
  for (size_t i = 0; i < count; i++) {
    for (int column = 0; column < 7; column++) sqlite3_bind_int64(statement, column + 1, rows[i][column]);
    ok(sqlite3_step(statement));
    ok(sqlite3_reset(statement));
  }
  run("COMMIT");
  printf("rows %zu\n", count);
}

static sqlite3_stmt *moment;

static int64_t nodes_at(int64_t host, int64_t time) {
  sqlite3_bind_int64(moment, 1, host);
  sqlite3_bind_int64(moment, 2, time);
  int64_t nodes = 0;
  if (sqlite3_step(moment) == SQLITE_ROW) {
    nodes = sqlite3_column_int64(moment, 0);
    for (int column = 1; column < 4; column++) (void)sqlite3_column_int64(moment, column);
  }
  ok(sqlite3_reset(moment));
  return nodes;
}

static void moments(int64_t hosts) {
  moment = prepared("SELECT nodes, cpu, memory, disk FROM history WHERE host = ? AND time <= ?"
                    " ORDER BY time DESC, seq DESC LIMIT 1");
  const int64_t day = 86400000000, middle = 45 * day;
  int64_t nodes = 0;
  for (int64_t host = 1; host <= hosts; host++) nodes += nodes_at(host, middle);  // warm
  double began = seconds();
  for (int64_t host = 1; host <= hosts; host++) (void)nodes_at(host, middle);
  printf("all_hosts %.9f\nnodes %ld\n", seconds() - began, (long)nodes);
  uint64_t random = 88172645463325252;
  began = seconds();
  for (int i = 0; i < 20000; i++) {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    (void)nodes_at((int64_t)(random % (uint64_t)hosts) + 1, (int64_t)(random >> 20) % (90 * day));
  }
  printf("one_host %.9f\n", (seconds() - began) / 20000);
}

// The time of a query whose rows are read column by column and dropped; the count of the rows is added up.
static double dropped(const char *sql, long *count) {
  double began = seconds();
  sqlite3_stmt *rows = prepared(sql);
  int columns = sqlite3_column_count(rows);
  for (; sqlite3_step(rows) == SQLITE_ROW; ++*count)
    for (int column = 0; column < columns; column++)
      if (sqlite3_column_type(rows, column) == SQLITE_INTEGER) (void)sqlite3_column_int64(rows, column);
      else (void)sqlite3_column_text(rows, column);
  ok(sqlite3_finalize(rows));
  return seconds() - began;
}

static void compare(const char *live) {
  sqlite3_stmt *attach = prepared("ATTACH ? AS live");
  ok(sqlite3_bind_text(attach, 1, live, -1, SQLITE_STATIC));
  ok(sqlite3_step(attach));
  run("CREATE TABLE nodes (id TEXT PRIMARY KEY, host_id TEXT, image TEXT, cpu_millicores INTEGER, memory_bytes INTEGER,"
      " disk_bytes INTEGER) WITHOUT ROWID;"
      "INSERT INTO nodes SELECT id, host_id, image, cpu_millicores, memory_bytes, disk_bytes FROM live.nodes ORDER BY id;"
      "CREATE TABLE hosts AS SELECT * FROM live.hosts; CREATE UNIQUE INDEX host_ids ON hosts (id)");
  const char *nodes =
      "SELECT l.id FROM live.nodes l LEFT JOIN main.nodes p ON p.id = l.id WHERE p.id IS NULL OR p.host_id IS NOT l.host_id"
      " OR p.image IS NOT l.image OR p.cpu_millicores <> l.cpu_millicores OR p.memory_bytes <> l.memory_bytes"
      " OR p.disk_bytes <> l.disk_bytes UNION ALL SELECT id FROM main.nodes WHERE id NOT IN (SELECT id FROM live.nodes)";
  const char *hosts = "SELECT * FROM live.hosts EXCEPT SELECT * FROM main.hosts";
  for (int round = 0; round < 3; round++) {
    long differences = 0;
    printf("compare %.9f\n", dropped(nodes, &differences) + dropped(hosts, &differences));
    if (differences != 0) fail("the copy differs");
  }
}

static void rows(void) {
  for (int round = 0; round < 5; round++) {
    long count = 0;
    double took = dropped("SELECT id, host_id, cpu_millicores, memory_bytes, disk_bytes, image, config_id, created_at,"
                          " updated_at FROM nodes NOT INDEXED WHERE deleted_at IS NULL", &count);
    took += dropped("SELECT * FROM hosts NOT INDEXED", &count);
    printf("rows %.9f\n", took);
  }
}

int main(int count, char **arguments) {
  const char *job = count > 2 ? arguments[1] : "";
  if (count > 2) open_base(arguments[2]);
  // A live store stays as it is.
  if (strcmp(job, "rows") != 0) run("PRAGMA journal_mode = WAL");
  if (strcmp(job, "load") == 0 && count == 7)
    load(arguments[3], (size_t)atol(arguments[4]), (size_t)atol(arguments[5]), atof(arguments[6]));
  else if (strcmp(job, "replay") == 0 && count == 3) replay();
  else if (strcmp(job, "history") == 0 && count == 4) history(arguments[3]);
  else if (strcmp(job, "moments") == 0 && count == 4) moments(atol(arguments[3]));
  else if (strcmp(job, "compare") == 0 && count == 4) compare(arguments[3]);
  else if (strcmp(job, "rows") == 0 && count == 3) rows();
  else {
    fprintf(stderr, "sqlite: the first lines of sqlite.c say how it is called\n");
    return 64;
  }
  sqlite3_close_v2(base);
  return 0;
}
