package cli

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imgsearch/imgsearch/internal/words"
)

// Setting is an option that the environment or the configuration file sets.
type Setting struct {
	Command, Option string
	Words           []string
	Source          string // the variable, or the file
}

// envNames returns the variables of an option: the command's, which takes precedence, then the one for all commands that have the option.
func envNames(command, option string) []string {
	clean := strings.NewReplacer(" ", "_", "-", "_")
	general := "IMGSEARCH_" + strings.ToUpper(clean.Replace(option))
	if command == "" {
		return []string{general}
	}
	return []string{"IMGSEARCH_" + strings.ToUpper(clean.Replace(command+"_"+option)), general}
}

// variables returns the variables of a flag, for all its names.
func variables(command string, f *pflag.Flag) (list []string) {
	for _, name := range namesOf(f) {
		list = append(list, envNames(command, name)...)
	}
	return list
}

// ownEnv are the options whose variables are read where they are used, and ownVariables their variables.
var (
	ownEnv       = []string{"index", "ort-lib", "provider"}
	ownVariables = []string{"IMGSEARCH_INDEX", "IMGSEARCH_ORT_LIB", "IMGSEARCH_PROVIDER"}
)

// contradictions are options that exclude each other. The command line takes precedence over the environment, and the environment
// over the file; a setting that contradicts one with higher precedence is ignored.
var contradictions = map[string][]string{
	"json":    {"format", "null", "preview"},
	"format":  {"null", "preview", "queries"},
	"preview": {"null", "queries", "all-paths"},
	"queries": {"html", "open", "copy-to", "link-to", "prompt", "explain", "from", "null"},
	"cpu":     {"provider"},
	"copy-to": {"link-to"},
	"watch":   {"dry-run", "from", "if-idle"},
	"quiet":   {"verbose", "log-level"},
	"verbose": {"log-level"},
}

// contradict reports whether two options exclude each other.
func contradict(a, b string) bool {
	return slices.Contains(contradictions[a], b) || slices.Contains(contradictions[b], a)
}

// CommandName returns a command's name without the program's: "models pull"; "" for the program itself.
func CommandName(c *cobra.Command) string {
	return strings.TrimSpace(strings.TrimPrefix(c.CommandPath(), c.Root().Name()))
}

// TakesSettings reports whether a command's options can be set in the configuration. Commands that fix the configuration, and version,
// work even if the configuration is invalid.
func TakesSettings(c *cobra.Command) bool {
	first, _, _ := strings.Cut(CommandName(c), " ")
	return !c.Hidden && first != "config" && first != "completion" && first != "version"
}

// IsOption reports whether a flag can also be set in the environment and the file. The others make sense only on the command line.
func IsOption(f *pflag.Flag) bool { return !f.Hidden && f.Name != "help" && f.Name != "version" }

// Settings returns the settings of a command's options that are not given on the command line. With applying, it omits settings from
// variables that are read where they are used (ownEnv).
func Settings(c *cobra.Command, config ConfigFile, applying bool) []Setting {
	command := CommandName(c)
	var fromEnv, fromFile []Setting
	counts := make(map[string]bool) // options set with higher precedence
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			counts[f.Name] = true
		}
		if f.Changed || !IsOption(f) {
			return
		}
		owner := command
		if c.Root().PersistentFlags().Lookup(f.Name) == f {
			owner = ""
		}
		if s, ok := envSetting(f, owner); ok {
			fromEnv = append(fromEnv, s)
			return
		}
		for _, table := range slices.Compact([]string{command, owner}) {
			for _, name := range namesOf(f) {
				if words, ok := config.values[table][name]; ok {
					fromFile = append(fromFile, Setting{table, f.Name, words, config.Path})
					return
				}
			}
		}
	})
	var list []Setting
	for _, s := range slices.Concat(fromEnv, fromFile) {
		if slices.ContainsFunc(slices.Collect(maps.Keys(counts)), func(other string) bool { return contradict(s.Option, other) }) {
			continue
		}
		counts[s.Option] = true
		if applying && slices.Contains(ownEnv, s.Option) && slices.Contains(ownVariables, s.Source) {
			continue
		}
		list = append(list, s)
	}
	return list
}

