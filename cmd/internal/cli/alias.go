package cli

import "github.com/spf13/pflag"

// aliasAnnotation holds a flag's other names.
const aliasAnnotation = "imgsearch_aliases"

// Alias gives a flag another name, on the command line, in the environment and in the configuration. Both names set the same flag.
func Alias(f *pflag.FlagSet, name, other string) {
	earlier := f.GetNormalizeFunc()
	f.SetNormalizeFunc(func(f *pflag.FlagSet, given string) pflag.NormalizedName {
		if given == other {
			given = name
		}
		return earlier(f, given)
	})
	flag := f.Lookup(name)
	if flag.Annotations == nil {
		flag.Annotations = make(map[string][]string)
	}
	flag.Annotations[aliasAnnotation] = append(flag.Annotations[aliasAnnotation], other)
}

// namesOf returns all names of a flag, its own first.
func namesOf(f *pflag.Flag) []string {
	return append([]string{f.Name}, f.Annotations[aliasAnnotation]...)
}
