// Package man is the command that writes the manual pages. It must not know what the commands do.
package man

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/words"
)

// New makes the command.
func New(p *cli.Program) *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages into a folder",
		Long: `Write the manual pages of all commands, imgsearch.1 and imgsearch-COMMAND.1, into a folder. Packages bring them along.

  imgsearch man ~/.local/share/man/man1 && man imgsearch-search

EXIT STATUS
  0 done; 1 failed; 2 wrong usage`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cli.Usage("give the folder: imgsearch man ~/.local/share/man/man1", "one folder is wanted, %d are given", len(args))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return write(p, c.Root(), args[0])
		},
	}
}

func write(p *cli.Program, root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return cli.Usage("give a folder that can be made", "%s: %w", words.Path(dir), fserr.Cause(err))
	}
	n := 0
	cli.EachCommand(root, func(c *cobra.Command) {
		c.DisableAutoGenTag = true
		c.Long = manualText(c.Long)
		n++
	})
	// SOURCE_DATE_EPOCH gives the date where builds must be the same.
	header := &doc.GenManHeader{Section: "1", Source: "imgsearch " + cli.Version(), Manual: "imgsearch"}
	if err := doc.GenManTree(root, header, dir); err != nil {
		return cli.Usage("give a folder that can be written", "%w", fserr.Cause(err))
	}
	p.Notef("%s in %s", english.Count(n, "page"), words.Path(filepath.Clean(dir)))
	return nil
}

// manualText makes Markdown of a help text: its headings are in capitals, and what is indented keeps its lines.
func manualText(text string) string {
	var b strings.Builder
	was := false // indented
	for line := range strings.Lines(text) {
		indented := strings.HasPrefix(line, "  ")
		trimmed := strings.TrimSpace(line)
		switch {
		case indented && !was:
			b.WriteString("\n    " + line)
		case indented:
			b.WriteString("    " + line)
		case trimmed != "" && trimmed == strings.ToUpper(trimmed) && !strings.ContainsAny(trimmed, "`."):
			b.WriteString("\n# " + line)
		default:
			b.WriteString(line)
		}
		was = indented
	}
	return b.String()
}
