package plan_test

import (
	"strings"
	"testing"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/network/plan"
)

func TestReadImage(t *testing.T) {
	got, err := plan.ReadImage("img:1", `{"version": "v1", "oldest_schema": 1, "newest_schema": 2}`)
	if err != nil || *got != (v1alpha1.NodeImage{Image: "img:1", Version: "v1", OldestSchema: 1, NewestSchema: 2}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, said := range []string{"", "usage: nginx", `{}`, `{"oldest_schema": 2, "newest_schema": 1}`, `{"oldest_schema": 1, "newest_schema": 4294967296}`} {
		if _, err := plan.ReadImage("img:1", said); err == nil {
			t.Errorf("%q is taken", said)
		}
	}
}

// rule: schema-after-fleet
func TestImageMustReadEveryDatabase(t *testing.T) {
	image := func(oldest, newest int32) *v1alpha1.NodeImage {
		return &v1alpha1.NodeImage{Image: "img:1", Version: "v1", OldestSchema: oldest, NewestSchema: newest}
	}
	all := func(schemas ...int32) plan.Databases {
		d := plan.Databases{}
		for _, s := range schemas {
			d.All = append(d.All, plan.Database{Validator: "val", Schema: s})
		}
		return d
	}
	for _, tt := range []struct {
		name  string
		image *v1alpha1.NodeImage
		in    plan.Databases
		ok    bool
	}{
		{"the same", image(1, 1), all(1, 1), true},
		{"the next", image(1, 2), all(1, 1), true},
		{"back", image(1, 1), all(1, 1, 0), true},
		{"back across a migration", image(1, 1), all(2, 2), false},
		{"back when one has migrated", image(1, 1), all(1, 2), false},
		{"back when none has migrated yet", image(1, 1), plan.Databases{Recorded: 2, All: all(1, 1).All}, false},
		{"two on", image(2, 3), all(1, 2), false},
		{"two on, all migrated", image(2, 3), all(2, 2), true},
		{"nobody has said anything", image(1, 1), all(0, 0), true},
	} {
		v := plan.Image(tt.image, &tt.in)
		if v.OK() != tt.ok || !tt.ok && (v.Reason != v1alpha1.ReasonSchemaOutOfReach || !strings.Contains(v.Message, "Nothing was started")) {
			t.Errorf("%s: %+v", tt.name, v)
		}
	}
}

// rule: schema-after-fleet
func TestMigrationBeginsOnceEveryNodeCanDoIt(t *testing.T) {
	in := func(change func(*plan.Databases)) plan.Databases {
		d := plan.Databases{Wanted: 2, FullNodes: true, All: []plan.Database{{"a", 1, 2, true}, {"b", 1, 2, true}}}
		if change != nil {
			change(&d)
		}
		return d
	}
	for _, tt := range []struct {
		name   string
		in     plan.Databases
		begin  int32
		reason string
	}{
		{"every node can", in(nil), 2, "Migrating"},
		{"nobody asks", in(func(d *plan.Databases) { d.Wanted = 0 }), 0, "MigrationOffered"},
		{"nobody asks, one cannot", in(func(d *plan.Databases) { d.Wanted, d.All[1].Newest = 0, 1 }), 0, "Current"},
		{"one cannot", in(func(d *plan.Databases) { d.All[1].Newest = 1 }), 0, "ImageTooOld"},
		{"the image that they are being given cannot, whatever nodes said of the one before", in(func(d *plan.Databases) { d.Given = v1alpha1.NodeImage{Image: "img:1", NewestSchema: 1} }), 0, "ImageTooOld"},
		{"that image never was asked", in(func(d *plan.Databases) { d.Given = v1alpha1.NodeImage{Image: "img:2"} }), 2, "Migrating"},
		{"one never said", in(func(d *plan.Databases) { d.All[1] = plan.Database{Validator: "b"} }), 0, "Waiting"},
		{"one does not run what is wanted", in(func(d *plan.Databases) { d.All[1].Current = false }), 0, "FleetFirst"},
		{"full nodes do not", in(func(d *plan.Databases) { d.FullNodes = false }), 0, "FleetFirst"},
		{"another image is on its way", in(func(d *plan.Databases) { d.Rolling = "img:3" }), 0, "FleetFirst"},
		{"two schemas on", in(func(d *plan.Databases) { d.Wanted = 3 }), 0, "OneSchemaAtATime"},
		{"under way", in(func(d *plan.Databases) { d.Recorded, d.All[0].Schema = 2, 2 }), 0, "Migrating"},
		{"done", in(func(d *plan.Databases) { d.Recorded, d.All[0].Schema, d.All[1].Schema = 2, 2, 2 }), 0, "Current"},
		{"a lower one is no wish", in(func(d *plan.Databases) { d.Wanted, d.Recorded, d.All[0].Schema, d.All[1].Schema = 1, 2, 2, 2 }), 0, "Current"},
	} {
		begin, v := plan.Migration(&tt.in)
		if begin != tt.begin || v.Reason != tt.reason {
			t.Errorf("%s: begins %d, %+v", tt.name, begin, v)
		}
	}
}
