package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// ReadPaths reads the list of paths of --from: raw bytes, one path per line, or each ended by a NUL byte.
func (p *Program) ReadPaths(from string, nul bool) ([]string, error) {
	in := p.In
	if from != "-" {
		f, err := os.Open(from)
		if err != nil {
			return nil, Usage("use a file with one path per line, or - for standard input", "--from: %w", err)
		}
		defer f.Close()
		in = f
	}
	end := byte('\n')
	if nul {
		end = 0
	}
	var paths []string
	for r := bufio.NewReader(in); ; {
		line, err := r.ReadString(end)
		if p := strings.TrimSuffix(line, string(end)); p != "" {
			if !nul {
				p = strings.TrimSuffix(p, "\r")
			}
			paths = append(paths, p)
		}
		if errors.Is(err, io.EOF) {
			return paths, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read --from: %w", err)
		}
	}
}
