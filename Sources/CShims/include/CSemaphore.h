#pragma once
#include <semaphore.h>
#include <stdlib.h>

// sem_t is a union that Swift imports without a way to keep it in place, so it lives on the heap.
static inline sem_t *shim_semaphore_new(unsigned count) {
  sem_t *semaphore = (sem_t *)malloc(sizeof(sem_t));
  if (semaphore != NULL) sem_init(semaphore, 0, count);
  return semaphore;
}

static inline void shim_semaphore_free(sem_t *semaphore) {
  sem_destroy(semaphore);
  free(semaphore);
}

// Waits at most so long; 0 where the time was over or a signal came first.
int shim_semaphore_wait(sem_t *semaphore, long milliseconds);
