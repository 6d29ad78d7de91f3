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
}

// state is what is known about a library.
type state struct {
	once    sync.Once
	version string
	err     error // the library cannot be used
	deaths  int   // of children, in a row
}

// maxDeaths is the number of children that may die in a row before a library is no longer used: then it is the library, not the files.
const maxDeaths = 3

// idleTime is how long a child waits for the next file before it ends.
const idleTime = time.Minute

// Use sets the program to run as a child, and its arguments.
func (p *Pool) Use(program string, args ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.program, p.args, p.state = program, args, nil
}

// Version returns a library's version. The error says why it cannot be used.
func (p *Pool) Version(library string) (string, error) {
	p.mu.Lock()
	if p.program == "" {
		p.mu.Unlock()
		return "", ErrMissing
	}
	s := p.state[library]
	if s == nil {
		s = &state{}
		if p.state == nil {
			p.state = make(map[string]*state)
		}
		p.state[library] = s
	}
	p.mu.Unlock()
	s.once.Do(func() {
		a, err := p.ask(Job{Library: library})
		p.mu.Lock()
		defer p.mu.Unlock()
		s.version, s.err = a.Version, err
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	return s.version, s.err
}

// errDied means that a child ended without a reply, or replied nonsense.
var errDied = errors.New("the library crashed")

// Decode decodes a picture. On any error, another decoder may try.
func (p *Pool) Decode(j Job) (Picture, error) {
	if _, err := p.Version(j.Library); err != nil {
		return Picture{}, err
	}
	a, err := p.ask(j)
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.state[j.Library]
	switch {
	case s == nil: // another program was set meanwhile
	case !errors.Is(err, errDied):
		s.deaths = 0
	default:
		if s.deaths++; s.deaths == maxDeaths {
			s.err = fmt.Errorf("%w %d times in a row", errDied, maxDeaths)
		}
	}
	return a.Picture, err
}

// ask sends a request to a child that waits, or to a new one.
func (p *Pool) ask(j Job) (reply, error) {
	c, err := p.take()
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

func (p *Pool) take() (*child, error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
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
