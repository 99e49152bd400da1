#pragma once
// The calls for one digest after another that need no context on the heap are marked as old, and are the fastest:
// for an entry of a hundred bytes the newer ones take longer to prepare than to hash.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/sha.h>
