// LMDB doing the ledger's appends by its C API, on the same facts: rows of fixed size by their sequence, put behind each
// other (MDB_APPEND), every commit synced, as LMDB does by default.
//
//     lmdb load DIRECTORY FACTS COUNT BATCH    commits of BATCH facts (0: one commit); they are in memory before
//
// Prints lines of "name value".
#include "facts.h"
#include <lmdb.h>

static void ok(int code) {
  if (code == MDB_SUCCESS) return;
  fprintf(stderr, "lmdb: %s\n", mdb_strerror(code));
  exit(2);
}

static void load(const char *path, const char *from, size_t most, size_t batch) {
  facts all = read_facts(from, most);
  MDB_env *env;
  ok(mdb_env_create(&env));
  ok(mdb_env_set_mapsize(env, (size_t)64 << 30));
  ok(mdb_env_open(env, path, 0, 0644));
  MDB_txn *txn;
  MDB_dbi base;
  ok(mdb_txn_begin(env, NULL, 0, &txn));
  ok(mdb_dbi_open(txn, NULL, MDB_INTEGERKEY, &base));
  ok(mdb_txn_commit(txn));
  double began = seconds();
  for (size_t done = 0; done < all.count;) {
    size_t end = batch == 0 || all.count - done < batch ? all.count : done + batch;
    ok(mdb_txn_begin(env, NULL, 0, &txn));
    for (; done < end; done++) {
      size_t sequence = done + 1;
      MDB_val key = {sizeof sequence, &sequence}, value = {sizeof(fact), &all.rows[done]};
      ok(mdb_put(txn, base, &key, &value, MDB_APPEND));
    }
    ok(mdb_txn_commit(txn));
  }
  printf("rate %.1f\n", (double)all.count / (seconds() - began));
  MDB_envinfo about;
  MDB_stat pages;
  ok(mdb_env_info(env, &about));
  ok(mdb_env_stat(env, &pages));
  printf("bytes %.3f\n", (double)(about.me_last_pgno + 1) * pages.ms_psize / (double)all.count);
  mdb_env_close(env);
}

int main(int count, char **arguments) {
  if (count == 6 && strcmp(arguments[1], "load") == 0) {
    load(arguments[2], arguments[3], (size_t)atol(arguments[4]), (size_t)atol(arguments[5]));
    return 0;
  }
  fprintf(stderr, "lmdb: the first lines of lmdb.c say how it is called\n");
  return 64;
}
