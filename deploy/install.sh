#!/usr/bin/env bash
# Install mediaindex from this checkout as a service of the system, for Linux with systemd. Say it
# again to upgrade, or after a failure: what is there already is left, or put in order.
#
#   sudo deploy/install.sh [FOLDER...]     folders of photos to index (settings that are there stay)
#   sudo deploy/install.sh --upgrade       the same without a folder, in words
#   sudo deploy/install.sh --uninstall     take the program out; settings, database and cache stay
#   sudo deploy/install.sh --purge         delete them too, after a question; your photos stay
#
#   --no-start     do not start the service, and not at boot
#   --dry-run      say what would be done, and do nothing
#   --root DIR     put the files below DIR and do nothing else (for packages and tests)
#   GPU=1          torch with CUDA, as for deploy/setup.sh
set -Eeuo pipefail
umask 022

here="$(cd -P "$(dirname "$0")/.." && pwd)"
todo=install start=1 dry=0 root="" folders=()

say() { printf 'install: %s\n' "$*"; }

fail() {
    printf 'install: %s\n' "$@" >&2
    exit 1
}

shown() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0"; }

while [ $# -gt 0 ]; do
    case "$1" in
    --upgrade) ;;
    --uninstall) todo=uninstall ;;
    --purge) todo=purge ;;
    --no-start) start=0 ;;
    --dry-run) dry=1 ;;
    --root) root="${2:?--root needs a folder}" && shift ;;
    --root=*) root="${1#--root=}" ;;
    -h | --help) shown && exit ;;
    -*) fail "there is no option $1; see deploy/install.sh --help" ;;
    *) folders+=("$1") ;;
    esac
    shift
done
root="${root%/}"

# The program, its settings, and what it makes. The unit says the same.
app=/opt/mediaindex
settings=/etc/mediaindex/config.yaml
state=/var/lib/mediaindex cache=/var/cache/mediaindex
units=/etc/systemd/system
unit=$units/mediaindex.service
back_off=$units/mediaindex.service.d/10-back-off.conf
link=/usr/local/bin/mediaindex
parts=(mediaindex migrations deploy config.yaml constraints.txt pyproject.toml README.md LICENSE)

# Does it, or with --dry-run says it.
run() {
    if [ "$dry" = 1 ]; then
        printf '  %s\n' "${*@Q}"
    else
        "$@"
    fi
}

# What concerns this machine and not a folder of files: nothing with --root.
on_system() { [ -n "$root" ] || run "$@"; }

# Writes its input into a file, whole or not at all.
write() {
    if [ "$dry" = 1 ]; then
        printf '  write %s\n' "$1" && cat >/dev/null
        return
    fi
    cat >"$1.new"
    chmod "$2" "$1.new"
    mv -f "$1.new" "$1"
}

has_user() { getent passwd mediaindex >/dev/null; }

check_root() {
    [ -n "$root" ] || [ "$dry" = 1 ] || [ "$(id -u)" = 0 ] || fail "has to run as root: sudo deploy/install.sh"
}

check_machine() {
    check_root
    [ -z "$root" ] || return 0
    command -v systemctl >/dev/null ||
        fail "there is no systemd here. \`make setup\` installs without it; see the README"
    local name found=""
    for name in python3.13 python3.12 python3.11 python3; do
        "$name" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
            2>/dev/null && found="$name" && break
    done
    [ -n "$found" ] || fail "needs Python 3.11, 3.12 or 3.13, and its venv" \
        "Debian, Ubuntu: apt install python3 python3-venv; Fedora: dnf install python3"
    [ "$here" != "$app" ] || fail "run it from a checkout, not from $app"
}

check_folders() {
    local folder
    for folder in "${folders[@]}"; do
        case "$folder" in *[[:cntrl:]]*) fail "a folder with a line break in its name cannot be set" ;; esac
        [ -d "$folder" ] || fail "$folder is no folder"
    done
}

