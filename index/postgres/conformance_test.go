package postgres_test

import (
	"os"
	"testing"

	"github.com/imgsearch/imgsearch/index/postgres"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/index/store/storetest"
	"github.com/imgsearch/imgsearch/internal/testkit/pgserver"
)

func TestMain(m *testing.M) { os.Exit(pgserver.Main(m)) }

func open(t *testing.T, url string) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, postgres.Options{Host: "tester"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	server := pgserver.Start(t)
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, server.Database(t)) })
}
