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
	"unicode/utf8"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/internal/atomicfile"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/regular"
	"github.com/imgsearch/imgsearch/internal/words"
)

// collect copies or links the hits of a search into a folder. Their names start with the rank, so that the folder sorts like the
// hits, and the companions of a photo are named like it. Existing files are never overwritten; identical ones are kept.
type collect struct {
	p    *cli.Program
	dir  string
	link bool
}

// checkCollect rejects options that cannot be combined with --copy-to and --link-to.
func (o *options) checkCollect() error {
	switch {
	case o.copyTo == "" && o.linkTo == "" && o.noTwins && o.given("no-twins"):
		return cli.Usage("add one of them, or omit --no-twins", "--no-twins needs --copy-to or --link-to")
	case o.copyTo == "" && o.linkTo == "":
		return nil
	case o.copyTo != "" && o.linkTo != "":
		return cli.Usage("use only one of them", "--copy-to and --link-to cannot be combined")
	case o.queries != "":
		return cli.Usage("--copy-to and --link-to apply to a single query", "--queries cannot be combined with --copy-to or --link-to")
	}
	return nil
}

// collectHits copies or links the hits for --copy-to and --link-to. It warns of files that fail; the exit code is then that of
// unreadable files.
func (s *session) collectHits(ctx context.Context, hits []query.Hit) error {
	dir := s.copyTo + s.linkTo // one of them
	if dir == "" || len(hits) == 0 {
		return nil
	}
	var companions map[string][]string
	if !s.noTwins {
		err := s.open(ctx)
		if err != nil {
			return err
		}
		if companions, err = s.engine.Companions(ctx, hits); err != nil {
			return err
		}
		s.addBeside(companions)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return cli.Usage("choose a folder that can be created", "create %s: %w", words.Path(dir), fserr.Cause(err))
	}
	atomicfile.Sweep(dir, unfinishedCopy)
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
		text += fmt.Sprintf(", with %s", english.Count(sum.companions, "related file"))
	}
	if sum.there > 0 {
		text += fmt.Sprintf("; %d already existed", sum.there)
	}
	s.p.Notef("%s", text)
	if sum.failed > 0 {
		return cli.Quiet(words.Unreadable)
	}
	return nil
}

// collected counts the photos and companions that were added, the files that existed already, and those that failed.
type collected struct{ photos, companions, there, failed int }

// member is a file of a group and its new name: before precedes the number, after follows it.
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

// group returns a photo and its companions, which are named after it so that programs that look for them by name find them.
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
	shorten(list)
	return list
}

// maxName is the length of the longest file name, in bytes, that all usual file systems store, and maxAfter that of what follows a stem.
const (
	maxName  = 255
	maxAfter = 64
)

// shorten cuts names that would be too long with their rank and number. Names with the same stem keep the same stem.
func shorten(list []member) {
	longest := 0
	for i := range list {
		if m := &list[i]; len(m.after) > maxAfter {
			m.after = prefix(filepath.Ext(m.after), maxAfter)
		}
		longest = max(longest, len(list[i].after))
	}
	room := maxName - longest - len(fmt.Sprintf(" (%d)", maxTries))
	for i := range list {
		list[i].before = prefix(list[i].before, room)
	}
}

// prefix returns at most n bytes of a text, and no part of a character.
func prefix(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// maxTries is the highest number that is tried after a name that is taken.
const maxTries = 1000

// putGroup adds a photo and its companions, all with the same number: the first with which each name is free or already this file.
// It returns an error only if the disk is full.
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
				return nil // do not add companions without their photo
			}
		}
	}
	return nil
}

// fits reports whether a group can use its names with a number, and records which of its files exist already.
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

// put copies or links a file to a name that must be free.
func (c collect) put(from, to string) error {
	if c.link {
		return os.Symlink(from, to)
	}
	return copyNew(from, to)
}

// isThere reports whether the existing file to is what put would create.
func (c collect) isThere(from, to string) bool {
	if c.link {
		target, err := os.Readlink(to)
		return err == nil && target == from
	}
	return sameBytes(from, to)
}

// unfinishedCopy is the name of a copy in the making.
const unfinishedCopy = ".imgsearch-copy-*"

// copyNew copies a file to a name that must be free, with its modification time. A copy has no name until it is complete.
func copyNew(from, to string) error {
	in, err := regular.Open(from, regular.FollowLinks)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := atomicfile.Create(to, atomicfile.Options{Mode: info.Mode().Perm() | 0o200, Unfinished: unfinishedCopy, Swept: true})
	if err != nil {
		return err
	}
	defer out.Abort()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	if err := os.Chtimes(out.Name(), info.ModTime(), info.ModTime()); err != nil {
		return err
	}
	return out.CommitNew()
}

// sameBytes reports whether two files have the same contents.
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
