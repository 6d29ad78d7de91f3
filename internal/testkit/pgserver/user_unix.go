//go:build unix

package pgserver

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// nobody is the user and the group without rights.
const nobody = 65534

// command returns a command of the server's, which runs as a user without rights if the tests run as root.
func (s *Server) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, filepath.Join(s.bin, name), args...)
	c.Dir = s.dir
	c.Env = append(os.Environ(), "HOME="+s.dir, "LC_ALL=C.UTF-8", "TZ=UTC")
	if os.Getuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	return c
}
