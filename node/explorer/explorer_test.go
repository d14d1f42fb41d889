package explorer_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/node/explorer"
)

func get(t *testing.T, method, path string) (*http.Response, string) {
	t.Helper()
	w := httptest.NewRecorder()
	explorer.Handler().ServeHTTP(w, httptest.NewRequest(method, path, nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(body)
}

func TestServesThePageAndAllThatItNames(t *testing.T) {
	res, page := get(t, http.MethodGet, "/")
	if res.StatusCode != http.StatusOK || !strings.Contains(page, "<title>Bedrock") {
		t.Fatalf("page: status %d, %.80q", res.StatusCode, page)
	}
	if csp := res.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("content security policy %q", csp)
	}
	named := regexp.MustCompile(`(?:src|href)="([^"#]+)"`).FindAllStringSubmatch(page, -1)
	if len(named) < 2 {
		t.Fatalf("page names %d files, want its script and style", len(named))
	}
	for _, m := range named {
		if strings.Contains(m[1], "//") {
			t.Errorf("page fetches %s from elsewhere", m[1])
			continue
		}
		if res, _ := get(t, http.MethodGet, "/"+m[1]); res.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", m[1], res.StatusCode)
		}
	}
}

func TestEveryModuleImportedIsThere(t *testing.T) {
	_, app := get(t, http.MethodGet, "/app.js")
	imports := regexp.MustCompile(`from "\./([^"]+)"`).FindAllStringSubmatch(app, -1)
	if len(imports) == 0 {
		t.Fatal("app.js imports nothing: the pattern or the page changed")
	}
	for _, m := range imports {
		if res, _ := get(t, http.MethodGet, "/"+m[1]); res.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", m[1], res.StatusCode)
		}
	}
}

func TestRefusesOtherMethodsAndFiles(t *testing.T) {
	if res, _ := get(t, http.MethodPost, "/"); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: status %d", res.StatusCode)
	}
	if res, _ := get(t, http.MethodGet, "/../explorer.go"); res.StatusCode == http.StatusOK {
		t.Error("a file outside the page was served")
	}
}