// envSetting returns the setting of an option in the environment.
func envSetting(f *pflag.Flag, owner string) (Setting, bool) {
	for _, name := range variables(owner, f) {
		value := os.Getenv(name)
		if value == "" {
			continue
		}
		words := []string{value}
		if _, many := f.Value.(pflag.SliceValue); many {
			words = strings.FieldsFunc(value, func(r rune) bool { return r == '\n' || r == ',' && f.Value.Type() == "stringSlice" })
		}
		return Setting{owner, f.Name, words, name}, true
	}
	return Setting{}, false
}

// Apply sets the option of a command. Its error is a usage error.
func (s Setting) Apply(c *cobra.Command) error {
	if err := set(c.Flags().Lookup(s.Option), s.Words); err != nil {
		return Usage("list your settings with `imgsearch config show`", "%s: --%s %s: %w", words.Path(s.Source), s.Option, strings.Join(s.Words, ", "), err)
	}
	return nil
}

// ApplySettings sets a command's options from the environment and the configuration file. The command line takes precedence, then
// the environment, then the file.
func (p *Program) ApplySettings(c *cobra.Command) error {
	config, err := ReadConfig()
	if err != nil {
		return err
	}
	for _, s := range Settings(c, config, true) {
		if err := s.Apply(c); err != nil {
			return err
		}
	}
	for _, unknown := range UnknownSettings(c.Root(), config) {
		p.Warnf("configuration %s: %s", words.Path(config.Path), unknown)
	}
	for _, name := range unknownVariables(c, os.Environ()) {
		p.Warnf("%s is set, but %s has no such option", name, c.CommandPath())
	}
	return nil
}

// unknownVariables returns the variables that name the running command but none of its options.
func unknownVariables(c *cobra.Command, environ []string) (list []string) {
	command := CommandName(c)
	if command == "" {
		return nil
	}
	prefix := strings.TrimSuffix(envNames(command, "x")[0], "X")
	known := make(map[string]bool)
	c.Flags().VisitAll(func(f *pflag.Flag) {
		for _, name := range variables(command, f) {
			known[name] = true
		}
	})
	for _, one := range environ {
		name, value, _ := strings.Cut(one, "=")
		if strings.HasPrefix(name, prefix) && value != "" && !known[name] {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// set sets a flag's value.
func set(f *pflag.Flag, words []string) error {
	if many, ok := f.Value.(pflag.SliceValue); ok {
		return many.Replace(words)
	}
	if len(words) != 1 {
		return fmt.Errorf("expected one value")
	}
	err := f.Value.Set(words[0])
	if kind := valueKind(f.Value.Type()); err != nil && kind != "" {
		return fmt.Errorf("expected %s", kind)
	}
	return err
}

// UnknownSettings describes settings in the file that the program does not have. They are not errors: the file may be newer than the program.
func UnknownSettings(root *cobra.Command, config ConfigFile) (list []string) {
	for command, options := range config.values {
		c := findCommand(root, command)
		if c == nil {
			list = append(list, fmt.Sprintf("unknown command [%s]", strings.ReplaceAll(command, " ", ".")))
			continue
		}
		for option := range options {
			f := c.Flags().Lookup(option)
			if command == "" {
				f = root.PersistentFlags().Lookup(option)
			}
			if f == nil {
				f = c.InheritedFlags().Lookup(option)
			}
			if f == nil || !IsOption(f) {
				list = append(list, fmt.Sprintf("%s has no option %s", commandTitle(command), option))
			}
		}
	}
	slices.Sort(list)
	return list
}

func commandTitle(command string) string {
	if command == "" {
		return "[" + AllCommands + "]"
	}
	return "[" + strings.ReplaceAll(command, " ", ".") + "]"
}

// findCommand returns the command with a name, or nil if there is none.
func findCommand(root *cobra.Command, name string) *cobra.Command {
	at := root
	for _, word := range strings.Fields(name) {
		i := slices.IndexFunc(at.Commands(), func(c *cobra.Command) bool { return c.Name() == word })
		if i < 0 {
			return nil
		}
		at = at.Commands()[i]
	}
	return at
}