# A service with half of its program replaced may fall over.
stop_service() {
    [ -e "$unit" ] || return 0
    on_system systemctl stop mediaindex.service
}

make_user() {
    if [ -n "$root" ] || has_user; then return; fi
    say "making the user and the group mediaindex"
    getent group mediaindex >/dev/null || run groupadd --system mediaindex
    run useradd --system --gid mediaindex --home-dir "$state" --no-create-home \
        --shell /usr/sbin/nologin --comment "mediaindex service" mediaindex
}

copy_program() {
    say "copying the program to $app"
    run mkdir -p "$root$app"
    local part
    for part in "${parts[@]}"; do
        run rm -rf "$root$app/$part.new"
        run cp -R "$here/$part" "$root$app/$part.new"
        run rm -rf "$root${app:?}/$part"
        run mv "$root$app/$part.new" "$root$app/$part"
    done
    run chmod -R u+rwX,go+rX,go-w "${parts[@]/#/$root$app/}"
}

make_venv() {
    # It ends with a hint for those who use it without a service.
    on_system "$app/deploy/setup.sh" | sed '/the program is/d;/\.local\/bin/d'
    # The service cannot write here, so that Python would compile everything at each start.
    on_system "$app/.venv/bin/python" -m compileall -q "$app/mediaindex" "$app/migrations"
    if command -v restorecon >/dev/null; then on_system restorecon -R "$app"; fi
    on_system runuser -u mediaindex -- "$app/.venv/bin/mediaindex" --version >/dev/null ||
        fail "the user mediaindex cannot run $(readlink -f "$app/.venv/bin/python")" \
            "with a Python that all users can run: sudo rm -rf $app/.venv, sudo PATH=/usr/bin:/bin:/usr/sbin:/sbin deploy/install.sh"
    run mkdir -p "$root${link%/*}"
    run ln -sfn "$app/.venv/bin/mediaindex" "$root$link"
}

make_folders() {
    local owner=()
    if [ -z "$root" ]; then owner=(-o mediaindex -g mediaindex); fi
    run install -d -m 750 "${owner[@]}" "$root$state" "$root$cache"
    run install -d -m 755 "$root${settings%/*}" "$root${back_off%/*}"
}

