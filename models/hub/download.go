package hub

import (
	"context"
	"crypto/sha1" //nolint:gosec // Git names its objects by SHA-1
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/models"
)

// partSuffix marks a file that is not complete or not yet verified.
const partSuffix = ".part"

// download fetches an address into a file, which gets its name once it is complete and verified. It resumes what an
// earlier attempt left, and returns the file's size and SHA-256. It calls got with the bytes received, and with a
// negative number when it discards some.
func (c *Client) download(ctx context.Context, address, dst string, f File, got func(int64)) (ManifestEntry, error) {
	if err := os.MkdirAll(filepath.Dir(dst), 0o700); err != nil {
		return ManifestEntry{}, err
	}
	if info, err := os.Stat(dst); err == nil && info.Mode().IsRegular() { // left by an attempt that was killed
		if entry, err := verify(dst, f); err == nil {
			got(entry.Size)
			return entry, nil
		}
		if err := os.Rename(dst, dst+partSuffix); err != nil {
			return ManifestEntry{}, err
		}
	}
	part := dst + partSuffix
	if info, err := os.Stat(part); err == nil {
		got(info.Size())
	}
	for fresh := false; ; fresh = true {
		var most int64 // a server that keeps restarting the transfer makes no progress
		err := c.retry(ctx, func() (bool, error) {
			_, err := c.continuePart(ctx, address, part, f, got)
			info, statErr := os.Stat(part)
			if statErr != nil || err != nil && info.Size() < most+leastProgress {
				return false, err
			}
			most = info.Size()
			return !errors.Is(err, errDrip), err
		})
		var entry ManifestEntry
		if err == nil {
			entry, err = verify(part, f)
		}
		if err == nil {
			return entry, os.Rename(part, dst)
		}
		if !errors.Is(err, ErrCorrupt) {
			return entry, fmt.Errorf("download %s: %w", f.Path, err)
		}
		// The part may come from another revision, or be damaged: download the whole file again.
		if info, err := os.Stat(part); err == nil {
			got(-info.Size())
		}
		if err := os.Remove(part); err != nil {
			return entry, err
		}
		if fresh {
			return entry, fmt.Errorf("download %s: %w", f.Path, err)
		}
		c.Notify(Restart{f.Path, err})
	}
}

// continuePart makes one request for the missing rest of a part.
func (c *Client) continuePart(ctx context.Context, address, part string, f File, got func(int64)) (progress bool, err error) {
	out, err := os.OpenFile(part, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return false, err
	}
	defer out.Close()
	have, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return false, err
	}
	restart := func() error {
		got(-have)
		have = 0
		if err := out.Truncate(0); err != nil {
			return err
		}
		_, err := out.Seek(0, io.SeekStart)
		return err
	}
	if f.Size >= 0 && have > f.Size {
		if err := restart(); err != nil {
			return false, err
		}
	}
	if f.Size >= 0 && have == f.Size && (have > 0 || f.Size == 0) {
		return true, nil
	}
	resp, cancel, err := c.get(ctx, address, have)
	if err != nil {
		return false, err
	}
	defer cancel()
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return false, fmt.Errorf("%w: %s cannot resume it at byte %d", ErrCorrupt, resp.Request.URL.Host, have)
	case have > 0 && !continues(resp, have):
		if err := restart(); err != nil {
			return false, err
		}
		if resp.StatusCode == http.StatusPartialContent { // a range that was not requested
			return false, &temporaryError{err: fmt.Errorf("%s sent the wrong range: %s", resp.Request.URL.Host, resp.Header.Get("Content-Range"))}
		}
	}
	n, err := c.copyBody(out, resp, cancel, f.limit()-have, got)
	if err != nil {
		return n > 0 && !errors.Is(err, errDrip), err
	}
	if have+n > f.limit() {
		return false, fmt.Errorf("%w: it has more than %d bytes", ErrCorrupt, f.limit())
	}
	if f.Size >= 0 && have+n < f.Size {
		return n > 0, &temporaryError{err: fmt.Errorf("%s ended the transfer after %d of %d bytes", resp.Request.URL.Host, have+n, f.Size)}
	}
	return true, out.Sync()
}

