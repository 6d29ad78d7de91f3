// Package lavc decodes single pictures of HEVC and AV1 with the system's libavcodec, versions 58 to 62 (FFmpeg 4 to 8), which is
// opened when it is first needed. Hostile data may crash it: only a child process may call Open. It must not know file formats.
package lavc

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"github.com/imgsearch/imgsearch/embed/decode/dl"
	"github.com/imgsearch/imgsearch/embed/decode/yuv"
)

// packet and frame are the first fields of AVPacket (libavcodec/packet.h) and AVFrame (libavutil/frame.h), which are the same in all supported versions.
type packet struct {
	_    uintptr  // buffer
	_    [2]int64 // times
	data *byte
	_    int32 // size
}

type frame struct {
	data          [8]*byte
	linesize      [8]int32
	_             uintptr // extended data
	width, height int32
	_             int32 // sound samples
	format        int32
}

// library holds the functions that are used.
type library struct {
	version        uint32
	avcodecVersion func() uint32
	findDecoder    func(name string) uintptr
	allocContext   func(codec uintptr) uintptr
	freeContext    func(ctx *uintptr)
	openContext    func(ctx, codec uintptr, options *uintptr) int32
	packetAlloc    func() *packet
	packetFree     func(p **packet)
	newPacket      func(p *packet, size int32) int32
	packetUnref    func(p *packet)
	send           func(ctx uintptr, p *packet) int32
	receive        func(ctx uintptr, f *frame) int32
	flush          func(ctx uintptr)
	dictSet        func(d *uintptr, key, value string, flags int32) int32
	dictFree       func(d *uintptr)
	frameAlloc     func() *frame
	frameFree      func(f **frame)
	setLogLevel    func(level int32)
	pixelFormat    func(format int32) string
	getInt         func(object uintptr, name string, flags int32, out *int64) int32
}

// The newest and the oldest major version whose first fields are known to be as above.
const newest, oldest = 62, 58

// quiet is AV_LOG_QUIET (libavutil/log.h).
const quiet = -8

// ErrMissing means that the system has no libavcodec, or none of a supported version.
var ErrMissing = errors.New("no libavcodec of version 58 to 62")

var load = sync.OnceValues(func() (*library, error) {
	for v := newest; v >= oldest; v-- {
		l := &library{}
		if err := l.open(v); err != nil {
			continue
		}
		l.version = l.avcodecVersion()
		if int(l.version>>16) != v {
			continue
		}
		l.setLogLevel(quiet)
		return l, nil
	}
	return nil, ErrMissing
})

// open opens libavcodec of a major version, and its libavutil, whose major version is lower by 2 in all supported versions.
func (l *library) open(version int) error {
	util, err := dl.Open("avutil", strconv.Itoa(version-2))
	if err != nil {
		return err
	}
	codec, err := dl.Open("avcodec", strconv.Itoa(version))
	if err != nil {
		return err
	}
	if err := dl.Bind(codec, []dl.Function{
		{Name: "avcodec_version", To: &l.avcodecVersion},
		{Name: "avcodec_find_decoder_by_name", To: &l.findDecoder},
		{Name: "avcodec_alloc_context3", To: &l.allocContext},
		{Name: "avcodec_free_context", To: &l.freeContext},
		{Name: "avcodec_open2", To: &l.openContext},
		{Name: "av_packet_alloc", To: &l.packetAlloc},
		{Name: "av_packet_free", To: &l.packetFree},
		{Name: "av_new_packet", To: &l.newPacket},
		{Name: "av_packet_unref", To: &l.packetUnref},
		{Name: "avcodec_send_packet", To: &l.send},
		{Name: "avcodec_receive_frame", To: &l.receive},
		{Name: "avcodec_flush_buffers", To: &l.flush},
	}); err != nil {
		return err
	}
	return dl.Bind(util, []dl.Function{
		{Name: "av_dict_set", To: &l.dictSet},
		{Name: "av_dict_free", To: &l.dictFree},
		{Name: "av_frame_alloc", To: &l.frameAlloc},
		{Name: "av_frame_free", To: &l.frameFree},
		{Name: "av_log_set_level", To: &l.setLogLevel},
		{Name: "av_get_pix_fmt_name", To: &l.pixelFormat},
		{Name: "av_opt_get_int", To: &l.getInt},
	})
}

// Version returns the library's version, such as "59.37.100". The error is ErrMissing.
func Version() (string, error) {
	l, err := load()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d.%d.%d", l.version>>16, l.version>>8&255, l.version&255), nil
}

// Options say how to decode.
type Options struct {
	// MaxPixels limits the size of a tile, as coded.
	MaxPixels int64
	// SkipLoopFilter leaves out the filters that hide the blocks' edges, which takes a third of the time. The picture should be reduced afterwards.
	SkipLoopFilter bool
}

// Decoder decodes one tile after another. It is not safe for concurrent use.
type Decoder struct {
	lib    *library
	ctx    uintptr
	packet *packet
	frame  *frame
}

