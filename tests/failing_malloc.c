/* Loaded before a program, this lets one allocation of chosen libraries fail, or all from one on. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

enum { MOST = 64 };
static uintptr_t first[MOST], end[MOST];
static int ranges;
static atomic_long seen;
static long wanted = -1; /* the allocation that fails; -1: none */
static int for_good;     /* and all after it */

void failing_malloc_range(uintptr_t from, uintptr_t to)
{
    if (ranges == MOST) return;
    first[ranges] = from;
    end[ranges++] = to;
}

void failing_malloc_arm(long which, int all_after)
{
    atomic_store(&seen, 0);
    for_good = all_after;
    wanted = which;
}

/* How many allocations there were since `arm`. */
long failing_malloc_disarm(void)
{
    wanted = -1;
    return atomic_load(&seen);
}

static int fails(void *caller)
{
    long at;
    int k;
    if (wanted < 0) return 0;
    for (k = 0; k < ranges; ++k) {
        if ((uintptr_t)caller < first[k] || (uintptr_t)caller >= end[k]) continue;
        at = atomic_fetch_add(&seen, 1);
        if (at != wanted && !(for_good && at > wanted)) return 0;
        errno = ENOMEM;
        return 1;
    }
    return 0;
}

void *malloc(size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *const made = fails(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
    if (made == NULL) return ENOMEM;
    *out = made;
    return 0;
}
