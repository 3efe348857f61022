#!/usr/bin/env bash
# A bare machine: the README's two commands in a clean Debian, from nothing. Not part of `make test`.
#
#   sudo tests/bare.sh            on Debian with debootstrap: some fifteen minutes, 5 GB in /var/tmp
#   sudo tests/bare.sh again      the same in the root that is there already
#   sudo tests/bare.sh offline    there too: what is said without a browser and without a network
#
# It makes a root with debootstrap, carries over this machine's settings of apt and pip and this
# working tree, and runs there, as root: `make serve`, then `make test`'s set-up and a few tests.
# BARE=… names another folder for the root, SHARE=… a folder that pip's settings point to.
set -euo pipefail
cd "$(dirname "$0")/.."
root=${BARE:-/var/tmp/lmkit-bare}
share=${SHARE:-/opt}

inside() { # runs commands in the root, in name spaces of its own: all that it starts ends with it
    unshare --mount --pid --fork --kill-child ${network:-} bash -euc '
        mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev"
        if [ -d "$1" ]; then mkdir -p "$0$1" && mount --rbind "$1" "$0$1"; fi
        cd / && exec chroot "$0" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin \
            LANG=C.UTF-8 $(env | grep -E "^(PIP|SSL|REQUESTS)_" || true) bash -euc "cd /root/book; $2"
    ' "$root" "$share" "$1"
}

bare_root() {
    local mirror
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' | grep -m1 ' bookworm$' || true)
    rm -rf "$root" && mkdir -p "$root"
    debootstrap --variant=minbase --include=ca-certificates,make,git,python3-venv \
        bookworm "$root" ${mirror% *} >"$root.log"
    for settings in /etc/apt/apt.conf.d /etc/apt/sources.list.d /etc/pip.conf /etc/xdg/pip \
        /etc/resolv.conf /etc/hosts /etc/ssl/certs /root/.config/pip; do
        if [ -e "$settings" ]; then
            mkdir -p "$root$(dirname "$settings")"
            cp -aLT --remove-destination "$settings" "$root$settings" || true
        fi
    done
    if ls /etc/apt/sources.list.d/*.sources >/dev/null 2>&1; then rm -f "$root/etc/apt/sources.list"; fi
}

book() { # the working tree, without what git ignores
    mkdir -p "$root/root/book"
    git ls-files -z --cached --others --exclude-standard | xargs -0 ls -d 2>/dev/null |
        tar -cf - -T - | tar -xf - -C "$root/root/book"
}

serve() {
    inside 'make serve >serve.log 2>&1 &
        until grep -q "Live: http" serve.log; do
            kill -0 $! 2>/dev/null || { cat serve.log; exit 1; }
            sleep 1
        done
        tail -1 serve.log
        .venv/bin/python -c "from urllib.request import urlopen as get
print(get(\"http://127.0.0.1:8000/book/index.html\").status)"'
}

first_tests() {
    inside '! command -v chromium
        make browsers
        .venv/bin/python -m pytest tests/browser -n 2 -q -k "test_search or test_theme or knobs"'
}

offline() {
    network=--net inside 'mv /usr/bin/chromium* /root; trap "mv /root/chromium* /usr/bin" EXIT
        ! .venv/bin/python -m tools.browsers
        ! .venv/bin/python -m pytest tests/browser -n 2 -q'
}

case ${1:-} in
'') echo "A clean Debian in $root …" && bare_root ;;
again) inside 'rm -rf .venv _build; apt-get -qy purge chromium-headless-shell libatomic1 || true' ;;
offline) book && offline && exit ;;
esac
book
echo "make serve …" && serve
echo "make test: its set-up, and a few of its tests …" && first_tests
