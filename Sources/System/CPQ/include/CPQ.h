#pragma once
#include <stddef.h>

// The calls of libpq that the program makes, by the names of libpq without their prefix.
//
// The library and the twenty others that it needs take milliseconds to load, so that is done when a store is first opened. What is
// declared here is the binary interface of libpq.so.5, so that neither its header nor the library is needed to build.

typedef struct pg_conn PGconn;
typedef struct pg_result PGresult;

/// What a result is; the values that matter here.
typedef enum { PGRES_COMMAND_OK = 1, PGRES_TUPLES_OK = 2, PGRES_COPY_OUT = 3 } ExecStatusType;

/// Loads libpq; returns NULL, or why it cannot be loaded. Everything else here may be called only after it returned NULL.
const char *pq_load(void);

/// Connects and keeps the server's notices from standard error.
PGconn *pq_connect(const char *address);
void pq_finish(PGconn *connection);
/// 1 while the connection stands.
int pq_is_up(const PGconn *connection);
const char *pq_error(const PGconn *connection);

/// Sends one statement whose parameters are text: the one that begins at `texts + offsets[i]` and ends with NUL, or NULL
/// where the offset is negative; 0 where it cannot be sent. Results are text.
int pq_send(PGconn *connection, const char *sql, int count, const char *texts, const ptrdiff_t *offsets);
/// 1 where asking for the next result would have to wait for the server, 0 where not, -1 where the connection failed.
int pq_is_busy(PGconn *connection);
/// Waits until the server has sent something, a signal came or the time is over.
void pq_await(PGconn *connection, int milliseconds);
/// Asks the server to end the statement that is under way, over a connection of its own.
void pq_cancel(PGconn *connection);
/// The next result of what was sent; NULL behind the last.
PGresult *pq_next_result(PGconn *connection);
void pq_clear(PGresult *result);
ExecStatusType pq_status(const PGresult *result);
/// The SQLSTATE, or "".
const char *pq_state(const PGresult *result);
const char *pq_message(const PGresult *result);
int pq_row_count(const PGresult *result);
int pq_column_count(const PGresult *result);
const char *pq_column_name(const PGresult *result, int column);
int pq_is_null(const PGresult *result, int row, int column);
const char *pq_value(const PGresult *result, int row, int column);
int pq_value_count(const PGresult *result, int row, int column);
/// The rows that a statement changed, as text.
const char *pq_changed_rows(PGresult *result);

/// The next message of a copy: its size; 0 where the server has sent none yet, -1 behind the last, -2 where the connection failed.
int pq_copy_data(PGconn *connection, char **buffer);
void pq_free(void *memory);
