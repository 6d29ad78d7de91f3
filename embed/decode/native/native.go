// Package native decodes pictures with the system's libraries in child processes, because hostile files may crash libraries that are
// written in C. A child serves one file at a time, and many files one after another; when it dies, it costs the file's decoder only: the caller
// tries the next one. Requests and replies are a line of JSON, followed by bytes. It must not know file formats.
package native

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/internal/caught"
)

// Command is the hidden subcommand that a child runs.
const Command = "decode-pictures"

// Picture is a decoded picture.
type Picture struct {
	// Width and Height are its size in pixels, as stored.
	Width  int `json:"width"`
	Height int `json:"height"`
	// Scale is the number of pixels, in each direction, that are one pixel of Pix. The last column and row may stand for fewer.
	Scale int `json:"scale"`
	// Orientation is EXIF's 1 to 8.
	Orientation int `json:"orientation"`
	// Pix are rows of RGB without padding, of Size.
	Pix []byte `json:"-"`
}

// Size returns the number of columns and rows in Pix.
func (p Picture) Size() (columns, rows int) {
	return (p.Width + p.Scale - 1) / p.Scale, (p.Height + p.Scale - 1) / p.Scale
}

// maxSide bounds a picture's sides, so that their product cannot overflow.
const maxSide = 1 << 28

// check reports whether a child's reply makes sense: a library that was taken over by a hostile file may reply anything.
func (p Picture) check(size, maxPixels int64) error {
	if p.Width <= 0 || p.Height <= 0 || p.Width > maxSide || p.Height > maxSide || p.Scale < 1 || p.Scale > 8 || p.Orientation < 1 || p.Orientation > 8 {
		return errors.New("damaged reply")
	}
	columns, rows := p.Size()
	if n := int64(columns) * int64(rows); n > maxPixels || size != 3*n {
		return errors.New("damaged reply")
	}
	return nil
}

// ScaleFor returns the largest of 8, 4, 2 and 1 that leaves a short side of at least minShort pixels; 1 if minShort is 0.
func ScaleFor(width, height, minShort int) int {
	for scale := 8; scale > 1; scale /= 2 {
		if minShort > 0 && min(width, height)/scale >= minShort {
			return scale
		}
	}
	return 1
}

// Job is what a child should decode.
type Job struct {
	// Library is the name of the library.
	Library string `json:"library"`
	// MinShort is the least short side of the reduced picture; 0: it is not reduced.
	MinShort int `json:"min_short,omitempty"`
	// MaxPixels limits the number of pixels.
	MaxPixels int64 `json:"max_pixels,omitempty"`
	// Memory limits the child's memory in bytes, in addition to what it already has; 0: no limit.
	Memory int64 `json:"memory,omitempty"`
	// TimeLimit is how long the child may take; 0: many times what a slow machine needs.
	TimeLimit time.Duration `json:"time_limit,omitempty"`
	// Last says that no other decoder follows: the library is never given up.
	Last bool `json:"-"`
	// Data is the file. Without it, the child replies with the library's version.
	Data []byte `json:"-"`
}

// timeLimit is how long a child may take before it counts as hanging.
func (j Job) timeLimit() time.Duration {
	if j.TimeLimit > 0 {
		return j.TimeLimit
	}
	const least, perMegapixel = 30 * time.Second, 3 * time.Second
	return least + time.Duration(j.MaxPixels>>20)*perMegapixel
}

type request struct {
	Job

	Size int64 `json:"size"` // of the data
}

type reply struct {
	Picture

	Version string `json:"version,omitempty"`
	Missing bool   `json:"missing,omitempty"`
	Error   string `json:"error,omitempty"`
	Size    int64  `json:"size"` // of the pixels
}

// ErrMissing means that the system does not have the library.
var ErrMissing = errors.New("the system does not have the library")

// Library is a library that a child decodes with.
type Library struct {
	// Version returns the library's version, or ErrMissing.
	Version func() (string, error)
	Decode  func(j Job) (Picture, error)
}

// maxLine bounds a line of JSON.
const maxLine = 1 << 12

// Serve is the child: it replies to requests until in ends. If in ends during a request, the parent is gone, and quit, which must end the
// process, is called: hanging native code must not survive the parent. It is also called if a request takes longer than its time limit.
func Serve(in io.Reader, out io.Writer, libraries map[string]Library, quit func()) error {
	requests, replied := make(chan request), make(chan struct{})
	failed := make(chan error, 1)
	go func() {
		failed <- receive(in, requests, replied, quit)
		close(requests)
	}()
	limit := newMemoryLimit()
	for q := range requests {
		late := time.AfterFunc(q.timeLimit()+overtime, quit)
		limit.set(q.Memory)
		a := q.answer(libraries)
		limit.set(0)
		late.Stop()
		if err := send(out, a, a.Pix); err != nil {
			return err
		}
		replied <- struct{}{}
	}
	return <-failed
}

// overtime is how much longer than its parent a child waits before it ends itself.
const overtime = 10 * time.Second

// receive reads requests and hands them on, one after another.
func receive(in io.Reader, requests chan<- request, replied <-chan struct{}, quit func()) error {
	r := bufio.NewReaderSize(in, maxLine)
	var buf []byte
	for {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		var q request
		if err == nil {
			err = json.Unmarshal(line, &q)
		}
		if err != nil || q.Size < 0 {
			return fmt.Errorf("read a request: %w", err)
		}
		if int64(cap(buf)) < q.Size {
			buf = make([]byte, q.Size)
		}
		q.Data = buf[:q.Size]
		if _, err := io.ReadFull(r, q.Data); err != nil {
			return fmt.Errorf("read a request: %w", err)
		}
		requests <- q
		next := make(chan error, 1) // the parent waits for the reply: until then, only the end can come
		go func() {
			_, err := r.Peek(1)
			next <- err
		}()
		select {
		case <-replied:
			if err := <-next; err != nil {
				return ended(err)
			}
		case err := <-next:
			if err != nil {
				quit()
				return err
			}
			<-replied
		}
	}
}

func (q request) answer(libraries map[string]Library) (a reply) {
	lib, ok := libraries[q.Library]
	if !ok {
		return reply{Error: "unknown library", Missing: true}
	}
	version, err := lib.Version()
	if err == nil && len(q.Data) > 0 {
		a.Picture, err = decode(lib, q.Job)
	}
	if err != nil {
		text, _, _ := strings.Cut(err.Error(), "\n")
		return reply{Error: text[:min(len(text), maxLine/4)], Missing: errors.Is(err, ErrMissing)}
	}
	a.Version, a.Size = version, int64(len(a.Pix))
	return a
}

func decode(lib Library, j Job) (p Picture, err error) {
	defer caught.Error(&err)
	return lib.Decode(j)
}

// ended returns nil for the end of the input.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// send writes a line of JSON and bytes.
func send(w io.Writer, head any, data []byte) error {
	line, err := json.Marshal(head)
	if err != nil {
		return err
	}
	if _, err = w.Write(append(line, '\n')); err == nil && len(data) > 0 {
		_, err = w.Write(data)
	}
	return err
}
