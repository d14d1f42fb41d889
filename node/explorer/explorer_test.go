package explorer_test

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/node/explorer"
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := fs.ReadFile(explorer.Page(), name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestThePageNamesOnlyFilesOfItsOwn(t *testing.T) {
	page := read(t, "index.html")
	named := regexp.MustCompile(`(?:src|href)="([^"#]+)"`).FindAllStringSubmatch(page, -1)
	if len(named) < 2 {
		t.Fatalf("page names %d files, want its script and style", len(named))
	}
	for _, m := range named {
		if strings.Contains(m[1], "//") {
			t.Errorf("page fetches %s from elsewhere", m[1])
			continue
		}
		read(t, m[1])
	}
	for _, inline := range []string{"<style", "style=", "onclick=", "<script>"} {
		if strings.Contains(page, inline) {
			t.Errorf("page holds %q: a strict content security policy would refuse it", inline)
		}
	}
}

func TestEveryModuleImportedIsThere(t *testing.T) {
	for _, script := range []string{"app.js", "live.js", "pages.js", "validators.js", "chain.js", "ledger.js"} {
		imports := regexp.MustCompile(`from "\./([^"]+)"`).FindAllStringSubmatch(read(t, script), -1)
		if len(imports) == 0 {
			t.Fatalf("%s imports nothing: the pattern or the page changed", script)
		}
		for _, m := range imports {
			read(t, m[1])
		}
	}
}
