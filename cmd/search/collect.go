package search

import (
	"bytes"
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
// the hits do. Nothing is ever overwritten; what is there already, the same, is left.
type collect struct {
	p    *cli.Program
	dir  string
	link bool
}

// checkCollect refuses what does not go with --copy-to and --link-to.
func (o *options) checkCollect() error {
	switch {
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
func (s *session) collectHits(hits []query.Hit) error {
	dir := s.copyTo + s.linkTo // one of them
	if dir == "" || len(hits) == 0 {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return cli.Usage("give a folder that can be made", "%w", err)
	}
	c := collect{s.p, dir, s.linkTo != ""}
	width := max(2, len(strconv.Itoa(len(hits)+s.offset)))
	failed, done, there := 0, 0, 0
	for i, h := range hits {
		name := fmt.Sprintf("%0*d-%s", width, i+1+s.offset, filepath.Base(h.Path))
		isThere, err := c.put(h.Path, name)
		switch {
		case err == nil && isThere:
			there++
		case err == nil:
			done++
		case errors.Is(err, syscall.ENOSPC):
			return fmt.Errorf("copy to %q: %w", dir, err)
		default:
			failed++
			s.p.Warnf("%s: %v", words.Path(h.Path), fserr.Cause(err))
		}
	}
	verb := "copied"
	if c.link {
		verb = "linked"
	}
	text := fmt.Sprintf("%s %s to %s", verb, english.Count(done, "photo"), words.Path(dir))
	if there > 0 {
		text += fmt.Sprintf("; %d were there already", there)
	}
	s.p.Notef("%s", text)
	if failed > 0 {
		return cli.Quiet(words.Unreadable)
	}
	return nil
}

// maxTries bounds the numbers that are tried behind a name that is taken.
const maxTries = 1000

// put puts a file there; isThere tells that it was already.
func (c collect) put(from, name string) (isThere bool, err error) {
	abs, err := filepath.Abs(from)
	if err != nil {
		return false, err
	}
	base, ext := strings.TrimSuffix(name, filepath.Ext(name)), filepath.Ext(name)
	for n := 1; n < maxTries; n++ {
		to := filepath.Join(c.dir, name)
		if n > 1 {
			to = filepath.Join(c.dir, fmt.Sprintf("%s (%d)%s", base, n, ext))
		}
		if c.link {
			err = os.Symlink(abs, to)
		} else {
			err = copyNew(abs, to)
		}
		if !errors.Is(err, fs.ErrExist) {
			return false, err
		}
		if c.isThere(abs, to) {
			return true, nil
		}
	}
	return false, fmt.Errorf("%s and %d names like it are taken", name, maxTries)
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
