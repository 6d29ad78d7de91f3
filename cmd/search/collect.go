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
		return cli.Usage("add --copy-to or --link-to", "--no-twins without --copy-to or --link-to")
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
		s.addBeside(companions)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return cli.Usage("give a folder that can be made", "%w", err)
	}
	c := collect{s.p, dir, s.linkTo != ""}
	width := max(2, len(strconv.Itoa(len(hits)+s.offset)))
	var sum collected
	for i, h := range hits {
		rank := fmt.Sprintf("%0*d-", width, i+1+s.offset)
		if err := c.putGroup(group(h.Path, companions[h.Path], rank), &sum); err != nil {
			return err
		}
	}
	verb := "copied"
	if c.link {
		verb = "linked"
	}
	text := fmt.Sprintf("%s %s to %s", verb, english.Count(sum.photos, "photo"), words.Path(dir))
	if sum.companions > 0 {
		text += fmt.Sprintf(", and %s that belong to them", english.Count(sum.companions, "file"))
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

// member is a file of a group, and the name that it gets: before is put in front of a number, after behind it.
type member struct {
	path, before, after string
	isThere             bool
}

func (m member) name(number int) string {
	if number == 1 {
		return m.before + m.after
	}
	return fmt.Sprintf("%s (%d)%s", m.before, number, m.after)
}

// group is a photo and what belongs to it, which is named after it: what looks for it by its name finds it.
func group(photo string, companions []string, rank string) []member {
	ext := filepath.Ext(photo)
	stem := strings.TrimSuffix(filepath.Base(photo), ext)
	list := []member{{path: photo, before: rank + stem, after: ext}}
	for _, path := range companions {
		base := filepath.Base(path)
		if len(base) >= len(stem) && strings.EqualFold(base[:len(stem)], stem) {
			list = append(list, member{path: path, before: rank + stem, after: base[len(stem):]})
			continue
		}
		ext := filepath.Ext(base)
		list = append(list, member{path: path, before: rank + strings.TrimSuffix(base, ext), after: ext})
	}
	return list
}

// maxTries bounds the numbers that are tried behind names that are taken.
const maxTries = 1000

// putGroup puts a photo and what belongs to it there, all under the same number: the first under which each name is free or is this file
// already. The error is that of a disk that is full.
func (c collect) putGroup(files []member, sum *collected) error {
	number := 1
	for ; number < maxTries && !c.fits(files, number); number++ {
	}
	for i, m := range files {
		done := &sum.photos
		if i > 0 {
			done = &sum.companions
		}
		if m.isThere {
			sum.there++
			continue
		}
		err := c.put(m.path, filepath.Join(c.dir, m.name(number)))
		switch {
		case err == nil:
			*done++
		case errors.Is(err, syscall.ENOSPC):
			return fmt.Errorf("copy to %q: %w", c.dir, err)
		default:
			sum.failed++
			c.p.Warnf("%s: %v", words.Path(m.path), fserr.Cause(err))
			if i == 0 {
				return nil // what belongs to it would stand alone
			}
		}
	}
	return nil
}

// fits reports whether a group may have its names under a number, and notes which of its files have them already.
func (c collect) fits(files []member, number int) bool {
	for i := range files {
		m := &files[i]
		to := filepath.Join(c.dir, m.name(number))
		if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			m.isThere = false
			continue
		}
		if m.isThere = c.isThere(m.path, to); !m.isThere {
			return false
		}
	}
	return true
}

// put puts a file there, under a name that must be free.
func (c collect) put(from, to string) error {
	if c.link {
		return os.Symlink(from, to)
	}
	return copyNew(from, to)
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
