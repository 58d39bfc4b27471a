#!/usr/bin/env bash
# Make .venv with all that mediaindex needs. Quick if nothing has changed since the last time.
#
#   deploy/setup.sh [extra]     extra: `demo` or `dev`; none: just to run it
#   GPU=1 deploy/setup.sh       torch with CUDA (several GB), for a computer with an NVIDIA card
set -euo pipefail
cd "$(dirname "$0")/.."

extra="${1:-}"
gpu="${GPU:-0}"
venv=.venv
torch=2.13.0 torchvision=0.28.0

say() { printf 'set-up: %s\n' "$*"; }

find_python() {
    for name in python3.13 python3.12 python3.11 python3; do
        if command -v "$name" >/dev/null &&
            "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    echo "set-up: needs Python 3.11, 3.12 or 3.13 (Debian, Ubuntu: apt install python3 python3-venv)" >&2
    exit 1
}

make_venv() {
    [ -x "$venv/bin/python" ] && "$venv/bin/python" -m pip --version >/dev/null 2>&1 && return
    local python
    python="$(find_python)"
    say "making $venv with $("$python" --version)"
    rm -rf "$venv"
    "$python" -m venv "$venv" || {
        echo "set-up: this Python cannot make virtual environments (Debian, Ubuntu: apt install python3-venv)" >&2
        exit 1
    }
}

has_torch() {
    "$venv/bin/python" - "$torch" "$gpu" <<'PY' 2>/dev/null
import sys
from importlib.metadata import version
from importlib.util import find_spec

import torch

wanted = version("torch").split("+")[0] == sys.argv[1] and find_spec("torchvision") is not None
cuda = torch.version.cuda is not None
sys.exit(not (wanted and (cuda or sys.argv[2] != "1")))
PY
}

# The trap: open_clip needs torchvision, and torchvision from the usual index belongs to a torch with
# 5 GB of CUDA. So for the CPU the matching pair comes from PyTorch's own index; where that cannot
# be reached, torch and torchvision come from the usual index, the latter without what it asks for.
# mediaindex uses torchvision's picture transforms only, and gets by without its compiled parts.
install_torch() {
    has_torch && return
    if [ "$gpu" = 1 ]; then
        say "installing torch $torch with CUDA (several GB)"
        pip "torch==$torch" "torchvision==$torchvision"
        return
    fi
    say "installing torch $torch for the CPU (200 MB)"
    if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]; then
        pip "torch==$torch" "torchvision==$torchvision" # no CUDA in these anyway
        return
    fi
    pip --quiet --timeout 5 --retries 0 --index-url https://download.pytorch.org/whl/cpu \
        "torch==$torch" "torchvision==$torchvision" 2>/dev/null && return
    say "PyTorch's own index cannot be reached; trying the usual one"
    pip numpy pillow filelock typing-extensions sympy networkx jinja2 fsspec "setuptools>=77.0.3"
    pip --only-binary=:all: --no-deps "torch==$torch" "torchvision==$torchvision"
}

pip() { "$venv/bin/python" -m pip install --disable-pip-version-check --quiet --constraint constraints.txt "$@"; }

install_ffmpeg() {
    command -v ffmpeg >/dev/null && return
    local as_root=""
    if [ "$(id -u)" != 0 ]; then
        if sudo -n true 2>/dev/null; then as_root="sudo -n"; else as_root="no"; fi
    fi
    if [ "$as_root" != no ] && command -v apt-get >/dev/null; then
        say "installing ffmpeg with apt-get"
        $as_root apt-get update -qq && $as_root apt-get install -y -qq ffmpeg >/dev/null && return
    elif [ "$as_root" != no ] && command -v dnf >/dev/null; then
        say "installing ffmpeg with dnf"
        $as_root dnf install -y -q ffmpeg-free >/dev/null && return
    elif command -v brew >/dev/null; then
        say "installing ffmpeg with brew"
        brew install --quiet ffmpeg && return
    fi
    say "ffmpeg is not here; photos do not need it, videos will: sudo apt install ffmpeg"
}

# A demo or a test run needs what a plain set-up has, and more; the stamp names all that was asked.
stamp="$venv/.set-up-${extra:-run}"
print="$(cat pyproject.toml constraints.txt "$0" | cksum) gpu=$gpu"
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$print" ] && [ -x "$venv/bin/mediaindex" ]; then
    exit 0
fi
make_venv
install_torch
say "installing mediaindex and what it needs"
pip --editable ".${extra:+[$extra]}"
install_ffmpeg
printf '%s' "$print" >"$stamp"
say "done; the program is $venv/bin/mediaindex"
