package plan_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bedrock-bft/bedrock/controllers/network/plan"
)

// FuzzReadImage reads what an image may say of itself: what is taken can stand in a
// status, within its bounds.
func FuzzReadImage(f *testing.F) {
	f.Add(`{"version": "v1", "oldest_schema": 1, "newest_schema": 2}`)
	f.Add(`{"version": "", "oldest_schema": 1, "newest_schema": 2147483648}`)
	f.Add("usage: nginx")
	f.Add(`{"version": "` + strings.Repeat("v", 127) + `é", "oldest_schema": 1, "newest_schema": 1}`) // cut within a letter
	f.Fuzz(func(t *testing.T, said string) {
		image, err := plan.ReadImage("image", said)
		if err != nil {
			return
		}
		if !utf8.ValidString(image.Version) || len(image.Version) > 128 || image.OldestSchema < 1 || image.NewestSchema < image.OldestSchema {
			t.Fatalf("%q was read as %+v", said, image)
		}
	})
}
