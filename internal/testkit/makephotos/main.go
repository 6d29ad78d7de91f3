// Command makephotos writes generated pictures for trying out the program: makephotos DIR N.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/imgsearch/imgsearch/internal/testkit"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "makephotos:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: makephotos DIR N")
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	for i := range n {
		name := filepath.Join(args[0], fmt.Sprintf("%d", 2020+i%3), fmt.Sprintf("photo %03d.jpg", i))
		data, err := testkit.Encode(name, testkit.Picture(i, 320, 240))
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
