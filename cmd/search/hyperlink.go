package search

import (
	"net/url"
	"os"
	"runtime"
	"strings"

	"github.com/imgsearch/imgsearch/internal/gallery"
	"github.com/imgsearch/imgsearch/internal/terminal"
)

// linksFiles reports whether the terminal supports OSC 8 hyperlinks
// (https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda). Others might print the escape sequences.
func linksFiles(env func(string) string) bool {
	if terminal.IsPlain(env) {
		return false
	}
	for _, name := range []string{"VTE_VERSION", "KITTY_WINDOW_ID", "WT_SESSION", "WEZTERM_PANE", "KONSOLE_VERSION", "GHOSTTY_RESOURCES_DIR"} {
		if env(name) != "" {
			return true
		}
	}
	switch env("TERM_PROGRAM") {
	case "iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "Tabby":
		return true
	}
	term := env("TERM")
	return strings.HasPrefix(term, "foot") || strings.HasPrefix(term, "alacritty") || term == "xterm-kitty" || term == "xterm-ghostty"
}

// hyperlink returns a path as a clickable link, if the output understands escapes and the terminal supports links.
func hyperlink(escapes bool, path, shown string) string {
	if !escapes || !linksFiles(os.Getenv) {
		return shown
	}
	link := gallery.FileURL(path)
	// With the host name, a terminal on another machine can see that the file is not there. Windows Terminal does not open links that have one.
	if host, err := os.Hostname(); err == nil && runtime.GOOS != "windows" {
		link = strings.Replace(link, "file:///", "file://"+url.PathEscape(host)+"/", 1)
	}
	return "\x1b]8;;" + link + "\x1b\\" + shown + "\x1b]8;;\x1b\\"
}
