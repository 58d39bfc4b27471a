#!/usr/bin/env bash
# Index a library of real photographs, search it three times, and make a contact sheet.
# LIBRARY=~/Pictures uses your own (it is only read); MODEL=fast fetches a model first.
set -euo pipefail
cd "$(dirname "$0")/.."

demo="$PWD/.demo"
mkdir -p "$demo"
export MEDIAINDEX_STATE_DIR="$demo/state" MEDIAINDEX_CACHE_DIR="$demo/cache"
mediaindex="$PWD/.venv/bin/mediaindex"

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
if [ ! -t 1 ]; then step() { printf '\n%s\n' "$*"; }; fi
run() { printf '$ mediaindex'; printf ' %q' "$@"; printf '\n'; "$mediaindex" "$@" || [ $? = 1 ]; }

library="${LIBRARY:-}"
if [ -z "$library" ]; then
    library="$demo/library"
    step "The library: the photographs that come with scikit-image"
    .venv/bin/python deploy/sample_library.py "$library"
fi

model="${MODEL:-}"
if [ -z "$model" ] && [ -t 0 ] && ! "$mediaindex" model list --json | grep -q '"installed": true'; then
    read -r -p "Fetch the model 'fast' (605 MB), so that search sees what is in a picture? [y/N] " answer
    case "$answer" in [yY]*) model=fast ;; esac
fi
if [ -n "$model" ]; then
    step "The model"
    export MEDIAINDEX__EMBEDDER__MODEL="$model"
    "$mediaindex" model download "$model" || model=""
fi

if [ -z "$model" ] && ! "$mediaindex" model list --json | grep -q '"installed": true'; then
    step "No model is here, so this demo knows colours, names, dates and words, and no meaning"
    echo "For search by meaning: MODEL=fast make demo (605 MB, once)"
    export MEDIAINDEX__EMBEDDER__USE=colour
    asked=("something red" "coffee" "rocket")
else
    asked=("a cup of coffee" "a rocket before launch" "an animal looking at the camera")
fi

step "Index"
run index --no-download "$library"

for words in "${asked[@]}"; do
    step "Search: $words"
    run search "$words" -n 3
done

step "A contact sheet"
run search "${asked[0]}" -n 12 --contact-sheet "$demo/sheet.jpg" --paths >/dev/null
run search "${asked[0]}" -n 12 --contact-sheet "$demo/sheet.html" --paths >/dev/null
echo "$demo/sheet.jpg"
echo "$demo/sheet.html"

step "Status"
run status

cat <<TXT

All of this lies in $demo; your own library is one command away:
  .venv/bin/mediaindex index ~/Pictures
TXT
