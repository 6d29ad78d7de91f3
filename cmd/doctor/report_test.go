package doctor

import "testing"

// TestShorten: a report tells no folder's name, as it is and as it stands in JSON.
func TestShorten(t *testing.T) {
	t.Setenv("HOME", "/home/ada")
	text := `roots: /home/ada/Bob & Eve/2023, "/home/ada/Bob \u0026 Eve", /home/ada/.cache, /mnt/x`
	want := `roots: ROOT1/2023, "ROOT1", ~/.cache, ROOT2`
	if got := shorten(text, []string{"/home/ada/Bob & Eve", "/mnt/x"}); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
