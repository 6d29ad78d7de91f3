//go:build unix

// Package crash crashes in native code, for tests. It must not know who is watching.
package crash

/*
#cgo LDFLAGS: -lpthread
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *die(void *unused) { abort(); return unused; }
static void die_in_thread(void) {
	pthread_t t;
	pthread_create(&t, 0, die, 0);
	pthread_join(t, 0);
}
static void die_reading(void) {
	char *volatile nowhere = (char *)16;
	write(2, "", strlen(nowhere));
}
*/
import "C"

// Abort calls abort.
func Abort() { C.abort() }

// AbortInThread calls abort in a thread that Go did not make.
func AbortInThread() { C.die_in_thread() }

// Segfault makes the C library read an unmapped address.
func Segfault() { C.die_reading() }
