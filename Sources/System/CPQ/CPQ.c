#include "CPQ.h"
#include <dlfcn.h>
#include <poll.h>
#include <stdlib.h>

typedef struct pg_cancel PGcancel;
typedef void notice_processor(void *argument, const char *message);

// As libpq-fe.h declares them.
#define FUNCTIONS(use) \
  use(PGconn *, PQconnectdb, const char *) \
  use(void, PQfinish, PGconn *) \
  use(int, PQstatus, const PGconn *) \
  use(char *, PQerrorMessage, const PGconn *) \
  use(notice_processor *, PQsetNoticeProcessor, PGconn *, notice_processor *, void *) \
  use(int, PQsendQueryParams, PGconn *, const char *, int, const unsigned *, const char *const *, const int *, \
      const int *, int) \
  use(int, PQsocket, const PGconn *) \
  use(int, PQconsumeInput, PGconn *) \
  use(int, PQisBusy, PGconn *) \
  use(PGcancel *, PQgetCancel, PGconn *) \
  use(int, PQcancel, PGcancel *, char *, int) \
  use(void, PQfreeCancel, PGcancel *) \
  use(PGresult *, PQgetResult, PGconn *) \
  use(void, PQclear, PGresult *) \
  use(ExecStatusType, PQresultStatus, const PGresult *) \
  use(char *, PQresultErrorField, const PGresult *, int) \
  use(char *, PQresultErrorMessage, const PGresult *) \
  use(int, PQntuples, const PGresult *) \
  use(int, PQnfields, const PGresult *) \
  use(char *, PQfname, const PGresult *, int) \
  use(int, PQgetisnull, const PGresult *, int, int) \
  use(char *, PQgetvalue, const PGresult *, int, int) \
  use(int, PQgetlength, const PGresult *, int, int) \
  use(char *, PQcmdTuples, PGresult *) \
  use(int, PQgetCopyData, PGconn *, char **, int) \
  use(void, PQfreemem, void *)

enum { CONNECTION_OK = 0, PG_DIAG_SQLSTATE = 'C', PG_DIAG_MESSAGE_PRIMARY = 'M' };

#define DECLARE(type, name, ...) type (*name)(__VA_ARGS__);
#define FIND(type, name, ...) \
  library.name = (type (*)(__VA_ARGS__))dlsym(handle, #name); \
  if (library.name == NULL) return "libpq.so.5 has no " #name;

static struct { FUNCTIONS(DECLARE) } library;

static const char *load(void) {
  void *handle = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL) return dlerror();
  FUNCTIONS(FIND)
  return NULL;
}

const char *pq_load(void) {
  static int is_loaded = 0;
  if (is_loaded) return NULL;
  const char *error = load();
  is_loaded = error == NULL;
  return error;
}

static void ignore_notice(void *unused, const char *message) {
  (void)unused;
  (void)message;
}

PGconn *pq_connect(const char *address) {
  PGconn *connection = library.PQconnectdb(address);
  if (connection != NULL) library.PQsetNoticeProcessor(connection, ignore_notice, NULL);
  return connection;
}

void pq_finish(PGconn *connection) { library.PQfinish(connection); }
int pq_is_up(const PGconn *connection) { return library.PQstatus(connection) == CONNECTION_OK; }
const char *pq_error(const PGconn *connection) { return library.PQerrorMessage(connection); }

int pq_send(PGconn *connection, const char *sql, int count, const char *texts, const ptrdiff_t *offsets) {
  const char **values = calloc((size_t)count + 1, sizeof *values);
  if (values == NULL) return 0;
  for (int index = 0; index < count; index++) values[index] = offsets[index] < 0 ? NULL : texts + offsets[index];
  int is_sent = library.PQsendQueryParams(connection, sql, count, NULL, values, NULL, NULL, 0);
  free(values);
  return is_sent;
}

int pq_is_busy(PGconn *connection) {
  // What TLS has read already shows in no poll, so it is taken before anybody waits.
  if (!library.PQisBusy(connection)) return 0;
  return library.PQconsumeInput(connection) ? library.PQisBusy(connection) : -1;
}

void pq_await(PGconn *connection, int milliseconds) {
  struct pollfd descriptor = {.fd = library.PQsocket(connection), .events = POLLIN};
  poll(&descriptor, 1, milliseconds);
}

void pq_cancel(PGconn *connection) {
  char error[256];
  PGcancel *cancel = library.PQgetCancel(connection);
  if (cancel == NULL) return;
  library.PQcancel(cancel, error, sizeof error);
  library.PQfreeCancel(cancel);
}

PGresult *pq_next_result(PGconn *connection) { return library.PQgetResult(connection); }
void pq_clear(PGresult *result) { library.PQclear(result); }
ExecStatusType pq_status(const PGresult *result) { return library.PQresultStatus(result); }

const char *pq_state(const PGresult *result) {
  const char *state = library.PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return state == NULL ? "" : state;
}

const char *pq_message(const PGresult *result) {
  // The first line; what follows quotes the statement, which is known.
  const char *message = library.PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  return message == NULL ? library.PQresultErrorMessage(result) : message;
}

int pq_row_count(const PGresult *result) { return library.PQntuples(result); }
int pq_column_count(const PGresult *result) { return library.PQnfields(result); }
const char *pq_column_name(const PGresult *result, int column) { return library.PQfname(result, column); }
int pq_is_null(const PGresult *result, int row, int column) { return library.PQgetisnull(result, row, column); }
const char *pq_value(const PGresult *result, int row, int column) { return library.PQgetvalue(result, row, column); }
int pq_value_count(const PGresult *result, int row, int column) { return library.PQgetlength(result, row, column); }
const char *pq_changed_rows(PGresult *result) { return library.PQcmdTuples(result); }

int pq_copy_data(PGconn *connection, char **buffer) {
  int count = library.PQgetCopyData(connection, buffer, 1);
  if (count != 0) return count;
  return library.PQconsumeInput(connection) ? library.PQgetCopyData(connection, buffer, 1) : -2;
}

void pq_free(void *memory) { library.PQfreemem(memory); }