// continues reports whether a response starts where the part ends.
func continues(resp *http.Response, have int64) bool {
	return resp.StatusCode == http.StatusPartialContent && strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", have))
}

// maxFile limits files whose server does not tell their size: the largest weights of published models have 10 GB.
const maxFile = 32 << 30

// limit returns the number of bytes that a file may have.
func (f File) limit() int64 {
	switch {
	case f.Size >= 0:
		return f.Size
	case models.IsSmall(f.Path):
		return models.MaxSmall
	}
	return maxFile
}

// leastRate is the least number of bytes per second, on average over c.Stall, that a server must send: the smallest model would take ten hours.
const leastRate = 1000

// leastProgress is the number of bytes after which the attempts are counted anew.
const leastProgress = 64 << 10

// errDrip means that a server sends almost nothing.
var errDrip = errors.New("the server sends too little")

// copyBody copies at most limit bytes plus one, so that a file that is too long fails its check. It gives up on a server that sends less
// than leastRate during c.Stall.
func (c *Client) copyBody(out io.Writer, resp *http.Response, cancel context.CancelFunc, limit int64, got func(int64)) (n int64, err error) {
	body := io.LimitReader(resp.Body, limit+1)
	window, inWindow := time.Now(), int64(0)
	silence := time.AfterFunc(c.Stall, cancel)
	defer silence.Stop()
	buf := make([]byte, 256<<10)
	for {
		read, readErr := body.Read(buf)
		silence.Reset(c.Stall)
		if read > 0 {
			if _, err := out.Write(buf[:read]); err != nil {
				return n, err // a full disk: retrying does not help
			}
			n += int64(read)
			inWindow += int64(read)
			got(int64(read))
		}
		if errors.Is(readErr, io.EOF) {
			return n, nil
		}
		if took := time.Since(window); took >= c.Stall {
			if float64(inWindow) < leastRate*took.Seconds() {
				return n, &temporaryError{err: fmt.Errorf("%w: %s sent %d bytes in %v", errDrip, resp.Request.URL.Host, inWindow, took.Round(time.Second))}
			}
			window, inWindow = time.Now(), 0
		}
		if readErr != nil {
			return n, &temporaryError{err: fmt.Errorf("transfer from %s: %w", resp.Request.URL.Host, readErr)}
		}
	}
}

// ManifestEntry is a verified file.
type ManifestEntry struct {
	Size   int64
	SHA256 string
}

// verify compares a file with the server's description of it.
func verify(path string, f File) (ManifestEntry, error) {
	in, err := os.Open(path)
	if err != nil {
		return ManifestEntry{}, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return ManifestEntry{}, err
	}
	if !info.Mode().IsRegular() {
		return ManifestEntry{}, fmt.Errorf("%s: %w", path, fs.ErrInvalid)
	}
	if f.Size >= 0 && info.Size() != f.Size {
		return ManifestEntry{}, fmt.Errorf("%w: %d bytes instead of %d", ErrCorrupt, info.Size(), f.Size)
	}
	// Git's object id of a blob is the SHA-1 of this header and the contents.
	object := sha1.New() //nolint:gosec // Git names its objects by SHA-1
	fmt.Fprintf(object, "blob %d\x00", info.Size())
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(sum, object), in); err != nil {
		return ManifestEntry{}, err
	}
	entry := ManifestEntry{Size: info.Size(), SHA256: hex.EncodeToString(sum.Sum(nil))}
	if f.SHA256 != "" && entry.SHA256 != f.SHA256 {
		return entry, fmt.Errorf("%w: its SHA-256 is %s instead of %s", ErrCorrupt, entry.SHA256, f.SHA256)
	}
	if id := hex.EncodeToString(object.Sum(nil)); f.GitSHA1 != "" && id != f.GitSHA1 {
		return entry, fmt.Errorf("%w: its Git object id is %s instead of %s", ErrCorrupt, id, f.GitSHA1)
	}
	return entry, nil
}
