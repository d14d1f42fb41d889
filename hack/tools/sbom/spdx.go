package main

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"net/url"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// The parts of SPDX 2.3 that are used.
type (
	document struct {
		SPDXVersion       string         `json:"spdxVersion"`
		DataLicense       string         `json:"dataLicense"`
		SPDXID            string         `json:"SPDXID"`
		Name              string         `json:"name"`
		DocumentNamespace string         `json:"documentNamespace"`
		CreationInfo      creation       `json:"creationInfo"`
		Packages          []item         `json:"packages"`
		Relationships     []relationship `json:"relationships"`
	}
	creation struct {
		Created  string   `json:"created"`
		Creators []string `json:"creators"`
	}
	item struct {
		SPDXID           string      `json:"SPDXID"`
		Name             string      `json:"name"`
		VersionInfo      string      `json:"versionInfo,omitempty"`
		DownloadLocation string      `json:"downloadLocation"`
		FilesAnalyzed    bool        `json:"filesAnalyzed"`
		PackageFileName  string      `json:"packageFileName,omitempty"`
		Checksums        []checksum  `json:"checksums,omitempty"`
		ExternalRefs     []reference `json:"externalRefs,omitempty"`
	}
	checksum struct {
		Algorithm     string `json:"algorithm"`
		ChecksumValue string `json:"checksumValue"`
	}
	reference struct {
		Category string `json:"referenceCategory"`
		Type     string `json:"referenceType"`
		Locator  string `json:"referenceLocator"`
	}
	relationship struct {
		Element string `json:"spdxElementId"`
		Type    string `json:"relationshipType"`
		Related string `json:"relatedSpdxElement"`
	}
)

const (
	documentID = "SPDXRef-DOCUMENT"
	imageID    = "SPDXRef-image"
	nowhere    = "NOASSERTION"
)

// list describes an image: it contains programs and packages, and a program depends on
// its modules.
func list(name, version string, created time.Time, c contents) document {
	d := document{
		SPDXVersion: "SPDX-2.3", DataLicense: "CC0-1.0", SPDXID: documentID, Name: name,
		CreationInfo: creation{created.UTC().Format(time.RFC3339), []string{"Tool: bedrock-sbom"}},
		Packages:     []item{{SPDXID: imageID, Name: name, VersionInfo: version, DownloadLocation: nowhere}},
	}
	d.relate(documentID, "DESCRIBES", imageID)
	hash := sha256.New()
	slices.SortFunc(c.programs, func(a, b program) int { return cmp.Compare(a.path, b.path) })
	for _, p := range c.programs {
		fmt.Fprintln(hash, p.path, p.sha256)
		d.addProgram(p, version)
	}
	slices.SortFunc(c.packages, func(a, b debian) int { return cmp.Compare(a["Package"], b["Package"]) })
	for _, p := range c.packages {
		fmt.Fprintln(hash, p["Package"], p["Version"])
		d.addDebian(p)
	}
	// One list, one name: of what it lists.
	d.DocumentNamespace = fmt.Sprintf("https://bedrock.dev/spdx/%s/%x", url.PathEscape(name), hash.Sum(nil))
	return d
}

func (d *document) addProgram(p program, version string) {
	id := identifier("program", p.path)
	d.Packages = append(d.Packages, item{
		SPDXID: id, Name: p.info.Path, VersionInfo: version, DownloadLocation: nowhere, PackageFileName: p.path,
		Checksums: []checksum{{"SHA256", p.sha256}},
	})
	d.relate(imageID, "CONTAINS", id)
	d.addModule(id, &debug.Module{Path: "stdlib", Version: strings.TrimPrefix(p.info.GoVersion, "go")})
	for _, m := range p.info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		d.addModule(id, m)
	}
}

func (d *document) addModule(program string, m *debug.Module) {
	id := identifier("go", m.Path+"-"+m.Version)
	d.relate(program, "DEPENDS_ON", id)
	// Two programs of one image share most of theirs.
	if slices.ContainsFunc(d.Packages, func(i item) bool { return i.SPDXID == id }) {
		return
	}
	d.Packages = append(d.Packages, item{
		SPDXID: id, Name: m.Path, VersionInfo: m.Version, DownloadLocation: nowhere,
		ExternalRefs: []reference{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + m.Path + "@" + url.PathEscape(m.Version)}},
	})
}

func (d *document) addDebian(p debian) {
	id := identifier("deb", p["Package"])
	d.Packages = append(d.Packages, item{
		SPDXID: id, Name: p["Package"], VersionInfo: p["Version"], DownloadLocation: nowhere,
		ExternalRefs: []reference{{
			"PACKAGE-MANAGER", "purl",
			"pkg:deb/debian/" + p["Package"] + "@" + url.PathEscape(p["Version"]) + "?arch=" + p["Architecture"],
		}},
	})
	d.relate(imageID, "CONTAINS", id)
}

func (d *document) relate(from, how, to string) {
	d.Relationships = append(d.Relationships, relationship{from, how, to})
}

var notAllowed = regexp.MustCompile(`[^A-Za-z0-9.]+`)

// identifier makes a name that SPDX allows.
func identifier(kind, name string) string {
	return "SPDXRef-" + kind + "-" + strings.Trim(notAllowed.ReplaceAllString(name, "-"), "-")
}
