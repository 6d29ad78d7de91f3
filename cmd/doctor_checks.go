package cmd

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/fserr"
)

// sampleWebP is one red pixel, lossless: no encoder for the format is among our libraries.
const sampleWebP = "UklGRhwAAABXRUJQVlA4TA8AAAAvAAAAAAcQ/Y/+ByKi/wEA"

// checkDecoders makes a picture in each format and reads it back.
func checkDecoders(_ context.Context, e *examination) {
	webp, err := base64.StdEncoding.DecodeString(sampleWebP)
	if err != nil {
		e.failErr("decoders", err)
		return
	}
	img := image.NewPaletted(image.Rect(0, 0, 8, 8), color.Palette{color.RGBA{255, 0, 0, 255}})
	samples := map[decode.Format][]byte{decode.WebP: webp}
	for format, encode := range map[decode.Format]func(*bytes.Buffer) error{
		decode.JPEG: func(b *bytes.Buffer) error { return jpeg.Encode(b, img, nil) },
		decode.PNG:  func(b *bytes.Buffer) error { return png.Encode(b, img) },
		decode.GIF:  func(b *bytes.Buffer) error { return gif.Encode(b, img, nil) },
		decode.BMP:  func(b *bytes.Buffer) error { return bmp.Encode(b, img) },
		decode.TIFF: func(b *bytes.Buffer) error { return tiff.Encode(b, img, nil) },
	} {
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			e.failErr("decoders", err)
			return
		}
		samples[format] = b.Bytes()
	}
	for format, data := range samples {
		if err := readsRed(format, data); err != nil {
			e.fail("decoders", "the program is broken: please report it", "%s: %v", format, err)
			return
		}
	}
	e.ok("decoders", "JPEG, PNG, GIF, BMP, TIFF and WebP are read; HEIC by %s; AVIF and JPEG XL; camera raw by its previews", decode.HEICDecoder())
}

// readsRed decodes a sample, whose pixels are all red.
func readsRed(format decode.Format, data []byte) error {
	h, err := decode.ReadHeader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	if h.Format != format {
		return fmt.Errorf("it is taken for %s", h.Format)
	}
	m, err := h.Decode(data, 1, 0)
	if err != nil {
		return err
	}
	row := make([]byte, 3*m.Width)
	m.Row(0, row)
	if row[0] < 250 || row[1] > 5 || row[2] > 5 {
		return fmt.Errorf("red is read as %v", row[:3])
	}
	return nil
}

func checkIndex(ctx context.Context, e *examination) {
	at, err := e.app.indexAt()
	if err != nil {
		e.failErr("index", err)
		return
	}
	path := at.Path
	ix, err := at.OpenForReading(ctx)
	if errors.Is(err, store.ErrNoIndex) {
		e.warn("index", hintMakeAnIndex, "there is none yet at %s", path)
		return
	}
	if err != nil {
		e.failErr("index", err)
		return
	}
	defer ix.Close()
	var findings []string
	var schema int
	if checker, ok := ix.(store.Checker); ok {
		if findings, err = checker.Integrity(ctx); err == nil {
			schema, err = checker.Schema(ctx)
		}
		if err != nil {
			e.failErr("index", err)
			return
		}
	}
	if len(findings) > 0 {
		e.fail("index", "`imgsearch doctor --repair` saves what can be read into a new one and keeps this; the photos are not touched by this", "%s is damaged: %s", path, strings.Join(findings, "; "))
		return
	}
	all, err := ix.Models(ctx)
	if err != nil {
		e.failErr("index", err)
		return
	}
	embedded := 0
	if e.model != nil {
		stored, _ := all.ByIdentity(e.model.identity)
		embedded = stored.Embedded
	}
	n, err := ix.Totals(ctx)
	if err != nil {
		e.failErr("index", err)
		return
	}
	switch {
	case n.Pictures > 0 && embedded == 0 && e.model != nil:
		e.warn("index", "run `imgsearch index`", "%s is sound (schema %d), %d pictures, none with vectors of model %s", path, schema, n.Pictures, e.model.spec.Model.Name)
	case embedded < n.Pictures && e.model != nil:
		e.warn("index", "run `imgsearch index`", "%s is sound (schema %d), %d of %d pictures have vectors", path, schema, embedded, n.Pictures)
	default:
		e.ok("index", "%s is sound (schema %d), %d pictures in %d files", path, schema, n.Pictures, n.Files)
	}
	checkPrivate(e, path)
	checkRoots(ctx, e, ix)
}

