package validator

import "time"

// askedFor is how long an answer of the API server is good that was read past the
// cache: in a steady state every Validator would ask again.
const askedFor = time.Minute

// maxAnswers bounds the answers that are kept.
const maxAnswers = 4096

type answer struct {
	text  string
	until time.Time
}

// once is read's answer of the last minute, or a new one.
func (r *Reconciler) once(key string, read func() (string, error)) (string, error) {
	now := r.now()
	r.mu.Lock()
	have, ok := r.asked[key]
	r.mu.Unlock()
	if ok && now.Before(have.until) {
		return have.text, nil
	}
	text, err := read()
	if err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.asked) >= maxAnswers {
		clear(r.asked)
	}
	r.asked[key] = answer{text, now.Add(askedFor)}
	return text, nil
}
