package machine

import (
	"fmt"
	"os"

	"golang.org/x/sys/windows"
)

func release() string {
	v := windows.RtlGetVersion()
	return fmt.Sprintf("%d.%d.%d", v.MajorVersion, v.MinorVersion, v.BuildNumber)
}

func boot() string { return "" }

func processor() string { return os.Getenv("PROCESSOR_IDENTIFIER") }

func launchdManager() string { return "" }
