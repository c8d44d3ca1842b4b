/* words.h - mutations of statements: words of SQL and of our history are put in, taken out and
 * exchanged, so that more of what a fuzzer tries is a statement. */
#ifndef CONNMON_WORDS_H
#define CONNMON_WORDS_H

#include <stddef.h>
#include <stdint.h>

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION

/* Of libFuzzer. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

/* Changes the text of @size bytes, which may become @max long; returns how long it is then. */
size_t words_mutate(uint8_t *data, size_t size, size_t max, unsigned seed);

#endif
#endif
