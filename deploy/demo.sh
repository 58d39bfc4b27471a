#!/usr/bin/env bash
# Index a library of real photographs, search it three times, and make a contact sheet.
# LIBRARY=~/Pictures uses your own (it is only read); MODEL=fast fetches a model first.
set -euo pipefail
cd -P "$(dirname "$0")/.."

demo="$PWD/.demo/samples"
if [ -n "${LIBRARY:-}" ]; then demo="$PWD/.demo/yours"; fi
python="$PWD/.venv/bin/python"
mediaindex="$PWD/.venv/bin/mediaindex"

step() { printf '\n%s\n' "$*"; }
if [ -t 1 ]; then step() { printf '\n\033[1m%s\033[0m\n' "$*"; }; fi

# Shows the command and runs it; to have found nothing, or not to have read a file, is no fault here.
run() {
    printf '$ mediaindex'
    for word in "$@"; do
        case "$word" in *" "*) printf ' "%s"' "$word" ;; *) printf ' %s' "$word" ;; esac
    done
    printf '\n'
    "$mediaindex" "$@" || [ $? = 1 ]
}

model_here() {
    "$mediaindex" model list --json | "$python" -c '
import json, sys
print(next((model["name"] for model in json.load(sys.stdin)["models"] if model["installed"]), ""))'
}

# Database, previews and index of the demo stay here, and your own settings are left out of it. Only
# models, which are large, lie where you will want them afterwards.
models="$("$mediaindex" config show --json | "$python" -c 'import json, sys; print(json.load(sys.stdin)["cache_dir"])')/models"
mkdir -p "$demo/cache" "$models"
[ -e "$demo/cache/models" ] || ln -sfn "$models" "$demo/cache/models"
export MEDIAINDEX_CONFIG="$PWD/config.yaml"
export MEDIAINDEX_STATE_DIR="$demo/state" MEDIAINDEX_CACHE_DIR="$demo/cache"
# Descriptions take seconds for each picture; a demo is over sooner.
export MEDIAINDEX__CAPTION__USE=off

library="${LIBRARY:-}"
if [ -z "$library" ]; then
    library="$demo/library"
    step "The library: the photographs that come with scikit-image, and a clip made of some"
    "$python" deploy/sample_library.py "$library"
fi

here="$(model_here)"
model="${MODEL:-$here}"
if [ -z "$model" ] && [ -t 0 ]; then
    read -r -p "Fetch the model 'fast' (605 MB), so that search sees what is in a picture? [y/N] " answer || true
    case "${answer:-}" in [yY]*) model=fast ;; esac
fi
if [ "$model" != "$here" ]; then
    step "The model"
    "$mediaindex" model download "$model" || model="$here"
fi

if [ -n "$model" ]; then
    export MEDIAINDEX__EMBEDDER__MODEL="$model"
    asked=("a cup of coffee" "a rocket before launch" "an animal looking at the camera")
    if [ -n "${LIBRARY:-}" ]; then asked=("people at a table" "a view of the sea" "a red flower"); fi
else
    step "There is no model here, so this demo can only search by colours, names, dates and written words"
    echo "To search by what is in a picture: MODEL=fast make demo (605 MB, once)"
    export MEDIAINDEX__EMBEDDER__USE=colour
    asked=("something red" "coffee" "rocket")
    if [ -n "${LIBRARY:-}" ]; then asked=("something red" "something green" "something blue"); fi
fi

step "Index"
run index --no-download "$library"

for words in "${asked[@]}"; do
    step "Search: $words"
    run search "$words" -n 3
done
if [ -z "${LIBRARY:-}" ]; then
    step "The second of the video: ${asked[0]}"
    run search "${asked[0]}" --kind video -n 1
fi

step "A contact sheet"
for sheet in "$demo/sheet.jpg" "$demo/sheet.html"; do
    run search "${asked[0]}" -n 12 --contact-sheet "$sheet" --paths >/dev/null
    echo "$sheet"
done

step "Status"
run status

step "All of this is kept in $demo. To index your own photos:"
if [ -z "$model" ]; then echo "  .venv/bin/mediaindex model download fast"; fi
case "$model" in "" | fast) with="" ;; *) with="MEDIAINDEX__EMBEDDER__MODEL=$model " ;; esac
echo "  $with.venv/bin/mediaindex index ~/Pictures"
