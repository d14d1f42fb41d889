package plan

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/bedrock-bft/bedrock/api/v1alpha1"
	"github.com/bedrock-bft/bedrock/controllers/verdict"
)

// maxVersion bounds the version that an image tells.
const maxVersion = 128

// ReadImage reads what an image's program said of itself (bedrock version). // rule: schema-after-fleet
func ReadImage(image, said string) (*v1alpha1.NodeImage, error) {
	var v struct {
		Version      string `json:"version"`
		OldestSchema int64  `json:"oldest_schema"`
		NewestSchema int64  `json:"newest_schema"`
	}
	if err := json.Unmarshal([]byte(said), &v); err != nil {
		return nil, fmt.Errorf("it is no image of a node: asked for its version it said %.200q", said)
	}
	if v.OldestSchema < 1 || v.NewestSchema < v.OldestSchema || v.NewestSchema > math.MaxInt32 {
		return nil, fmt.Errorf("it reads databases of schema %d to %d, which makes no sense", v.OldestSchema, v.NewestSchema)
	}
	return &v1alpha1.NodeImage{Image: image, Version: strings.ToValidUTF8(v.Version[:min(len(v.Version), maxVersion)], ""), OldestSchema: int32(v.OldestSchema), NewestSchema: int32(v.NewestSchema)}, nil
}

// Database is what is known of one validator's instance.
type Database struct {
	Validator string
	// Schema of its database, as its node said last, and Newest what its program could
	// migrate to; 0: it never said.
	Schema, Newest int32
	// Current: its pod runs the wanted image and configuration.
	Current bool
}

// Databases are those of a network. // rule: schema-after-fleet
type Databases struct {
	// Recorded is the newest schema that one may have.
	Recorded int32
	// Wanted is what the spec asks for; 0: nothing.
	Wanted int32
	// FullNodes: all of them run the wanted image and configuration.
	FullNodes bool
	// Rolling names an image that is being given to nodes; empty: none.
	Rolling string
	// Given is the image that validators run, or are being given: what a node says of its
	// program may be of the one before.
	Given v1alpha1.NodeImage
	All   []Database
}

// newest is the highest schema that a volume may hold, and oldest the lowest known.
func (d *Databases) newest() (newest, oldest int32, who string) {
	newest = d.Recorded
	for i := range d.All {
		db := &d.All[i]
		newest = max(newest, db.Schema)
		if db.Schema > 0 && (oldest == 0 || db.Schema < oldest) {
			oldest, who = db.Schema, db.Validator
		}
	}
	return newest, oldest, who
}

// Image says whether an image may be given to nodes: it reads every database that there
// is. It is asked before anything is started. // rule: schema-after-fleet
func Image(c *v1alpha1.NodeImage, d *Databases) verdict.Verdict {
	const kind = v1alpha1.NetworkImage
	newest, oldest, who := d.newest()
	switch {
	case newest > c.NewestSchema:
		return verdict.False(kind, v1alpha1.ReasonSchemaOutOfReach, fmt.Sprintf("%s (%s) reads databases of schema %d to %d, and those of this network were migrated to %d: there is no way back. Nothing was started; name an image that reads schema %d",
			c.Image, c.Version, c.OldestSchema, c.NewestSchema, newest, newest))
	case oldest > 0 && oldest < c.OldestSchema:
		return verdict.False(kind, v1alpha1.ReasonSchemaOutOfReach, fmt.Sprintf("%s (%s) reads databases of schema %d to %d, and that of %s has %d. Nothing was started; name an image of a release between them first, and migrate there (spec.databaseSchema: %d)",
			c.Image, c.Version, c.OldestSchema, c.NewestSchema, who, oldest, c.OldestSchema))
	}
	return verdict.True(kind, "Accepted", fmt.Sprintf("%s (%s) reads databases of schema %d to %d", c.Image, c.Version, c.OldestSchema, c.NewestSchema))
}

// Migration says whether databases may be migrated now, and how far that is. begin is the
// schema to be recorded before any node is told; 0: nothing begins. // rule: schema-after-fleet
func Migration(d *Databases) (begin int32, v verdict.Verdict) {
	const kind = v1alpha1.NetworkSchema
	held, oldest, behind := d.newest()
	reach, who, known := int32(0), "", true
	current := d.FullNodes && d.Rolling == ""
	for i := range d.All {
		db := &d.All[i]
		known = known && db.Schema > 0 && db.Newest > 0
		current = current && db.Current
		if reach == 0 || db.Newest < reach {
			reach, who = db.Newest, "the image of "+db.Validator
		}
	}
	if n := d.Given.NewestSchema; n > 0 && n < reach {
		reach, who = n, d.Given.Image
	}
	switch {
	case d.Wanted > held && d.Wanted > held+1 && held > 0:
		return 0, verdict.False(kind, "OneSchemaAtATime", fmt.Sprintf("databases have schema %d, and databaseSchema asks for %d: ask for %d first", held, d.Wanted, held+1))
	case !known:
		return 0, verdict.Unknown(kind, v1alpha1.ReasonWaiting, "not every node has said which schema its database has")
	case d.Wanted > held && d.Wanted > reach:
		return 0, verdict.False(kind, "ImageTooOld", fmt.Sprintf("databaseSchema asks for %d, and %s can migrate to %d at most: give every node an image that can do it first", d.Wanted, who, reach))
	case d.Wanted > held && !current:
		return 0, verdict.False(kind, "FleetFirst", fmt.Sprintf("the migration to schema %d begins once every node runs the image and configuration that are wanted: see %s", d.Wanted, v1alpha1.NetworkRollout))
	case d.Wanted > held:
		return d.Wanted, verdict.False(kind, "Migrating", fmt.Sprintf("databases are migrated from schema %d to %d, node by node", held, d.Wanted))
	case oldest < d.Recorded:
		return 0, verdict.False(kind, "Migrating", fmt.Sprintf("databases are migrated to schema %d, node by node: that of %s has %d", d.Recorded, behind, oldest))
	case reach > held && current:
		return 0, verdict.True(kind, v1alpha1.ReasonMigrationOffered, fmt.Sprintf("every database has schema %d or less, and every node can migrate to %d: set spec.databaseSchema: %d once you are sure that no image before this one is needed again", held, reach, held+1))
	}
	return 0, verdict.True(kind, "Current", fmt.Sprintf("every database has schema %d or less", held))
}
