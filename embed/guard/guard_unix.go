//go:build unix && cgo

package guard

/*
#cgo linux LDFLAGS: -ldl
#include "guard.h"
*/
import "C"

import (
	"fmt"
	"os"
	"slices"
	"unsafe"
)

// armed holds the watches; the last one is in force.
var armed []*watch

type watch struct {
	Watch
	trace *os.File
}

func arm(w Watch) (func(), error) {
	a := &watch{Watch: w}
	if w.Trace != "" {
		f, err := os.OpenFile(w.Trace, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return nil, fmt.Errorf("watch for crashes: %w", err)
		}
		a.trace = f
	}
	armed = append(armed, a)
	enforce()
	return func() {
		mu.Lock()
		defer mu.Unlock()
		if i := slices.Index(armed, a); i >= 0 {
			armed = slices.Delete(armed, i, i+1)
			enforce()
			if a.trace != nil {
				a.trace.Close()
			}
		}
	}, nil
}

// enforce hands the last watch to the signal handler.
func enforce() {
	if len(armed) == 0 {
		C.guard_disarm()
		return
	}
	w := armed[len(armed)-1]
	fd := -1
	if w.trace != nil {
		fd = int(w.trace.Fd())
	}
	message, suffix := C.CString(w.Message), C.CString(w.Suffix)
	C.guard_arm(message, suffix, C.int(w.ExitCode), C.int(fd))
	C.free(unsafe.Pointer(message))
	C.free(unsafe.Pointer(suffix))
}
