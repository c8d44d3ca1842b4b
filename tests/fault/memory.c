#include "memory.h"

#include <errno.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct {
	sqlite3_mem_methods real;
	unsigned int n, times, met;
	bool broke;
} memory;

/* The linker's names: https://sourceware.org/binutils/docs/ld/Options.html, --wrap. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

static bool denied(void)
{
	if (memory.times == 0 || ++memory.met < memory.n)
		return false;
	memory.times--;
	memory.broke = true;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return denied() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return denied() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return denied() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
	return denied() ? NULL : __real_strdup(text);
}

static void *sqlite_malloc(int size)
{
	return denied() ? NULL : memory.real.xMalloc(size);
}

static void *sqlite_realloc(void *old, int size)
{
	return denied() ? NULL : memory.real.xRealloc(old, size);
}

void memory_install(void)
{
	sqlite3_mem_methods ours;

	assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory.real), SQLITE_OK);
	ours = memory.real;
	ours.xMalloc = sqlite_malloc;
	ours.xRealloc = sqlite_realloc;
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &ours), SQLITE_OK);
	/* Else small pieces come out of a piece that is there already. */
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);
}

void memory_break(unsigned int n, unsigned int times)
{
	memory.n = n;
	memory.times = times;
	memory.met = 0;
	memory.broke = false;
}

void memory_mend(void)
{
	memory.times = 0;
}

bool memory_broke(void)
{
	return memory.broke;
}
