package sandbox

import "testing"

func TestEnginesThatShareCompileAModuleOnce(t *testing.T) {
	ShareCompiled()
	t.Cleanup(func() { shared.on, shared.code = false, nil })
	for range 3 {
		compile(t, testModule)
	}
	if len(shared.code) != 1 {
		t.Errorf("%d modules compiled, want one", len(shared.code))
	}
	other := testSettings()
	other.Optimize = false
	engine, err := NewEngine(other)
	if err != nil {
		t.Fatal(err)
	}
	compileWith(t, engine, testModule)
	if len(shared.code) != 2 {
		t.Errorf("engines of other settings share code: %d compiled", len(shared.code))
	}
}
