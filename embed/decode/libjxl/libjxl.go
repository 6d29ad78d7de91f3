// Package libjxl decodes JPEG XL with the system's libjxl, versions 0.7 to 0.11, which is opened when it is first needed. Hostile data may
// crash it: only a child process may call Decode. It must not know what the picture is for.
package libjxl

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/imgsearch/imgsearch/embed/decode/dl"
)

// basicInfo is the beginning of JxlBasicInfo (jxl/codestream_header.h), which is the same in all supported versions.
type basicInfo struct {
	_             int32 // whether it has a container
	width, height uint32
	_             [11]uint32 // from the bits of a sample to the number of colour channels
	extraChannels uint32
	alphaBits     uint32
	_             uint32
	premultiplied int32
	_             [1024]byte // what follows is not used; the library writes it
}

// pixelFormat is JxlPixelFormat (jxl/types.h). The byte order and the alignment of rows are those of the machine, and none.
type pixelFormat struct {
	channels uint32
	dataType int32
	_        int32
	_        uintptr
}

// The constants of jxl/decode.h and jxl/types.h that are used.
const (
	success         = 0
	needImageBuffer = 5
	basicInfoEvent  = 0x40
	fullImageEvent  = 0x1000
	typeUint8       = 2
)

type library struct {
	version    func() uint32
	create     func(memoryManager uintptr) uintptr
	destroy    func(d uintptr)
	subscribe  func(d uintptr, events int32) int32
	setInput   func(d uintptr, data *byte, size uintptr) int32
	closeInput func(d uintptr)
	process    func(d uintptr) int32
	getInfo    func(d uintptr, info *basicInfo) int32
	setBuffer  func(d uintptr, format *pixelFormat, buffer *byte, size uintptr) int32
}

// ErrMissing means that the system has no libjxl, or none of a supported version.
var ErrMissing = errors.New("no libjxl of version 0.7 to 0.11")

var load = sync.OnceValues(func() (*library, error) {
	for _, version := range []string{"0.11", "0.10", "0.9", "0.8", "0.7"} {
		lib, err := dl.Open("jxl", version)
		if err != nil {
			continue
		}
		l := &library{}
		if err := dl.Bind(lib, []dl.Function{
			{Name: "JxlDecoderVersion", To: &l.version},
			{Name: "JxlDecoderCreate", To: &l.create},
			{Name: "JxlDecoderDestroy", To: &l.destroy},
			{Name: "JxlDecoderSubscribeEvents", To: &l.subscribe},
			{Name: "JxlDecoderSetInput", To: &l.setInput},
			{Name: "JxlDecoderCloseInput", To: &l.closeInput},
			{Name: "JxlDecoderProcessInput", To: &l.process},
			{Name: "JxlDecoderGetBasicInfo", To: &l.getInfo},
			{Name: "JxlDecoderSetImageOutBuffer", To: &l.setBuffer},
		}); err != nil {
			continue
		}
		const oldest, newest = 7_000, 12_000
		if v := l.version(); v >= oldest && v < newest {
			return l, nil
		}
	}
	return nil, ErrMissing
})

// Version returns the library's version, such as "0.7.0". The error is ErrMissing.
func Version() (string, error) {
	l, err := load()
	if err != nil {
		return "", err
	}
	v := l.version()
	return fmt.Sprintf("%d.%d.%d", v/1_000_000, v/1000%1000, v%1000), nil
}

// Picture is a decoded picture, upright.
type Picture struct {
	Width, Height int
	// Pix are rows of RGBA without padding, with alpha that is not premultiplied.
	Pix []byte
}

// Decode decodes the first frame of a whole file, of at most maxPixels.
func Decode(data []byte, maxPixels int64) (p Picture, err error) {
	l, err := load()
	if err != nil {
		return p, err
	}
	if len(data) == 0 {
		return p, errors.New("no data")
	}
	d := l.create(0)
	if d == 0 {
		return p, errors.New("libjxl: out of memory")
	}
	defer l.destroy(d)
	// The library keeps these pointers from one call to the next.
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&data[0])
	if l.subscribe(d, basicInfoEvent|fullImageEvent) != success || l.setInput(d, &data[0], uintptr(len(data))) != success {
		return p, errors.New("libjxl refused the data")
	}
	l.closeInput(d)
	for {
		switch status := l.process(d); status {
		case basicInfoEvent:
			if p.Width, p.Height, err = l.size(d, maxPixels); err != nil {
				return p, err
			}
		case needImageBuffer:
			if p.Width == 0 || p.Pix != nil {
				return p, errors.New("libjxl asked for a buffer twice")
			}
			p.Pix = make([]byte, 4*p.Width*p.Height)
			pin.Pin(&p.Pix[0])
			if l.setBuffer(d, &pixelFormat{channels: 4, dataType: typeUint8}, &p.Pix[0], uintptr(len(p.Pix))) != success {
				return p, errors.New("libjxl refused the buffer")
			}
		case fullImageEvent:
			if p.Pix == nil {
				return p, errors.New("libjxl returned no picture")
			}
			return p, nil
		default: // an error, or the data ended
			return p, fmt.Errorf("libjxl returned %d", status)
		}
	}
}

// size returns the picture's size, if it is one that nothing is in doubt about.
func (l *library) size(d uintptr, maxPixels int64) (width, height int, err error) {
	var info basicInfo
	if l.getInfo(d, &info) != success {
		return 0, 0, errors.New("libjxl returned no size")
	}
	extra := uint32(0) // channels other than alpha, such as CMYK's black, change the colours
	if info.alphaBits > 0 {
		extra = 1
	}
	switch {
	case info.premultiplied != 0, info.extraChannels != extra:
		return 0, 0, errors.New("unusual channels")
	case info.width == 0 || info.height == 0 || uint64(info.width)*uint64(info.height) > uint64(maxPixels):
		return 0, 0, fmt.Errorf("%d x %d pixels", info.width, info.height)
	}
	return int(info.width), int(info.height), nil
}
