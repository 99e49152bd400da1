// Writers of PostgreSQL through libpq, each with a connection of its own: one fact a commit, by a prepared statement with
// binary values, synchronous_commit=on.
//
//     writers ADDRESS FACTS WRITERS SECONDS
//
// Prints lines of "name value".
#include "facts.h"
#include <endian.h>
#include <libpq-fe.h>
#include <pthread.h>

// Numbers of PostgreSQL's types, which never change.
enum { BIGINT = 20, UUID = 2950 };
enum { COLUMNS = 9, MOST = 100000 };

static const char *address;
static facts all;
static size_t writers;
static double limit;
static pthread_barrier_t ready;

static void fail_with(PGconn *connection) {
  fprintf(stderr, "writers: %s", PQerrorMessage(connection));
  exit(2);
}

static void expect(PGconn *connection, PGresult *result, ExecStatusType status) {
  if (PQresultStatus(result) != status) fail_with(connection);
  PQclear(result);
}

static PGconn *connected(void) {
  PGconn *connection = PQconnectdb(address);
  if (PQstatus(connection) != CONNECTION_OK) fail_with(connection);
  return connection;
}

static void insert(PGconn *connection, const fact *row) {
  int has_node = row->kind == CREATED || row->kind == UPGRADED || row->kind == DELETED;
  int64_t numbers[COLUMNS - 1] = {row->time, row->kind, row->host, row->image, row->cpu, row->memory, row->disk, row->workers};
  const char *values[COLUMNS];
  int lengths[COLUMNS], formats[COLUMNS];
  for (int column = 0; column < COLUMNS; column++) {
    formats[column] = 1;
    lengths[column] = column < COLUMNS - 1 ? 8 : 16;
    if (column < COLUMNS - 1) numbers[column] = (int64_t)htobe64((uint64_t)numbers[column]);
    values[column] = column < COLUMNS - 1 ? (const char *)&numbers[column] : has_node ? (const char *)row->node : NULL;
  }
  expect(connection, PQexecPrepared(connection, "one", COLUMNS, values, lengths, formats, 1), PGRES_COMMAND_OK);
}

// The facts of a writer are every so many-th; returns how many were committed.
static void *write_facts(void *number) {
  PGconn *connection = connected();
  expect(connection, PQexec(connection, "SET synchronous_commit = on"), PGRES_COMMAND_OK);
  static const Oid types[COLUMNS] = {BIGINT, BIGINT, BIGINT, BIGINT, BIGINT, BIGINT, BIGINT, BIGINT, UUID};
  expect(connection,
         PQprepare(connection, "one", "INSERT INTO events (time, kind, host, image, cpu, memory, disk, workers, node)"
                   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", COLUMNS, types), PGRES_COMMAND_OK);
  pthread_barrier_wait(&ready);
  double began = seconds();
  size_t done = 0;
  for (size_t at = (size_t)number; seconds() - began < limit; at = (at + writers) % all.count, done++)
    insert(connection, &all.rows[at]);
  PQfinish(connection);
  return (void *)done;
}

int main(int count, char **arguments) {
  if (count != 5) {
    fprintf(stderr, "usage: writers ADDRESS FACTS WRITERS SECONDS\n");
    return 64;
  }
  address = arguments[1];
  all = read_facts(arguments[2], MOST);
  writers = (size_t)atol(arguments[3]);
  limit = atof(arguments[4]);
  PGconn *connection = connected();
  expect(connection, PQexec(connection, "DROP TABLE IF EXISTS events"), PGRES_COMMAND_OK);
  expect(connection,
         PQexec(connection, "CREATE TABLE events (seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, time BIGINT, kind SMALLINT,"
                " host INTEGER, image SMALLINT, cpu INTEGER, memory BIGINT, disk BIGINT, workers INTEGER, node UUID)"), PGRES_COMMAND_OK);
  PQfinish(connection);
  pthread_t threads[writers];
  if (pthread_barrier_init(&ready, NULL, (unsigned)writers + 1) != 0) fail("pthread_barrier_init");
  for (size_t number = 0; number < writers; number++)
    if (pthread_create(&threads[number], NULL, write_facts, (void *)number) != 0) fail("pthread_create");
  pthread_barrier_wait(&ready);
  double began = seconds();
  size_t done = 0;
  for (size_t number = 0; number < writers; number++) {
    void *own;
    if (pthread_join(threads[number], &own) != 0) fail("pthread_join");
    done += (size_t)own;
  }
  printf("rate %.1f\ndone %zu\n", (double)done / (seconds() - began), done);
  return 0;
}
