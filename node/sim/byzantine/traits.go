package byzantine

// hidden is the conduct that keeps a certificate to one validator.
const hidden = "hidden-qc"

// colluders propose two blocks a view and vote for everything, towards whoever does.
const colluders = "collude"

// traits are all conducts, by name.
var traits map[string]*trait

func init() { // they name one another
	traits = map[string]*trait{
		"double-prepare":        {out: doublePrepare},
		"double-commit":         {out: doubleCommit},
		"double-optimistic":     {out: doubleOptimistic},
		"double-proposal":       {out: doubleProposal},
		"double-timeout":        {out: doubleTimeout},
		"parrot":                {saw: parrot},
		colluders:               {out: doubled, saw: parrot},
		"withhold":              {out: withhold},
		"selective":             {out: selective},
		"stale-lock":            {out: staleLock},
		"give-up":               {act: giveUp},
		"wrong-root":            {out: wrongRoot, act: wrongRoots},
		"wrong-parent":          {out: wrongParent},
		"bad-block":             {out: badBlock},
		"bad-evidence":          {out: badEvidence, act: gossipEvidence},
		"forged-certificate":    {act: forgedCertificate},
		"truncated-certificate": {act: truncatedCertificate},
		"mixed-certificate":     {act: mixedCertificate},
		"bad-justify":           {out: badJustify},
		"bad-sync":              {answer: badSync},
		"old-messages":          {act: oldMessages},
		"never-proposes":        {out: neverProposes},
		"silent":                {out: silent, answer: silence, mute: true},
		"amnesia":               {forgets: true, act: forget},
		"twins":                 {twin: true, out: sides},
		"mix":                   {mixes: true},
		hidden:                  {out: hide},
	}
}
