#!/bin/sh
# complete.sh SHELL: what SHELL offers with the script of "connmon-query completion SHELL".
#
#   complete.sh SHELL LINE...   the words that complete each line, one a line
#
# Only the last part of a word counts: shells differ in whether it stands behind --format= or
# refused, as it is typed. In the environment, CONNMON_COMPLETES=connmon-forward and CONNMON_SCRIPT:
# of that program instead, with that script.
set -eu
shell=$1
shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
program=${CONNMON_COMPLETES:-connmon-query}
if [ "$program" = connmon-query ]; then
	"$CONNMON_QUERY" completion "$shell" > "$dir/_$program"
else
	cp "$CONNMON_SCRIPT" "$dir/_$program"
fi
# The script asks it for names.
mkdir "$dir/bin"
[ "$program" != connmon-query ] || ln -s "$CONNMON_QUERY" "$dir/bin/connmon-query"
PATH=$dir/bin:$PATH
export PATH

in_bash() {
	cat > "$dir/ask" <<-'END'
		. "$1"
		# As readline splits it: = is a word.
		line=${2//=/ = }
		read -ra COMP_WORDS <<< "$line"
		[[ $line != *" " || ${COMP_WORDS[-1]} == = ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		name=_${3//-/_}
		"$name" "$3"
		printf '%s\n' "${COMPREPLY[@]}"
	END
	bash --norc "$dir/ask" "$dir/_$program" "$1" "$program"
}

in_fish() {
	# shellcheck disable=SC2016 # fish expands them
	HOME=$dir XDG_CONFIG_HOME=$dir XDG_DATA_HOME=$dir fish --no-config \
		-c 'source $argv[1]; complete -C $argv[2]' "$dir/_$program" "$1" | cut -f 1
}

# A terminal of its own, in which each Tab tells what was added instead of showing it.
in_zsh() {
	cat > "$dir/inner" <<-'END'
		PS1= PS2=
		stty -echo 2> /dev/null
		unsetopt zle_bracketed_paste 2> /dev/null
		fpath=($DIR $fpath)
		autoload -Uz compinit
		compinit -u -d ${ZSH_COMPDUMP:-$DIR/dump}
		compadd() {
			# With these it only looks what would match.
			if (( ${@[(I)-[OAD]*]} )); then
				builtin compadd "$@"
				return
			fi
			typeset -a found
			builtin compadd -A found "$@"
			print -rl -- "<"$^found
			builtin compadd "$@"
		}
		tell() { zle complete-word; print -r -- "<END>"; zle kill-whole-line }
		zle -N tell
		zstyle ':completion:*' completer _complete
		setopt no_list_beep no_auto_list no_auto_menu
		bindkey -e
		bindkey '^I' tell
		print -r -- "<READY>"
	END
	cat > "$dir/outer" <<-'END'
		zmodload zsh/zpty
		zpty inner zsh -f -i
		zpty -w inner "DIR=${(q)1}; . ${(q)1}/inner"
		zpty -r inner text $'*<READY>*'
		zpty -w -n inner "$2"$'\t'
		zpty -r inner text $'*<END>*'
		zpty -d inner
		print -r -- $text
	END
	TERM=dumb zsh -f "$dir/outer" "$dir" "$1" | tr -d '\r' | sed -n 's/^.*<//p' | grep -v '^END>$' || true
}

for line; do
	"in_$shell" "$line" | sed 's/^--[a-z]*=//; s/.*,//; s/ *$//' | sed '/^$/d' | sort -u
done
