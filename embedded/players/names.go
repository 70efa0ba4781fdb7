package players

import "fmt"

// odd are names such as real teams choose, and no system likes.
var odd = []string{
	`The "Quoted" Owls`, "Ünïcörn Riders", "Dots. And. Dots.", "🦉 Night Owls", "O'Brien, Smith & Sons",
	"two  spaces", "Ключ и замок", "ねこ探偵団", "a/b/c", "100% sure?",
}

var (
	colours = []string{"Amber", "Blue", "Crimson", "Dusty", "Emerald", "Foggy", "Golden", "Hazel", "Indigo", "Jade"}
	animals = []string{"Herons", "Badgers", "Lynxes", "Otters", "Magpies", "Foxes", "Newts", "Moles", "Wrens", "Hares"}
)

// names gives n different team names.
func names(n int) []string {
	all := make([]string, 0, n)
	for i := range n {
		switch {
		case i < len(odd):
			all = append(all, odd[i])
		default:
			i -= len(odd)
			name := colours[i%len(colours)] + " " + animals[i/len(colours)%len(animals)]
			if round := i / (len(colours) * len(animals)); round > 0 {
				name = fmt.Sprintf("%s %d", name, round+1)
			}
			all = append(all, name)
		}
	}
	return all
}
