//go:build !unix

package pgserver

import (
	"context"
	"os/exec"
	"path/filepath"
)

const nobody = 0

func (s *Server) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, filepath.Join(s.bin, name), args...)
}
