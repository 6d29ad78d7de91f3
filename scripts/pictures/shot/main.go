// Command shot takes a screenshot of a page in headless Chromium, once the page's title is no longer "drawing": shot WIDTH HEIGHT PAGE PNG.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/chromedp/chromedp"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "shot:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("usage: shot WIDTH HEIGHT PAGE PNG")
	}
	width, err := strconv.ParseInt(args[0], 10, 32)
	if err != nil {
		return err
	}
	height, err := strconv.ParseInt(args[1], 10, 32)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.Flag("hide-scrollbars", true))
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	defer stop()
	ctx, closeTab := chromedp.NewContext(ctx)
	defer closeTab()
	var ready bool
	var png []byte
	err = chromedp.Run(ctx, chromedp.EmulateViewport(width, height), chromedp.Navigate("file://"+args[2]),
		chromedp.Poll(`document.title !== "drawing"`, &ready), chromedp.Sleep(time.Second), chromedp.CaptureScreenshot(&png))
	if err != nil {
		return err
	}
	return os.WriteFile(args[3], png, 0o644)
}
