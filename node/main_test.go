package node_test

import (
	"os"
	"testing"

	"github.com/bedrock-bft/bedrock/executor/executortest"
)

func TestMain(m *testing.M) {
	executortest.ShareCompiled() // many nodes, in one process
	os.Exit(m.Run())
}
