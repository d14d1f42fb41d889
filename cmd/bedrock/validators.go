package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bedrock-bft/bedrock/client"
	"github.com/bedrock-bft/bedrock/client/ledger"
)

// shownNames bounds the validators that an error lists.
const shownNames = 20

// shortest is how few digits of a name or identity name a validator.
const shortest = 6

// member is a validator of the ledger: its name and its row, both proven.
type member struct {
	Name ledger.ID
	ledger.Validator
	proof client.State
}

// String names it for people.
func (m *member) String() string {
	return fmt.Sprintf("%s (%s, %s)", m.Moniker, m.Name.String()[:12], m.Status)
}

// readMembers reads and verifies all validators of the ledger, but those that
// left, at one height.
func readMembers(ctx context.Context, c *client.Client, height uint64) ([]member, uint64, error) {
	list, err := c.Query(ctx, "validators", nil, height, ledger.ValidatorsKey())
	var refused *client.ExecutorError
	if errors.As(err, &refused) {
		return nil, 0, fmt.Errorf("the chain's executor keeps no validators that could be asked for (%w)", err)
	}
	if err != nil {
		return nil, 0, err
	}
	if list.Absent {
		return nil, list.Height, nil
	}
	names, err := ledger.DecodeValidators(list.Value)
	if err != nil || len(names) == 0 {
		return nil, list.Height, err
	}
	paths, keys := make([]string, len(names)), make([][]byte, len(names))
	for i, name := range names {
		paths[i], keys[i] = "validator/"+name.String(), ledger.ValidatorKey(name)
	}
	rows, err := c.QueryMany(ctx, paths, keys, list.Height)
	if err != nil {
		return nil, 0, err
	}
	out := make([]member, len(names))
	for i := range rows {
		if out[i], err = decodeMember(names[i], rows[i]); err != nil {
			return nil, 0, err
		}
	}
	return out, list.Height, nil
}

func decodeMember(name ledger.ID, s client.State) (member, error) {
	v, err := ledger.DecodeValidator(s.Value)
	return member{Name: name, Validator: v, proof: s}, err
}

// findMember is the validator that a person means: by moniker, or by the first
// digits of its name or of its identity.
func findMember(ctx context.Context, c *client.Client, which string) (*member, error) {
	all, _, err := readMembers(ctx, c, 0)
	if err != nil {
		return nil, err
	}
	var found []*member
	for i := range all {
		if all[i].means(which) {
			found = append(found, &all[i])
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, fmt.Errorf("%q means several validators: %s: name one by the digits of its name", which, listMembers(found))
	}
	if name, err := ledger.ParseID(strings.ToLower(which)); err == nil {
		return findLeft(ctx, c, name)
	}
	every := make([]*member, len(all))
	for i := range all {
		every[i] = &all[i]
	}
	return nil, fmt.Errorf("no validator is named %q: there are %s", which, listMembers(every))
}

func (m *member) means(which string) bool {
	if m.Moniker == which {
		return true
	}
	digits := strings.ToLower(which)
	return len(digits) >= shortest && (strings.HasPrefix(m.Name.String(), digits) || strings.HasPrefix(m.Identity.String(), digits))
}

// findLeft reads one that is not listed any more: by its whole name, or by a key
// that it had.
func findLeft(ctx context.Context, c *client.Client, id ledger.ID) (*member, error) {
	holder, err := c.Query(ctx, "key_holder/"+id.String(), nil, 0, ledger.HolderKey(id[:]))
	if err != nil {
		return nil, err
	}
	name := id
	if !holder.Absent {
		if name, err = ledger.DecodeHolder(holder.Value); err != nil {
			return nil, err
		}
	}
	row, err := c.Query(ctx, "validator/"+name.String(), nil, 0, ledger.ValidatorKey(name))
	if err != nil {
		return nil, err
	}
	if row.Absent {
		return nil, fmt.Errorf("no validator has the name or a key %s: `bedrock query validators` lists all", id)
	}
	m, err := decodeMember(name, *row)
	return &m, err
}

func listMembers(list []*member) string {
	var names []string
	for i, m := range list {
		if i == shownNames {
			names = append(names, fmt.Sprintf("and %d more", len(list)-shownNames))
			break
		}
		names = append(names, m.String())
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
