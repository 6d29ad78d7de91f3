package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/imgsearch/imgsearch/index/store"
)

// Schema is the database schema that contains the index.
const Schema = "imgsearch"

// IsURL reports whether the name of an index is the URL of a database.
func IsURL(name string) bool {
	return strings.HasPrefix(name, "postgres://") || strings.HasPrefix(name, "postgresql://")
}

// ErrURL means that a URL is malformed.
var ErrURL = errors.New("malformed database URL: write postgres://USER@HOST:PORT/DATABASE, with the special characters of a password escaped, such as %40 for @")

// hidden is what is shown of a URL that cannot be read.
const hidden = "postgres://..."

// Location returns the URL of the database that a URL and the environment name, with nothing but the user, the server and the database.
func Location(name string) string {
	if checkURL(name) != nil {
		return hidden
	}
	c, err := pgx.ParseConfig(name)
	if err != nil {
		return hidden
	}
	u := url.URL{Scheme: "postgres", Host: c.Host, Path: "/" + c.Database}
	if c.User != "" {
		u.User = url.User(c.User)
	}
	switch {
	case strings.HasPrefix(c.Host, "/"): // a socket
		u.Host, u.RawQuery = "", "host="+c.Host
	case c.Port != defaultPort:
		u.Host = net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
	}
	return u.String()
}

const defaultPort = 5432

// checkURL returns ErrURL if a URL may have a part of a password in a place where it would be taken for something else, because it is not escaped.
func checkURL(name string) error {
	_, rest, _ := strings.Cut(name, "://")
	authority := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority = rest[:end]
	}
	if strings.Contains(rest, "#") || strings.Count(authority, "@") > 1 || authority != "" && !strings.Contains(authority, "@") && strings.Contains(rest, "@") {
		return ErrURL
	}
	return nil
}

// connectTime limits how long one attempt to connect may take.
const connectTime = 10 * time.Second

// connect opens a pool of connections. URLs, and the environment variables of libpq (PGHOST, PGPASSFILE, PGSSLMODE and so on), are read by pgx.
func connect(ctx context.Context, name string, o Options) (*Store, error) {
	location := Location(name)
	fail := func(err error) (*Store, error) { return nil, fmt.Errorf("open index %q: %w", location, err) }
	if err := checkURL(name); err != nil {
		return fail(err)
	}
	host, err := o.host()
	if err != nil {
		return fail(err)
	}
	c, err := pgxpool.ParseConfig(name)
	if err != nil {
		return fail(ErrURL) // its own error may contain the password
	}
	configure(c.ConnConfig)
	c.MaxConns = max(c.MaxConns, leastConnections)
	c.AfterConnect = prepare
	if c.ConnConfig.ConnectTimeout == 0 {
		c.ConnConfig.ConnectTimeout = connectTime
	}
	db, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return fail(explain(err))
	}
	s := &Store{writing: make(chan struct{}, 1), db: db, host: host, location: location, exactUpTo: exactPictures, indexFrom: exactVectors}
	if err := db.Ping(ctx); err != nil {
		db.Close()
		return fail(explain(err))
	}
	return s, nil
}

// deadAfter makes the server notice within seven seconds that a machine is gone, and release its locks: with the second after which the others look, its jobs
// are back within ten.
var deadAfter = map[string]string{"tcp_keepalives_idle": "3", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "2"}

// leastConnections is the least size of the pool: a writer, and readers that do not wait for each other.
const leastConnections = 8

func configure(c *pgx.ConnConfig) {
	for name, value := range deadAfter {
		if c.RuntimeParams[name] == "" {
			c.RuntimeParams[name] = value
		}
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "imgsearch"
	}
}

// The settings of each connection. pgx keeps prepared statements, whose cached plans would ignore what a filter selects, and the settings of one
// transaction. The cast loads pgvector, whose settings are unknown before.
const settings = "SET plan_cache_mode = force_custom_plan; SET jit = off; SELECT '[1]'::halfvec"

// iterativeSettings let pgvector read on if a filter drops what it found. The hits are sorted again.
var iterativeSettings = "SET hnsw.iterative_scan = relaxed_order; SET hnsw.max_scan_tuples = " + strconv.Itoa(maxScanned)

// prepare sets up a connection. The extension may be in any schema.
func prepare(ctx context.Context, conn *pgx.Conn) error {
	extension, version, err := installed(ctx, conn)
	if errors.Is(err, pgx.ErrNoRows) {
		if err = createExtension(ctx, conn); err == nil {
			extension, version, err = installed(ctx, conn)
		}
	}
	if err != nil {
		return err
	}
	if !atLeast(version, leastVector) {
		return &store.ExtensionError{Installed: version, Database: conn.Config().Database}
	}
	script := "SET search_path = " + pgx.Identifier{Schema}.Sanitize() + ", " + pgx.Identifier{extension}.Sanitize() + "; " + settings
	if atLeast(version, iterative) {
		script += "; " + iterativeSettings
	}
	if _, err := conn.Exec(ctx, script); err != nil {
		return err
	}
	return registerHalves(ctx, conn)
}

// installed returns the schema and the version of pgvector in the database. If it has none, the error is pgx.ErrNoRows.
func installed(ctx context.Context, conn *pgx.Conn) (schema, version string, err error) {
	err = conn.QueryRow(ctx, "SELECT n.nspname, e.extversion FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector'").Scan(&schema, &version)
	return schema, version, err
}

// The least version of pgvector: halfvec came with 0.7. Filtered approximate searches need iterative scans, which came with 0.8; without them, they
// are exact.
var leastVector, iterative = [2]int{0, 7}, [2]int{0, 8}

// atLeast compares the first two numbers of a version.
func atLeast(version string, least [2]int) bool {
	var have [2]int
	for i, part := range strings.SplitN(version, ".", 3) {
		if i < len(have) {
			have[i], _ = strconv.Atoi(part)
		}
	}
	return have[0] > least[0] || have[0] == least[0] && have[1] >= least[1]
}

// createExtension installs pgvector in the database, if the role may.
func createExtension(ctx context.Context, conn *pgx.Conn) error {
	missing := &store.ExtensionError{Database: conn.Config().Database}
	err := conn.QueryRow(ctx, "SELECT default_version FROM pg_available_extensions WHERE name = 'vector'").Scan(&missing.Available)
	if errors.Is(err, pgx.ErrNoRows) {
		_ = conn.QueryRow(ctx, "SHOW server_version_num").Scan(&missing.Server) // for the hint
		return missing
	}
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS vector")
	switch {
	case isDenied(err):
		return missing
	case code(err) == uniqueViolation: // another connection has just created it
		return nil
	}
	return err
}

// registerHalves makes pgx encode packed vectors as halfvec.
func registerHalves(ctx context.Context, conn *pgx.Conn) error {
	var one, list uint32
	if err := conn.QueryRow(ctx, "SELECT 'halfvec'::regtype::oid, 'halfvec[]'::regtype::oid").Scan(&one, &list); err != nil {
		return err
	}
	t := &pgtype.Type{Name: "halfvec", OID: one, Codec: halves{}}
	conn.TypeMap().RegisterType(t)
	conn.TypeMap().RegisterType(&pgtype.Type{Name: "_halfvec", OID: list, Codec: &pgtype.ArrayCodec{ElementType: t}})
	return nil
}
