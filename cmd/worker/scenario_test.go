package worker_test

import (
	"testing"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
)

func TestMain(m *testing.M) { scenario.Main(m) }

func TestScenarios(t *testing.T) { scenario.Run(t) }
