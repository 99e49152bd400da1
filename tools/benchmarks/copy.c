// Reads queries from PostgreSQL by COPY BINARY in one snapshot and does nothing with the rows: what libpq itself costs.
//
//   copy ADDRESS QUERY...
//
// Prints "rows N", "bytes N" and "seconds S".
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void fail(PGconn *connection) {
  fprintf(stderr, "copy: %s\n", PQerrorMessage(connection));
  exit(1);
}

static void run(PGconn *connection, const char *sql, ExecStatusType expected) {
  PGresult *result = PQexec(connection, sql);
  if (PQresultStatus(result) != expected) fail(connection);
  PQclear(result);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int count, char **arguments) {
  if (count < 3) return 64;
  double began = now();
  PGconn *connection = PQconnectdb(arguments[1]);
  if (PQstatus(connection) != CONNECTION_OK) fail(connection);
  run(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", PGRES_COMMAND_OK);
  long rows = 0, bytes = 0;
  for (int index = 2; index < count; index++) {
    char sql[4096];
    snprintf(sql, sizeof sql, "COPY (%s) TO STDOUT (FORMAT binary)", arguments[index]);
    run(connection, sql, PGRES_COPY_OUT);
    char *buffer;
    int size;
    // The end of a copy is a row of its own.
    rows--;
    while ((size = PQgetCopyData(connection, &buffer, 0)) > 0) {
      rows++;
      bytes += size;
      PQfreemem(buffer);
    }
    if (size == -2) fail(connection);
    for (PGresult *result; (result = PQgetResult(connection)) != NULL;) PQclear(result);
  }
  PQfinish(connection);
  printf("rows %ld\nbytes %ld\nseconds %.6f\n", rows, bytes, now() - began);
}
