# connmon(5): the template, with what connmon-query schema --format tsv tells of tables and views
# in the place of the line ".\" schema".
#
#   awk -f schema_manual.awk schema.tsv connmon.5
BEGIN { FS = OFS = "\t" }

# What roff would take for its own.
function safe(text) {
	gsub(/\\[tnr]/, " ", text)
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	return text ~ /^[.']/ ? "\\\&" text : text
}

NR == FNR && FNR == 1 { next } # the names of its columns

NR == FNR {
	for (i = 1; i <= NF; i++)
		if ($i == "\"\"")
			$i = ""
}

NR == FNR && $3 == "" {
	if (objects++)
		text = text ".El\n"
	text = text ".Ss " safe($1) " (" $2 ")\n" safe($6) "\n.Bl -tag -width Ds -compact\n"
	next
}

NR == FNR {
	text = text ".It Sy " safe($3) ($4 ~ /[A-Z]/ ? " " $4 : "") "\n" ($5 ~ /[a-z]/ ? "[" $5 "] " : "") safe($6) "\n"
	next
}

/^\.\\" schema$/ {
	printf "%s.El\n", text
	next
}

{ print }
