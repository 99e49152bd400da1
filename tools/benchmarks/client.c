// A client of `allocledger append`: keeps some lines under way, over a pipe, each as one caller that waits for its answer.
//
//     client CALLERS SECONDS COUNT FACTS PROGRAM [ARGUMENT…]
//
// Ends after so many seconds or lines, and prints lines of "name value".
#include "facts.h"
#include <sys/wait.h>

static int to_program, from_program;

static pid_t start(char **command) {
  int in[2], out[2];
  if (pipe(in) != 0 || pipe(out) != 0) fail("pipe");
  pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    close(in[0]), close(in[1]), close(out[0]), close(out[1]);
    execvp(command[0], command);
    fail(command[0]);
  }
  close(in[0]);
  close(out[1]);
  to_program = in[1];
  from_program = out[0];
  return child;
}

static void send_lines(const char *from, const char *to) {
  while (from < to) {
    ssize_t sent = write(to_program, from, (size_t)(to - from));
    if (sent < 0) fail("write");
    from += sent;
  }
}

// Waits for answers and counts them.
static long answers(void) {
  static char text[1 << 16];
  long count = 0;
  ssize_t got = read(from_program, text, sizeof text - 1);
  if (got <= 0) fail("read");
  text[got] = 0;
  if (strstr(text, "\"error\"")) {
    fprintf(stderr, "%s", text);
    exit(2);
  }
  for (ssize_t i = 0; i < got; i++) count += text[i] == '\n';
  return count;
}

// Sends at most so many of the next lines at once, moves on, and returns how many there were.
static long send_next(const char **next, const char *end, long most) {
  const char *to = *next;
  long count = 0;
  for (; count < most && to < end; count++) to = (const char *)memchr(to, '\n', (size_t)(end - to)) + 1;
  send_lines(*next, to);
  *next = to;
  return count;
}

int main(int argument_count, char **arguments) {
  if (argument_count < 6) {
    fprintf(stderr, "usage: client CALLERS SECONDS COUNT FACTS PROGRAM [ARGUMENT...]\n");
    return 64;
  }
  long callers = atol(arguments[1]), most = atol(arguments[3]);
  double limit = atof(arguments[2]);
  mapping text = mapped(arguments[4]);
  const char *next = text.bytes, *end = text.bytes + text.length;
  pid_t child = start(arguments + 5);
  // The first answer comes when the ledger is open.
  (void)send_next(&next, end, 1);
  while (answers() == 0) {}
  double began = seconds(), took = 0;
  long sent = send_next(&next, end, callers < most ? callers : most), done = 0;
  while (done < sent) {
    long got = answers();
    done += got;
    took = seconds() - began;
    if (took > limit) continue;  // what is under way is still waited for
    sent += send_next(&next, end, got < most - sent ? got : most - sent);
  }
  close(to_program);
  int status;
  if (waitpid(child, &status, 0) < 0 || status != 0) {
    fprintf(stderr, "client: %s ended with %d\n", arguments[5], status);
    return 2;
  }
  printf("rate %.1f\ndone %ld\n", (double)done / took, done);
  return 0;
}
