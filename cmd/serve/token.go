package serve

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/internal/atomicfile"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/regular"
	"github.com/imgsearch/imgsearch/internal/words"
)

const (
	// leastToken is the length of a token that cannot be guessed, in bytes.
	leastToken = 16
	// mostToken is the size of the largest file that can be one.
	mostToken = 4 << 10
)

// token returns the token in --token-file, which it creates and prints if there is none; "" without --token-file.
func (o *options) token() (string, error) {
	if o.tokenFile == "" {
		return "", nil
	}
	data, err := regular.Read(o.tokenFile, regular.FollowLinks, mostToken)
	if errors.Is(err, fs.ErrNotExist) {
		return o.newToken()
	}
	if err != nil {
		return "", cli.Usage("use a file that you can read, or a name that is free", "--token-file: %w", fserr.Cause(err))
	}
	if info, err := os.Stat(o.tokenFile); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return "", cli.Usage("run `chmod 600 "+words.Path(o.tokenFile)+"`", "--token-file: others can read or change %s", words.Path(o.tokenFile))
	}
	token := strings.TrimSpace(string(data))
	if len(token) < leastToken || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", cli.Usage("remove the file, and a good token is created", "--token-file: the token must have at least %d letters and digits", leastToken)
	}
	return token, nil
}

func (o *options) newToken() (string, error) {
	token := rand.Text()
	f, err := atomicfile.Create(o.tokenFile, atomicfile.Options{Mode: 0o600})
	if err == nil {
		defer f.Abort()
		if _, err = f.Write([]byte(token + "\n")); err == nil {
			err = f.CommitNew()
		}
	}
	if err != nil {
		return "", cli.Usage("use a file in a folder that you can write to", "--token-file: %w", fserr.Cause(err))
	}
	_, err = fmt.Fprintf(o.p.Out, "token: %s\n", token)
	o.p.Notef("created %s; the token is printed only now", words.Path(o.tokenFile))
	return token, err
}
