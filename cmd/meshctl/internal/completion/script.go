package completion

// Shells lists the shells that there is a script for.
var Shells = []string{"bash", "zsh", "fish"}

// Script is what a shell runs to complete the words of meshctl: each time it asks meshctl itself,
// so that the script fits every version. "" for a shell that is not known.
//
// Where meshctl knows no candidate, shells offer files.
func Script(shell string) string { return scripts[shell] }

var scripts = map[string]string{
	"bash": `# Completion of meshctl for bash: source <(meshctl completion bash)
_meshctl() {
    local IFS=$'\n'
    COMPREPLY=($(meshctl complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1))
}
complete -o default -F _meshctl meshctl
`,
	"zsh": `#compdef meshctl
# Completion of meshctl for zsh: source <(meshctl completion zsh)
_meshctl() {
    local -a found
    local line
    for line in "${(@f)$(meshctl complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        [[ -n $line ]] && found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done
    if (( $#found )); then
        _describe meshctl found
    else
        _files
    fi
}
if [[ $funcstack[1] == _meshctl ]]; then
    _meshctl "$@"
else
    compdef _meshctl meshctl
fi
`,
	"fish": `# Completion of meshctl for fish: meshctl completion fish | source
function __meshctl_complete
    set -l found (meshctl complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -k -c meshctl -f -a '(__meshctl_complete)'
`,
}
