package cmd_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
)

// TestEveryOptionHasAScenario checks that a scenario uses each option of each command.
func TestEveryOptionHasAScenario(t *testing.T) {
	files, err := scenarioFiles()
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var all []byte
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	cli.EachCommand(newRoot(), func(c *cobra.Command) {
		name := cli.CommandName(c)
		line := `(?m)^(exec|status \d+|! exec|\[[^\]]*\] exec) imgsearch .*`
		if name != "" {
			line = `(?m)^(exec|status \d+|! exec|asuser.*|\[[^\]]*\] exec) ?imgsearch .*\b` + regexp.QuoteMeta(name) + `\b.*`
			if !regexp.MustCompile(line).Match(all) && c.Runnable() {
				t.Errorf("no scenario runs imgsearch %s", name)
			}
		}
		flags := c.LocalNonPersistentFlags()
		if name == "" {
			flags = c.PersistentFlags()
		}
		flags.VisitAll(func(f *pflag.Flag) {
			option := ` --` + regexp.QuoteMeta(f.Name) + `\b`
			if f.Shorthand != "" {
				option = `( --` + regexp.QuoteMeta(f.Name) + `\b| -` + f.Shorthand + `\b)`
			}
			if f.Name != "help" && !f.Hidden && !regexp.MustCompile(line+option).Match(all) {
				t.Errorf("no scenario uses imgsearch %s --%s", name, f.Name)
			}
		})
	})
}

// scenarioFiles returns the scenario files of all commands.
func scenarioFiles() ([]string, error) {
	own, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		return nil, err
	}
	commands, err := filepath.Glob("*/testdata/script/*.txtar")
	return append(own, commands...), err
}
