#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

// Go's runtime reserves up to 1.4 GB of addresses before its first line runs, and ends with a stack trace if it cannot; later, a thread that
// cannot be started ends the process. This runs before it.
enum { least_megabytes = 1536, scarce_megabytes = 8192 };

__attribute__((constructor)) static void check_address_space(void) {
	struct rlimit limit;
	if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >> 20 >= scarce_megabytes) return;
#ifdef M_ARENA_MAX
	mallopt(M_ARENA_MAX, 1); // otherwise glibc reserves 64 MB for each thread
#endif
	if (limit.rlim_cur >> 20 >= least_megabytes) return;
	char text[256];
	int n = snprintf(text, sizeof text,
	                 "imgsearch: error: the address space is limited to %llu MB, and imgsearch needs %d MB, even if it uses little of it\n"
	                 "hint: raise the limit with ulimit -v; --max-memory bounds the memory that indexing uses\n",
	                 (unsigned long long)(limit.rlim_cur >> 20), least_megabytes);
	if (write(STDERR_FILENO, text, n) < 0) _exit(1);
	_exit(1);
}
