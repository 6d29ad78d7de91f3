package doctor

import "testing"

// TestShorten checks that a report contains no folder names, neither plain nor escaped as in JSON.
func TestShorten(t *testing.T) {
	t.Setenv("HOME", "/home/ada")
	text := `roots: /home/ada/Bob & Eve/2023, "/home/ada/Bob \u0026 Eve", /home/ada/.cache, /mnt/x`
	want := `roots: ROOT1/2023, "ROOT1", ~/.cache, ROOT2`
	if got := shorten(text, []string{"/home/ada/Bob & Eve", "/mnt/x"}); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
