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

// launchdManager is the kind of launchd session: Aqua for what a logged-in person's desktop reaches, Background and System
// for what it does not.
func launchdManager() string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "/bin/launchctl", "managername").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// Translated tells whether Rosetta translates this process for another processor.
func Translated() bool {
	n, err := unix.SysctlUint32("sysctl.proc_translated")
	return err == nil && n == 1
}
