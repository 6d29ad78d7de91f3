//go:build linux || darwin

// Package libheif decodes HEIC and HEIF with the system's libheif, if there is one. The library is opened when the first
// picture needs it, never earlier: a search must not wait for it, nor crash with it.
// It must not know what the picture is for.
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

// names returns the file names to try: by the loader's rules, and where Homebrew installs the library.
func names() []string {
	if runtime.GOOS == "darwin" {
		return []string{"/opt/homebrew/lib/libheif.1.dylib", "/usr/local/lib/libheif.1.dylib", "libheif.1.dylib"}
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

// ErrMissing means that the system has no libheif.
var ErrMissing = errors.New("no libheif")

// Version returns the library's version, or "" if there is none.
func Version() string {
	if !open() {
		return ""
	}
	return C.GoString(C.imgsearch_heif_version())
}

// Decode decodes the picture of a whole file and turns it upright. Its rows have no padding; a pixel has three bytes, RGB,
// or four, RGBA with alpha that is not premultiplied.
func Decode(data []byte) (pix []byte, width, height int, alpha bool, err error) {
	if len(data) == 0 || !open() {
		return nil, 0, 0, false, ErrMissing
	}
	var out C.struct_imgsearch_heif
	ok := C.imgsearch_heif_decode(unsafe.Pointer(&data[0]), C.size_t(len(data)), &out) //nolint:gocritic // the call keeps no pointer
	if out.image != nil {
		defer C.imgsearch_heif_release(out.image)
	}
	if ok == 0 {
		return nil, 0, 0, false, errors.New(C.GoString(&out.error[0]))
	}
	w, h, stride, channels := int(out.width), int(out.height), int(out.stride), 3
	if out.alpha != 0 {
		channels = 4
	}
	if w <= 0 || h <= 0 || stride < w*channels || out.pixels == nil {
		return nil, 0, 0, false, fmt.Errorf("libheif returned %d x %d pixels", w, h)
	}
	pix = make([]byte, w*h*channels)
	rows := unsafe.Slice((*byte)(out.pixels), stride*(h-1)+w*channels)
	for y := range h {
		copy(pix[y*w*channels:(y+1)*w*channels], rows[y*stride:])
	}
	return pix, w, h, channels == 4, nil
}
