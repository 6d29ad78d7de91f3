// Package terminal draws a grid of small pictures in a terminal, with the protocol that the terminal supports. It must not know where
// the pictures come from.
package terminal

import "strings"

// Protocol is a way to draw a picture.
type Protocol string

// The protocols.
const (
	None   Protocol = "none"
	Kitty  Protocol = "kitty"  // https://sw.kovidgoyal.net/kitty/graphics-protocol/
	ITerm2 Protocol = "iterm2" // https://iterm2.com/documentation-images.html
	Sixel  Protocol = "sixel"  // DEC's, VT3xx
	Blocks Protocol = "blocks" // two pixels per character cell, in its two colours: works in any terminal
)

// Protocols are the protocols that draw pictures.
var Protocols = []Protocol{Kitty, ITerm2, Sixel, Blocks}

// IsPlain reports whether the environment asks for plain text, or does not name the terminal. Windows has no TERM; Windows Terminal
// sets WT_SESSION.
func IsPlain(env func(string) string) bool {
	return env("NO_COLOR") != "" || env("TERM") == "dumb" || env("TERM") == "" && env("WT_SESSION") == ""
}

// HasTrueColor reports whether the environment says that the terminal has 24 bits of colour.
func HasTrueColor(env func(string) string) bool {
	colors := strings.ToLower(env("COLORTERM"))
	return colors == "truecolor" || colors == "24bit" || env("WT_SESSION") != ""
}

// Detect returns the best protocol of the terminal that the environment describes. Inside a terminal multiplexer it is Blocks.
func Detect(env func(string) string) Protocol {
	if IsPlain(env) {
		return None
	}
	if env("TMUX") != "" || env("STY") != "" {
		return Blocks
	}
	term, program := env("TERM"), env("TERM_PROGRAM")
	switch {
	case env("KITTY_WINDOW_ID") != "", env("GHOSTTY_RESOURCES_DIR") != "", env("KONSOLE_VERSION") != "",
		term == "xterm-kitty", term == "xterm-ghostty", program == "ghostty":
		return Kitty
	case program == "iTerm.app", program == "WezTerm", program == "mintty", env("LC_TERMINAL") == "iTerm2":
		return ITerm2
	case strings.HasPrefix(term, "foot"), strings.HasPrefix(term, "mlterm"), strings.HasPrefix(term, "contour"):
		return Sixel
	}
	return Blocks
}
