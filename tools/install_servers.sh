#!/bin/sh
# The servers that the tests start themselves: PostgreSQL, RabbitMQ (with Erlang) and Prometheus, below the checkout.
#
#   tools/install_servers.sh           unpack those that the system does not have
#   tools/install_servers.sh remove    remove what was unpacked
#
# The distribution's packages are downloaded and unpacked into .hallmark/servers/root; nothing is installed, whoever
# runs it. Only where root's checkout lies in a folder that the servers' user (nobody) cannot enter are they unpacked
# under /var/tmp; that is said before, and .hallmark/servers is then a link to that place.
set -eu
cd "$(dirname "$0")/.."
checkout=$PWD
place=.hallmark/servers
say() { printf 'hallmark: %s\n' "$1"; }

remove() {
    if [ -L $place ]; then rm -rf "$(readlink -f $place)"; fi
    rm -rf $place
}
if [ "${1:-}" = remove ]; then
    remove
    exit 0
fi

wanted=""
command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || wanted="$wanted postgresql"
ls /usr/lib/rabbitmq/lib/*/sbin/rabbitmq-server >/dev/null 2>&1 || wanted="$wanted rabbitmq-server"
command -v promtool >/dev/null 2>&1 || wanted="$wanted prometheus"
[ -n "$wanted" ] || exit 0
# What checks the alerts is worth no failed set-up: where it alone is missing and cannot be had, its tests are left out.
give_up() {
    cd "$checkout"
    remove
    [ "$wanted" = " prometheus" ] || exit 1
    say "Prometheus could not be had: the tests that need it are left out" >&2
    exit 0
}
# Written last: an unpacking that was interrupted starts anew.
if [ "$(cat $place/complete 2>/dev/null)" = "$wanted" ]; then exit 0; fi
if ! command -v apt-get >/dev/null 2>&1; then
    say "apt-get is missing: install$wanted by hand; the tests that need them are left out" >&2
    exit 0
fi

remove
mkdir -p .hallmark
if [ "$(id -u)" = 0 ] && ! setpriv --reuid nobody --regid nogroup --clear-groups test -x "$PWD/.hallmark"; then
    target=$(mktemp -d /var/tmp/hallmark-servers-XXXXXX)
    say "the user nobody, as whom the test servers run, cannot enter $PWD: they go to $target (make distclean removes it)"
    chmod 755 "$target"
    ln -s "$target" $place
else
    mkdir $place
fi
folder=$(readlink -f $place)
mkdir -p "$folder/lists/partial" "$folder/archives/partial" "$folder/root"

# A file rather than options: a folder's name may have any character but a quote.
cat >"$folder/apt.conf" <<END
Dir::State::Lists "$folder/lists";
Dir::Cache "$folder/archives";
Debug::NoLocking "1";
APT::Sandbox::User "$(id -un)";
END
export APT_CONFIG="$folder/apt.conf"
say "reading the distribution's package lists"
apt-get -qq update || give_up
# shellcheck disable=SC2086
packages=$(apt-get -qq install -s --no-install-recommends $wanted | sed -n 's/^Inst \([^ ]*\).*/\1/p')
cd "$folder/archives"
# shellcheck disable=SC2086
set -- $(apt-get -qq download --print-uris $packages | awk '{ bytes += $3 } END { print NR, int(bytes / 1000000) }')
say "downloading $1 packages, $2 MB, for$wanted"
# shellcheck disable=SC2086
apt-get -qq download $packages || give_up
count=0
for package in *.deb; do
    dpkg -x "$package" "$folder/root"
    rm "$package"
    count=$((count + 1))
    [ $((count % 10)) -ne 0 ] || echo "  $count of $1 packages are unpacked"
done
# Erlang's launchers carry the path of an installation; point them at this one.
erlang=usr/lib/erlang
[ ! -d "$folder/root/$erlang" ] || find "$folder/root/$erlang" -type f \( -name erl -o -name start -o -name start_erl \) \
    -exec sed -i "s#/$erlang#$folder/root/$erlang#g" {} +
rm -rf "$folder/lists" "$folder/archives" "$folder/apt.conf"
echo "$wanted" >"$folder/complete"
say "the test servers are in $folder, $(du -sm "$folder" | cut -f 1) MB"
