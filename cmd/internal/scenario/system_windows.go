package scenario

import "github.com/rogpeppe/go-internal/testscript"

const scenarios = "testdata/windows"

var systemCommands = map[string]func(*testscript.TestScript, bool, []string){}
