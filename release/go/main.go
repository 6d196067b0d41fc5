// Command audit tells the licences of texts: paths on standard input, one a line; a JSON object of path to licences on
// standard output. A text that is mostly something else has none.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/google/licensecheck"
)

// mostly is the share of a text, in percent, that licences have to cover: what Go's own package site asks for.
const mostly = 75

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	found := map[string][]string{}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		text, err := os.ReadFile(lines.Text())
		if err != nil {
			return err
		}
		found[lines.Text()] = licences(text)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

func licences(text []byte) []string {
	found := []string{}
	cover := licensecheck.Scan(text)
	if cover.Percent < mostly {
		return found
	}
	for _, match := range cover.Match {
		found = append(found, match.ID)
	}
	return found
}
