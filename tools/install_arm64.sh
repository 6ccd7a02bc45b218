#!/bin/sh
# What the tests need to build the native library for 64-bit Arm and to run it on any x86-64 machine: a cross-compiler, an
# emulator, and an Arm Python with the packages that the kernels' tests import.
#
#   tools/install_arm64.sh           unpack them
#   tools/install_arm64.sh remove    remove what was unpacked
#
# Debian's packages and PyPI's wheels, of the versions and hashes in the lock file, are unpacked into .hallmark/arm64; nothing
# is installed, whoever runs it.
set -eu
cd "$(dirname "$0")/.."
place=.hallmark/arm64
say() { printf 'hallmark: %s\n' "$1"; }

if [ "${1:-}" = remove ]; then
    rm -rf $place
    exit 0
fi
[ ! -e $place/complete ] || exit 0
if [ "$(uname -m)" != x86_64 ] || ! command -v apt-get >/dev/null 2>&1; then
    say "no cross-compiler for 64-bit Arm: the tests that build for it want apt-get on x86-64 and are left out" >&2
    exit 0
fi

rm -rf $place
mkdir -p $place
folder=$(readlink -f $place)

# unpack FOLDER PACKAGE...: with what the packages depend on and the system does not have.
unpack() {
    target=$1
    shift
    # shellcheck disable=SC2086
    packages=$(apt-get -qq install -s --no-install-recommends "$@" | sed -n 's/^Inst \([^ ]*\).*/\1/p')
    mkdir -p "$target"
    cd "$folder/archives"
    # shellcheck disable=SC2086
    [ -z "$packages" ] || apt-get -qq download $packages
    for package in *.deb; do
        [ ! -e "$package" ] || dpkg -x "$package" "$target"
        rm -f "$package"
    done
    cd - >/dev/null
}

# Files rather than options: a folder's name may have any character but a quote.
mkdir -p "$folder/lists/partial" "$folder/archives/partial" "$folder/arm-lists/partial"
cat >"$folder/apt.conf" <<END
Dir::State::Lists "$folder/lists";
Dir::Cache "$folder/archives";
Dir::Log "$folder/archives";
Debug::NoLocking "1";
APT::Sandbox::User "$(id -un)";
END
: >"$folder/status"
sed 's#/lists"#/arm-lists"#' "$folder/apt.conf" >"$folder/arm.conf"
cat >>"$folder/arm.conf" <<END
Dir::State::status "$folder/status";
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
END
say "reading the distribution's package lists"
export APT_CONFIG="$folder/apt.conf"
apt-get -qq update
say "downloading a cross-compiler and an emulator for 64-bit Arm"
unpack "$folder/host" g++-aarch64-linux-gnu qemu-user-static
# Debian 13 has the program itself under the shorter name.
find "$folder/host" -name 'qemu-*' ! -name qemu-aarch64 ! -name qemu-aarch64-static -type f -delete
# Linker scripts of the C library (libc.so, and from Debian 13 on libm.so) name their parts by the path of an installation;
# by their names alone these are looked for beside the scripts.
find "$folder/host" -path '*/aarch64-linux-gnu/lib/lib*' -type f -exec grep -lI 'GNU ld script' {} + |
    xargs -r sed -i 's# /usr/aarch64-linux-gnu/lib/# #g'
export APT_CONFIG="$folder/arm.conf"
apt-get -qq update
say "downloading Python for 64-bit Arm"
unpack "$folder/system" python3-minimal libpython3-stdlib libstdc++6
# From Debian 13 on packages have nothing in /lib, which their system makes a link.
[ -e "$folder/system/lib" ] || ln -s usr/lib "$folder/system/lib"

python=$(basename "$(ls "$folder"/system/usr/bin/python3.[0-9]*)")
say "downloading the tests' packages for 64-bit Arm"
.venv/bin/python tools/locked.py requirements-dev.lock numpy hypothesis sortedcontainers pytest pytest-timeout iniconfig \
    packaging pluggy pygments typing-extensions py-ecc zstandard >"$folder/packages.txt"
.venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
    --implementation cp --python-version "${python#python}" --platform manylinux_2_28_aarch64 \
    --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64 --target "$folder/packages" \
    -r "$folder/packages.txt"
rm -rf "$folder/lists" "$folder/arm-lists" "$folder/archives" "$folder/apt.conf" "$folder/arm.conf" \
    "$folder/status" "$folder/packages.txt"
echo "$python" >"$folder/complete"
say "the tests' tools for 64-bit Arm are in $folder, $(du -sm "$folder" | cut -f 1) MB"
