package machine

import (
	"os"
	"runtime"

	"golang.org/x/term"
)

// Session is the kind of session that a process runs in: what reaches the graphics system in one may not in another.
type Session string

// The kinds of sessions.
const (
	Terminal   Session = "terminal"   // a person sits in front of it
	SSH        Session = "ssh"        // a person, from another machine
	Background Session = "background" // cron, a timer, a pipe of another program
	Launchd    Session = "launchd"    // macOS: a job outside the graphical session
)

// CurrentSession tells the kind of this process's session.
func CurrentSession() Session {
	return sessionOf(runtime.GOOS, os.Getenv, launchdManager, func() bool {
		// The error stream is the last one that is redirected by hand.
		return term.IsTerminal(int(os.Stdin.Fd())) || term.IsTerminal(int(os.Stderr.Fd())) //nolint:forbidigo // whether they are terminals, nothing else
	})
}

func sessionOf(goos string, env func(string) string, manager func() string, terminal func() bool) Session {
	switch {
	case goos == "darwin" && manager() != "Aqua":
		if env("SSH_CONNECTION") != "" {
			return SSH
		}
		return Launchd
	case env("SSH_CONNECTION") != "":
		return SSH
	case terminal():
		return Terminal
	}
	return Background
}
