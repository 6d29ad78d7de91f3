package cli

import (
	"math"

	"github.com/dustin/go-humanize"
)

// ParseMemory returns the size of --max-memory in bytes; "" is 0. Its errors are usage errors.
func ParseMemory(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := humanize.ParseBytes(text)
	if err != nil || n == 0 || n > math.MaxInt64 {
		return 0, Usage("use a size such as 1GB or 800MiB", "invalid value for --max-memory: %q", text)
	}
	return int64(n), nil
}
