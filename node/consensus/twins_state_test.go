package consensus

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unsafe"
)

// What follows copies a running world, so that scenarios which begin alike are run once up
// to where they part. It takes every field of a Core, those too that are added later.
// Blocks, votes and certificates (all that lies behind a pointer to a type of node/types)
// are never changed once they were made, so copies share them.

func ofTypes(t reflect.Type) bool { return strings.HasSuffix(t.PkgPath(), "/node/types") }

// opened is v, also where it is an unexported field.
func opened(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
}

// copyOf is the Core again.
func copyOf(c *Core) *Core {
	to := new(Core)
	deepCopy(reflect.ValueOf(to).Elem(), reflect.ValueOf(c).Elem(), map[unsafe.Pointer]reflect.Value{})
	return to
}

var plainTypes sync.Map // reflect.Type -> bool

// plain reports whether values of t can be copied as they lie.
func plain(t reflect.Type) bool {
	if is, ok := plainTypes.Load(t); ok {
		return is.(bool)
	}
	is := true
	switch t.Kind() {
	case reflect.Pointer:
		is = ofTypes(t.Elem())
	case reflect.Slice, reflect.Map, reflect.Interface:
		is = false
	case reflect.Array:
		is = plain(t.Elem())
	case reflect.Struct:
		if !ofTypes(t) {
			for i := range t.NumField() {
				is = is && plain(t.Field(i).Type)
			}
		}
	}
	plainTypes.Store(t, is)
	return is
}

func deepCopy(to, from reflect.Value, known map[unsafe.Pointer]reflect.Value) {
	t := from.Type()
	if plain(t) {
		to.Set(from)
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		if from.IsNil() {
			return
		}
		if was, ok := known[from.UnsafePointer()]; ok {
			to.Set(was)
			return
		}
		x := reflect.New(t.Elem())
		known[from.UnsafePointer()] = x
		to.Set(x)
		deepCopy(x.Elem(), from.Elem(), known)
	case reflect.Struct:
		for i := range t.NumField() {
			deepCopy(opened(to.Field(i)), opened(from.Field(i)), known)
		}
	case reflect.Array:
		for i := range from.Len() {
			deepCopy(to.Index(i), from.Index(i), known)
		}
	case reflect.Slice:
		if from.IsNil() {
			return
		}
		to.Set(reflect.MakeSlice(t, from.Len(), from.Len()))
		for i := range from.Len() {
			deepCopy(to.Index(i), from.Index(i), known)
		}
	case reflect.Map:
		if from.IsNil() {
			return
		}
		to.Set(reflect.MakeMapWithSize(t, from.Len()))
		for it := from.MapRange(); it.Next(); {
			x := reflect.New(t.Elem()).Elem()
			y := reflect.New(t.Elem()).Elem()
			y.Set(it.Value())
			deepCopy(x, y, known)
			to.SetMapIndex(it.Key(), x)
		}
	case reflect.Interface: // the scheme; of effects, none is left between two steps
		to.Set(from)
	default:
		panic("cannot copy a " + t.String())
	}
}

// fork is the world again, to go on by itself.
func (w *twinWorld) fork() *twinWorld {
	f := *w
	f.rounds, f.queue, f.later = slices.Clone(w.rounds), slices.Clone(w.queue), slices.Clone(w.later)
	f.final, f.signed, f.nodes = maps.Clone(w.final), maps.Clone(w.signed), nil
	for _, n := range w.nodes {
		m := *n
		m.w, m.core, m.blocks, m.finals = &f, copyOf(n.core), maps.Clone(n.blocks), slices.Clone(n.finals)
		set := *n.core.set // whose schedule is the scenario's
		m.core.set = &set
		f.nodes = append(f.nodes, &m)
	}
	return &f
}
