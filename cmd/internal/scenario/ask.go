package scenario

import (
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// freePort sets variables to the numbers of free TCP ports: freeport NAME...
func freePort(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		_, port, err := net.SplitHostPort(l.Addr().String())
		ts.Check(err)
		ts.Check(l.Close())
		ts.Setenv(name, port)
	}
}

// askTime is how long a server may take until it answers.
const askTime = 30 * time.Second

// ask sends a request to a server, once it is ready, and checks the status and that the answer matches a pattern:
// ask STATUS PATTERN METHOD URL [BODY] [HEADER...].
func ask(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: ask STATUS PATTERN METHOD URL [BODY] [HEADER...]")
	}
	body, headers := "", []string(nil)
	if len(args) > 4 {
		body, headers = args[4], args[5:]
	}
	for end := time.Now().Add(askTime); ; time.Sleep(50 * time.Millisecond) {
		r, err := http.NewRequest(args[2], args[3], strings.NewReader(body))
		ts.Check(err)
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ":")
			if r.Header.Set(name, strings.TrimSpace(value)); name == "Host" {
				r.Host = strings.TrimSpace(value)
			}
		}
		answer, err := http.DefaultTransport.RoundTrip(r)
		if (err != nil || answer.StatusCode == http.StatusServiceUnavailable) && time.Now().Before(end) {
			continue
		}
		ts.Check(err)
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		ts.Check(err)
		if strconv.Itoa(answer.StatusCode) != args[0] || !regexp.MustCompile(args[1]).Match(text) {
			ts.Fatalf("%s %s: %d, want %s and %q:\n%s", args[2], args[3], answer.StatusCode, args[0], args[1], text)
		}
		return
	}
}
