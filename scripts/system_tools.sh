#!/usr/bin/env bash
# Install the Debian packages that are named and missing, if this user may; else say in one line what to install.
# It never fails: whatever needs a missing program is skipped by name in the tests.
#     scripts/system_tools.sh tshark chromium libatomic1 espeak-ng
set -uo pipefail

present() {
    case $1 in
        chromium) command -v chromium || command -v chromium-browser || command -v google-chrome ;;
        python3-venv) python3 -c 'import venv, ensurepip' ;;
        libatomic1) [ "$(uname)" != Linux ] || PATH=$PATH:/sbin:/usr/sbin ldconfig -p | grep -F libatomic.so.1 ;;
        *) command -v "$1" ;;
    esac >/dev/null 2>&1
}

still_missing() {
    local name
    for name in "$@"; do present "$name" || printf '%s ' "$name"; done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_install() {
    command -v apt-get >/dev/null && as_root true 2>/dev/null
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=60 "$1" >/dev/null 2>&1
}

install() {
    local name
    for name in "$@"; do
        printf 'Installing %s …\n' "$name" >&2
        apt_install "$name" || { as_root apt-get update -qq >/dev/null 2>&1; apt_install "$name"; } || true
    done
}

missing=$(still_missing "$@")
if [ -n "$missing" ] && may_install; then
    # shellcheck disable=SC2086  # a list of names
    install $missing
    missing=$(still_missing "$@")
fi
if [ -n "$missing" ]; then
    printf 'Not installed: %s- to have them: sudo apt-get install %s\n' "$missing" "${missing% }" >&2
fi
