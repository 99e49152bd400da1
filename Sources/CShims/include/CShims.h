#pragma once
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `count` bytes, continuing from `seed` (0 to begin).
/// Uses SSE4.2 where the processor has it.
uint32_t shim_crc32c(uint32_t seed, const void *bytes, size_t count);

/// The same function without special instructions, so that tests can compare the two.
uint32_t shim_crc32c_portable(uint32_t seed, const void *bytes, size_t count);

/// Asks the processor to load the line that holds `address`, for writing.
static inline void shim_prefetch(const void *address) { __builtin_prefetch(address, 1, 3); }

/// The offset of the first `byte` in `count` bytes, or -1.
static inline ptrdiff_t shim_find_byte(const void *bytes, int byte, size_t count) {
  const char *found = count == 0 ? NULL : (const char *)memchr(bytes, byte, count);
  return found == NULL ? -1 : found - (const char *)bytes;
}

/// Asks for huge pages for the whole pages of a range: random access to large tables is bound by the TLB.
void shim_advise_huge(void *start, size_t count);

// open(2) and fcntl(2) are variadic, which Swift cannot call.
int shim_open(const char *path, int flags, unsigned mode);

/// Takes an exclusive open-file-description lock on the whole file; -1 and errno when it is held.
int shim_lock_exclusive(int descriptor);

/// Lets go of the lock of this open file description, if it has one.
void shim_unlock(int descriptor);

/// 1 when another open file description holds a lock on the file, 0 when none does, -1 on error.
int shim_lock_is_held(int descriptor);

/// Lets a program that is started with these actions inherit no descriptor from `first` on; 0 or an error number.
int shim_spawn_closes_from(posix_spawn_file_actions_t *actions, int first);

/// Starts the program at `path` with the environment of this process, which Swift may not touch; 0 or an error number.
int shim_spawn(int *process, const char *path, char *const arguments[]);
