// Package socket opens Unix sockets that only this user can connect to, and connects to them. It must not know what is said over them.
package socket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/private"
)

// MaxPath is the length, in bytes, of the longest path of a socket that all systems take.
const MaxPath = 100

var (
	// ErrLong means that a path is longer than MaxPath.
	ErrLong = fmt.Errorf("the path is longer than %d bytes", MaxPath)
	// ErrNotSocket means that the path exists and is not a socket.
	ErrNotSocket = errors.New("it exists and is not a socket")
	// ErrInUse means that a program answers at the socket.
	ErrInUse = errors.New("it is in use")
	// ErrForeign means that a program of another user answers at the socket.
	ErrForeign = errors.New("a program of another user answers there")
)

// Listen opens a socket that only this user can connect to. One that a dead process has left is replaced.
func Listen(ctx context.Context, path string) (net.Listener, error) {
	if len(path) > MaxPath {
		return nil, ErrLong
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fserr.Cause(err)
	case info.Mode().Type() != fs.ModeSocket:
		return nil, ErrNotSocket
	default:
		if c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", path); err == nil {
			_ = c.Close()
			return nil, ErrInUse
		}
		if err := os.Remove(path); err != nil {
			return nil, fserr.Cause(err)
		}
	}
	defer onlyMine()()
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, Cause(err)
	}
	if err := os.Chmod(path, 0o600); err != nil { // not executable, which says nothing about a socket
		_ = l.Close()
		return nil, fserr.Cause(err)
	}
	return l, nil
}

// Cause returns an error of the network without the operation and the address, which are said already.
func Cause(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		if system, ok := errors.AsType[*os.SyscallError](op.Err); ok {
			return system.Err
		}
		return op.Err
	}
	return err
}

// Dial connects to a socket of this user. It refuses one at which a program of another user answers, and works only where the system says who that is.
func Dial(ctx context.Context, path string) (net.Conn, error) {
	if len(path) > MaxPath {
		return nil, ErrLong
	}
	if err := private.Check(path); err != nil {
		return nil, err
	}
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err != nil {
		return nil, Cause(err)
	}
	u, ok := c.(*net.UnixConn)
	if !ok || !isMine(u) {
		_ = c.Close()
		return nil, ErrForeign
	}
	return c, nil
}
