package machine

import (
	"os"
	"runtime"

	"golang.org/x/term"
)

// Session is the kind of session that a process runs in: one kind may have access to the graphics system when another has not.
type Session string

// The kinds of sessions.
const (
	Terminal   Session = "terminal"   // with a local user
	SSH        Session = "ssh"        // with a user on another machine
	Background Session = "background" // cron, a timer, or another program
	Launchd    Session = "launchd"    // macOS: a job outside the graphical session
)

// CurrentSession returns the kind of this process's session.
func CurrentSession() Session {
	return sessionOf(runtime.GOOS, os.Getenv, launchdManager, func() bool {
		// Of the standard streams, people redirect the error stream last.
		return term.IsTerminal(int(os.Stdin.Fd())) || term.IsTerminal(int(os.Stderr.Fd())) //nolint:forbidigo // only checks whether they are terminals
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
