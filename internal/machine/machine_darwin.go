package machine

import (
	"context"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func sysctl(name string) string {
	value, err := unix.Sysctl(name)
	if err != nil {
		return ""
	}
	return value
}

func release() string { return sysctl("kern.osproductversion") + " " + sysctl("kern.osversion") }

func boot() string { return sysctl("kern.bootsessionuuid") }

func processor() string { return sysctl("machdep.cpu.brand_string") }

// launchdManager returns the kind of launchd session: Aqua in the desktop session of a logged-in user, Background or System
// outside of it.
func launchdManager() string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "/bin/launchctl", "managername").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// Translated reports whether this process runs under Rosetta, on a processor of another architecture.
func Translated() bool {
	n, err := unix.SysctlUint32("sysctl.proc_translated")
	return err == nil && n == 1
}