ask_folders() {
    if [ ${#folders[@]} != 0 ] || [ ! -t 0 ] || [ "$dry" = 1 ]; then return; fi
    local folder
    while read -r -p "A folder of photos and videos to index (nothing: no more): " folder && [ -n "$folder" ]; do
        if [ -d "$folder" ]; then folders+=("$folder"); else say "$folder is no folder"; fi
    done
}

in_quotes() { printf "'%s'" "${1//\'/\'\'}"; }

settings_text() {
    cat <<YAML
# Settings of the service; $app/config.yaml explains all there are. After a change:
# sudo systemctl reload mediaindex
state_dir: $state
cache_dir: $cache
serve:
  # Members of the group mediaindex may search and see all pictures.
  socket: /run/mediaindex/mediaindex.sock
log:
  level: info
YAML
    if [ ${#folders[@]} = 0 ]; then
        printf '%s\n' "libraries: []" "#  - path: /mnt/nas/photos" "#    name: family"
        return
    fi
    printf 'libraries:\n'
    local folder
    for folder in "${folders[@]}"; do
        printf '  - path: %s\n' "$(in_quotes "$(cd "$folder" && pwd)")"
    done
}

make_settings() {
    if [ -e "$root$settings" ]; then
        say "$settings is there already and stays as it is"
        [ ${#folders[@]} = 0 ] || say "  add to libraries: in it: ${folders[*]}"
        return
    fi
    ask_folders
    say "writing $settings"
    settings_text | write "$root$settings" 640
    on_system chgrp mediaindex "$settings"
}

systemd_version() { systemctl --version 2>/dev/null | awk 'NR == 1 { print int($2) }'; }

make_unit() {
    say "writing $unit"
    write "$root$unit" 644 <"$here/deploy/mediaindex.service"
    if [ "$(systemd_version)" -ge 254 ] 2>/dev/null; then
        printf '%s\n' "# Longer and longer between two starts; older systemd does not know how." \
            "[Service]" "RestartSteps=6" "RestartMaxDelaySec=10min" | write "$root$back_off" 644
    fi
    on_system systemctl daemon-reload
}

# Says it now and not in a log: the service's user may not be let in by the folder's permissions.
check_readable() {
    if [ -n "$root" ] || [ "$dry" = 1 ]; then return; fi
    local folder
    for folder in "${folders[@]}"; do
        runuser -u mediaindex -- test -r "$folder" -a -x "$folder" && continue
        say "the user mediaindex may not read $folder; README.md, \"Whose photos it may read\", says how"
    done
}

start_service() {
    [ -z "$root" ] || return 0
    if [ "$start" = 0 ]; then
        say "not started; to do so, now and at boot: sudo systemctl enable --now mediaindex"
        return
    fi
    say "starting it, now and at boot"
    on_system systemctl enable mediaindex.service
    on_system systemctl restart mediaindex.service ||
        fail "it did not start; see why: journalctl -u mediaindex -n 50" "then run this again"
}

say_what_next() {
    [ -z "$root" ] || return 0
    command -v ffmpeg >/dev/null || say "ffmpeg is not here: photos do not need it, videos will"
    say "done. What next:"
    say "  sudo -u mediaindex mediaindex model download fast   # once; 605 MB from the internet"
    say "  sudo usermod -aG mediaindex \"\$USER\"                # you may search, after logging in again"
    say "  systemctl status mediaindex; journalctl -fu mediaindex"
    say "  mediaindex search dog on a beach"
}

install_all() {
    check_machine
    check_folders
    trap 'say "not finished, and the service may be stopped; mend what is said above and run this again" >&2' ERR
    stop_service
    make_user
    copy_program
    make_folders
    make_venv
    make_settings
    make_unit
    check_readable
    start_service
    say_what_next
}

remove_program() {
    if [ -e "$unit" ]; then on_system systemctl disable --now mediaindex.service; fi
    run rm -f "$root$unit" "$root$back_off" "$root$link"
    if [ -d "$root${back_off%/*}" ]; then run rmdir --ignore-fail-on-non-empty "$root${back_off%/*}"; fi
    if command -v systemctl >/dev/null; then on_system systemctl daemon-reload; fi
    run rm -rf "$root${app:?}"
}

uninstall() {
    check_root
    remove_program
    say "the program and its unit are gone. What stays:"
    say "  $settings (settings), $state (database), $cache (previews, models)"
    say "  the user mediaindex, who owns them. To delete all of these: sudo deploy/install.sh --purge"
}

purge() {
    check_root
    local answer="" kept=("$root${settings%/*}" "$root$state" "$root$cache")
    if grep -qE "^[^#]*path:.*($state|$cache)/" "$root$settings" 2>/dev/null; then
        fail "$settings names a library in $state or $cache; nothing was done"
    fi
    say "this deletes for good what mediaindex knows of your photos, and no photo:"
    say "  ${kept[*]}"
    if [ "$dry" = 0 ]; then
        read -r -p "Type delete to go on: " answer || true
        [ "$answer" = delete ] || fail "nothing was done"
    fi
    remove_program
    run rm -rf --one-file-system "${kept[@]}"
    if [ -z "$root" ] && has_user; then run userdel mediaindex; fi
    # userdel leaves a group that has other members: those who could search.
    if [ -z "$root" ] && getent group mediaindex >/dev/null; then run groupdel mediaindex; fi
    say "program, settings, database and cache are gone"
}

case "$todo" in
install) install_all ;;
uninstall) uninstall ;;
purge) purge ;;
esac
