package embed

/*
#cgo LDFLAGS: -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>

// glibc keeps freed memory for threads that may need it again; other C libraries have no such function.
static void imgsearch_trim(void) {
	int (*trim)(size_t) = (int (*)(size_t))dlsym(RTLD_DEFAULT, "malloc_trim");
	if (trim != NULL) trim(0);
}

// All threads share what native code has freed. Where each keeps its own, reading text in parallel takes twice the memory, in the same time
// (docs/benchmarks.md#text). glibc heeds this only before the first thread starts. The number is M_ARENA_MAX in its malloc.h.
__attribute__((constructor)) static void imgsearch_share_arena(void) {
	int (*set)(int, int) = (int (*)(int, int))dlsym(RTLD_DEFAULT, "mallopt");
	if (set != NULL) set(-8, 1);
}
*/
import "C"

// Trim returns memory that native code has freed to the system.
func Trim() { C.imgsearch_trim() }
