package search

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/words"
)

// collect puts a search's hits into a folder, as copies or as links: names kept behind the rank, so that the folder sorts as
// the hits do, and what belongs to a photo named as it is. Nothing is ever overwritten; what is there already, the same, is left.
type collect struct {
	p    *cli.Program
	dir  string
	link bool
}

// checkCollect refuses what does not go with --copy-to and --link-to.
func (o *options) checkCollect() error {
	switch {
	case o.copyTo == "" && o.linkTo == "" && o.noTwins && o.given("no-twins"):
		return cli.Usage("it belongs to --copy-to and --link-to", "--no-twins without them")
	case o.copyTo == "" && o.linkTo == "":
		return nil
	case o.copyTo != "" && o.linkTo != "":
		return cli.Usage("give one of them", "--copy-to and --link-to")
	case o.queries != "":
		return cli.Usage("they belong to a single query", "--queries with --copy-to or --link-to")
	}
	return nil
}

// collectHits does what --copy-to and --link-to ask for. A file that cannot be put there is told, and the exit code is that of
// unreadable files.
func (s *session) collectHits(ctx context.Context, hits []query.Hit) error {
	dir := s.copyTo + s.linkTo // one of them
	if dir == "" || len(hits) == 0 {
		return nil
	}
	var companions map[string][]string
	if !s.noTwins {
		var err error
		if companions, err = s.engine.Companions(ctx, hits); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return cli.Usage("give a folder that can be made", "%w", err)
	}
	c := collect{s.p, dir, s.linkTo != ""}
	width := max(2, len(strconv.Itoa(len(hits)+s.offset)))
	var sum collected
	for i, h := range hits {
		rank := fmt.Sprintf("%0*d-", width, i+1+s.offset)
		if err := c.putGroup(h.Path, companions[h.Path], rank, &sum); err != nil {
			return err
		}
	}
	verb := "copied"
	if c.link {
		verb = "linked"
	}
	text := fmt.Sprintf("%s %s to %s", verb, english.Count(sum.photos, "photo"), words.Path(dir))
	if sum.companions > 0 {
		text += fmt.Sprintf(", and %s of theirs (raw twins, sidecars)", english.Count(sum.companions, "file"))
	}
	if sum.there > 0 {
		text += fmt.Sprintf("; %d were there already", sum.there)
	}
	s.p.Notef("%s", text)
	if sum.failed > 0 {
		return cli.Quiet(words.Unreadable)
	}
	return nil
}

// collected counts what was put there, what was there already, and what could not be.
type collected struct{ photos, companions, there, failed int }

// putGroup puts a photo there, and what belongs to it under the same name. The error is that of a disk that is full.
func (c collect) putGroup(photo string, companions []string, rank string, sum *collected) error {
	name, isThere, err := c.put(photo, rank+filepath.Base(photo))
	if err := c.count(photo, isThere, err, &sum.photos, sum); err != nil || name == "" {
		return err
	}
	ext := filepath.Ext(photo)
	stem, named := strings.TrimSuffix(filepath.Base(photo), ext), strings.TrimSuffix(name, ext)
	for _, path := range companions {
		base := filepath.Base(path)
		as := rank + base
		if len(base) >= len(stem) && strings.EqualFold(base[:len(stem)], stem) {
			as = named + base[len(stem):]
		}
		_, isThere, err := c.put(path, as)
		if err := c.count(path, isThere, err, &sum.companions, sum); err != nil {
			return err
		}
	}
	return nil
}

// count counts what became of a file, and tells of one that could not be put there.
func (c collect) count(path string, isThere bool, err error, done *int, sum *collected) error {
	switch {
	case err == nil && isThere:
		sum.there++
	case err == nil:
		*done++
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("copy to %q: %w", c.dir, err)
	default:
		sum.failed++
		c.p.Warnf("%s: %v", words.Path(path), fserr.Cause(err))
	}
	return nil
}

// maxTries bounds the numbers that are tried behind a name that is taken.
const maxTries = 1000

// put puts a file there, and returns the name that it has; isThere tells that it was already.
func (c collect) put(from, name string) (as string, isThere bool, err error) {
	abs, err := filepath.Abs(from)
	if err != nil {
		return "", false, err
	}
	base, ext := strings.TrimSuffix(name, filepath.Ext(name)), filepath.Ext(name)
	for n := 1; n < maxTries; n++ {
		if as = name; n > 1 {
			as = fmt.Sprintf("%s (%d)%s", base, n, ext)
		}
		to := filepath.Join(c.dir, as)
		if c.link {
			err = os.Symlink(abs, to)
		} else {
			err = copyNew(abs, to)
		}
		if err == nil {
			return as, false, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", false, err
		}
		if c.isThere(abs, to) {
			return as, true, nil
		}
	}
	return "", false, fmt.Errorf("%s and %d names like it are taken", name, maxTries)
}

// isThere tells whether a name that is taken is what would be put there.
func (c collect) isThere(from, to string) bool {
	if c.link {
		target, err := os.Readlink(to)
		return err == nil && target == from
	}
	return sameBytes(from, to)
}

// copyNew copies a file to a name that must be free, with its times. What cannot be finished is removed.
func copyNew(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm()|0o200)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, out.Close()); err != nil {
			os.Remove(to)
			return
		}
		err = os.Chtimes(to, info.ModTime(), info.ModTime())
	}()
	_, err = io.Copy(out, in)
	return err
}

// sameBytes compares two files.
func sameBytes(a, b string) bool {
	x, err := os.Open(a)
	if err != nil {
		return false
	}
	defer x.Close()
	y, err := os.Open(b)
	if err != nil {
		return false
	}
	defer y.Close()
	if p, err := x.Stat(); err == nil {
		if q, err := y.Stat(); err != nil || p.Size() != q.Size() {
			return false
		}
	}
	const block = 1 << 16
	p, q := make([]byte, block), make([]byte, block)
	for {
		n, errX := io.ReadFull(x, p)
		m, errY := io.ReadFull(y, q)
		if n != m || !bytes.Equal(p[:n], q[:m]) {
			return false
		}
		if errX != nil || errY != nil {
			return isEnd(errX) && isEnd(errY)
		}
	}
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
