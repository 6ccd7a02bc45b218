#!/bin/sh
# Runs the README's two commands, and `make lint`, from clean clones on bare systems, as an ordinary user and as root.
#
#   tools/try_bare_systems.sh [--keep] SUITE...        such as: bookworm trixie sid
#
# Needs root, debootstrap, git, and a mirror of Debian that this machine's apt uses. Each suite is a minimal root file
# system with only the packages that the README names; its own Python runs everything. The clone is of the last commit.
# Ubuntu's suites need TRY_MIRROR=http://archive.ubuntu.com/ubuntu and TRY_OPTIONS with what debootstrap is to be told:
# --components=main,universe and --keyring=FILE, Ubuntu's archive keyring.
# This machine's configuration of apt, pip and certificates is taken along, because a bare system has none.
# TRY_FOLDER (/var/tmp/hallmark-bare) takes file systems and logs; TRY_AS chooses "user root", TRY_TARGETS the targets,
# TRY_SECONDS (3600) how long one of them may take, TRY_TESTS (all) the folders of tests that `make test` runs.
# Afterwards it is checked that nothing outside the checkout has changed but what the README names.
set -eu
cd "$(dirname "$0")/.."
checkout=$PWD
base=${TRY_FOLDER:-/var/tmp/hallmark-bare}
users=${TRY_AS:-user root}
targets=${TRY_TARGETS:-demo test lint}
keep=""
if [ "${1:-}" = --keep ]; then keep=1; shift; fi
[ $# -gt 0 ] || { echo "usage: tools/try_bare_systems.sh [--keep] SUITE..." >&2; exit 2; }
[ "$(id -u)" = 0 ] || { echo "debootstrap and chroot need root" >&2; exit 2; }
command -v debootstrap >/dev/null || { echo "debootstrap is missing: apt-get install debootstrap" >&2; exit 2; }
say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$1"; }
# The archive itself, not that of security updates, which comes beside it.
mirror=${TRY_MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Identifier: Packages' | grep -v security | head -n 1)}

# A process of the host that looks into the bare system is not wanted there, and it must see its own processes only.
inside() {
    root=$1; shift
    unshare --mount --pid --fork --kill-child sh -c '
        mount --make-rprivate / && mount --bind "$1" "$1" && cd "$1"
        mount -t proc proc proc && mount -t sysfs sysfs sys && mount --rbind /dev dev && mount -t tmpfs tmpfs dev/shm
        root=$1; shift
        exec chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"' sh "$root" "$@"
}

certificates() {
    mkdir -p "$1/etc/ssl/certs"
    [ ! -e /etc/ssl/certs/ca-certificates.crt ] || cp -L /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"
}

prepare() {
    suite=$1; root=$2
    say "$suite: making a minimal root file system in $root"
    # A suite that is younger than debootstrap is made as the ones before it.
    script=/usr/share/debootstrap/scripts/$suite
    if ! [ -e "$script" ]; then
        case $mirror in *ubuntu*) script=/usr/share/debootstrap/scripts/gutsy ;; *) script=/usr/share/debootstrap/scripts/sid ;; esac
    fi
    # shellcheck disable=SC2086
    debootstrap --variant=minbase ${TRY_OPTIONS:-} "$suite" "$root" "$mirror" "$script" >"$base/$suite.debootstrap.log" 2>&1
    for file in /etc/pip.conf /etc/resolv.conf /etc/hosts; do
        [ ! -e "$file" ] || cp -L "$file" "$root$file"
    done
    certificates "$root"
    find /etc/apt/apt.conf.d -type f | while read -r file; do
        # Only what concerns how archives are reached; the rest would call programs that a bare system lacks.
        if grep -qE '^[[:space:]]*Acquire' "$file"; then cp "$file" "$root$file"; fi
    done
    # The variables by which clients find certificates and proxies; pip's own ones as well.
    env | grep -E '^(PIP_(CERT|INDEX_URL|DEFAULT_TIMEOUT)|SSL_CERT_FILE|REQUESTS_CA_BUNDLE|https?_proxy|no_proxy|HTTPS?_PROXY|NO_PROXY)=' \
        >"$base/environment" || true
    chmod 600 "$base/environment"
    # The README's line, and git to clone.
    inside "$root" DEBIAN_FRONTEND=noninteractive sh -c \
        'apt-get -qq update && apt-get -qq -y install --no-install-recommends make g++ python3 python3-venv git' \
        >"$base/$suite.packages.log" 2>&1
    # Again, because packages that bring certificates write that file anew.
    certificates "$root"
    inside "$root" useradd -m -s /bin/sh newcomer
    inside "$root" git config --system --add safe.directory /opt/hallmark.git
    git clone -q --bare "$checkout" "$root/opt/hallmark.git"
}

