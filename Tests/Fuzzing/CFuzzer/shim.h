#pragma once
#include <stddef.h>
#include <stdint.h>

// libFuzzer's loop, which -sanitize=fuzzer links.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*test)(const uint8_t *bytes, size_t count));
