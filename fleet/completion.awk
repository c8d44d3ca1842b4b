# completion.awk - a shell's completion of connmon-forward, from what its --help says.
#
#   connmon-forward --help | awk -v shell=bash|zsh|fish -f completion.awk
BEGIN { n = 0 }

# "  -d, --db=FILE              The node's database ..."
match($0, /^  (-.,|   ) --[a-z-]+(=[A-Z]+)?/) {
	head = substr($0, 1, RLENGTH)
	text[++n] = substr($0, RLENGTH + 1)
	sub(/^ +/, "", text[n])
	letter[n] = substr(head, 3, 1) == "-" ? substr(head, 4, 1) : ""
	sub(/^.*--/, "", head)
	value[n] = ""
	if (split(head, parts, "=") == 2)
		value[n] = parts[2]
	name[n] = parts[1]
	next
}

# Its text goes on in the next line.
/^            / && n > 0 {
	sub(/^ +/, "")
	text[n] = text[n] (text[n] == "" ? "" : " ") $0
	next
}

# Without what stands in brackets, and fit for single quotes and zsh's own ones.
function shown(i, t) {
	t = text[i]
	sub(/ *\(.*$/, "", t)
	gsub(/[\[\]:\\]/, "", t)
	gsub(/'/, shell == "fish" ? "\\'" : "'\\''", t)
	return t
}

function bash(i, files, others, words) {
	for (i = 1; i <= n; i++) {
		words = words (i > 1 ? " " : "") "--" name[i]
		if (value[i] == "FILE")
			files = files (files == "" ? "" : " | ") "--" name[i] \
				(letter[i] == "" ? "" : " | -" letter[i])
		else if (value[i] != "")
			others = others (others == "" ? "" : " | ") "--" name[i]
	}
	print "# bash completion of connmon-forward, made from its --help"
	print "_connmon_forward() {"
	print "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}"
	print "\t[ \"$word\" != = ] || word="
	print "\t[ \"$before\" != = ] || before=${COMP_WORDS[COMP_CWORD - 2]}"
	print "\tcase $before in"
	print "\t" files ")"
	print "\t\tcompopt -o filenames"
	print "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$word\")"
	print "\t\t;;"
	print "\t" others ") COMPREPLY=() ;;"
	print "\t*) mapfile -t COMPREPLY < <(compgen -W '" words "' -- \"$word\") ;;"
	print "\tesac"
	print "}"
	print "complete -F _connmon_forward connmon-forward"
}

function zsh(i, long) {
	print "#compdef connmon-forward"
	print "# zsh completion of connmon-forward, made from its --help"
	print "_arguments -s \\"
	for (i = 1; i <= n; i++) {
		long = "--" name[i] (value[i] == "" ? "" : "=")
		if (letter[i] == "?")
			letter[i] = ""
		if (letter[i] != "")
			printf "\t'(-%s --%s)'{-%s,%s}", letter[i], name[i], \
				letter[i] (value[i] == "" ? "" : "+"), long
		else
			printf "\t'%s'", long
		printf "'[%s]%s'%s\n", shown(i), \
			value[i] == "" ? "" : ":" value[i] ":" (value[i] == "FILE" ? "_files" : " "), \
			i < n ? " \\" : ""
	}
}

function fish(i) {
	print "# fish completion of connmon-forward, made from its --help"
	print "complete -c connmon-forward -f"
	for (i = 1; i <= n; i++)
		printf "complete -c connmon-forward -l %s%s%s -d '%s'\n", name[i], \
			letter[i] == "" || letter[i] == "?" ? "" : " -s " letter[i], \
			value[i] == "" ? "" : value[i] == "FILE" ? " -r -F" : " -x", shown(i)
}

END {
	if (shell == "bash")
		bash()
	else if (shell == "zsh")
		zsh()
	else
		fish()
}
