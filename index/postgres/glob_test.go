package postgres_test

import (
	"path"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index/postgres"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/testkit/pgserver"
)

// TestGlobs compares the server's regular expressions for globs with store.MatchName.
func TestGlobs(t *testing.T) {
	server := pgserver.Start(t)
	conn, err := pgx.Connect(t.Context(), server.URL(server.User, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	names := []string{
		"a", "a.jpg", "A.JPG", "ab.jpg", "a+b.jpg", "a(b).jpg", "a[b].jpg", "a.b.jpg", "x/a.jpg", "x/y/a.jpg", "x/y/z/a.jpg", "xy/a.jpg", "a\\b", "a*b", "a-b", "a^b", "ä.jpg", "日本.jpg", "a\nb.jpg",
		"{a}", "a,b", "a b", "a$", "top\xff.jpg", "x/.hidden", "]", "a]", "-", "x", "xa.jpg",
	}
	globs := []string{
		"*", "*.jpg", "a*", "?.jpg", "??.jpg", "[ab].jpg", "[a-c]*", "[^a]*", "[!a]*", "{a,ab}.jpg", "{a,x/y/a}.jpg", "x/*", "x/**", "x/**/a.jpg", "**/a.jpg", "**", "**/*", "x/**.jpg", "a+b.jpg",
		"a(b).jpg", "a\\[b\\].jpg", "a\\*b", "a\\\\b", "a.b.jpg", "*/a.jpg", "*/*/a.jpg", "x/*/a.jpg", "ä*", "日?.jpg", "{*.jpg,a}", "{a,{ab,a.b}}.jpg", "[a\\-]*", "a$", "\\{a\\}", "a,b", "top?.jpg",
		"x/**/", "***", "a**", "[\\]]", "x{,y}/a.jpg", "{x,xy}/**", "a[+]b.jpg", "a[(]b[)].jpg", "[x^]*", "x**/a.jpg", "**a.jpg", "{[ab],x}.jpg",
	}
	for _, glob := range globs {
		if !store.ValidGlob(glob) {
			t.Errorf("%q is no glob", glob)
			continue
		}
		folded := store.Fold(glob)
		for _, name := range names {
			dir, base := path.Split(name)
			dir = strings.TrimSuffix(dir, "/")
			subject := base
			if strings.Contains(glob, "/") {
				subject = name
			}
			var got bool
			if err := conn.QueryRow(t.Context(), "SELECT $1::text ~ $2", postgres.Subject(subject), postgres.Expression(folded)).Scan(&got); err != nil {
				t.Fatalf("%q: %s: %v", glob, postgres.Expression(folded), err)
			}
			if want := store.MatchName(folded, dir, base); got != want {
				t.Errorf("%q and %q: %v, want %v (%s)", glob, name, got, want, postgres.Expression(folded))
			}
		}
	}
}
