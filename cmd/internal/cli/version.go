package cli

import (
	"runtime"
	"runtime/debug"
	"strings"
)

// version is set by the linker in release builds.
var version = "dev"

// Version returns the program's version, "dev" unless it is a release build.
func Version() string { return version }

// VersionText returns the version, with the commit that the binary was built from and its date if Go recorded them.
func VersionText() string {
	text := version
	if info, ok := debug.ReadBuildInfo(); ok {
		var commit []string
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				commit = append(commit, s.Value[:12])
			}
			if s.Key == "vcs.time" {
				day, _, _ := strings.Cut(s.Value, "T")
				commit = append(commit, day)
			}
		}
		if len(commit) > 0 {
			text += " (" + strings.Join(commit, ", ") + ")"
		}
	}
	return text + " " + runtime.GOOS + "/" + runtime.GOARCH
}