# Everything outside the checkout that could be left behind, with times and sizes.
listing() {
    find "$1" -xdev \( -path "$1/proc" -o -path "$1/dev" -o -path "$1/sys" -o -path "*/hallmark" -o -path "*/hallmark.git" \
        -o -path "$1/var/tmp/hallmark-servers-*" \) -prune -o \
        ! -type d -printf '%p %s %T@\n' | sed "s#^$1##" | sort
}

attempt() {
    suite=$1; root=$2; user=$3
    if [ "$user" = root ]; then home=/root; name=root; else home=/home/newcomer; name=newcomer; fi
    log=$base/$suite.$user.log
    version=$(inside "$root" python3 --version)
    rm -rf "${root:?}$home/hallmark"
    inside "$root" setpriv --reuid "$name" --regid "$name" --init-groups git clone -q /opt/hallmark.git "$home/hallmark"
    listing "$root" >"$base/before"
    : >"$log"
    worst=0
    for target in $targets; do
        start=$(date +%s)
        status=0
        # shellcheck disable=SC2046
        inside "$root" $(cat "$base/environment") HOME=$home USER=$name LANG=C.UTF-8 \
            PYTEST_ADDOPTS="${TRY_TESTS:-}" setpriv --reuid "$name" --regid "$name" --init-groups \
            sh -c "cd $home/hallmark && timeout ${TRY_SECONDS:-3600} make $target" >"$log.part" 2>&1 </dev/null || status=$?
        cat "$log.part" >>"$log"
        say "$suite, $version, $user: make $target ended with $status after $(($(date +%s) - start)) s: $(tail -n 1 "$log.part")"
        [ $status = 0 ] || { tail -n 40 "$log.part"; worst=1; }
    done
    listing "$root" >"$base/after"
    changed=$(comm -13 "$base/before" "$base/after")
    [ -z "$changed" ] || { say "$suite, $user: left outside the checkout:"; echo "$changed" | head -n 20; worst=1; }
    inside "$root" HOME=$home setpriv --reuid "$name" --regid "$name" --init-groups \
        sh -c "cd $home/hallmark && make -s distclean && git status --short --ignored" >"$base/ignored"
    ls -d "$root"/var/tmp/hallmark-servers-* >>"$base/ignored" 2>/dev/null || true
    [ ! -s "$base/ignored" ] || { say "$suite, $user: distclean leaves:"; cat "$base/ignored"; worst=1; }
    rm -f "$log.part"
    return $worst
}

failed=0
mkdir -p "$base"
for suite in "$@"; do
    root=$base/$suite
    [ -d "$root/opt/hallmark.git" ] || { rm -rf "$root"; prepare "$suite" "$root"; }
    rm -rf "$root/opt/hallmark.git"
    git clone -q --bare "$checkout" "$root/opt/hallmark.git"
    for user in $users; do
        attempt "$suite" "$root" "$user" || failed=1
    done
    [ -n "$keep" ] || rm -rf "$root"
done
exit $failed
