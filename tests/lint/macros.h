/* macros.h - for cppcheck, which does not read the headers of other projects: what
 * their macros with a syntax of their own come down to. */
#define HASH_ITER(hh, head, el, tmp)   for (el = head; el; el = el->hh.next)
#define DL_FOREACH(head, el)	       for (el = head; el; el = el->next)
#define DL_FOREACH_SAFE(head, el, tmp) for (el = head; el; el = el->next)
