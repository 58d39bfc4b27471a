#!/usr/bin/env bash
# Make .venv with all that mediaindex needs. At once if nothing has changed since the last time;
# safe to interrupt: the next run goes on.
#
#   deploy/setup.sh [extra]     extra: `demo` or `dev`; none: just to run it
#   GPU=1 deploy/setup.sh       torch with CUDA (several GB), for a computer with an NVIDIA card;
#                               the choice is remembered until GPU=0
set -euo pipefail
cd -P "$(dirname "$0")/.."

extra="${1:-}"
venv="$PWD/.venv"
gpu="${GPU:-$(cat "$venv/.gpu" 2>/dev/null || echo 0)}"
torch=2.13.0 torchvision=0.28.0
cpu_index=https://download.pytorch.org/whl/cpu

say() { printf 'set-up: %s\n' "$*"; }

fail() {
    printf 'set-up: %s\n' "$@" >&2
    exit 1
}

find_python() {
    for name in python3.13 python3.12 python3.11 python3; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            "$name" -c 'import ensurepip, venv' 2>/dev/null && echo "$name" && return
            fail "$name cannot make virtual environments (Debian, Ubuntu: sudo apt install $name-venv)"
        fi
    done
    fail "needs Python 3.11, 3.12 or 3.13 (Debian, Ubuntu: sudo apt install python3 python3-venv)"
}

# A folder that was moved or copied, or whose Python was replaced, does not run from here any more.
runs_from_here() { "$venv/bin/pip" --version 2>/dev/null | grep -qF "from $venv/"; }

make_venv() {
    [ "$(cat "$venv/.gpu" 2>/dev/null || echo 0)" = "$gpu" ] && runs_from_here && return
    local python
    python="$(find_python)"
    say "making .venv with $("$python" --version); the first time takes 2 to 15 minutes, mostly downloads"
    rm -rf "$venv"
    "$python" -m venv "$venv"
    printf '%s' "$gpu" >"$venv/.gpu"
}

# pip writes INSTALLER after all else: without it, a package was cut off while it was unpacked, and
# pip would take it for whole.
forget_half_installed() {
    local info
    for info in "$venv"/lib/python*/site-packages/*.dist-info; do
        [ -e "$info/INSTALLER" ] || rm -rf "$info"
    done
    rm -rf "$venv"/lib/python*/site-packages/~*
}

# Large downloads are named as they come, one a line; all else that pip says is left out.
pip() {
    "$venv/bin/python" -m pip --disable-pip-version-check install --constraint constraints.txt "$@" | awk '
        /^ *(Downloading|Using cached) .*\.(whl|tar\.gz) \(.* MB\)$/ {
            n = split($0, words, " "); m = split(words[n - 2], path, "/"); split(path[m], name, "-")
            sub("%2B", "+", name[2]); print "set-up:   " name[1], name[2], words[n - 1], words[n]; fflush()
        }
        /^Installing collected packages/ { print "set-up:   unpacking"; fflush() }'
}

has_torch() {
    "$venv/bin/python" - "$@" <<'PY' 2>/dev/null
import sys
from importlib.metadata import version

sys.exit([version("torch"), version("torchvision").split("+")[0]] != sys.argv[1:])
PY
}

can_reach() {
    "$venv/bin/python" -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=5)' "$1/torch/" 2>/dev/null
}

# The trap: open_clip needs torchvision, and the usual index has both for CUDA only, 5 GB. For the CPU
# the pair comes from PyTorch's own index. Where that cannot be reached, a torch marked "+cpu" may
# be at hand all the same (a folder of wheels, a mirror); mediaindex uses torchvision's picture
# transforms only, and gets by with the usual torchvision, whose compiled parts do not fit.
install_torch() {
    if [ "$gpu" = 1 ]; then
        say "installing torch $torch with CUDA (several GB)"
        pip "torch==$torch" "torchvision==$torchvision"
        return
    fi
    if [ "$(uname -s)" != Linux ]; then
        return # torch comes with all the rest, and without CUDA
    fi
    has_torch "$torch+cpu" "$torchvision" && return
    say "installing torch $torch for the CPU (200 MB)"
    if can_reach "$cpu_index"; then
        pip --no-deps --index-url "$cpu_index" "torch==$torch+cpu" "torchvision==$torchvision"
        return
    fi
    say "$cpu_index cannot be reached; looking for torch $torch+cpu elsewhere"
    pip --no-deps --only-binary=:all: "torch==$torch+cpu" "torchvision==$torchvision" || fail \
        "there is no torch for the CPU without $cpu_index; try again when it can be reached," \
        "or take the one with CUDA (several GB; it also runs without a card): GPU=1 make setup"
}

install_ffmpeg() {
    command -v ffmpeg >/dev/null && return
    local root="" install="" update=true
    [ "$(id -u)" = 0 ] || root="sudo -n"
    if command -v brew >/dev/null; then
        root="" install="brew install --quiet ffmpeg"
    elif command -v apt-get >/dev/null; then
        update="$root apt-get update -qq" install="apt-get install -y -qq ffmpeg"
    elif command -v dnf >/dev/null; then
        install="dnf install -y -q ffmpeg-free"
    elif command -v apk >/dev/null; then
        install="apk add --quiet ffmpeg"
    fi
    if [ -n "$install" ] && { [ -z "$root" ] || sudo -n true 2>/dev/null; }; then
        say "installing ffmpeg: $install"
        $update && DEBIAN_FRONTEND=noninteractive $root $install >/dev/null && return
    fi
    local command="${install:+${root:+sudo }$install}"
    say "ffmpeg is not here. Photos do not need it, videos will: ${command:-install it as your system does}"
}

# One stamp for each extra: a demo and a test run need more than just running it.
stamp="$venv/.set-up-${extra:-run}"
wanted="$(cat pyproject.toml constraints.txt deploy/setup.sh | cksum) gpu=$gpu $venv"
if [ -x "$venv/bin/python" ] && [ -x "$venv/bin/mediaindex" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi
make_venv
forget_half_installed
install_torch
say "installing mediaindex and what it needs"
pip --editable ".${extra:+[$extra]}"
install_ffmpeg
printf '%s' "$wanted" >"$stamp"
say "done; the program is .venv/bin/mediaindex. To type just mediaindex, from anywhere:"
say "  mkdir -p ~/.local/bin && ln -sf '$venv/bin/mediaindex' ~/.local/bin/"
