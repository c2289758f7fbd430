#!/usr/bin/env bash
# Makes docs/architecture.svg from docs/architecture.txt.
#
#   scripts/diagram.sh           writes the file
#   scripts/diagram.sh --check   fails if the file is out of date
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

render() {
  awk '
    function escaped(text) { gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); return text }
    /^#/ || NF == 0 { next }
    $1 == "size" {
      printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"14\">\n", $2, $3
      print "<defs><marker id=\"end\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0 10 5 0 10z\"/></marker></defs>"
      printf "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n", $2, $3
      next
    }
    {
      text = $0
      for (i = 1; i <= ($1 == "box" ? 6 : 5); i++) sub(/^ *[^ ]+ */, "", text)
    }
    $1 == "box" {
      split(text, part, / *\| */)
      printf "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\" fill=\"%s\" stroke=\"#374151\"/>\n", $2, $3, $4, $5, $6
      if ($5 >= 60) {
        printf "<text x=\"%d\" y=\"%d\" font-weight=\"bold\">%s</text>\n", $2 + 14, $3 + 26, escaped(part[1])
        printf "<text x=\"%d\" y=\"%d\">%s</text>\n", $2 + 14, $3 + 46, escaped(part[2])
      } else {
        printf "<text x=\"%d\" y=\"%d\" font-weight=\"bold\">%s</text>\n", $2 + 14, $3 + $5 / 2 + 5, escaped(part[1])
        printf "<text x=\"%d\" y=\"%d\">%s</text>\n", $2 + 120, $3 + $5 / 2 + 5, escaped(part[2])
      }
    }
    $1 == "arrow" {
      printf "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"#374151\" stroke-width=\"1.5\" marker-end=\"url(#end)\"/>\n", $2, $3, $4, $5
      if (text != "") printf "<text x=\"%d\" y=\"%d\">%s</text>\n", ($2 + $4) / 2 + 10, ($3 + $5) / 2 + 5, escaped(text)
    }
    END { print "</svg>" }
  ' docs/architecture.txt
}

if [[ ${1:-} == --check ]]; then
  diff <(render) docs/architecture.svg >/dev/null || {
    echo "docs/architecture.svg is out of date. Run: scripts/diagram.sh" >&2
    exit 1
  }
else
  render >docs/architecture.svg
fi
