//go:build linux || darwin

package libheif

// #cgo linux LDFLAGS: -ldl
// #include <stdlib.h>
// #include "libheif.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"unsafe"
)

// names returns the file names to try: by the loader's rules; on macOS, which would also look in the current folder, where Homebrew and MacPorts
// install the library.
func names() []string {
	if runtime.GOOS == "darwin" {
		return []string{"/opt/homebrew/lib/libheif.1.dylib", "/usr/local/lib/libheif.1.dylib", "/opt/local/lib/libheif.1.dylib"}
	}
	return []string{"libheif.so.1"}
}

var open = sync.OnceValue(func() bool {
	for _, name := range names() {
		cName := C.CString(name)
		ok := C.imgsearch_heif_open(cName)
		C.free(unsafe.Pointer(cName))
		if ok != 0 {
			return true
		}
	}
	return false
})

// Version returns the library's version, or "" if there is none.
func Version() string {
	if !open() {
		return ""
	}
	return C.GoString(C.imgsearch_heif_version())
}

// Decode decodes the picture of a whole file, turns it upright and hands it to use. The rows are valid during the call.
func Decode(data []byte, use func(Picture) error) error {
	if len(data) == 0 || !open() {
		return ErrMissing
	}
	var out C.struct_imgsearch_heif
	ok := C.imgsearch_heif_decode(unsafe.Pointer(&data[0]), C.size_t(len(data)), &out) //nolint:gocritic // the call keeps no pointer
	if out.image != nil {
		defer C.imgsearch_heif_release(out.image)
	}
	if ok == 0 {
		return errors.New(C.GoString(&out.error[0]))
	}
	p := Picture{Width: int(out.width), Height: int(out.height), Stride: int(out.stride), Channels: 3}
	if out.alpha != 0 {
		p.Channels = 4
	}
	if p.Width <= 0 || p.Height <= 0 || p.Stride < p.Width*p.Channels || out.pixels == nil {
		return fmt.Errorf("libheif returned %d x %d pixels", p.Width, p.Height)
	}
	p.Pix = unsafe.Slice((*byte)(out.pixels), p.Stride*(p.Height-1)+p.Width*p.Channels)
	return use(p)
}