// Open opens the decoder of the given name, such as "hevc" or "libdav1d".
func Open(name string, o Options) (*Decoder, error) {
	lib, err := load()
	if err != nil {
		return nil, err
	}
	codec := lib.findDecoder(name)
	if codec == 0 {
		return nil, fmt.Errorf("%w: the library has no decoder %q", ErrMissing, name)
	}
	d := &Decoder{lib: lib, ctx: lib.allocContext(codec), packet: lib.packetAlloc(), frame: lib.frameAlloc()}
	if d.ctx == 0 || d.packet == nil || d.frame == nil {
		d.Close()
		return nil, errors.New("libavcodec: out of memory")
	}
	options := map[string]string{
		"threads": "1", // several pictures are already decoded in parallel
		// A tile with an error is decoded by another library, which may refuse it.
		"err_detect": "explode",
		"max_pixels": strconv.FormatInt(o.MaxPixels, 10),
	}
	if o.SkipLoopFilter {
		options["skip_loop_filter"] = "all"
	}
	var dict uintptr
	for k, v := range options {
		lib.dictSet(&dict, k, v, 0)
	}
	rc := lib.openContext(d.ctx, codec, &dict)
	lib.dictFree(&dict)
	if rc < 0 {
		d.Close()
		return nil, fmt.Errorf("libavcodec: avcodec_open2 returned %d", rc)
	}
	return d, nil
}

// Close frees the decoder.
func (d *Decoder) Close() {
	d.lib.frameFree(&d.frame)
	d.lib.packetFree(&d.packet)
	d.lib.freeContext(&d.ctx)
}

// maxPacket bounds the data of a tile.
const maxPacket = 1 << 30

// Decode decodes the data of one picture, which may be given in several parts. The frame's planes are valid until the next call.
func (d *Decoder) Decode(parts ...[]byte) (f yuv.Frame, err error) {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	if n == 0 || n > maxPacket {
		return f, fmt.Errorf("libavcodec: %d bytes of data", n)
	}
	if rc := d.lib.newPacket(d.packet, int32(n)); rc < 0 {
		return f, fmt.Errorf("libavcodec: av_new_packet returned %d", rc)
	}
	dst := unsafe.Slice(d.packet.data, n)
	for _, p := range parts {
		dst = dst[copy(dst, p):]
	}
	d.lib.flush(d.ctx)
	rc := d.lib.send(d.ctx, d.packet)
	d.lib.packetUnref(d.packet)
	if rc < 0 {
		return f, fmt.Errorf("libavcodec: avcodec_send_packet returned %d", rc)
	}
	d.lib.send(d.ctx, nil) // nothing follows: hold no picture back
	if rc := d.lib.receive(d.ctx, d.frame); rc < 0 {
		return f, fmt.Errorf("libavcodec: avcodec_receive_frame returned %d", rc)
	}
	return d.planes()
}

// planes returns the picture that was received.
func (d *Decoder) planes() (yuv.Frame, error) {
	name := d.lib.pixelFormat(d.frame.format)
	f, err := layout(name)
	if err != nil {
		return f, err
	}
	f.Width, f.Height = int(d.frame.width), int(d.frame.height)
	for i := range f.Planes {
		data, stride := d.frame.data[i], int(d.frame.linesize[i])
		if i > 0 && f.Gray {
			break
		}
		if data == nil || stride <= 0 {
			return f, errors.New("libavcodec: a plane is missing")
		}
		rows := f.Height
		if i > 0 {
			rows = (rows + f.SubY - 1) / f.SubY
		}
		f.Planes[i] = yuv.Plane{Pix: unsafe.Slice(data, stride*rows), Stride: stride}
	}
	return f, nil
}

// layout returns the layout of a pixel format by libavutil's name for it.
func layout(name string) (f yuv.Frame, err error) {
	base := strings.TrimSuffix(name, "le")
	f.Bits, f.SubX, f.SubY = 8, 1, 1
	for _, bits := range []int{10, 12} {
		if b, ok := strings.CutSuffix(base, strconv.Itoa(bits)); ok {
			base, f.Bits = b, bits
		}
	}
	switch base {
	case "yuv420p", "yuvj420p":
		f.SubX, f.SubY = 2, 2
	case "yuv422p", "yuvj422p":
		f.SubX = 2
	case "yuv444p", "yuvj444p":
	case "gray":
		f.Gray = true
	default:
		return f, fmt.Errorf("libavcodec: pixel format %q", name)
	}
	return f, nil
}

// Range is the range of samples that the stream declares.
type Range int64

// The ranges, as in libavutil's AVColorRange.
const (
	Unspecified Range = iota
	Limited
	Full
)

// Color returns what the stream of the last picture says: its range, and its matrix coefficients as in ITU-T H.273.
func (d *Decoder) Color() (r Range, matrix int) {
	var rng, space int64
	if d.lib.getInt(d.ctx, "color_range", 0, &rng) < 0 {
		rng = int64(Unspecified)
	}
	if d.lib.getInt(d.ctx, "colorspace", 0, &space) < 0 {
		space = 2
	}
	if strings.HasPrefix(d.lib.pixelFormat(d.frame.format), "yuvj") {
		rng = int64(Full)
	}
	return Range(rng), int(space)
}
