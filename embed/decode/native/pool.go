package native

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Pool starts children when they are needed and keeps them for the next files. It is safe for concurrent use; there are as
// many children as there are concurrent calls. The zero value has no program to run: no library is available.
type Pool struct {
	mu      sync.Mutex
	program string
	args    []string
	idle    []*child
	state   map[string]*state
	givenUp func(library string)
	told    map[string]bool // the libraries that givenUp was called for
}

// state is what is known about a library.
type state struct {
	version string
	missing error
	deaths  int       // of children, in a row
	until   time.Time // when it may be tried again after too many
}

// maxDeaths is the number of files in a row whose children may die before a library is given up for restTime: then it is the library, not the files.
const (
	maxDeaths = 3
	restTime  = 10 * time.Minute
)

// idleTime is how long a child waits for the next file before it ends.
const idleTime = time.Minute

// Use sets the program to run as a child, and its arguments.
func (p *Pool) Use(program string, args ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.program, p.args, p.state = program, args, nil
}

// OnGivenUp sets what to call, once for each library, when it is given up.
func (p *Pool) OnGivenUp(call func(library string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.givenUp, p.told = call, nil
}

// ErrNoChild means that no child process could be started.
var ErrNoChild = errors.New("a child process cannot be started")

// errDied means that a child ended without a reply, or replied nonsense.
var errDied = errors.New("decoding it crashes, hangs or takes too much memory")

// Version returns a library's version. The error says why it cannot be used.
func (p *Pool) Version(library string) (string, error) {
	if version, known, err := p.known(library); known {
		return version, err
	}
	a, err := p.do(Job{Library: library})
	return a.Version, err
}

// known returns what is known about a library without asking a child.
func (p *Pool) known(library string) (version string, known bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.state[library]
	switch {
	case p.program == "":
		return "", true, ErrMissing
	case s == nil:
		return "", false, nil
	case s.missing != nil:
		return "", true, s.missing
	case time.Now().Before(s.until):
		return "", true, fmt.Errorf("%w %d times in a row", errDied, maxDeaths)
	}
	return s.version, s.version != "", nil
}

// Decode decodes a picture. On any error, another decoder may try.
func (p *Pool) Decode(j Job) (Picture, error) {
	if _, err := p.Version(j.Library); err != nil && !j.Last {
		return Picture{}, err
	}
	a, err := p.do(j)
	return a.Picture, err
}

// do sends a request to a child. If the child dies, a fresh one gets the request once more, since it may have been killed by something else.
func (p *Pool) do(j Job) (reply, error) {
	a, err := p.ask(j, false)
	if errors.Is(err, errDied) {
		a, err = p.ask(j, true)
	}
	if errors.Is(err, ErrNoChild) || j.Last {
		return a, err
	}
	p.mu.Lock()
	s := p.state[j.Library]
	if s == nil {
		if p.state == nil {
			p.state = make(map[string]*state)
		}
		s = &state{}
		p.state[j.Library] = s
	}
	var tell func(string)
	switch {
	case errors.Is(err, ErrMissing):
		s.missing = err
	case errors.Is(err, errDied):
		if s.deaths++; s.deaths >= maxDeaths {
			s.deaths, s.until = 0, time.Now().Add(restTime)
			if !p.told[j.Library] {
				tell = p.givenUp
				if p.told == nil {
					p.told = make(map[string]bool)
				}
				p.told[j.Library] = true
			}
		}
	default:
		s.deaths = 0
		if err == nil {
			s.version = a.Version
		}
	}
	p.mu.Unlock()
	if tell != nil {
		tell(j.Library)
	}
	return a, err
}

// ask sends a request to a child that waits, or to a new one.
func (p *Pool) ask(j Job, fresh bool) (reply, error) {
	c, err := p.take(fresh)
	if err != nil {
		return reply{}, err
	}
	a, err := c.ask(j)
	if errors.Is(err, errDied) {
		c.end()
		return a, err
	}
	p.giveBack(c)
	return a, err
}

func (p *Pool) take(fresh bool) (*child, error) {
	p.mu.Lock()
	if p.program == "" {
		p.mu.Unlock()
		return nil, ErrNoChild
	}
	if n := len(p.idle); n > 0 && !fresh {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		c.timer.Stop()
		return c, nil
	}
	program, args := p.program, p.args
	p.mu.Unlock()
	return start(program, args)
}

func (p *Pool) giveBack(c *child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, c)
	c.timer = time.AfterFunc(idleTime, func() { p.retire(c) })
}

// retire ends a child if it still waits.
func (p *Pool) retire(c *child) {
	p.mu.Lock()
	i := slices.Index(p.idle, c)
	if i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
	p.mu.Unlock()
	if i >= 0 {
		c.end()
	}
}

// Close ends the children that wait.
func (p *Pool) Close() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, c := range idle {
		c.timer.Stop()
		c.end()
	}
}
