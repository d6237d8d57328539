#!/usr/bin/env bash
# Installs what the tests need on a bare Debian machine (as root or through sudo) and runs them all. `make test` and
# .ci/run call it. It reads nothing from standard input, prints the time of each step, and stops at the first failure.
#
# Variables that it respects when they are set:
#   MAILBELL_SKIP_INSTALL=1  install nothing; tests that miss a program then fail and name it
set -euo pipefail
cd "$(dirname "$0")/.."
exec </dev/null

APT_PACKAGES=(aerc curl dbus-daemon gcc libc6-dev firefox-esr gsasl imapfilter isync jq libnss3-tools mosquitto mosquitto-clients neomutt
    nghttp2-client offlineimap3 python3 python3-venv strace swaks thunderbird)
declare -a TIMES=()

# step NAME COMMAND... runs a command and notes how long it took.
step() {
    local name=$1 begin=$SECONDS
    shift
    printf '\n== %s: %s\n' "$name" "$*"
    if ! "$@"; then
        printf '== %s FAILED after %d s\n' "$name" "$((SECONDS - begin))"
        exit 1
    fi
    TIMES+=("$(printf '%-22s %5d s' "$name" "$((SECONDS - begin))")")
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

is_installed() {
    dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed
}

install_packages() {
    local missing=() package
    for package in "${APT_PACKAGES[@]}"; do
        is_installed "$package" || missing+=("$package")
    done
    [ -n "$(email_corpus)" ] || missing+=(libpython3-testsuite)
    # Other packages of node than Debian's bring npm along and can't stand beside Debian's npm.
    command -v node >/dev/null || missing+=(nodejs)
    command -v npm >/dev/null || missing+=(npm)
    if [ ${#missing[@]} = 0 ]; then
        echo "all there"
        return
    fi
    if ! command -v apt-get >/dev/null; then
        echo "this is not Debian; please install the equivalents of: ${missing[*]}"
        return 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get -qq update
    as_root apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
}

install_python() {
    local stamp=.venv/requirements.installed
    if cmp -s scripts/requirements.txt "$stamp"; then
        echo "all there"
        return
    fi
    python3 -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check -r scripts/requirements.txt
    cp scripts/requirements.txt "$stamp"
}

install_node() {
    local directory=crates/e2e/tests/node
    local stamp=$directory/node_modules/lock.installed
    if cmp -s $directory/package-lock.json $stamp; then
        echo "all there"
        return
    fi
    npm ci --prefix $directory --ignore-scripts --no-audit --no-fund --loglevel=error
    cp $directory/package-lock.json $stamp
}

# The test messages of CPython's email package, wherever some Python of this machine has them.
email_corpus() {
    local candidate
    for candidate in "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))' 2>/dev/null)" \
        /usr/lib/python3.*; do
        if [ -e "$candidate/test/test_email/data/msg_01.txt" ]; then
            echo "$candidate/test/test_email/data"
            return
        fi
    done
}

if [ "${MAILBELL_SKIP_INSTALL:-}" != 1 ]; then
    step "Debian packages" install_packages
    step "Python packages" install_python
    step "node packages" install_node
fi
MAILBELL_PYTHON=${MAILBELL_PYTHON:-$PWD/.venv/bin/python3}
MAILBELL_EMAIL_CORPUS=${MAILBELL_EMAIL_CORPUS:-$(email_corpus)}
MAILBELL_INTEROP=1 # the programs of other people are there, so a test that misses one fails
export MAILBELL_PYTHON MAILBELL_EMAIL_CORPUS MAILBELL_INTEROP
echo "MAILBELL_PYTHON=$MAILBELL_PYTHON MAILBELL_EMAIL_CORPUS=$MAILBELL_EMAIL_CORPUS"

step "format" cargo fmt --all --check
step "clippy" cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
if cargo deny --version >/dev/null 2>&1; then
    step "cargo-deny" cargo deny check licenses bans sources
fi
step "build" cargo build --locked --quiet --package mailbell
step "build tests" cargo test --workspace --locked --quiet --no-run
step "tests" cargo test --workspace --locked --no-fail-fast

printf '\n'
printf '%s\n' "${TIMES[@]}"
printf '%-22s %5d s\nAll tests passed.\n' "together" "$SECONDS"
