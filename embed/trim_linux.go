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
*/
import "C"

// trimNative returns memory that native code has freed to the system.
func trimNative() { C.imgsearch_trim() }
