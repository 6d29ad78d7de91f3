package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	loginPath  = "/login"
	cookieName = "imgsearch"
)

// cookie returns the value of the cookie that stands for the token: not the token itself, which other programs use.
func (s *Server) cookie() string {
	mac := hmac.New(sha256.New, []byte(s.Token))
	mac.Write([]byte("imgsearch login cookie"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// same compares secrets in a time that does not depend on them.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// authorize returns why a request is refused; nil if it has the token or the cookie, or if none is needed.
func (s *Server) authorize(r *http.Request) *Problem {
	if s.Token == "" {
		return nil
	}
	if header := r.Header.Get("Authorization"); header != "" {
		kind, token, _ := strings.Cut(header, " ")
		token = strings.TrimSpace(token)
		return s.judge(r, token, strings.EqualFold(kind, "Bearer") && same(token, s.Token))
	}
	cookies := r.CookiesNamed(cookieName)
	for i, c := range cookies { // another program on this machine may have set one too
		if isRight := same(c.Value, s.cookie()); isRight || i == len(cookies)-1 {
			return s.judge(r, c.Value, isRight)
		}
	}
	return needsToken("the request has no token")
}

// longToken is the length of a token that cannot be guessed, however many are tried.
const longToken = 26

// judge returns why a request with a secret is refused, and slows who guesses. The wait counts for everybody behind an address, as a proxy: who knows a long
// token does not wait, and who sends the same wrong secret again and again, as a program with an old one, does not make others wait.
func (s *Server) judge(r *http.Request, secret string, isRight bool) *Problem {
	who, now := address(r), time.Now()
	wait := s.guesses.wait(who, now)
	switch {
	case isRight && (wait <= 0 || len(s.Token) >= longToken):
		return nil
	case wait > 0:
		return tooManyRequests("too many wrong tokens", wait)
	}
	s.guesses.failed(who, secret, now)
	return needsToken("the token is wrong")
}

func needsToken(detail string) *Problem {
	p := problem(http.StatusUnauthorized, unauthorized, detail, "send the token as Authorization: Bearer TOKEN, or log in at "+loginPath)
	p.headers = http.Header{"Www-Authenticate": {"Bearer"}}
	return p
}

// refuse answers a request without a token: a browser that wants a page is sent to the login page.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, p *Problem) {
	if p.Status == http.StatusUnauthorized && r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Redirect(w, r, loginPath+"?to="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	p.send(w)
}

// address returns the client's address, without its port.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr // a Unix socket
	}
	return host
}

// guesses slow down whoever tries tokens: after a few wrong ones, each costs twice as long as the one before.
type guesses struct {
	mu sync.Mutex
	of map[string]*guesser
}

type guesser struct {
	failures int
	until    time.Time // when the next try is allowed
	// known are the last wrong secrets.
	known [knownGuesses][sha256.Size]byte
}

const (
	freeGuesses  = 5
	longestWait  = 30 * time.Second
	maxGuessers  = 10_000
	knownGuesses = 8
	forgottenFor = time.Hour
)

// wait returns how long a client must wait before its next try.
func (g *guesses) wait(who string, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if one := g.of[who]; one != nil {
		return one.until.Sub(now)
	}
	return 0
}

// failed notes a wrong secret.
func (g *guesses) failed(who, secret string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.of == nil {
		g.of = make(map[string]*guesser)
	}
	for other, one := range g.of { // a map's order is random, so each has its turn
		if len(g.of) < maxGuessers && now.Sub(one.until) < forgottenFor {
			break
		}
		delete(g.of, other)
	}
	one := g.of[who]
	if one == nil {
		one = &guesser{}
		g.of[who] = one
	}
	sum := sha256.Sum256([]byte(secret))
	if slices.Contains(one.known[:], sum) {
		return
	}
	one.known[one.failures%knownGuesses] = sum
	one.until = now
	if one.failures++; one.failures > freeGuesses {
		one.until = now.Add(min(time.Second<<min(one.failures-freeGuesses-1, 16), longestWait))
	}
}

// addLogin serves the page where a browser gets the cookie.
func (s *Server) addLogin(mux *http.ServeMux) {
	show := func(w http.ResponseWriter, status int, message, to string) {
		loginPage.write(w, status, struct{ Message, To string }{message, to})
	}
	mux.HandleFunc("GET "+loginPath, func(w http.ResponseWriter, r *http.Request) {
		show(w, http.StatusOK, "", r.URL.Query().Get("to"))
	})
	mux.HandleFunc("POST "+loginPath, func(w http.ResponseWriter, r *http.Request) {
		token := strings.TrimSpace(r.PostFormValue("token"))
		switch p := s.judge(r, token, same(token, s.Token)); {
		case p == nil:
		case p.Status == http.StatusTooManyRequests:
			w.Header().Set("Retry-After", p.headers.Get("Retry-After"))
			show(w, p.Status, "Too many wrong tokens. Wait for "+p.headers.Get("Retry-After")+" s.", r.PostFormValue("to"))
			return
		default:
			show(w, p.Status, "The token is wrong.", r.PostFormValue("to"))
			return
		}
		http.SetCookie(w, &http.Cookie{
			Name: cookieName, Value: s.cookie(), Path: "/", HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteStrictMode, MaxAge: 365 * 24 * 60 * 60,
		})
		http.Redirect(w, r, inside(r.PostFormValue("to")), http.StatusSeeOther)
	})
}

// inside returns an address of this server to go to after the login; the address in a link that somebody has made may lead elsewhere.
func inside(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return galleryPath
	}
	return u.RequestURI()
}