// checkPrivate sees that nobody else can read what is in the photos.
func checkPrivate(e *examination, path string) {
	info, err := os.Stat(path)
	if err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		e.warn("privacy", "chmod 600 "+path, "others may read the index (mode %o)", info.Mode().Perm())
	}
}

func checkRoots(ctx context.Context, e *examination, ix store.Store) {
	roots, err := ix.Roots(ctx)
	if err != nil {
		e.failErr("roots", err)
		return
	}
	reachable := 0
	for _, r := range roots {
		f, err := os.Open(r.Path)
		if err == nil {
			if _, err = f.Readdirnames(1); errors.Is(err, io.EOF) {
				err = errors.New("it is empty")
			}
			f.Close()
		}
		if err != nil {
			e.warn("roots", rootMend(runtime.GOOS, err), "%s: %v", escapePath(r.Path), fserr.Cause(err))
			continue
		}
		reachable++
	}
	if reachable == len(roots) {
		e.ok("roots", "%s, all reachable", count(len(roots), "folder"))
	}
}

// rootMend says what to do about a root that cannot be read. macOS denies with EPERM what its privacy settings protect.
func rootMend(goos string, err error) string {
	if goos == "darwin" && errors.Is(err, syscall.EPERM) {
		return "System Settings, Privacy & Security, Full Disk Access: allow the program that starts imgsearch (the terminal, or imgsearch itself for launchd and cron)"
	}
	if errors.Is(err, fs.ErrPermission) {
		return "give the user that runs imgsearch the right to read it"
	}
	return "connect its disk, or `imgsearch roots move`, or `imgsearch roots rm`"
}

// checkMaxAge sees that index has gone through lately: a nightly job that fails every night is noticed.
func checkMaxAge(ctx context.Context, e *examination) {
	if e.maxAge == 0 {
		return
	}
	const mend = "run `imgsearch index`, and see why the job does not (docs/scheduling.md)"
	ix, err := e.app.openReadOnly(ctx)
	if err != nil {
		e.fail("age", mend, "no run is on record: %v", err)
		return
	}
	defer ix.Close()
	last, ok, err := ix.LastRun(ctx, true)
	switch {
	case err != nil:
		e.failErr("age", err)
	case !ok:
		e.fail("age", mend, "no run of index has been completed")
	case time.Since(last.StartedAt) > e.maxAge:
		e.fail("age", mend, "the last complete run began %s ago (%s), more than %s", humanTime(time.Since(last.StartedAt)), stamp(last.StartedAt), humanTime(e.maxAge))
	default:
		e.ok("age", "the last complete run began %s ago", humanTime(time.Since(last.StartedAt)))
	}
}

// checkFolders sees that the index's and the cache's folders take files.
func checkFolders(_ context.Context, e *examination) {
	path, err := e.app.indexPath()
	if err != nil {
		return // told by checkIndex
	}
	if err := takesFiles(filepath.Dir(path)); err != nil {
		e.warn("folders", "make it writable, or use --index FILE", "the index's folder: %v", err)
		return
	}
	var errs []error
	for _, dir := range e.app.cacheDirs() {
		if err := takesFiles(dir); err == nil {
			e.ok("folders", "index: %s; cache: %s", filepath.Dir(path), dir)
			return
		} else { //nolint:revive // err belongs to the attempt
			errs = append(errs, err)
		}
	}
	e.warn("folders", "set IMGSEARCH_CACHE to a folder that takes files", "no cache folder: %v", errors.Join(errs...))
}

// takesFiles tells whether a file can be made in dir, or in the nearest folder above that exists; nothing is left.
func takesFiles(dir string) error {
	dir = nearestExisting(dir)
	f, err := os.CreateTemp(dir, ".imgsearch-doctor-*")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}

func nearestExisting(dir string) string {
	for {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			return dir
		}
		dir = up
	}
}

// minFree is the space below which an index run may not end well: 100,000 pictures take some 100 MB.
const minFree = 500 << 20

func checkSpace(_ context.Context, e *examination) {
	path, err := e.app.indexPath()
	if err != nil {
		return // told by checkIndex
	}
	dir := nearestExisting(filepath.Dir(path))
	free, err := freeBytes(dir)
	switch {
	case err != nil:
		e.warn("space", "see the message", "free space of %s: %v", dir, err)
	case free < minFree:
		e.warn("space", hintFreeSomeDisk, "%s free at %s", humanize.IBytes(free), dir)
	default:
		e.ok("space", "%s free at %s", humanize.IBytes(free), dir)
	}
}
