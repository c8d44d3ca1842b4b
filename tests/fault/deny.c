/* deny.so, for LD_PRELOAD: the DENY_AT-th piece of memory that a program asks for cannot be had,
 * nor the DENY_TIMES - 1 after it. At its end it says on descriptor DENY_TELL whether it came to
 * that. */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned long asked, at, times;
static int tell = -1;

static unsigned long number(const char *name)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : 0;
}

typedef int main_function(int argc, char **argv, char **env);

static main_function *its_main;

/* What runs before is not the program's own: profiles, say. */
static int begin(int argc, char **argv, char **env)
{
	tell = (int)number("DENY_TELL");
	times = number("DENY_TIMES");
	at = number("DENY_AT");
	unsetenv("LD_PRELOAD"); /* not for the programs that it starts */
	return its_main(argc, argv, env);
}

/* glibc's, which calls main(). */
int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void),
		      void (*fini)(void), void (*rtld_fini)(void), void *stack_end);
int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void),
		      void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
	__typeof__(&__libc_start_main) real;
	void *found = dlsym(RTLD_NEXT, "__libc_start_main");

	memcpy(&real, &found, sizeof(real));
	its_main = main;
	return real(begin, argc, argv, init, fini, rtld_fini, stack_end);
}

__attribute__((destructor)) static void end(void)
{
	if (at && asked >= at && write(tell, "denied", 6) != 6)
		_exit(99);
}

static bool denied(void)
{
	if (!at || ++asked < at || asked >= at + times)
		return false;
	errno = ENOMEM;
	return true;
}

/* glibc's own names of them: https://sourceware.org/glibc/manual/ (Replacing malloc). */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size)
{
	return denied() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return denied() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	return denied() ? NULL : __libc_realloc(old, size);
}
