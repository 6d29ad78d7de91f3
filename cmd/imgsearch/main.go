// Command imgsearch finds photos by what is in them. See package cmd.
package main

import (
	"os"

	"github.com/imgsearch/imgsearch/cmd"
)

func main() { os.Exit(cmd.Main()) }
