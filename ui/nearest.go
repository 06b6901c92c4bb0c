package ui

// Nearest is the one of names that name is a slip of the finger away from, or "". The
// first of several wins.
func Nearest(names []string, name string) string {
	most := 2
	if len(name) < 5 {
		most = 1
	}
	best := ""
	for _, n := range names {
		if d := distance(n, name); len(name) > 1 && d <= most {
			best, most = n, d-1
		}
	}
	return best
}

// distance counts the letters to add, drop, change or swap with the next that make b of a:
// https://en.wikipedia.org/wiki/Damerau-Levenshtein_distance, of which it is the simple form.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
		for j := 1; j <= len(b); j++ {
			if i == 0 {
				rows[i][j] = j
				continue
			}
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
